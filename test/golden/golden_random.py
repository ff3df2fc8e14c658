"""What the processor's goldens share: a random stream that test/processor/random.ts has too, digests, files."""

import hashlib
import json
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent / "processor"


class Random:
    """A hash of a counter, 32 bits; test/processor/random.ts is the same."""

    def __init__(self, seed):
        self.state = seed

    def numbers(self, count):
        x = (np.arange(1, count + 1, dtype=np.uint64) * 0x9E3779B9 + self.state).astype(np.uint32)
        self.state = int(self.state + count * 0x9E3779B9) & 0xFFFFFFFF
        x ^= x >> 16
        x *= np.uint32(0x7FEB352D)
        x ^= x >> 15
        x *= np.uint32(0x846CA68B)
        x ^= x >> 16
        return x

    def below(self, n):
        return int(self.numbers(1)[0]) % n

    def choice(self, items):
        return items[self.below(len(items))]

    def chance(self, percent):
        return self.below(100) < percent

    def bytes(self, count):
        return (self.numbers(count) >> 24).astype(np.uint8)


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def write(name, value):
    HERE.mkdir(exist_ok=True)
    (HERE / f"{name}.json").write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(name, (HERE / f"{name}.json").stat().st_size)
