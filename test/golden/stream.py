"""Cases without end, with what Python makes of them, for `npm run oracle`: python stream.py SUBJECT SEED FIRST COUNT

Prints a line of JSON a case. Each case is drawn from the seed and its own number, so that one can be had alone.
"""

import base64
import io
import itertools
import json
import random
import struct
import sys
import warnings
import zlib

import numpy as np
from golden_random import digest
from PIL import Image, ImageOps

from jpeg_writer import write_jpeg
from pictures import FLAT, JFIF, adobe, encoded, exif, image, parts_of, planes, result_of
from pixels import PNG_KINDS, chunk, image_processor_case, png, png_case, resize_case
from texts import NORMALIZERS, ids_and_normal, text, wide_tokenizer, wide_vocabulary

BLOCK = 1000


class Draws(random.Random):
    """golden_random.Random's methods on Python's own generator, which is faster a number."""

    def below(self, n):
        return int(self.random() * n)

    def choice(self, items):
        return items[int(self.random() * len(items))]

    def chance(self, percent):
        return self.below(100) < percent

    def bytes(self, count):
        return np.frombuffer(self.randbytes(count), np.uint8).copy()

    def numbers(self, count):
        return np.frombuffer(self.randbytes(4 * count), "<u4").copy()


def base64_of(data):
    return base64.b64encode(data).decode()


def texts(draws):
    """[text, digest of its ids and its normal form under each normalizer]."""
    vocab = wide_vocabulary()
    tokenizers = [wide_tokenizer(vocab, flags) for flags in NORMALIZERS]
    while block := [text(own) for _, own in itertools.islice(draws, BLOCK)]:
        parts = [part for tokenizer in tokenizers for part in ids_and_normal(tokenizer, block)]
        for each, *made in zip(block, *parts):
            yield [each, digest(b"".join(made))]


def resizes(draws):
    """[samples, [width, height, channels, width and height of the result, filter, digest of the result]]."""
    for i, own in draws:
        array, case = resize_case(own, i % 6)
        yield [base64_of(array.tobytes()), case]


def image_processors(draws):
    """[samples of each picture, [flags, channels, sizes, shape, digest]]."""
    for _, own in draws:
        images, case = image_processor_case(own, own)
        yield [[base64_of(array.tobytes()) for array in images], case]


def pngs(draws):
    """As `png_case`; every fourth with an orientation of any type, or in several places, that Pillow has an answer for."""
    for i, own in draws:
        kind, edge = PNG_KINDS[i % len(PNG_KINDS)], own.choice([11, 11, 40])
        case = oriented_png(own, kind, edge) if i % 4 == 3 else None
        yield case or png_case(own, *kind, edge=edge)


def oriented_png(own, kind, edge):
    """As `png_case`; None where Pillow fails: it writes EXIF anew without the orientation, and some values it cannot."""
    data = png(own, *kind, edge)
    before, after = ([orientations(own) for _ in range(own.below(3))] for _ in range(2))
    data = b"".join([data[:33], *before, data[33:-12], *after, data[-12:]])
    try:
        rgb = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    except Exception:
        return None
    return [*kind, base64_of(data), *rgb.size, digest(rgb.tobytes()), None]


# TIFF's types: bytes of a value, and how Python packs one.
TIFF = {
    1: (1, "B"), 2: (1, "B"), 3: (2, "H"), 4: (4, "I"), 5: (8, "II"), 6: (1, "b"), 7: (1, "B"), 8: (2, "h"), 9: (4, "i"),
    10: (8, "ii"), 11: (4, "f"), 12: (8, "d"), 13: (4, "I"), 16: (8, "Q"), 0: (2, "H"), 14: (4, "I"), 99: (1, "B"),
}  # fmt: skip


def any_exif(own):
    """A directory of up to three tags, values of any type, some of them where the file does not reach."""
    order, count = own.choice("<>"), 1 + own.below(3)
    head = own.choice([b"II*\0", b"II*\0", b"II\0*"] if order == "<" else [b"MM\0*", b"MM\0*", b"MM*\0"])
    place, entries, apart = 8 + 2 + 12 * count + 4, b"", b""
    for _ in range(count):
        kind = own.choice(list(TIFF))
        size, form = TIFF[kind]
        values = own.choice([1, 1, 1, 0, 2, 3])
        numbers = [own.below(10) * (1 if c == "1" else 2) for c in "12" * 3]
        packed = b"".join(struct.pack(order + form, *(numbers[1::-1] if len(form) > 1 else numbers[:1])) for _ in range(values))
        if len(packed) > 4:
            at = place + len(apart) if own.chance(85) else own.choice([place + len(apart) + 1, 900, 2**32 - 1])
            apart, packed = apart + packed, struct.pack(order + "I", at)
        if own.chance(5):
            values = own.choice([50, 2**20, 2**32 - 1])
        tag = own.choice([0x112, 0x112, 0x112, 0x10F, 0x100])
        entries += struct.pack(order + "HHI", tag, kind, values) + packed.ljust(4, b"\0")[:4]
    data = head + struct.pack(order + "IH", 8, count + own.choice([0, 0, 0, 1])) + entries + bytes(4) + apart
    return data[: own.below(len(data)) + 8] if own.chance(10) else data


