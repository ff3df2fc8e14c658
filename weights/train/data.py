"""Makes the training data: chooses drawings from @iconify/json, names them, and rasterises them once.

    npm ci && python data.py                 (packages in node_modules, cache in .cache)

Writes into the cache: rasters (`mono`: N×64×64 alpha, `colour`: N×64×64×4 premultiplied RGBA), icons.json (one row an
icon), keywords.json and vocab.txt (WordPiece). licences.json, beside this file, says what was taken from which set under
which licence; export.py makes the attribution of it.
"""

import argparse
import hashlib
import json
import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from captions import TONES, Namer, plain, split_squashed, usable
from keywords import keywords
from rasters import SIZE, Rasters
from sources import BRANDS, EMOJI, STYLES, STYLES_OF, role

HERE = Path(__file__).parent
VOCABULARY = 5000
ANIMATION = re.compile(r"<(animate\w*|set)\b[^>]*?/>|<(animate\w*)\b.*?</\2>", re.S)
UNFIT_CATEGORY = re.compile("brand|logo|flags|country", re.I)


def read_set(packages: Path, prefix: str, emoji: bool):
    """(caption, style, icon name, body, box, categories) of each usable icon of a set."""
    data = json.loads((packages / f"@iconify/json/json/{prefix}.json").read_text())
    namer = Namer(prefix, data)
    categories = defaultdict(list)
    for category, names in data.get("categories", {}).items():
        for name in names:
            categories[name].append(category)
    for name, icon in data["icons"].items():
        words = name.split("-")
        if icon.get("hidden") or {"skin", "tone"} <= set(words) or set(words) & BRANDS:
            continue
        if emoji and "flag" in words and words != ["flag"]:
            continue
        if prefix.startswith("fluent-emoji") and TONES.sub("", name) != name and TONES.sub("", name) in data["icons"]:
            continue
        if any(UNFIT_CATEGORY.search(category) for category in categories[name]):
            continue
        body = ANIMATION.sub("", icon["body"])
        caption, style = namer(name)
        if len(body) > 40_000 or not usable(caption):
            continue
        box = [
            icon.get(key, data.get(key, default))
            for key, default in zip(("left", "top", "width", "height"), (0, 0, 16, 16))
        ]
        spaced = [plain(re.sub("([a-z])([A-Z])", r"\1 \2", category)) for category in categories[name]]
        yield caption, style, name, body, box, spaced


def one_size(icons: list[tuple], limit: int, rng: random.Random) -> list[tuple]:
    """At most `limit` of a caption's icons, one size of each style (the 24 or 20 pixel grid if there is one)."""
    best: dict[str, tuple] = {}
    for icon in icons:
        style = re.sub(r"\b(?:10|12|16|20|24|28|32|48|64)(?:px)?\b", "", icon[1]).strip("-")
        key = style if re.search(r"\d", icon[1]) else f"{style}|{icon[2]}"
        rank = 2 * ("24" in icon[1]) + ("20" in icon[1])
        if key not in best or rank > best[key][0]:
            best[key] = rank, icon
    kept = [icon for _, icon in best.values()]
    return kept if len(kept) <= limit else rng.sample(kept, limit)


def select(packages: Path) -> tuple[list[dict], dict]:
    """The icons of all sets, held-out ones first, and what was taken under which licence."""
    rng = random.Random(0)
    collections = json.loads((packages / "@iconify/json/collections.json").read_text())
    roles = {prefix: r for prefix, c in collections.items() if (r := role(prefix, c))}
    icons, taken, bodies = [], {}, {}
    for prefix in sorted(roles, key=lambda p: roles[p] == "train"):
        collection = collections[prefix]
        groups = defaultdict(list)
        for icon in read_set(packages, prefix, collection.get("category") == "Emoji"):
            groups[icon[0]].append(icon)
        first = len(icons)
        for group in groups.values():
            if roles[prefix] == "train":
                group = one_size(group, STYLES_OF.get(prefix, STYLES), rng)
            for caption, style, name, body, (left, top, width, height), categories in group:
                # A body already seen, in a held-out set or in another training set, is not learnt (again).
                digest = hashlib.md5(re.sub(r"\s+", "", body).encode(), usedforsecurity=False).digest()
                if roles[prefix] == "train" and digest in bodies:
                    continue
                bodies[digest] = prefix
                side = max(width, height)
                icons.append(
                    {
                        "id": len(icons), "set": prefix, "name": name, "caption": caption, "style": style, "role": roles[prefix],
                        "categories": categories, "colour": bool(collection.get("palette")), "body": body,
                        "x": left - (side - width) / 2, "y": top - (side - height) / 2, "side": side,
                    }
                )  # fmt: skip
        taken[prefix] = {
            "name": collection["name"], "author": collection.get("author", {}).get("name"),
            "url": collection.get("author", {}).get("url"), "licence": collection["license"].get("spdx"),
            "licence_url": collection["license"].get("url"), "role": roles[prefix], "icons": len(icons) - first,
        }  # fmt: skip
    return icons, taken


