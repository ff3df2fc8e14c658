"""Writes names.json: of each held-out set the 500 names that most training sets have, the commonest first, each with the
name of its icon in the set. It reads what ../train/data.py made.

    python names.py --cache ../train/.cache
"""

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "train"))

from metrics import HeldOut  # noqa: E402

SETS = ("tabler", "ph", "carbon", "twemoji")
COUNT = 500

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--cache", type=Path, default=HERE.parent / "train/.cache")
cache = options.parse_args().cache
icons = json.loads((cache / "icons.json").read_text())
names = {}
for set_name in SETS:
    held_out = HeldOut(cache, (set_name,), icons)
    icon_of = {icon["caption"]: icon["name"] for icon in held_out.icons}
    names[set_name] = [[name, icon_of[name]] for name in held_out.common(COUNT)]
(HERE / "names.json").write_text(json.dumps(names, separators=(",", ":")) + "\n")
