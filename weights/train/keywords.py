"""Other words for captions: synonyms, tags and keywords of open sets, applied to every icon of that caption.

The test sets' own tags are not read: they are what finding by synonyms is tested with (`synonym_tags`). Lucide's tags
are (text only: its drawings stay out of training), so synonyms are never judged on Lucide.
"""

import json
import re
from collections import defaultdict
from pathlib import Path

from captions import STYLE_WORDS, Namer, plain


def _json(path: Path):
    return json.loads(path.read_text())


def keywords(packages: Path, sets: list[str]) -> dict[str, list[str]]:
    """Caption → other words for it, sorted. `sets` are the training sets, whose aliases in iconify are read too."""
    found: defaultdict[str, set[str]] = defaultdict(set)

    def add(name: str, words) -> None:
        found[plain(name)] |= {plain(word) for word in words}

    for name, tags in _json(packages / "lucide-static/tags.json").items():
        add(name, tags)
    for icon in _json(packages / "@mdi/svg/meta.json"):
        add(icon["name"].replace("-outline", ""), (a.replace("-outline", "") for a in icon["aliases"]))
    for icon in _json(packages / "ionicons/dist/ionicons.json")["icons"]:
        if not icon["name"].startswith("logo"):
            add(icon["name"].replace("-outline", "").replace("-sharp", ""), icon["tags"])
    for name, icon in _json(packages / "@fortawesome/fontawesome-free/metadata/icon-families.json").items():
        if any(
            style["family"] == "classic" and style["style"] != "brands"
            for style in icon["familyStylesByLicense"]["free"]
        ):
            for alias in (name, icon["label"]):
                add(alias, [*icon["search"]["terms"], icon["label"]])
    for names in _json(packages / "emojilib/dist/emoji-en-US.json").values():
        if "flag" not in names[0]:
            add(names[0].replace("_", " "), (n.replace("_", " ") for n in names[1:]))
    for emoji in _json(packages / "emojibase-data/en/data.json"):
        add(emoji["label"], emoji.get("tags", []))
    for prefix in sets:
        data = _json(packages / f"@iconify/json/json/{prefix}.json")
        namer = Namer(prefix, data)
        for alias, entry in data.get("aliases", {}).items():
            turned = entry.keys() & {"hFlip", "vFlip", "rotate"}
            if entry["parent"] in data["icons"] and not turned:
                add(namer(entry["parent"])[0], [namer(alias)[0]])
    return {
        name: kept
        for name, words in sorted(found.items())
        if (kept := sorted(word for word in words if word != name and _meaningful(word)))
    }


def _meaningful(word: str) -> bool:
    return len(word) > 1 and word != "new" and not word.isdigit() and not set(word.split()) & STYLE_WORDS


def synonym_tags(packages: Path) -> dict[str, dict[str, list[str]]]:
    """Test set → icon name → its own tags, which no training reads."""
    tabler = _json(packages / "@tabler/icons/icons.json")
    source = (packages / "@phosphor-icons/core/dist/index.mjs").read_text()
    phosphor = re.findall(r'name: "([a-z0-9-]+)".*?tags: \[(.*?)\]', source, re.S)
    return {
        "tabler": {name: [plain(str(tag)) for tag in icon.get("tags", [])] for name, icon in tabler.items()},
        "ph": {name: [plain(tag) for tag in re.findall(r'"([^"]+)"', tags)] for name, tags in phosphor},
    }
