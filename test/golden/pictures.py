"""Goldens of JPEG and WebP files: what transformers' load_image makes of them (upright, then RGB). From the seed alone:

    pip install -r requirements.txt && python pictures.py

Each case is [name, the file in base64, result]: width, height and the first 16 digits of a SHA-256 of the RGB samples, or
null where Pillow refuses the file. Pillow's own JPEG encoder writes what it can, jpeg_writer.py the rest.
"""

import base64
import io
import warnings

import numpy as np
from PIL import Image, ImageOps
from PIL.Image import Exif

from jpeg_writer import segment, write_jpeg
from golden_random import Random, digest, write

ORIENTATION = 0x0112
XMP = b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
FLAT = [(1, 1), (1, 1), (1, 1)]
SIZES = [(1, 1), (2, 1), (1, 2), (3, 5), (7, 9), (8, 8), (9, 17), (16, 16), (17, 31), (33, 40)]


def planes(random, width, height, count):
    """Waves with noise, [height, width] each: something for every frequency, edges that clip."""
    y, x = np.mgrid[0:height, 0:width]
    made = []
    for _ in range(count):
        fx, fy = random.below(60) / 100, random.below(60) / 100
        wave = 128 + (60 + random.below(80)) * np.sin(fx * x + fy * y + random.below(7))
        noise = random.bytes(width * height).reshape(height, width) / 255 * (10 + random.below(60))
        made.append(np.clip(wave + noise - 20, 0, 255).astype(np.uint8))
    return made


def image(random, width, height, mode="RGB"):
    made = planes(random, width, height, len(mode))
    return Image.fromarray(made[0] if len(made) == 1 else np.stack(made, -1), mode)


def encoded(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def result_of(data):
    try:
        with Image.open(io.BytesIO(data)) as opened:
            rgb = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, SyntaxError, EOFError):
        return None
    return [*rgb.size, digest(rgb.tobytes())]


def store(name, files):
    assert len({case for case, _ in files}) == len(files)
    write(name, [[case, base64.b64encode(data).decode(), result_of(data)] for case, data in files])


def adobe(transform):
    return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))


def exif(orientation):
    tags = Exif()
    tags[ORIENTATION] = orientation
    return tags


def pillow_jpegs(random):
    for width, height in SIZES:
        for subsampling in range(3):
            for progressive in (False, True):
                quality = random.choice([5, 30, 75, 90, 95, 100])
                name = f"{width}x{height} {['4:4:4', '4:2:2', '4:2:0'][subsampling]} q{quality}{' progressive' * progressive}"
                options = dict(quality=quality, subsampling=subsampling, progressive=progressive, optimize=random.chance(50))
                yield name, encoded(image(random, width, height), "jpeg", **options)
        yield f"{width}x{height} grey", encoded(image(random, width, height, "L"), "jpeg", progressive=random.chance(50))
        yield f"{width}x{height} CMYK", encoded(image(random, width, height, "CMYK"), "jpeg", progressive=random.chance(50))
    for blocks in (1, 2, 5):
        yield f"restart every {blocks} blocks", encoded(image(random, 45, 37), "jpeg", restart_marker_blocks=blocks)
    yield "restart every row", encoded(image(random, 45, 37), "jpeg", restart_marker_rows=1, progressive=True)
    yield "keep_rgb", encoded(image(random, 29, 20), "jpeg", keep_rgb=True)
    for orientation in range(1, 9):
        yield f"EXIF orientation {orientation}", encoded(image(random, 13, 9), "jpeg", exif=exif(orientation))
    yield "EXIF orientation 0", encoded(image(random, 13, 9), "jpeg", exif=exif(0))
    yield "EXIF orientation 9", encoded(image(random, 13, 9), "jpeg", exif=exif(9))
    long = exif(6)
    long[0x010E] = "x" * 30
    data = encoded(image(random, 13, 9), "jpeg", exif=long)
    at = data.index(b"Exif\0\0") - 4
    size = int.from_bytes(data[at + 2 : at + 4], "big")
    payload = data[at + 10 : at + 2 + size]
    split = b"".join(segment(0xE1, b"Exif\0\0" + part) for part in (payload[:20], payload[20:]))
    yield "EXIF in two segments", data[:at] + split + data[at + 2 + size :]
    yield "XMP orientation", data[:2] + segment(0xE1, XMP) + data[at + 2 + size :]
    yield "EXIF before XMP", data[:2] + segment(0xE1, XMP) + data[2:]
    yield "comment and profile", encoded(image(random, 13, 9), "jpeg", comment=b"\xff\xd9\xff\xda", icc_profile=b"x" * 300)


