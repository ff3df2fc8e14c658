"""Goldens of the processor: what transformers, tokenizers and Pillow make of texts and pictures. From the seed alone:

    pip install -r requirements.txt && python processor.py

Inputs that are many or large are not stored: test/processor/random.ts makes the same ones. Their results are stored as
the first 16 digits of a SHA-256.
"""

import base64
import hashlib
import io
import json
import struct
import tempfile
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers
from transformers import AlignProcessor, BertTokenizer, PreTrainedTokenizerFast
from transformers.models.efficientnet.image_processing_pil_efficientnet import EfficientNetImageProcessorPil
from transformers.utils import logging

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


# --- Texts: random strings over all of Unicode ------------------------------------------------------------------------

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
RANGES = [
    (0x20, 0x7F), (0x20, 0x7F), (0x0, 0x300), (0xC0, 0x250), (0x300, 0x370), (0x370, 0x600), (0x900, 0xE00),
    (0xF00, 0x1000), (0x1D00, 0x2000), (0x2000, 0x2100), (0x3040, 0x3100), (0x4E00, 0xA000), (0xAC00, 0xD7A4),
    (0xF900, 0xFB50), (0xFE00, 0x10000), (0x10000, 0x20000), (0x1D150, 0x1D1D0), (0x20000, 0x30000), (0x2F800, 0x2FA20),
    (0, 0x110000),
]  # fmt: skip
# Marks that removal of accents keeps, so that canonical order shows.
KEPT_MARKS = [0x302E, 0x302F, 0x1D165, 0x1D166, 0x1D16D, 0x1E944, 0x1E000, 0x8D4, 0x1134D, 0x1B44, 0x1DFB, 0xA953]
WORDS = [
    "red", "cat", "Caf\u00e9", "\u0130STANBUL", "\u01c5", "\u00df", "\u0391\u03a3", "don't", "hello-world", "[MASK]", "[CLS]", " [SEP] ",
    "[UNK]", "[PAD]", "[mask]", "##a", "  ", "\t\n",
]  # fmt: skip
NORMALIZERS = [
    dict(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True),
    dict(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=False),
    dict(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False),
    dict(clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=True),
]


def code_point(random, first, end):
    c = first + random.below(end - first)
    return "\ufffd" if 0xD800 <= c < 0xE000 else chr(c)


def text(random):
    def piece():
        kind = random.below(8)
        if kind == 0:
            return random.choice(WORDS)
        if kind == 1:
            return chr(random.choice(KEPT_MARKS))
        if kind == 2:
            return " "
        return code_point(random, *random.choice(RANGES))

    return "".join([piece() for _ in range(random.choice([1, 2, 3, 5, 8, 13, 30]))])


def wide_vocabulary():
    """About 120,000 single characters, alone and as continuations, so that ids tell characters apart."""
    vocab = {token: i for i, token in enumerate([*SPECIAL, "red", "cat", "re", "##d", "##at", "cafe", "hello"])}
    keep = Random(1).numbers(0x30000 * 2) % 10 < 3
    for c in range(0x30000):
        if 0xD800 <= c < 0xE000:
            continue
        for i, token in enumerate([chr(c), "##" + chr(c)]):
            if keep[2 * c + i]:
                vocab.setdefault(token, len(vocab))
    return vocab


def tricky_texts():
    return [
        "", " ", "a" * 99, "a" * 100, "a" * 101, "\u00e9" * 100, "\u00e9" * 101, "\u00e9\u0301" * 100, "\U0001d165\u302e" * 40,
        "[MASK", "[[MASK]]", "[MASK][MASK]x[MASK]", "[ MASK]", "\x00a\x00b", "a\u200db", "\U0010ffff", "\ufffd", "\ue000x",
        "\u4e2d\U00020000\u56fd", "\ud55c\uad6d\uc5b4", "\u304c\u304e", "\u0130i\u0307", "\u1e9e", "\u03a3\u03b1\u03c2", "\u212b\u212a", "\uf900\U0002f800", "a\u3000b\u2028c",
        "don't stop!! e.g. U.S.A. $5.00 100% a_b", "x\u0301\u0327\u0323y", "\u1100\u1161\u11a8", "\ufb01\ufb02", "\u00adhy\u00adphen", "\u2019\u201cq\u201d",
    ]  # fmt: skip


