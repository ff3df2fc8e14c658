"""What Python's safetensors says of the mutated files: python test/fuzz/differential.py [SEED] [FILES]

Writes differential.json beside this file, a bit a file, so that the tests need no Python. To be run again whenever
targets/safetensors.ts makes other files (the test says so).
"""

import base64
import hashlib
import json
import pathlib
import struct
import subprocess
import sys

import safetensors

HERE = pathlib.Path(__file__).parent


def accepts(data: bytes) -> bool:
    """Whether safetensors reads a file; it must say no with its own error."""
    try:
        safetensors.deserialize(data)
    except safetensors.SafetensorError:
        return False
    return True


def main(seed: int = 10, files: int = 50_000) -> None:
    command = ["node", str(HERE / "differential_pack.mjs"), str(seed), str(files)]
    packed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    bits = bytearray((files + 7) // 8)
    at = 0
    for i in range(files):
        (length,) = struct.unpack_from("<I", packed, at)
        at += 4
        if accepts(packed[at : at + length]):
            bits[i // 8] |= 1 << (i % 8)
        at += length
    assert at == len(packed)
    verdicts = {
        "safetensors": safetensors.__version__,
        "seed": seed,
        "files": files,
        "sha256": hashlib.sha256(packed).hexdigest(),
        "accepted": base64.b64encode(bits).decode(),
    }
    (HERE / "differential.json").write_text(json.dumps(verdicts, indent=1) + "\n")
    print(sum(bin(byte).count("1") for byte in bits), "of", files, "accepted by safetensors", safetensors.__version__)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