def written_jpegs(random):
    def jpeg(count, factors, size=(37, 29), **options):
        return write_jpeg(planes(random, *size, count), factors, size=size, **options)

    factors = [(1, 2), (4, 1), (1, 4), (4, 2), (2, 4), (3, 1), (1, 3), (3, 2), (3, 3), (2, 2), (2, 1)]
    for h, v in factors:
        for size in [(1, 1), (2, 3), (17, 13), (40, 33)]:
            yield f"{h}x{v} {size[0]}x{size[1]}", jpeg(3, [(h, v), (1, 1), (1, 1)], size)
    mixed = [
        [(2, 2), (2, 1), (1, 2)], [(2, 2), (1, 1), (2, 1)], [(1, 1), (2, 2), (1, 1)], [(1, 2), (1, 1), (1, 2)], [(4, 1), (2, 1), (1, 1)],
        [(3, 1), (2, 1), (1, 1)], [(1, 4), (1, 2), (1, 1)],
    ]  # fmt: skip
    for i, each in enumerate(mixed):
        yield f"mixed sampling {i}", jpeg(3, each)
    quarter = [(2, 2), (1, 1), (1, 1)]
    tall = [(1, 2), (1, 1), (1, 1)]
    apart = [([0], 0, 63), ([1], 0, 63), ([2], 0, 63)]
    yield "scans apart", jpeg(3, quarter, scans=apart)
    yield "scans apart 4:4:0", jpeg(3, tall, scans=apart, restart=2)
    yield "two scans", jpeg(3, tall, scans=[([0], 0, 63), ([1, 2], 0, 63)])
    bands = [([0, 1, 2], 0, 0), ([0], 1, 5), ([1], 1, 63), ([2], 1, 63), ([0], 6, 63)]
    yield "bands", jpeg(3, quarter, scans=bands, sof=0xC2)
    yield "bands 4:4:0", jpeg(3, tall, scans=bands, sof=0xC2, restart=3)
    yield "low bands only", jpeg(3, quarter, scans=[([0, 1, 2], 0, 0), *(([c], 1, 9) for c in range(3))], sof=0xC2)
    yield "no bands for colour", jpeg(3, quarter, scans=[([0, 1, 2], 0, 0), ([0], 1, 63)], sof=0xC2)
    yield "no bands", jpeg(3, quarter, scans=[([0, 1, 2], 0, 0)], sof=0xC2)
    yield "extended sequential", jpeg(3, quarter, sof=0xC1)
    yield "restart 4:4:0", jpeg(3, tall, restart=1)
    yield "grey 2x2", jpeg(1, [(2, 2)])
    yield "component names RGB", jpeg(3, FLAT, ids=[82, 71, 66])
    yield "component names 0, 1, 2", jpeg(3, FLAT, ids=[0, 1, 2])
    yield "JFIF, component names RGB", jpeg(3, FLAT, ids=[82, 71, 66], extra=JFIF)
    yield "RGB 4:4:0", jpeg(3, tall, ids=[82, 71, 66])
    for transform in range(3):
        yield f"Adobe {transform}", jpeg(3, FLAT, extra=adobe(transform))
        yield f"Adobe {transform}, four components", jpeg(4, [*FLAT, (1, 1)], extra=adobe(transform))
    yield "JFIF and Adobe 0", jpeg(3, FLAT, extra=JFIF + adobe(0))
    yield "YCCK 4:2:0", jpeg(4, [(2, 2), (1, 1), (1, 1), (2, 2)], extra=adobe(2))
    yield "YCCK 4:2:2 progressive", jpeg(
        4, [(2, 1), (1, 1), (1, 1), (2, 1)], extra=adobe(2), sof=0xC2, scans=[([0, 1, 2, 3], 0, 0), *(([c], 1, 63) for c in range(4))]
    )
    yield "CMYK without Adobe", jpeg(4, [*FLAT, (1, 1)])
    yield "coarse, narrow CMYK", jpeg(4, [(2, 2), (1, 1), (1, 1), (2, 1)], size=(3, 5))


