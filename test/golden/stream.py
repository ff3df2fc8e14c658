"""Cases without end, with what Python makes of them, for `npm run oracle`: python stream.py SUBJECT SEED FIRST COUNT

Prints a line of JSON a case. Each case is drawn from the seed and its own number, so that one can be had alone.
"""

import base64
import itertools
import json
import random
import sys
import warnings

import numpy as np
from golden_random import digest

from jpeg_writer import write_jpeg
from pictures import FLAT, JFIF, adobe, encoded, exif, image, planes, result_of
from pixels import PNG_KINDS, image_processor_case, png_case, resize_case
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
    """As `png_case`."""
    for i, own in draws:
        yield png_case(own, *PNG_KINDS[i % len(PNG_KINDS)], edge=own.choice([11, 11, 40]))


def jpegs(draws):
    """[what it is, file, [width, height, digest of RGB] or null]."""
    for i, own in draws:
        name, data = (pillow_jpeg, written_jpeg)[i % 2](own)
        yield [name, base64_of(data), result_of(data)]


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