def orientations(own):
    """A chunk with an orientation that Pillow reads, or passes over without a word."""
    data, prefix = any_exif(own), b"Exif\0\0" * own.choice([0, 0, 1])
    equals = own.choice(['="', ">", ' = "'])
    xmp = f"<x tiff:Orientation{equals}{own.below(10)}".encode()
    key = b"XML:com.adobe.xmp\0"
    digits = (prefix + data).hex(own.choice(" \n"), own.choice([1, 4, 36]))
    profile = f"\nexif\n{len(data)}\n{digits}\n".encode()
    return own.choice([
        lambda: chunk(b"eXIf", prefix + data),
        lambda: chunk(b"tEXt", b"exif\0" + prefix + data),
        lambda: chunk(b"tEXt", b"Raw profile type exif\0" + profile),
        lambda: chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile)),
        lambda: chunk(b"iTXt", key + own.choice([b"\0\0\0\0", b"\0\1en\0\0", b"\0\0\0"]) + xmp),
        lambda: chunk(b"iTXt", key + own.choice([b"\1\0\0\0", b"\1\1\0\0"]) + zlib.compress(xmp)),
        lambda: chunk(b"zTXt", key + b"\0" + zlib.compress(xmp)),
    ])()  # fmt: skip


def jpegs(draws):
    """[what it is, file, [width, height, digest of RGB] or null, what was done to it or null]."""
    for i, own in draws:
        name, data = (pillow_jpeg, written_jpeg)[i % 2](own)
        change = own.choice([None, None, None, stray, unfinished, cut])
        done = change and change.__name__
        data = change(own, data) if change else data
        yield [name, base64_of(data), result_of(data), done]


def with_stray(own, parts):
    """Bytes that are no marker behind some of the parts."""
    return [part + own.choice([b"\0\0", b"abc", b"\xff\0", b"\xff\xff"]) * own.chance(60) for part in parts]


def stray(own, data):
    parts = parts_of(data)
    return b"".join(with_stray(own, parts[:-1]) + parts[-1:])


def unfinished(own, data):
    """Without its last scans, but for the first."""
    parts = parts_of(data)
    return b"".join([*parts[: 2 + own.below(len(parts) - 2)], parts[-1]])


def cut(own, data):
    """Without the second half of a scan's data, behind stray bytes that a decoder may tell of instead."""
    parts = parts_of(data)
    i = 1 + own.below(len(parts) - 2)
    begin = 2 + int.from_bytes(parts[i][2:4], "big")
    end = parts[i].find(b"\xff\xc4", begin)
    end = len(parts[i]) if end < 0 else end
    parts[i] = parts[i][: begin + (end - begin) // 2] + parts[i][end:]
    return b"".join(with_stray(own, parts[:i]) + parts[i:])


def pillow_jpeg(own):
    mode = own.choice(["RGB", "RGB", "RGB", "L", "CMYK"])
    options = dict(quality=1 + own.below(100), progressive=own.chance(50), optimize=own.chance(50))
    if mode == "RGB":
        options["subsampling"] = own.below(3)
    if own.chance(30):
        options[own.choice(["restart_marker_blocks", "restart_marker_rows"])] = 1 + own.below(5)
    orientation = own.below(10)
    size = (1 + own.below(50), 1 + own.below(50))
    data = encoded(image(own, *size, mode), "jpeg", exif=exif(orientation), **options)
    return f"{mode} {size} {options} orientation {orientation}", data


def written_jpeg(own):
    count, size = own.choice([1, 3, 3, 3, 4]), (1 + own.below(50), 1 + own.below(50))
    factors = FLAT + FLAT[:1]
    if own.chance(80):
        factors = [(1 + own.below(4), 1 + own.below(4)) for _ in range(4)] if own.chance(30) else factors
        factors = [(1 + own.below(4), 1 + own.below(4)), *factors[1:]]
    factors = factors[:count]
    each = list(range(count))
    apart = [([c], 0, 63) for c in each]
    together = [(each, 0, 63)]
    low, middle = [(each, 0, 0)], 1 + own.below(62)
    bands = low + [([c], *band) for band in ((1, middle), (middle + 1, 63)) for c in each]
    # An interleaved scan has 10 blocks a unit at most.
    sof, scans = own.choice([(0xC0, together), (0xC1, together), (0xC0, apart), (0xC2, bands)])
    if sum(h * v for h, v in factors) > 10:
        sof, scans = 0xC0, apart
    extra = own.choice([b"", b"", JFIF, adobe(0), adobe(1), adobe(2)])
    ids = own.choice([None, None, [82, 71, 66, 65], [0, 1, 2, 3]])
    options = dict(restart=own.choice([0, 0, 1, 2, 5]), quality=1 + own.below(4), sof=sof)
    data = write_jpeg(planes(own, *size, count), factors, size=size, scans=scans, extra=extra, ids=ids and ids[:count], **options)
    return f"{count} components {factors} {size} {options} {len(scans)} scans, names {ids}, {extra[4:9]}", data


SUBJECTS = {made.__name__: made for made in (texts, resizes, image_processors, pngs, jpegs)}


def main(subject, seed, first, count):
    warnings.filterwarnings("ignore")
    draws = ((i, Draws(f"{seed}/{subject}/{i}")) for i in range(first, first + count))
    for case in SUBJECTS[subject](draws):
        sys.stdout.write(json.dumps(case) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