def texts_golden():
    random = Random(2)
    texts = [text(random) for _ in range(20000)]
    tricky = tricky_texts()
    vocab = wide_vocabulary()
    runs = []
    for flags in NORMALIZERS:
        tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
        tokenizer.normalizer = normalizers.BertNormalizer(**flags)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.add_special_tokens(SPECIAL)
        ids = [np.array(e.ids, "<u4").tobytes() for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
        normal = [tokenizer.normalizer.normalize_str(t).encode() for t in texts]
        runs.append(
            {
                "normalizer": flags,
                "ids": [digest(b"".join(ids[i : i + 1000])) for i in range(0, len(ids), 1000)],
                "normalized": [digest(b"\xff".join(normal[i : i + 1000])) for i in range(0, len(ids), 1000)],
                "tricky": [
                    [t, tokenizer.normalizer.normalize_str(t), tokenizer.encode(t, add_special_tokens=False).ids]
                    for t in tricky
                ],
            }
        )
    write("texts", {"vocab_size": len(vocab), "texts": digest("\0".join(texts).encode()), "runs": runs})


# --- Calls of tokenizers and processors -------------------------------------------------------------------------------

SMALL = [
    *SPECIAL, "a", "red", "cat", "blue", "dog", "icon", "of", "the", "sun", "Zebra", "zebra", "cafe", "Caf", "##e", "##s", "don", "'", "t",
    ".", ",", "!", "?", '"', "it", "s", "do", "not", "re", "##d", "we", "[", "]", "<", ">", "x", "obj", "mask", "##cat", "l", "##st", "n",
    "##ew", "m", "ve", "##\u00e9", "\u65e5", "\u672c", "-", "##!",
]  # fmt: skip
PHRASES = [
    "a", "red", "cat", "blue", "dog", "icon", "of", "the", "sun", "Zebra", "Caf\u00e9", "[MASK]", " [SEP]", "<obj>", "x<obj>", "Redcat",
    "redcat", "REDCAT", " lst", "  lst  ", "catdog", "<S>", "  <S>", "<T>", "don't", ".", "!", "\"it's\"", "ok?", "do not", "<new>", "<x>",
    "r\u00e9d", "R\u00c9D", "r\u00e9ds", "\u65e5\u672c", "\u3000", "\u00ad", "e\u0301", "[mask]", "[UNK]", "we've", ",",
]  # fmt: skip


def files_of(folder):
    return {path.name: path.read_text() for path in sorted(Path(folder).iterdir())}


def tokenizer_files():
    """Each kind of folder that a tokenizer may come from: {name: (class, files)}."""
    vocab = {token: i for i, token in enumerate(SMALL)}
    lines = "\n".join(SMALL) + "\n"
    plain = dict(lstrip=False, rstrip=False, single_word=False)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = BertTokenizer(vocab=dict(vocab), model_max_length=20)
        tokenizer.save_pretrained(folder)
        saved = files_of(folder)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = BertTokenizer(
            vocab=dict(vocab), do_lower_case=False, strip_accents=True, tokenize_chinese_chars=False,
            model_max_length=20, padding_side="left", truncation_side="left",
        )  # fmt: skip
        tokenizer.add_tokens(
            [
                AddedToken("<obj>", single_word=True),
                AddedToken("Redcat", normalized=True),
                AddedToken(" lst", lstrip=True, rstrip=True, normalized=False),
                "catdog",
            ]
        )
        tokenizer.add_special_tokens({"extra_special_tokens": [AddedToken("<S>", lstrip=True, special=True), "<T>"]})
        tokenizer.save_pretrained(folder)
        added = files_of(folder)
    with tempfile.TemporaryDirectory() as folder:
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer._tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
            clean_up_tokenization_spaces=True, model_input_names=["input_ids", "attention_mask"],
        ).save_pretrained(folder)  # fmt: skip
        backend = files_of(folder)
    old = {
        "vocab.txt": lines,
        "tokenizer_config.json": json.dumps(
            {
                "do_lower_case": True,
                "tokenizer_class": "BertTokenizer",
                "pad_token": {"__type": "AddedToken", "content": "[PAD]", "normalized": True, **plain},
                "additional_special_tokens": ["<x>"],
            }
        ),
        "special_tokens_map.json": json.dumps(
            {"cls_token": "[CLS]", "mask_token": {**plain, "content": "[MASK]", "lstrip": True, "normalized": False}}
        ),
        "added_tokens.json": json.dumps({"<new>": len(SMALL), "<x>": len(SMALL) + 1}),
    }
    decoder = {
        "0": {**plain, "content": "[PAD]", "special": True, "normalized": False},
        "4": {**plain, "content": "[MASK]", "special": True, "normalized": False, "lstrip": True, "rstrip": True},
        str(len(SMALL)): {**plain, "content": "R\u00c9D", "special": False, "normalized": True, "single_word": True},
    }
    listed = {"vocab.txt": lines, "tokenizer_config.json": json.dumps({"added_tokens_decoder": decoder})}
    return {
        "saved": (BertTokenizer, saved),
        "vocab": (BertTokenizer, {"vocab.txt": lines}),
        "added": (BertTokenizer, added),
        "backend": (PreTrainedTokenizerFast, backend),
        "old": (BertTokenizer, old),
        "listed": (BertTokenizer, listed),
    }


