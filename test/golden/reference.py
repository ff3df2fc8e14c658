"""Runs a model on a case with transformers and collects inputs, outputs and taps under the names of README.md."""

from unittest.mock import patch

import numpy as np
import torch
from transformers.models.align import modeling_align

from build import smooth_images
from variants import Case, Variant

# Outputs that need a case of both towers, as AlignModel.forward does.
JOINT = ("loss", "logits_per_image", "logits_per_text", "text_embeds", "image_embeds")
# Rounding in float32 may move an output by this share of its largest value, against the same model in float64. A golden
# that is worse conditioned would measure luck.
CONDITIONING = 8e-6


def make_inputs(case: Case, variant: Variant, rng):
    """The case's input tensors by name."""
    inputs = {}
    rows, length = len(case.lengths), case.length or max(case.lengths, default=0)
    if rows:
        config = variant.text
        real = np.arange(length) < np.array(case.lengths)[:, None]
        real = real[:, ::-1] if case.left else real
        mask = real.copy()
        for row, column in case.holes:
            mask[row, column] = False
        if case.embeds:
            inputs["inputs_embeds"] = rng.normal(0, 0.6, (rows, length, config["hidden_size"])).astype(np.float32)
        else:
            ids = rng.integers(1, config["vocab_size"], (rows, length))
            inputs["input_ids"] = np.where(real, ids, config.get("pad_token_id", 0))
        if case.mask:
            inputs["attention_mask"] = mask.astype(np.int64)
        if case.types:
            inputs["token_type_ids"] = rng.integers(
                0, config["type_vocab_size"], (rows if case.types == "rows" else 1, length)
            )
        if case.positions == "rows":
            inputs["position_ids"] = rng.integers(0, config["max_position_embeddings"], (rows, length))
        elif case.positions == "shared":
            order = rng.permutation(config["max_position_embeddings"])[None, :length]
            inputs["position_ids"] = order.astype(np.int32)
    if case.images:
        count, height, width = case.images
        pixels = smooth_images(rng, count, variant.vision.get("num_channels", 3), height, width)
        if case.nan:
            pixels[-1, 0, height // 2, width // 2] = float("nan")
        inputs["pixel_values"] = pixels.numpy()
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in inputs.items()}


@torch.no_grad()
def run(model, inputs, taps=True):
    """Every output of `model` (a full model or a tower) for `inputs`, by name."""
    outputs = {}
    pixels = {k: v for k, v in inputs.items() if k == "pixel_values"}
    words = {k: v for k, v in inputs.items() if k != "pixel_values"}
    flags = {"output_hidden_states": taps, "output_attentions": taps}
    full = hasattr(model, "text_model")
    if full and pixels and words:
        square = len(pixels["pixel_values"]) == max(len(v) for v in words.values())
        both = model(**inputs, return_loss=square, **flags)
        outputs.update({name: both[name] for name in JOINT if both.get(name) is not None})
        collect(outputs, "text_model_output", both.text_model_output)
        collect(outputs, "vision_model_output", both.vision_model_output)
    elif words:
        collect(outputs, "text_model_output", (model.text_model if full else model)(**words, **flags))
    else:
        collect(outputs, "vision_model_output", (model.vision_model if full else model)(**pixels, **flags))
    if full and words:
        outputs["text_features"] = model.get_text_features(**words).pooler_output
    if full and pixels:
        outputs["image_features"] = model.get_image_features(**pixels).pooler_output
    return {name: value.contiguous().clone() for name, value in outputs.items()}


def collect(outputs, prefix, tower):
    """Adds one tower's outputs and taps."""
    for name, value in tower.items():
        if isinstance(value, tuple):
            outputs.update({f"{prefix}.{name}.{i}": tap for i, tap in enumerate(value)})
        else:
            outputs[f"{prefix}.{name}"] = value


def reference(model, variant: Variant, rng):
    """All cases of a variant as tensors of reference.safetensors, checked."""
    tensors, results = {}, []
    for case in variant.cases:
        inputs = make_inputs(case, variant, rng)
        outputs = run(model, inputs)
        check(variant.name, case, outputs)
        tensors.update({f"{case.name}.input.{name}": value for name, value in inputs.items()})
        tensors.update({f"{case.name}.output.{name}": value for name, value in outputs.items()})
        results.append((inputs, outputs))
    model.double()  # last: from here on the model is not the reference
    worst, name = max(rounding(model, *result) for result in results)
    if worst > CONDITIONING:
        raise SystemExit(f"{variant.name}: {name} in float32 is {worst:.1e} from float64, choose other weights")
    return tensors, worst


def rounding(model, inputs, outputs):
    """(error, name) of the output that float32 moved most, against the model in float64, softmax included."""
    inputs = {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()}
    with patch.object(modeling_align, "eager_attention_forward", attention_in_float64):
        exact = run(model, inputs)
    return max((relative_error(value, exact[name]), name) for name, value in outputs.items())


def attention_in_float64(module, query, key, value, attention_mask, scaling, **_):
    """modeling_align.eager_attention_forward, which leaves float64 for its softmax and makes an empty row NaN there."""
    scores = query @ key.transpose(2, 3) * scaling
    weights = torch.softmax(scores if attention_mask is None else scores + attention_mask, -1)
    return (weights @ value).transpose(1, 2).contiguous(), weights


def relative_error(actual, expected):
    """Largest |difference| / largest |expected|; NaN must meet NaN."""
    if not torch.equal(actual.isnan(), expected.isnan()):
        return float("inf")
    scale = expected.nan_to_num().abs().max().item()
    return ((actual.double() - expected.double()).nan_to_num().abs().max() / (scale or 1)).item()


def check(variant, case, outputs):
    """Refuses outputs that would prove nothing: not finite, constant, out of range, equal for different inputs."""
    for name, value in outputs.items():
        where = f"{variant}/{case.name}: {name}"
        if case.nan:
            vision = name.startswith(("vision", "image"))
            if vision and (len(value) > 1 and (not value[0].isfinite().all() or not value[-1].isnan().any())):
                raise SystemExit(f"{where} should be NaN for the last image only")
            continue
        if not value.isfinite().all():
            raise SystemExit(f"{where} is not finite")
        if value.numel() > 1 and "attentions" not in name and not 0.003 < value.std().item() < 30:
            raise SystemExit(f"{where} has standard deviation {value.std().item():.2g}")
    for name in ("text_features", "image_features"):
        value = outputs.get(name)
        if value is not None and len(value) > 1 and not case.nan:
            unit = torch.nn.functional.normalize(value)
            nearest = (unit @ unit.T - 2 * torch.eye(len(unit))).max().item()
            if nearest > 0.998:
                raise SystemExit(f"{variant}/{case.name}: two rows of {name} have cosine {nearest:.4f}")
