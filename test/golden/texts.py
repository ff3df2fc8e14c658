"""Goldens of texts: the tokenizers library over all of Unicode, transformers' tokenizer calls, AlignProcessor's defaults."""

import json
import tempfile
from pathlib import Path

import numpy as np
from golden_random import Random, digest, write
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers
from transformers import AlignProcessor, BertTokenizer, PreTrainedTokenizerFast

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


def wide_tokenizer(vocab, flags):
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(**flags)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def ids_and_normal(tokenizer, texts):
    """Of each text the ids as bytes of u32, and the normalised text as UTF-8."""
    ids = [np.array(e.ids, "<u4").tobytes() for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
    return ids, [tokenizer.normalizer.normalize_str(t).encode() for t in texts]


def texts_golden():
    random = Random(2)
    texts = [text(random) for _ in range(20000)]
    tricky = tricky_texts()
    vocab = wide_vocabulary()
    runs = []
    for flags in NORMALIZERS:
        tokenizer = wide_tokenizer(vocab, flags)
        ids, normal = ids_and_normal(tokenizer, texts)
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