def bent_jpegs(random):
    """Files that are damaged, or that some would call so."""
    data = write_jpeg(planes(random, 37, 29, 3), [(2, 2), (1, 1), (1, 1)], size=(37, 29))
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    yield "stray bytes before a segment", data[:frame] + b"abc" + data[frame:]
    yield "filler before a segment", data[:frame] + b"\xff\xff\xff" + data[frame:]
    yield "stuffed byte before a segment", data[:frame] + b"\xff\x00" + data[frame:]
    yield "bytes after the end", data + b"\xff\xd8 more"
    yield "stray bytes before the end", data[:-2] + b"\0\0\0" + data[-2:]
    yield "no end", data[:-2]
    yield "half an end", data[:-1]
    yield "half", data[: len(data) // 2]
    yield "half with an end", data[: len(data) // 2] + b"\xff\xd9"
    yield "no scan", data[:scan] + b"\xff\xd9"
    yield "half a header", data[: frame + 6]
    yield "two frames", data[:scan] + data[frame : frame + 19] + data[scan:]
    yield "12 bits", data[: frame + 4] + b"\x0c" + data[frame + 5 :]
    yield "no height", data[: frame + 5] + b"\0\0" + data[frame + 7 :]
    yield "sampling factor 0", data[: frame + 11] + b"\x02" + data[frame + 12 :]
    yield "two components", write_jpeg(planes(random, 9, 9, 2), FLAT[:2], size=(9, 9))
    names = {0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical progressive", 0xC9: "arithmetic", 0xCA: "arithmetic progressive"}
    for marker, name in names.items():
        yield name, data[: frame + 1] + bytes([marker]) + data[frame + 2 :]
    for name, options in (("rows of blocks", dict(restart_marker_rows=1)), ("progressive", dict(progressive=True))):
        good = encoded(image(random, 40, 40), "jpeg", **options)
        for tenth in (3, 6, 9):
            yield f"{name}, cut after {tenth} tenths", good[: len(good) * tenth // 10]
    cmyk = encoded(image(random, 24, 24, "CMYK"), "jpeg")
    yield "CMYK, cut", cmyk[:-40]
    yield "CMYK, cut with an end", cmyk[:-40] + b"\xff\xd9"
    tall = write_jpeg(planes(random, 30, 30, 3), [(1, 2), (1, 1), (1, 1)], size=(30, 30), restart=2)
    at = tall.index(b"\xff\xd1")
    yield "4:4:0, a restart marker out of order", tall[: at + 1] + b"\xd5" + tall[at + 2 :]


def parts_of(data):
    """A JPEG cut before each of its scans: its head, then scan by scan (with their tables), and its end."""
    at = [i for i in range(len(data)) if data[i : i + 2] == b"\xff\xda"]
    return [data[a:b] for a, b in zip([0, *at, len(data) - 2], [*at, len(data) - 2, len(data)])]


def odd_jpegs(random):
    """What libjpeg takes or refuses for reasons of its own; damage that hides behind a harmless warning."""
    quarter, tall, ink = [(2, 2), (1, 1), (1, 1)], [(1, 2), (1, 1), (1, 1)], [(1, 1)] * 4
    for name, factors in (("4:2:0", quarter), ("4:4:0", tall), ("CMYK", ink)):
        made, size = planes(random, 27, 21, len(factors)), (27, 21)
        each = [([c], 0, 63) for c in range(len(factors))]
        whole, apart = (write_jpeg(made, factors, size=size, scans=scans) for scans in (None, each))
        head, scan, end = parts_of(whole)
        count = len(factors)
        yield f"{name}, stray bytes before the scan", head + b"\0\0" + scan + end
        yield f"{name}, stray bytes before half a scan", head + b"\0\0" + scan[: len(scan) // 2] + end
        yield f"{name}, a scan with the numbers of another kind", head + scan[: 5 + 2 * count] + b"\5\6\x21" + scan[8 + 2 * count :] + end
        yield f"{name}, half of such a scan", head + scan[: 5 + 2 * count] + b"\5\6\x21" + scan[8 + 2 * count : len(scan) // 2] + end
        yield f"{name}, components in another order", head + scan[:5] + scan[7:9] + scan[5:7] + scan[9:] + end
        yield f"{name}, it begins twice", head[:2] + head + scan + end
        yield f"{name}, marker 01 between segments", head + b"\xff\1" + scan + end
        yield f"{name}, a table with the number 7", head[:2] + segment(0xDB, bytes([7] + [1] * 64)) + head[2:] + scan + end
        yield f"{name}, a long restart interval", head + segment(0xDD, b"\0\0\0\0") + scan + end
        yield f"{name}, components of one name", write_jpeg(made, factors, size=size, ids=[1] * count)
        head, first, *rest = parts_of(apart)
        yield f"{name}, stray bytes between scans", b"".join([head, first, b"abc", *rest])
        yield f"{name}, stray bytes between scans, half a scan", b"".join([head, first, b"abc", rest[0][: len(rest[0]) // 2], *rest[1:]])
        yield f"{name}, a component without a scan", b"".join([head, first, *rest[1:]])
        yield f"{name}, components of one name, apart", write_jpeg(made, factors, size=size, ids=[1] * count, scans=each)
        coarse = [(2, 4), (2, 2), (1, 1), (1, 1)][:count]
        yield f"{name}, too many blocks together", write_jpeg(made, coarse, size=size)
    for mode in ("RGB", "L", "CMYK"):
        data = parts_of(encoded(image(random, 29, 23, mode), "jpeg", progressive=True, quality=85))
        for count in (len(data) // 2, len(data) - 2):
            yield f"progressive {mode}, {count - 1} of {len(data) - 2} scans", b"".join(data[:count]) + data[-1]


def webps(random):
    for width, height in [(1, 1), (2, 3), (17, 13), (33, 40), (64, 48)]:
        for mode in ("RGB", "RGBA"):
            picture = image(random, width, height, mode)
            size = f"{width}x{height} {mode}"
            yield f"{size} lossless", encoded(picture, "webp", lossless=True)
            yield f"{size} exact", encoded(picture, "webp", lossless=True, exact=True)
            for quality in (1, 50, 100):
                yield f"{size} q{quality}", encoded(picture, "webp", quality=quality, method=random.below(7))
        yield f"{width}x{height} coarse alpha", encoded(picture, "webp", quality=80, alpha_quality=20)
    for orientation in range(1, 9):
        yield f"EXIF orientation {orientation}", encoded(image(random, 13, 9), "webp", exif=exif(orientation))
    data = encoded(image(random, 13, 9), "webp", xmp=XMP.split(b"\0")[1])
    yield "XMP orientation", data
    yield "profile", encoded(image(random, 13, 9), "webp", icc_profile=b"x" * 301)
    yield "bytes after the end", data + b"more"
    yield "cut by a byte", data[:-1]
    yield "cut", data[: len(data) // 2]
    yield "no picture", data[:30]
    frames = [image(random, 9, 9) for _ in range(2)]
    yield "animated", encoded(frames[0], "webp", save_all=True, append_images=frames[1:])


def odd_webps(random):
    """Chunks that the header does not announce, or that stand where they must not."""
    header = lambda flags: (b"VP8X", bytes([flags, 0, 0, 0, 12, 0, 0, 8, 0, 0]))
    chunks = lambda data: [(data[at : at + 4], data[at + 8 : at + 8 + size]) for at, size in places(data)]
    plain, alpha = (dict(chunks(encoded(image(random, 13, 9, mode), "webp", quality=80))) for mode in ("RGB", "RGBA"))
    picture = (b"VP8 ", plain[b"VP8 "])
    for name, kind, data in (("EXIF", b"EXIF", exif(6).tobytes()), ("XMP", b"XMP ", XMP.split(b"\0")[1])):
        yield f"{name} that is announced", riff(header(12), picture, (kind, data))
        yield f"{name} that is not announced", riff(header(0), picture, (kind, data))
        yield f"{name} without a header", riff(picture, (kind, data))
    yield "alpha that is not announced", riff(header(0), *((kind, alpha[kind]) for kind in (b"ALPH", b"VP8 ")))
    yield "alpha behind the picture", riff(header(16), *((kind, alpha[kind]) for kind in (b"VP8 ", b"ALPH")))
    yield "two pictures", riff(picture, (b"VP8 ", alpha[b"VP8 "]))
    yield "two pictures and a header", riff(header(0), picture, (b"VP8 ", alpha[b"VP8 "]))


def places(data):
    """Where a WebP's chunks begin, and how long they are."""
    at = 12
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield at, size
        at += 8 + size + size % 2


def riff(*chunks):
    parts = [name + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2) for name, data in chunks]
    data = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(data).to_bytes(4, "little") + data


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    random = Random(20)
    store("jpeg", [*pillow_jpegs(random), *written_jpegs(random), *bent_jpegs(random), *odd_jpegs(Random(21))])
    store("webp", [*webps(random), *odd_webps(Random(22))])
