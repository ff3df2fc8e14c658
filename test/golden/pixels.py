"""Goldens of pixels: Pillow's resizing, transformers' image processor on its PIL backend, PNG files of every kind."""

import base64
import io
import struct
import zlib

import numpy as np
from golden_random import Random, digest, write
from PIL import Image, ImageOps
from transformers.models.efficientnet.image_processing_pil_efficientnet import EfficientNetImageProcessorPil

def picture(random, width, height, channels):
    """Noise, hard edges, or a ramp: [height, width, channels]."""
    kind = random.below(3)
    if kind == 2:
        ramp = np.add.outer(np.arange(height) * 3, np.arange(width) * 2)
        return np.repeat(ramp[:, :, None], channels, axis=2).astype(np.uint8)
    noise = random.bytes(height * width * channels).reshape(height, width, channels)
    return noise if kind == 0 else np.where(noise < 128, 0, 255).astype(np.uint8)


def to_pil(array):
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def resize_case(random, resample):
    """A picture, and [width, height, channels, width and height of the result, filter, digest of the result]."""
    most = random.choice([4, 20, 100, 260])
    width, height, to_width, to_height = (1 + random.below(most) for _ in range(4))
    if random.chance(15):
        to_width = width
    if random.chance(15):
        to_height = height
    channels = random.choice([1, 2, 3, 3, 3, 4])
    array = picture(random, width, height, channels)
    result = np.asarray(to_pil(array).resize((to_width, to_height), resample))
    return array, [width, height, channels, to_width, to_height, resample, digest(result.tobytes())]


def resize_golden():
    random = Random(4)
    write("resize", [resize_case(random, i % 6)[1] for i in range(420)])


def image_processor_case(random, pixels):
    """Pictures drawn from `pixels`, and [flags, channels, sizes, shape and digest of pixel_values, null where refused]."""

    def edge():
        return 1 + random.below(50)

    def box():
        return {"height": edge(), "width": edge()}

    channels, count = random.choice([3, 3, 3, 1, 4]), 1 + random.below(2)
    fraction = lambda: (1 + random.below(1000)) / 1000  # noqa: E731
    values = lambda: random.choice([fraction(), [fraction() for _ in range(channels)]])  # noqa: E731
    options = {
        "do_resize": (60, lambda: random.chance(75)),
        "size": (95, lambda: random.choice([box(), box(), edge(), [edge(), edge()], {"shortest_edge": edge()},
            {"shortest_edge": edge(), "longest_edge": 20 + edge()}, {"max_height": edge(), "max_width": edge()}])),
        "resample": (80, lambda: random.below(6)),
        "do_center_crop": (60, lambda: random.chance(60)),
        "crop_size": (90, lambda: random.choice([box(), edge()])),
        "do_rescale": (60, lambda: random.chance(70)),
        "rescale_factor": (60, lambda: random.choice([1 / 255, 1 / 127.5, 0.5, 2, 1])),
        "rescale_offset": (60, lambda: random.chance(50)),
        "do_normalize": (60, lambda: random.chance(50)),
        "include_top": (60, lambda: random.chance(50)),
        "image_mean": (100 if channels != 3 else 50, values),
        "image_std": (100 if channels != 3 else 50, values),
    }  # fmt: skip
    config = {name: make() for name, (percent, make) in options.items() if random.chance(percent)}
    same, size = random.chance(60), (edge(), edge())
    sizes = [size if same else (edge(), edge()) for _ in range(count)]
    images = [picture(pixels, *wh, channels) for wh in sizes]
    try:
        values = EfficientNetImageProcessorPil(**config)([to_pil(a) for a in images], return_tensors="np").pixel_values
    except Exception:
        return images, [config, channels, sizes, None, None]
    return images, [config, channels, sizes, list(values.shape), digest(values.astype("<f4").tobytes())]


def image_processor_golden():
    random = Random(5)
    write("image_processor", [image_processor_case(random, Random(1000 + i))[1] for i in range(300)])