def phrase(random):
    words = range(random.choice([0, 1, 2, 4, 8, 20]))
    return "".join([random.choice(PHRASES) + random.choice(["", " ", " ", "  "]) for _ in words])


def call_options(random):
    choices = {
        "padding": (70, [True, False, "longest", "max_length", "do_not_pad"]),
        "truncation": (70, [True, False, "longest_first", "only_first", "only_second", "do_not_truncate"]),
        "max_length": (60, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 24, 64]),
        "pad_to_multiple_of": (20, [1, 4, 8]),
        "add_special_tokens": (20, [True, False]),
        "padding_side": (20, ["left", "right"]),
        "return_token_type_ids": (10, [True, False]),
        "return_attention_mask": (10, [True, False]),
    }
    return {name: random.choice(values) for name, (percent, values) in choices.items() if random.chance(percent)}


def attempt(call):
    """Rows of each output, or null where transformers refuses. Rows of unequal length are refused here and not by
    `return_tensors`, as torch stacks them into nothing when the first one is empty."""
    try:
        result = dict(call())
    except Exception:
        return None
    rows = {name: value if value and isinstance(value[0], list) else [value] for name, value in result.items()}
    return rows if len({len(row) for row in rows["input_ids"]}) == 1 else None


def calls_golden():
    random = Random(3)
    golden = []
    for name, (cls, files) in tokenizer_files().items():
        with tempfile.TemporaryDirectory() as folder:
            for file, content in files.items():
                (Path(folder) / file).write_text(content)
            tokenizer = cls.from_pretrained(folder)
        calls, decodes = [], []
        for _ in range(80):
            batch, pair, count = random.chance(50), random.chance(40), 1 + random.below(3)
            a = [phrase(random) for _ in range(count)] if batch else phrase(random)
            b = ([phrase(random) for _ in range(count)] if batch else phrase(random)) if pair else None
            options = call_options(random)
            calls.append([a, b, options, attempt(lambda: tokenizer(a, b, **options))])
        for _ in range(40):
            ids = [
                random.below(len(tokenizer) + 5) if random.chance(40) else random.choice(tokenizer(phrase(random)).input_ids)
                for _ in range(random.below(20))
            ]
            options = {
                name: random.choice([True, False])
                for name in ("skip_special_tokens", "clean_up_tokenization_spaces")
                if random.chance(60)
            }
            decodes.append([ids, options, tokenizer.decode(ids, **options)])
        info = {
            "vocab_size": tokenizer.vocab_size,
            "model_max_length": min(tokenizer.model_max_length, 1e30),
            "all_special_ids": tokenizer.all_special_ids,
            "padding_side": tokenizer.padding_side,
            "truncation_side": tokenizer.truncation_side,
            **{f"{kind}_token_id": getattr(tokenizer, f"{kind}_token_id") for kind in ("unk", "sep", "pad", "cls", "mask")},
        }
        golden.append({"name": name, "files": files, "info": info, "calls": calls, "decodes": decodes})
    write("tokenizers", golden)


