"""The small ALIGN models that the goldens are made of, and the inputs each is run with.

A vision stage is one row (kernel, in, out, stride, repeats, expand); `in` and `out` are given as transformers wants
them, before `width_coefficient` and `depth_divisor` round them, so in[i + 1] = out[i] and in[0] = 32, the stem.
`projection_dim` must be the rounded `out` of the last stage: image embeddings have no projection.
"""

from dataclasses import dataclass, field

# Every name of transformers' ACT2FN without parameters.
ACTIVATIONS = (
    "gelu gelu_10 gelu_accurate gelu_fast gelu_new gelu_python gelu_python_tanh gelu_pytorch_tanh hardswish laplace "
    "leaky_relu linear mish quick_gelu relu relu2 relu6 sigmoid silu sqrtsoftplus swish tanh"
).split()


@dataclass
class Case:
    """Inputs of one run: a text row per entry of `lengths`, `images` = (count, height, width), either may be left out."""

    name: str
    lengths: list[int] = field(default_factory=list)  # real tokens a row; 0 is a row whose mask is all zeros
    length: int | None = None  # padded length, default the longest row
    images: tuple[int, int, int] | None = None
    mask: bool = True  # False: no attention_mask, the padding is attended to
    left: bool = False  # padding in front instead of behind
    holes: tuple[tuple[int, int], ...] = ()  # (row, column) masked out inside a row
    types: str = ""  # token_type_ids: "" none, "rows" [batch, length], "shared" [1, length]
    positions: str = ""  # position_ids, likewise; "shared" is stored as int32
    embeds: bool = False  # inputs_embeds instead of input_ids
    nan: bool = False  # one pixel of the last image is NaN


@dataclass
class Variant:
    """One folder of goldens. `tower` is "" for a full model, "text" or "vision" for a lone tower's checkpoint."""

    name: str
    text: dict
    vision: dict
    projection_dim: int
    cases: list[Case]
    temperature: float = 1.0
    dtype: str = "float32"  # of the stored file; the reference is always computed in float32
    shard_size: str | None = None
    tower: str = ""
    ffn_gain: float = 1.2  # spread of what the text activation sees


def text(hidden, heads, intermediate, layers, vocab, positions, types=2, act="gelu", **more):
    return dict(
        hidden_size=hidden, num_attention_heads=heads, intermediate_size=intermediate, num_hidden_layers=layers,
        vocab_size=vocab, max_position_embeddings=positions, type_vocab_size=types, hidden_act=act, **more,
    )  # fmt: skip


def vision(width, divisor, stages, act="swish", depth=1.0, **more):
    keys = ("kernel_sizes", "in_channels", "out_channels", "strides", "num_block_repeats", "expand_ratios")
    columns = dict(zip(keys, map(list, zip(*stages))))
    return dict(
        width_coefficient=width, depth_coefficient=depth, depth_divisor=divisor, hidden_act=act, **columns, **more
    )


def activation_variants():
    """One small model for each activation, used by both towers: stem, expansion, depthwise, squeeze and FFN. The FFN
    spreads its values until those that clip or saturate do so (gelu_10 at 10, relu6, tanh)."""
    for act in ACTIVATIONS:
        stages = [(3, 32, 16, 1, 1, 1), (3, 16, 40, 2, 2, 3)]
        if act == "relu2":  # squares of squares: after more layers one outlier hides all pictures
            stages = [(3, 32, 40, 2, 1, 1)]
        yield Variant(
            f"act-{act}",
            text(14, 2, 19, 2, 23, 9, act=act),
            vision(0.2, 1, stages, act),
            8,
            [Case("both", lengths=[7, 4, 2], images=(3, 15, 22))],
            ffn_gain=5.0,
        )


def tower_variants():
    """Checkpoints of a lone tower: its own config, no prefix in the tensor names."""
    words = text(18, 3, 29, 2, 31, 12)
    stages = [(3, 32, 16, 1, 1, 1), (5, 16, 24, 2, 2, 4)]
    yield Variant("tower-text", words, {}, 8, [Case("ragged", lengths=[9, 3, 6])], tower="text")
    yield Variant("tower-vision", {}, vision(0.3, 1, stages), 7, [Case("images", images=(2, 21, 26))], tower="vision")