def rasterise(packages: Path, cache: Path, icons: list[dict], workers: int) -> None:
    """Runs rasterise.mjs until it is through; a drawing that makes resvg abort is left out."""
    files = [cache / f"part{i}.jsonl" for i in range(workers)]
    for i, file in enumerate(files):
        file.write_text("\n".join(json.dumps(icon) for icon in icons[i::workers]))
    script = packages.parent / "rasterise.mjs"
    if script.parent != HERE:  # Node looks for packages beside the script.
        script.write_text((HERE / "rasterise.mjs").read_text())

    def start(file: Path) -> subprocess.Popen:
        return subprocess.Popen(["node", script, file, file.with_suffix(""), str(SIZE)], stderr=subprocess.DEVNULL)

    running = {file: start(file) for file in files}
    while running:
        file, process = next(iter(running.items()))
        if process.wait() == 0:
            del running[file]
        else:
            running[file] = start(file)
    for file in files:
        file.unlink()


def merge(cache: Path, icons: list[dict], workers: int) -> list[dict]:
    """Icons that were drawn, with their place in the rasters; training icons that look like a held-out one are dropped."""
    counts, position = Counter(), {}
    with open(cache / "mono", "wb") as mono, open(cache / "colour", "wb") as colour:
        out = {"mono": mono, "colour": colour}
        for i in range(workers):
            for line in (cache / f"part{i}.index").read_text().splitlines():
                identity, kind, place = line.split()
                position[int(identity)] = kind, counts[kind] + int(place)
            for kind, file in out.items():
                part = cache / f"part{i}.{kind}"
                file.write(part.read_bytes())
                counts[kind] += part.stat().st_size // (SIZE * SIZE * (4 if kind == "colour" else 1))
            for kind in (*out, "index", "at"):
                (cache / f"part{i}.{kind}").unlink()
    drawn = [{**icon, "at": position[icon["id"]][1]} for icon in icons if icon["id"] in position]
    rasters, held_out, kept = Rasters(cache), set(), []
    for icon in drawn:
        key = hashlib.md5(np.ascontiguousarray(rasters.one(icon)), usedforsecurity=False).digest()
        if icon["role"] != "train":
            held_out.add(key)
        elif key in held_out:
            continue
        kept.append({key: value for key, value in icon.items() if key not in ("body", "x", "y", "side")})
    return kept


def vocabulary(icons: list[dict], words: dict[str, list[str]], path: Path) -> None:
    """A WordPiece vocabulary of captions, keywords, categories and the words of prompts."""
    from tokenizers import BertWordPieceTokenizer

    from prompts import EVERY_WORD

    rng = random.Random(0)
    lines = [icon["caption"] for icon in icons]
    lines += [word for icon in icons if rng.random() < 0.3 for word in words.get(icon["caption"], ())]
    lines += [category for icon in icons if rng.random() < 0.1 for category in icon["categories"]]
    lines += [EVERY_WORD] * 200
    tokenizer = BertWordPieceTokenizer(lowercase=True)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        lines, vocab_size=VOCABULARY, min_frequency=2, special_tokens=special, show_progress=False
    )
    entries = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    path.write_text("".join(f"{piece}\n" for piece, _ in entries))


def attribution(taken: dict) -> str:
    """What must travel with the weights, of licences.json."""
    rows = sorted(
        (c for c in taken.values() if c["role"] == "train" and c["icons"]), key=lambda c: (c["licence"], -c["icons"])
    )
    lines = [
        "# What align-icons learnt from",
        "",
        "The drawings below (and their names) trained the weights in this folder; none of them is in it.",
        "They are used under the licences named, unchanged but for rasterising and the augmentation of training.",
        "",
        "| set | author | licence | drawings |",
        "|---|---|---|---|",
    ]
    for c in rows:
        author = f"[{c['author']}]({c['url']})" if c["url"] else c["author"] or "not named"
        licence = f"[{c['licence']}]({c['licence_url']})" if c["licence_url"] else c["licence"]
        lines.append(f"| {c['name']} | {author} | {licence} | {c['icons']} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--packages", type=Path, default=HERE / "node_modules", help="node_modules with package.json's packages"
    )
    options.add_argument("--cache", type=Path, default=HERE / ".cache")
    options.add_argument(
        "--vocabulary", type=Path, help="a vocab.txt to keep (a model's, to go on with), else one is made"
    )
    options.add_argument("--workers", type=int, default=2)
    args = options.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    icons, taken = select(args.packages)
    print(f"chose {len(icons)} drawings", file=sys.stderr)
    rasterise(args.packages.resolve(), args.cache, icons, args.workers)
    icons = merge(args.cache, icons, args.workers)
    trained = [prefix for prefix, c in taken.items() if c["role"] == "train"]
    words = keywords(args.packages, trained)
    spelt = split_squashed([i["caption"] for i in icons if i["role"] == "train"], set(words))
    drawn = Counter(icon["set"] for icon in icons)
    for icon in icons:
        icon["caption"] = spelt.get(icon["caption"], icon["caption"])
        icon["emoji"] = icon["set"] in EMOJI
    for prefix, entry in taken.items():
        entry["icons"] = drawn[prefix]
    train = [icon for icon in icons if icon["role"] == "train"]
    if args.vocabulary:
        (args.cache / "vocab.txt").write_bytes(args.vocabulary.read_bytes())
    else:
        vocabulary(train, words, args.cache / "vocab.txt")
    (args.cache / "icons.json").write_text(json.dumps(icons))
    (args.cache / "keywords.json").write_text(json.dumps(words))
    (HERE / "licences.json").write_text(json.dumps(taken, indent=1) + "\n")
    roles = Counter(icon["role"] for icon in icons)
    licences = Counter(taken[icon["set"]]["licence"] for icon in train)
    print(dict(roles), len({icon["caption"] for icon in train}), "captions", dict(licences), file=sys.stderr)


if __name__ == "__main__":
    main()