def processors_golden():
    """Where AlignProcessor's text arguments come from: the call, the tokenizer's files, the class."""
    _, files = tokenizer_files()["saved"]
    tokenizer = json.loads(files["tokenizer.json"])
    config = json.loads(files["tokenizer_config.json"])
    truncation = {"direction": "Right", "max_length": 12, "strategy": "LongestFirst", "stride": 0}
    padding = {
        "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]",
    }  # fmt: skip
    fixed = {**padding, "strategy": {"Fixed": 10}, "direction": "Left", "pad_to_multiple_of": 4}
    variants = {
        "plain": ({}, {}),
        "truncation": ({"truncation": truncation, "padding": padding}, {}),
        "padding": ({"padding": padding}, {}),
        "fixed": ({"padding": fixed}, {}),
        "config": ({"truncation": truncation}, {"max_length": 14, "padding": "longest", "truncation": True}),
    }
    image_processor = {"size": {"height": 12, "width": 10}, "image_processor_type": "EfficientNetImageProcessor"}
    inputs = [
        ("a red cat", {}), ("cat " * 70, {}), (["a", "cat " * 70], {}), (["a", "red dog"], {"padding": True}),
        (["a", "dog " * 70], {"truncation": True}), (["a", "dog " * 70], {"padding": True, "truncation": True, "max_length": 9}),
        ("a", {"padding": False}), (["a", "dog"], {"max_length": None}), ("a", {"text_pair": "dog"}),
        (["a red", "cat"], {"padding": "longest", "add_special_tokens": False}),
    ]  # fmt: skip
    golden = []
    for name, (in_tokenizer, in_config) in variants.items():
        folder_files = {
            "tokenizer.json": json.dumps({**tokenizer, **in_tokenizer}),
            "tokenizer_config.json": json.dumps({**config, **in_config}),
            "preprocessor_config.json": json.dumps(image_processor),
        }
        with tempfile.TemporaryDirectory() as folder:
            for file, content in folder_files.items():
                (Path(folder) / file).write_text(content)
            processor = AlignProcessor.from_pretrained(folder)
        calls = [[t, o, attempt(lambda: processor(text=t, **o))] for t, o in inputs]
        golden.append({"name": name, "files": folder_files, "calls": calls})
    write("processors", golden)


# --- Pictures ---------------------------------------------------------------------------------------------------------


def picture(random, width, height, channels):
    """Noise, hard edges, or a ramp: [height, width, channels]."""
    kind = random.below(3)
    if kind == 2:
        ramp = np.add.outer(np.arange(height) * 3, np.arange(width) * 2)
        return np.repeat(ramp[:, :, None], channels, axis=2).astype(np.uint8)
    noise = random.bytes(height * width * channels).reshape(height, width, channels)
    return noise if kind == 0 else np.where(noise < 128, 0, 255).astype(np.uint8)


def to_pil(array):
    return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


