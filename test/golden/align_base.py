"""The full align-base shape, 172,117,841 parameters made by counter.py, so that only its outputs are stored.

Writes align-base/config.json and tensors.json (name and shape of each tensor of the checkpoint) and the vectors that
test/golden/counter.test.ts compares with the TypeScript generator.
"""

import json

import numpy as np
import torch
from transformers import AlignConfig, AlignModel

import counter
from reference import CONDITIONING, check, rounding, run
from variants import Case

SEED = 7
IMAGES = (2, 3, 289, 289)
LENGTHS = (64, 9, 27)
HOLE = (2, 11)
STORED = (
    "logits_per_image", "logits_per_text", "text_embeds", "image_embeds", "text_features", "image_features",
    "text_model_output.pooler_output",
)  # fmt: skip
SAMPLED = (
    "temperature",
    "text_projection.weight",
    "text_model.embeddings.word_embeddings.weight",
    "text_model.encoder.layer.11.attention.self.query.weight",
    "text_model.encoder.layer.0.output.LayerNorm.weight",
    "vision_model.embeddings.convolution.weight",
    "vision_model.encoder.blocks.28.projection.project_conv.weight",
    "vision_model.encoder.blocks.29.projection.project_conv.weight",
    "vision_model.encoder.blocks.54.depthwise_conv.depthwise_norm.running_var",
)


def make(folder):
    """The tensors of reference.safetensors, and its metadata: cases and what the reader has to generate."""
    model = AlignModel(AlignConfig(attn_implementation="eager")).eval()
    model.config.save_pretrained(folder)
    state = model.state_dict()
    for name, tensor in state.items():
        if tensor.is_floating_point():
            tensor.copy_(torch.from_numpy(counter.fill(name, tuple(tensor.shape))))
    pixels = "base.input.pixel_values"
    inputs = {**texts(), "pixel_values": torch.from_numpy(counter.smooth_images(pixels, IMAGES))}
    write_json(folder / "tensors.json", {name: list(tensor.shape) for name, tensor in state.items()})
    write_json(folder / "samples.json", samples(state, inputs["pixel_values"]))

    outputs = run(model, inputs, taps=False)
    outputs = {name: outputs[name] for name in STORED}
    check("align-base", Case("base"), outputs)
    worst, name = rounding(model.double(), inputs, outputs)
    print(f"{'align-base':22} {len(state)} tensors, float32 against float64 {worst:.1e} ({name})")
    if worst > CONDITIONING:
        raise SystemExit("align-base: change align-base/rules.json")
    tensors = {f"base.input.{name}": inputs[name] for name in inputs if name != "pixel_values"}
    tensors.update({f"base.output.{name}": value for name, value in outputs.items()})
    return tensors, {"cases": ["base"], "generated": {pixels: IMAGES}}


def texts():
    """Three ragged rows of 64: [CLS] words [SEP] padding; one has a hole in its mask."""
    rng = np.random.default_rng(SEED)
    ids = rng.integers(1000, 30522, (len(LENGTHS), max(LENGTHS)))
    mask = np.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        ids[row, 0], ids[row, length - 1], ids[row, length:] = 101, 102, 0
        mask[row, :length] = 1
    mask[HOLE] = 0
    return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}


def samples(state, pixels):
    """{name: [[index, float32 bits], …]}: first, last and some elements between of tensors under various rules."""
    rng = np.random.default_rng(SEED)
    found = {}
    for name, tensor in [*((name, state[name]) for name in SAMPLED), ("base.input.pixel_values", pixels)]:
        bits = tensor.flatten().numpy().view(np.uint32)
        places = np.unique(np.concatenate([[0, len(bits) - 1], rng.integers(0, len(bits), 6)]))
        found[name] = [[int(i), int(bits[i])] for i in places]
    return found


def write_json(path, table):
    """One entry a line: small, and readable in a diff."""
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in table.items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
