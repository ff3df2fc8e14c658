"""Numbers made from a name and a position, so that a model of any size needs no file.

Element i of the tensor called `name` is offset + scale * u with u in [-1, 1) a 24-bit hash of (name, i), rounded to
float32 after each of the two operations. test/support/counter_weights.ts computes the same bits; both read scale and
offset from align-base/rules.json.
"""

import json
import math
from pathlib import Path

import numpy as np

RULES = json.loads((Path(__file__).parent / "align-base" / "rules.json").read_text())["rules"]


def seed_of(name):
    """FNV-1a, 32 bits, of the name's ASCII codes."""
    seed = 0x811C9DC5
    for code in name.encode():
        seed = (seed ^ code) * 0x01000193 & 0xFFFFFFFF
    return seed


def scale_and_offset(name, shape):
    """The first rule whose `ends` ends the name. With `fan_in`, `scale` is divided by the root of the product of all
    dimensions but the first: what a linear map or convolution sums over."""
    rule = next(rule for rule in RULES if name.endswith(rule["ends"]))
    scale = rule["scale"]
    if rule.get("fan_in"):
        scale /= math.sqrt(math.prod(shape[1:]))
    return np.float32(scale), np.float32(rule["offset"])


def fill(name, shape):
    """The whole tensor, float32."""
    scale, offset = scale_and_offset(name, shape)
    x = np.arange(math.prod(shape), dtype=np.uint32)
    x *= np.uint32(0x9E3779B9)
    x ^= x >> 16
    x *= np.uint32(0x7FEB352D)
    x += np.uint32(seed_of(name))
    x ^= x >> 15
    x *= np.uint32(0x846CA68B)
    x ^= x >> 16
    u = (x >> 8).astype(np.int32) - 0x800000
    return (u.astype(np.float32) * (scale * np.float32(2**-23)) + offset).reshape(shape)


GRID = 6  # corners a side of smooth_images' pattern


def smooth_images(name, shape):
    """[count, channels, height, width] in [-1, 1): a coarse random grid, interpolated linearly. All sums are exact in
    float64 (24-bit numbers times whole weights), so that only the division and the rounding to float32 round."""
    count, channels, height, width = shape
    grid = fill(name, (count, channels, GRID, GRID)).astype(np.float64)
    rows, columns = weights(height), weights(width)
    sums = np.einsum("yi,ncij,xj->ncyx", rows, grid, columns)
    return (sums / ((height - 1) * (width - 1))).astype(np.float32)


def weights(size):
    """[size, GRID]: size - 1 times the share of each grid line in each pixel, whole numbers."""
    table = np.zeros((size, GRID))
    for i in range(size):
        cell, part = divmod(i * (GRID - 1), size - 1)
        table[i, cell] = size - 1 - part
        if part:
            table[i, cell + 1] = part
    return table