def resize_golden():
    random = Random(4)
    cases = []
    for i in range(420):
        most = random.choice([4, 20, 100, 260])
        width, height, to_width, to_height = (1 + random.below(most) for _ in range(4))
        if random.chance(15):
            to_width = width
        if random.chance(15):
            to_height = height
        channels, resample = random.choice([1, 2, 3, 3, 3, 4]), i % 6
        array = picture(random, width, height, channels)
        result = np.asarray(to_pil(array).resize((to_width, to_height), resample))
        cases.append([width, height, channels, to_width, to_height, resample, digest(result.tobytes())])
    write("resize", cases)


def image_processor_golden():
    random = Random(5)

    def edge():
        return 1 + random.below(50)

    def box():
        return {"height": edge(), "width": edge()}

    cases = []
    while len(cases) < 300:
        channels, count = random.choice([3, 3, 3, 1, 4]), 1 + random.below(2)
        fraction = lambda: (1 + random.below(1000)) / 1000  # noqa: E731
        values = lambda: random.choice([fraction(), [fraction() for _ in range(channels)]])  # noqa: E731
        options = {
            "do_resize": (60, lambda: random.chance(75)),
            "size": (95, lambda: random.choice([box(), box(), edge(), [edge(), edge()], {"shortest_edge": edge()},
                {"shortest_edge": edge(), "longest_edge": 20 + edge()}, {"max_height": edge(), "max_width": edge()}])),
            "resample": (80, lambda: random.below(6)),
            "do_center_crop": (60, lambda: random.chance(60)),
            "crop_size": (90, lambda: random.choice([box(), edge()])),
            "do_rescale": (60, lambda: random.chance(70)),
            "rescale_factor": (60, lambda: random.choice([1 / 255, 1 / 127.5, 0.5, 2, 1])),
            "rescale_offset": (60, lambda: random.chance(50)),
            "do_normalize": (60, lambda: random.chance(50)),
            "include_top": (60, lambda: random.chance(50)),
            "image_mean": (100 if channels != 3 else 50, values),
            "image_std": (100 if channels != 3 else 50, values),
        }  # fmt: skip
        config = {name: make() for name, (percent, make) in options.items() if random.chance(percent)}
        same, size = random.chance(60), (edge(), edge())
        sizes = [size if same else (edge(), edge()) for _ in range(count)]
        pixels = Random(1000 + len(cases))
        images = [picture(pixels, *wh, channels) for wh in sizes]
        try:
            values = EfficientNetImageProcessorPil(**config)([to_pil(a) for a in images], return_tensors="np").pixel_values
        except Exception:
            cases.append([config, channels, sizes, None, None])
            continue
        cases.append([config, channels, sizes, list(values.shape), digest(values.astype("<f4").tobytes())])
    write("image_processor", cases)


