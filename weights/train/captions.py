"""Icon names as captions: `arrow-left-24-filled` is an "arrow left"."""

import re
import unicodedata
from collections import Counter

SIZES = {"10", "12", "16", "20", "24", "28", "32", "48", "64", "16px", "24px", "32px"}
STYLE_WORDS = SIZES | set(
    """outline outlined filled fill solid line linear rounded round sharp twotone duotone two-tone bold thin light
    regular broken bulk stroke remix alt flat small large mini micro mono duo color lg sm o f l negative""".split()
)
ALWAYS_STYLE = {"alt", "o", "variant", "outline", "outlined", "filled", "solid", "duotone", "twotone"}
TONES = re.compile(r"-(?:medium-)?(?:dark|light)$|-medium$")


def plain(text: str) -> str:
    """Lower case ASCII words with single spaces between them: what captions and keywords are made of."""
    text = unicodedata.normalize("NFKD", text.lower().replace("’", "'").replace("'s", "s"))
    return " ".join(re.sub(r"[^a-z0-9 ]", " ", text.encode("ascii", "ignore").decode()).split())


def _without_digits(word: str) -> str:
    """`home2` is a second drawing of a home."""
    match = re.fullmatch(r"([a-z]{3,})\d+", word)
    return match[1] if match and match[1] not in ("covid", "web") else word


class Namer:
    """Splits the names of one set (its iconify JSON) into caption and style."""

    def __init__(self, prefix: str, data: dict):
        self.prefix = prefix
        self.suffixes = sorted(filter(None, data.get("suffixes", {})), key=len, reverse=True)
        self.prefixes = sorted(filter(None, data.get("prefixes", {})), key=len, reverse=True)
        names = [name.split("-") for name, icon in data["icons"].items() if not icon.get("hidden")]
        ends, begins = Counter(n[-1] for n in names), Counter(n[0] for n in names)
        # A style word counts as one only where many names of the set have it: "solid" may also be what is drawn.
        self.end_words = {w for w in STYLE_WORDS if ends[w] > 0.035 * len(names)}
        self.begin_words = {w for w in STYLE_WORDS if begins[w] > 0.05 * len(names)}
        if prefix == "ic":
            self.begin_words |= {"outline", "baseline", "twotone", "round", "sharp"}

    def __call__(self, name: str) -> tuple[str, str]:
        """(caption, style words joined by '-'); the caption may come out empty or odd, see `usable`."""
        style = []
        for suffix in self.suffixes:
            if name.endswith("-" + suffix):
                name = name[: -len(suffix) - 1]
                style.append(suffix)
                break
        for prefix in self.prefixes:
            if name.startswith(prefix + "-"):
                name = name[len(prefix) + 1 :]
                style.append(prefix)
                break
        words = name.split("-")
        while len(words) > 1 and (
            words[-1] in SIZES
            or words[-1].isdigit()
            or words[-1] in self.end_words
            or (len(words) > 2 and words[-1] in ALWAYS_STYLE)
        ):
            style.append(words.pop())
        if len(words) > 1 and words[0] in self.begin_words and (len(words) > 2 or self.prefix == "ic"):
            style.append(words.pop(0))
        return plain(" ".join(map(_without_digits, words))), "-".join(style)


def usable(caption: str) -> bool:
    return 2 <= len(caption) <= 60 and re.search("[a-z]{2}", caption) is not None


def split_squashed(captions: list[str], known: set[str]) -> dict[str, str]:
    """Captions written as one word ('newmoon') → the spelling that others use ('new moon')."""
    counts = Counter(captions)
    spelt: dict[str, tuple[int, str]] = {text.replace(" ", ""): (1, text) for text in sorted(known) if " " in text}
    for text, n in counts.items():
        if " " in text and n >= 2:
            joined = text.replace(" ", "")
            spelt[joined] = max(spelt.get(joined, (0, "")), (n, text))
    words = Counter(word for text in captions for word in text.split())
    return {c: spelt[c][1] for c in counts if " " not in c and words[c] < 4 and c in spelt}