# --- PNG files, written here so that every kind occurs ----------------------------------------------------------------

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_row(values, depth):
    if depth == 16:
        return values.astype(">u2").tobytes()
    if depth == 8:
        return values.astype(np.uint8).tobytes()
    bits = "".join(format(int(v), f"0{depth}b") for v in values.reshape(-1))
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def filtered(random, rows, step):
    out, above = b"", bytes(len(rows[0]))
    for row in rows:
        kind, line = random.below(5), bytearray()
        for i, value in enumerate(row):
            a, b, c = (row[i - step], above[i], above[i - step]) if i >= step else (0, above[i], 0)
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line.append((value - [0, a, b, (a + b) // 2, paeth][kind]) & 255)
        out, above = out + bytes([kind]) + bytes(line), row
    return out


def exif(random, orientation):
    order = random.choice("<>")
    kind = random.choice([1, 3, 3, 3, 4])
    value = struct.pack(order + {1: "B3x", 3: "H2x", 4: "I"}[kind], orientation)
    entries = struct.pack(order + "HHIHxx", 0x100, 3, 1, 5) + struct.pack(order + "HHI", 0x112, kind, 1) + value
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IH", 8, 2) + entries + struct.pack(order + "I", 0)


def orientation_chunk(random):
    orientation = random.below(10)
    data, kind = exif(random, orientation), random.below(6)
    if kind < 2:
        return chunk(b"eXIf", data)
    key = b"XML:com.adobe.xmp\0"
    if kind == 2:
        return chunk(b"iTXt", key + b"\0\0\0\0" + f'<x tiff:Orientation="{orientation}"/>'.encode())
    if kind == 3:
        xml = f"<tiff:Orientation>{orientation}</tiff:Orientation>".encode()
        return chunk(b"iTXt", key + b"\1\0en\0\0" + zlib.compress(xml))
    digits = (b"Exif\0\0" + data).hex()
    lines = "\n".join(digits[i : i + 72] for i in range(0, len(digits), 72))
    profile = f"\nexif\n{len(digits) // 2:8}\n{lines}\n".encode()
    if kind == 4:
        return chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile))
    return chunk(b"tEXt", b"Raw profile type exif\0" + profile)


def png(random, colour, depth, interlaced, edge):
    width, height, channels = 1 + random.below(edge), 1 + random.below(edge), CHANNELS[colour]
    most = 2**depth
    colours = min(random.choice([1, 2, 5, most]), most, 20)
    samples = (random.numbers(width * height * channels) % most).reshape(height, width, channels)
    if colour == 3 and random.chance(80):
        samples %= colours
    if colour == 0 and depth == 16 and random.chance(50):
        samples %= 300
    raw = b""
    for x, y, dx, dy in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        part = samples[y::dy, x::dx]
        if part.size:
            raw += filtered(random, [pack_row(row, depth) for row in part], max(1, depth * channels // 8))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    parts = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", head)]
    if random.chance(30):
        parts.append(chunk(b"gAMA", struct.pack(">I", 45455)))
    if colour == 3:
        parts.append(chunk(b"PLTE", random.bytes(3 * colours).tobytes()))
    if random.chance(40):
        if colour == 3:
            parts.append(chunk(b"tRNS", random.bytes(1 + random.below(colours)).tobytes()))
        elif colour in (0, 2):
            key = samples[random.below(height), random.below(width)]
            parts.append(chunk(b"tRNS", b"".join(struct.pack(">H", int(v)) for v in key)))
    meta = [orientation_chunk(random)] if random.chance(50) else []
    data, count = zlib.compress(raw, 9), 1 + random.below(3)
    body = [chunk(b"IDAT", data[len(data) * i // count : len(data) * (i + 1) // count]) for i in range(count)]
    parts += meta + body if random.chance(50) else body + meta
    return b"".join([*parts, chunk(b"IEND", b"")])


PNG_KINDS = [(colour, depth, interlaced) for colour in DEPTHS for depth in DEPTHS[colour] for interlaced in (False, True)]
GROUND = (255, 128, 10)


def png_case(random, colour, depth, interlaced, edge=11):
    """[colour, depth, interlaced, file, width, height, RGB, on a ground or null where Pillow has no exact answer]."""
    data = png(random, colour, depth, interlaced, edge)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    rgb = upright.convert("RGB")
    laid = None
    # Pillow compares tRNS before scaling or clipping for these, and so misses the transparent pixels.
    if not (colour == 0 and depth != 8) and not (colour == 2 and depth == 16):
        on = Image.new("RGBA", rgb.size, (*GROUND, 255))
        laid = digest(Image.alpha_composite(on, upright.convert("RGBA")).convert("RGB").tobytes())
    return [colour, depth, interlaced, base64.b64encode(data).decode(), *rgb.size, digest(rgb.tobytes()), laid]


def png_golden():
    random = Random(6)
    cases = [png_case(random, *kind) for _ in range(8) for kind in PNG_KINDS]
    write("png", {"ground": GROUND, "cases": cases})
