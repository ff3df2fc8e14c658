"""Writes assembly/processor/unicode.ts: what HF's Rust tokenizers does to each code point, as compact frozen tables.

Every code point is put through the reference (BertNormalizer with each flag alone, NFD, BertPreTokenizer and an added
token with single_word), so the tables are what that version does, not what some edition of the Unicode standard says.
Run it only to move to another reference: pip install tokenizers==0.23.3 && python scripts/unicode_tables.py
"""

import pathlib
import unicodedata

import tokenizers
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
# The flags of one code point, as tables.ts names them. MAPPED is set from the two maps when they are expanded.
REMOVED, SPACE, CJK, PUNCTUATION, MARK, NONSTARTER, WORD = (1 << i for i in range(7))


def bert(**flag):
    flags = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**(flags | flag)).normalize_str


def changed(normalize):
    """{code point: what becomes of it}, where that is something else."""
    return {c: s for c in CODE_POINTS if (s := normalize(chr(c))) != chr(c)}


clean = changed(bert(clean_text=True))
cjk = changed(bert(handle_chinese_chars=True))
stripped = changed(bert(strip_accents=True))
lower = changed(bert(lowercase=True))
nfd = normalizers.NFD().normalize_str
decomposed = changed(nfd)

pre_tokenize = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
spaces, punctuation = set(), set()
for c in CODE_POINTS:
    words = [word for word, _ in pre_tokenize(f"a{chr(c)}b")]
    if words == ["a", "b"]:
        spaces.add(c)
    elif words == ["a", chr(c), "b"]:
        punctuation.add(c)
    else:
        assert words == [f"a{chr(c)}b"], hex(c)

# \w of the reference's regex engine: an added token with single_word is no match beside such a character.
probe = Tokenizer(models.WordPiece({"?": 0}, unk_token="?"))
probe.add_tokens([AddedToken("qq", single_word=True, normalized=False)])
ids = [e.ids for e in probe.encode_batch([f"{chr(c)}qq" for c in CODE_POINTS], add_special_tokens=False)]
word = {c for c, found in zip(CODE_POINTS, ids) if 1 not in found}

# Canonical combining classes, where they can still matter after accents are gone: NFD swaps two marks when the first
# has the higher class, so a mark's class is the one whose reference marks it swaps with on neither side.
classes = {}
for c in range(0x110000):
    if (k := unicodedata.combining(chr(c))) and nfd("\u0345" + chr(c)) != "\u0345" + chr(c):
        classes.setdefault(k, chr(c))


def moves(x):
    """Whether NFD may reorder this character: its class is not 0."""
    return nfd("\u0345" + x) != "\u0345" + x or nfd(x + "\u0334") != x + "\u0334"


def combining_class(c):
    x = chr(c)
    for k, reference in sorted(classes.items()):
        if nfd(reference + x) == reference + x and nfd(x + reference) == x + reference:
            return k
    raise AssertionError(hex(c))


# A letter that decomposes into base and marks is a starter; only a code point that is all marks is not.
nonstarters = {c for c in CODE_POINTS if all(map(moves, decomposed.get(c, chr(c))))}

