"""Makes every golden of this folder again, from nothing but the seed:

    pip install -r requirements.txt
    python make.py [variant …]

Without names all of them, the full align-base shape included (about 3 GB of memory).
"""

import json
import shutil
import struct
import sys
import zlib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers.utils import logging

import align_base
from build import build, store
from reference import reference
from variants import all_variants

HERE = Path(__file__).parent
SEED = 20240611


def check_versions():
    """Another version may compute other last bits, or another model: refuse it. Gives {package: version}."""
    pins = dict(line.split("==") for line in (HERE / "requirements.txt").read_text().split())
    for package, pin in pins.items():
        found = version(package).split("+")[0]
        if found != pin:
            raise SystemExit(f"{package} {found} is installed, requirements.txt pins {pin}")
    return pins


def main(names):
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    versions = check_versions()
    variants = all_variants()
    known = [v.name for v in variants] + ["align-base"]
    if unknown := set(names) - set(known):
        raise SystemExit(f"no variant {sorted(unknown)}; there are {', '.join(known)}")
    for variant in variants:
        if names and variant.name not in names:
            continue
        folder = HERE / variant.name
        shutil.rmtree(folder, ignore_errors=True)
        seed = SEED + zlib.crc32(variant.name.encode())
        model = store(build(variant, seed), variant, folder)
        tensors, error = reference(model, variant, np.random.default_rng(seed + 1_000_000))
        save(folder, tensors, {"cases": [c.name for c in variant.cases], "versions": versions, "seed": seed})
        size = sum(f.stat().st_size for f in folder.iterdir())
        print(f"{variant.name:22} {size / 1024:7.0f} KB, {len(tensors):4} tensors, float32 against float64 {error:.1e}")
    if not names or "align-base" in names:
        tensors, metadata = align_base.make(HERE / "align-base")
        save(HERE / "align-base", tensors, {**metadata, "versions": versions, "seed": align_base.SEED})


def save(folder, tensors, metadata):
    """Writes reference.safetensors, metadata values as JSON: the format wants strings. save_file puts the keys of the
    metadata in another order each time; put in order here, the same goldens are the same bytes."""
    path = folder / "reference.safetensors"
    save_file(tensors, path, {key: json.dumps(value) for key, value in metadata.items()})
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(size)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])


if __name__ == "__main__":
    main(sys.argv[1:])