def size_variants():
    """Shapes: nothing a multiple of 4, the smallest model there is, every kernel, stride and expand ratio."""
    yield Variant(
        "odd",
        text(30, 3, 37, 3, 61, 23),
        vision(
            0.3, 1, [(3, 32, 16, 1, 1, 1), (5, 16, 24, 2, 2, 2), (7, 24, 40, 2, 1, 3), (3, 40, 90, 1, 1, 6)], depth=1.2
        ),
        27,
        [
            Case("ragged", lengths=[11, 5, 13, 0], holes=((0, 3), (2, 6), (2, 7)), images=(4, 33, 47)),
            Case("single", lengths=[9], images=(1, 20, 65)),
            Case("unequal", lengths=[8, 3], length=16, images=(3, 47, 33)),
            Case("nan", lengths=[4, 5], images=(2, 24, 18), nan=True),
        ],
        temperature=0.37,
    )
    yield Variant(
        "max-pool",
        text(28, 4, 45, 2, 50, 32, act="gelu_new", layer_norm_eps=1e-5),
        vision(
            0.4, 3, [(5, 32, 16, 2, 1, 1), (3, 16, 24, 2, 1, 4), (3, 24, 40, 1, 2, 2), (7, 40, 64, 2, 1, 3)],
            "hardswish", num_channels=4, pooling_type="max", hidden_dim=8, depthwise_padding=[0, 2, 4],
            batch_norm_eps=1e-5, squeeze_expansion_ratio=0.5, image_size=[64, 31],
        ),
        27,
        [Case("both", lengths=[6, 14], images=(2, 64, 31)), Case("nan", images=(2, 31, 37), nan=True)],
        temperature=0.05,
    )  # fmt: skip
    yield Variant(
        "gray",
        text(21, 7, 33, 2, 40, 20, types=1, act="quick_gelu"),
        vision(
            0.35, 1,
            [(1, 32, 16, 1, 1, 4), (2, 16, 24, 2, 2, 5), (4, 24, 40, 1, 2, 1), (1, 40, 48, 2, 2, 6),
             (2, 48, 50, 2, 1, 2), (6, 50, 54, 1, 1, 3)],
            "mish", num_channels=1, squeeze_expansion_ratio=0.05, depthwise_padding=[6],
        ),
        19,
        [Case("both", lengths=[10, 7, 1], images=(3, 29, 29)), Case("wide", lengths=[3], images=(1, 17, 90))],
        temperature=2.5,
    )  # fmt: skip
    yield Variant(
        "tiny",
        text(6, 6, 1, 1, 5, 4, types=1, act="relu"),
        vision(0.03, 1, [(3, 32, 90, 1, 1, 1)], "relu6"),
        3,
        [Case("both", lengths=[1], images=(1, 2, 3)), Case("two", lengths=[1, 3], images=(2, 5, 2))],
        temperature=0.7,
    )


def scale_variants():
    """Depth, where errors can grow, and widths with long sums in sizes that kernels like best."""
    yield Variant(
        "deep",
        text(24, 12, 96, 12, 64, 40),
        dict(width_coefficient=0.125, depth_divisor=4),
        40,
        [Case("both", lengths=[17, 6, 11], images=(3, 64, 97))],
        temperature=0.2,
    )
    stages = [(3, 32, 16, 1, 1, 1), (3, 16, 24, 2, 2, 6), (5, 24, 64, 2, 2, 6)]
    yield Variant(
        "wide",
        text(64, 4, 256, 2, 120, 64),
        vision(1.0, 8, stages, squeeze_expansion_ratio=0.25),
        64,
        [Case("padded", lengths=[20, 8, 64, 5, 12], length=64), Case("both", lengths=[9, 4], images=(2, 40, 40))],
        temperature=0.1,
        dtype="float16",
    )


def file_variants():
    """How a checkpoint is stored; another fp16 one is `wide`."""
    stages = [(3, 32, 16, 1, 1, 1), (3, 16, 32, 2, 2, 4)]
    words = text(20, 2, 34, 2, 44, 16, act="gelu_pytorch_tanh")
    case = Case("both", lengths=[8, 5], images=(2, 19, 28))
    yield Variant("float16", words, vision(0.4, 1, stages), 13, [case], temperature=0.3, dtype="float16")
    yield Variant("bfloat16", words, vision(0.4, 1, stages), 13, [case], temperature=0.3, dtype="bfloat16")
    yield Variant("sharded", words, vision(0.4, 1, stages), 13, [case], temperature=0.3, shard_size="12KB")


def input_variants():
    """Every way to call the text tower; the config carries keys of old versions that must be ignored."""
    yield Variant(
        "inputs",
        text(26, 2, 40, 3, 47, 24, types=3, pad_token_id=5, position_embedding_type="absolute", use_cache=True),
        vision(0.3, 2, [(3, 32, 16, 1, 1, 1), (3, 16, 40, 2, 2, 3)], num_hidden_layers=64, dropout_rate=0.5),
        12,
        [
            Case("full", lengths=[24, 24]),
            Case("one-token", lengths=[1]),
            Case("ragged", lengths=[9, 4, 0, 14], length=18, holes=((0, 0), (3, 5), (3, 12))),
            Case("left", lengths=[6, 11, 3], left=True),
            Case("no-mask", lengths=[5, 10], mask=False),
            Case("types", lengths=[8, 12, 5], types="rows"),
            Case("shared-types", lengths=[8, 12], types="shared"),
            Case("positions", lengths=[7, 10, 3], positions="rows"),
            Case("shared-positions", lengths=[7, 10], positions="shared"),
            Case("embeds", lengths=[6, 9], embeds=True),
            Case("embeds-bare", lengths=[7, 7, 7], embeds=True, mask=False),
            Case(
                "all", lengths=[10, 2, 7], holes=((0, 4),), types="rows", positions="rows", embeds=True,
                images=(3, 25, 18),
            ),
        ],
        temperature=0.5,
    )  # fmt: skip


def all_variants():
    return [
        *size_variants(), *scale_variants(), *file_variants(), *input_variants(), *tower_variants(),
        *activation_variants(),
    ]  # fmt: skip