# --- PNG files, written here so that every kind occurs ----------------------------------------------------------------

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16]}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_row(values, depth):
    if depth == 16:
        return values.astype(">u2").tobytes()
    if depth == 8:
        return values.astype(np.uint8).tobytes()
    bits = "".join(format(int(v), f"0{depth}b") for v in values.reshape(-1))
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def filtered(random, rows, step):
    out, above = b"", bytes(len(rows[0]))
    for row in rows:
        kind, line = random.below(5), bytearray()
        for i, value in enumerate(row):
            a, b, c = (row[i - step], above[i], above[i - step]) if i >= step else (0, above[i], 0)
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line.append((value - [0, a, b, (a + b) // 2, paeth][kind]) & 255)
        out, above = out + bytes([kind]) + bytes(line), row
    return out


def exif(random, orientation):
    order = random.choice("<>")
    kind = random.choice([1, 3, 3, 3, 4])
    value = struct.pack(order + {1: "B3x", 3: "H2x", 4: "I"}[kind], orientation)
    entries = struct.pack(order + "HHIHxx", 0x100, 3, 1, 5) + struct.pack(order + "HHI", 0x112, kind, 1) + value
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IH", 8, 2) + entries + struct.pack(order + "I", 0)


def orientation_chunk(random):
    orientation = random.below(10)
    data, kind = exif(random, orientation), random.below(6)
    if kind < 2:
        return chunk(b"eXIf", data)
    key = b"XML:com.adobe.xmp\0"
    if kind == 2:
        return chunk(b"iTXt", key + b"\0\0\0\0" + f'<x tiff:Orientation="{orientation}"/>'.encode())
    if kind == 3:
        xml = f"<tiff:Orientation>{orientation}</tiff:Orientation>".encode()
        return chunk(b"iTXt", key + b"\1\0en\0\0" + zlib.compress(xml))
    digits = (b"Exif\0\0" + data).hex()
    lines = "\n".join(digits[i : i + 72] for i in range(0, len(digits), 72))
    profile = f"\nexif\n{len(digits) // 2:8}\n{lines}\n".encode()
    if kind == 4:
        return chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile))
    return chunk(b"tEXt", b"Raw profile type exif\0" + profile)


def png(random, colour, depth, interlaced):
    width, height, channels = 1 + random.below(11), 1 + random.below(11), CHANNELS[colour]
    most = 2**depth
    colours = min(random.choice([1, 2, 5, most]), most, 20)
    samples = (random.numbers(width * height * channels) % most).reshape(height, width, channels)
    if colour == 3 and random.chance(80):
        samples %= colours
    if colour == 0 and depth == 16 and random.chance(50):
        samples %= 300
    raw = b""
    for x, y, dx, dy in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        part = samples[y::dy, x::dx]
        if part.size:
            raw += filtered(random, [pack_row(row, depth) for row in part], max(1, depth * channels // 8))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    parts = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", head)]
    if random.chance(30):
        parts.append(chunk(b"gAMA", struct.pack(">I", 45455)))
    if colour == 3:
        parts.append(chunk(b"PLTE", random.bytes(3 * colours).tobytes()))
    if random.chance(40):
        if colour == 3:
            parts.append(chunk(b"tRNS", random.bytes(1 + random.below(colours)).tobytes()))
        elif colour in (0, 2):
            key = samples[random.below(height), random.below(width)]
            parts.append(chunk(b"tRNS", b"".join(struct.pack(">H", int(v)) for v in key)))
    meta = [orientation_chunk(random)] if random.chance(50) else []
    data, count = zlib.compress(raw, 9), 1 + random.below(3)
    body = [chunk(b"IDAT", data[len(data) * i // count : len(data) * (i + 1) // count]) for i in range(count)]
    parts += meta + body if random.chance(50) else body + meta
    return b"".join([*parts, chunk(b"IEND", b"")])


def png_golden():
    """[colour, depth, interlaced, file, width, height, RGB, on a ground or null where Pillow has no exact answer]."""
    random = Random(6)
    ground = (255, 128, 10)
    cases = []
    for _ in range(8):
        for colour, depths in DEPTHS.items():
            for depth in depths:
                for interlaced in (False, True):
                    data = png(random, colour, depth, interlaced)
                    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
                    rgb = upright.convert("RGB")
                    laid = None
                    # Pillow compares tRNS before scaling or clipping for these, and so misses the transparent pixels.
                    if not (colour == 0 and depth != 8) and not (colour == 2 and depth == 16):
                        on = Image.new("RGBA", rgb.size, (*ground, 255))
                        laid = digest(Image.alpha_composite(on, upright.convert("RGBA")).convert("RGB").tobytes())
                    cases.append(
                        [colour, depth, interlaced, base64.b64encode(data).decode(), *rgb.size, digest(rgb.tobytes()), laid]
                    )
    write("png", {"ground": ground, "cases": cases})


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.set_verbosity_error()
    for golden in (
        texts_golden,
        calls_golden,
        processors_golden,
        resize_golden,
        image_processor_golden,
        png_golden,
    ):
        golden()
