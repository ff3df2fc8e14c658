"""Adds one's own pictures to what data.py made: `red car.png`, `red car 2.png` and `red-car.webp` show a red car.

    python own.py FOLDER --cache .cache && python train.py --init ../checkpoint --samples 500000

Transparent pictures are composited on all grounds in training; the others are squeezed into a square as they are.
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

from captions import plain
from rasters import SIZE

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"}


def read(file: Path) -> np.ndarray:
    """(64, 64, 4) premultiplied bytes."""
    with Image.open(file) as picture:
        premultiplied = picture.convert("RGBA").convert("RGBa")
        return np.asarray(premultiplied.resize((SIZE, SIZE), Image.Resampling.BICUBIC, reducing_gap=3))


def main() -> None:
    here = Path(__file__).parent
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--cache", type=Path, default=here / ".cache")
    args = options.parse_args()
    icons = json.loads((args.cache / "icons.json").read_text())
    place = (args.cache / "colour").stat().st_size // (SIZE * SIZE * 4)
    files = sorted(file for file in args.folder.iterdir() if file.suffix.lower() in SUFFIXES)
    with open(args.cache / "colour", "ab") as colour:
        for i, file in enumerate(files):
            caption = re.sub(r" \d+$", "", plain(re.sub(r"[-_]", " ", file.stem)))
            if not caption:
                raise SystemExit(f"{file.name} names nothing: a file is called what its picture shows")
            colour.write(read(file).tobytes())
            icons.append(
                {
                    "id": len(icons), "set": "own", "name": file.stem, "caption": caption, "style": "", "role": "train",
                    "categories": [], "colour": True, "emoji": False, "at": place + i,
                }
            )  # fmt: skip
    (args.cache / "icons.json").write_text(json.dumps(icons))
    print(f"added {len(files)} pictures")


if __name__ == "__main__":
    main()