# What tables.ts and normalize.ts take for granted.
assert set(clean.values()) == {"", " "}
assert {c for c, s in clean.items() if s == " "} | {0x20} == {c for c in spaces if clean.get(c) != ""}
assert all(s == f" {chr(c)} " for c, s in cjk.items())
hangul = range(0xAC00, 0xD7A4)
for c in hangul:
    s = c - 0xAC00
    jamo = chr(0x1100 + s // 588) + chr(0x1161 + s % 588 // 28) + (chr(0x11A7 + s % 28) if s % 28 else "")
    assert stripped[c] == jamo
marks = {c for c, s in stripped.items() if s == ""}
keeps = {c: s for c, s in stripped.items() if s and c not in hangul}
pairs = {s: c for c, s in keeps.items()}
survivors = sorted(c for c in nonstarters if c not in stripped)
assert not any(c in lower for c in survivors)
assert max(*lower, *keeps) < 0x30000  # FLAT
assert not any(moves(s[0]) for s in keeps.values())
full = bert(strip_accents=True, lowercase=True)
for c in CODE_POINTS:
    out = full(chr(c))
    assert len(out.encode()) <= 3 * len(chr(c).encode()) and len(out) <= len(chr(c).encode())


def varint(n):
    out = []
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return [*out, n]


def zigzag(n):
    return varint(n << 1 if n >= 0 else (-n << 1) - 1)


def flags_of(c):
    return (
        REMOVED * (clean.get(c) == "")
        | SPACE * (c in spaces)
        | CJK * (c in cjk)
        | PUNCTUATION * (c in punctuation)
        | MARK * (c in marks)
        | NONSTARTER * (c in nonstarters)
        | WORD * (c in word)
    )


def flag_runs():
    """(flags, length as varint) for all code points in order; surrogates, which never come, lengthen a run."""
    out, start, now = [], 0, flags_of(0)
    for c in [*CODE_POINTS[1:], 0x110000]:
        flags = flags_of(c) if c < 0x110000 else -1
        if flags != now:
            out += [now, *varint(c - start)]
            start, now = c, flags
    return out


assert sum(flags_of(c) != flags_of(c - 1) for c in range(0x30000, 0x110000)) < 64  # TAIL_RUNS


def decompositions():
    """(gap to the code point before, 2 * zigzag(first - code point) + has second, second): one step, first again."""
    out, before = [], 0
    for c, s in sorted(keeps.items()):
        first = ord(s) if len(s) == 1 else ord(s[0]) if len(s) == 2 else pairs[s[:-1]]
        delta = (first - c) * 2 if first >= c else (c - first) * 2 - 1
        out += varint(c - before) + varint(delta << 1 | (len(s) > 1)) + (varint(ord(s[-1])) if len(s) > 1 else [])
        before = c
    return out


def lower_runs():
    """(gap, count - 1 and step, zigzag(lower - upper)) for runs of capitals with one distance; U+0130 is apart."""
    out, end, runs = [], 0, []
    for c, s in sorted(lower.items()):
        if len(s) > 1:
            assert (c, s) == (0x130, "i\u0307")
            continue
        delta = ord(s) - c
        if runs and runs[-1][3] == delta and runs[-1][2] in (0, c - runs[-1][1]) and c - runs[-1][1] <= 2:
            runs[-1][1:3] = [c, c - runs[-1][1]]
        else:
            runs.append([c, c, 0, delta])
    for first, last, step, delta in runs:
        count = (last - first) // step if step else 0
        out += varint(first - end) + varint(count << 1 | (step == 2)) + zigzag(delta)
        end = last
    return out


def class_runs():
    """(gap, count, class) of the marks that are kept."""
    out, end, runs = [], 0, []
    for c in survivors:
        k = combining_class(c)
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == k:
            runs[-1][1] = c
        else:
            runs.append([c, c, k])
    for first, last, k in runs:
        out += varint(first - end) + varint(last - first + 1) + [k]
        end = last
    return out, len(runs)


def table(name, comment, data):
    rows = [data[i : i + 64] for i in range(0, len(data), 64)]
    body = ",\n".join("  " + ",".join(map(str, row)) for row in rows)
    return (
        f"/** {comment} */\nexport const {name}: usize = memory.data<u8>([\n{body},\n]);\n"
        f"export const {name}_BYTES: usize = {len(data)};\n"
    )


classes_data, class_count = class_runs()
text = f"""// Generated by scripts/unicode_tables.py from tokenizers {tokenizers.__version__}: do not edit.
// Variable-length integers are little-endian groups of 7 bits; tables.ts expands them.

/** Entries of the expanded maps. */
export const DECOMPOSITION_COUNT: u32 = {len(keeps)};
export const LOWER_COUNT: u32 = {len(lower) - 1};
export const CLASS_COUNT: u32 = {class_count};

{table("FLAGS", "Runs of code points with the same flags, from 0 up.", flag_runs())}
{table("DECOMPOSITIONS", "What NFD and removal of accents leave of a code point, one step.", decompositions())}
{table("LOWER", "Runs of code points with a lower case, all but U+0130.", lower_runs())}
{table("CLASSES", "Canonical combining classes of the marks that removal of accents keeps.", classes_data)}"""
path = pathlib.Path(__file__).parent.parent / "assembly" / "processor" / "unicode.ts"
path.write_text(text)
print(f"{path.name}: {len(flag_runs())} + {len(decompositions())} + {len(lower_runs())} + {len(classes_data)} bytes")
