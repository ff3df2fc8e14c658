"""Builds one variant's model: random weights with live batch-norm statistics, written as transformers writes it."""

import numpy as np
import torch
from torch import nn
from transformers import AlignConfig, AlignModel, AlignTextConfig, AlignTextModel, AlignVisionConfig, AlignVisionModel

from variants import Variant

MODELS = {"": AlignModel, "text": AlignTextModel, "vision": AlignVisionModel}

SHARED = 0.5  # part of a channel's variance that is the layer's
BRANCH = 0.25  # scale of residual branches


def smooth_images(rng, count, channels, height, width):
    """[count, channels, height, width], mostly in -1 … 1: waves and a little noise, every image as lively as another."""
    y = np.linspace(0, 1, height)[:, None]
    x = np.linspace(0, 1, width)[None, :]
    images = rng.normal(0, 0.15, (count, channels, height, width))
    for image in images:
        for _ in range(3):
            fy, fx, phase = rng.uniform(-3, 3), rng.uniform(-3, 3), rng.uniform(0, 6.28)
            image += rng.normal(0, 0.5, (channels, 1, 1)) * np.sin(6.28 * (fy * y + fx * x) + phase)
        image *= 0.4 / image.std()
        image += rng.uniform(-0.3, 0.3, (channels, 1, 1))
    return torch.from_numpy(images.astype(np.float32))


def build(variant: Variant, seed: int):
    """The variant's model in float32 and eval mode, before it is stored."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    if variant.tower == "text":
        config = AlignTextConfig(**variant.text)
    elif variant.tower == "vision":
        config = AlignVisionConfig(**variant.vision)
    else:
        config = AlignConfig(
            text_config=variant.text, vision_config=variant.vision, projection_dim=variant.projection_dim
        )
    model = MODELS[variant.tower](config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(initial(name, parameter, variant, rng))
        tower = model if variant.tower == "vision" else getattr(model, "vision_model", None)
        if tower is not None:
            image = next((c.images for c in variant.cases if c.images), None)
            calibrate(tower, smooth_images(rng, 64, tower.config.num_channels, *image[1:]), rng)
    return model


def initial(name, parameter, variant, rng):
    """Weights that keep activations of order 1, biases and scales that matter. The stored temperature is not the
    config's `temperature_init_value`, and the padding row of the word embeddings is not zero."""
    shape = tuple(parameter.shape)
    if name == "temperature":
        values = np.array(variant.temperature)
    elif name.endswith("bias"):
        values = rng.normal(0, 0.2, shape)
    elif "embeddings" in name and len(shape) == 2:
        values = rng.normal(0, 1.0 if "word" in name else 0.4, shape)
    elif len(shape) >= 2:
        gain = 1.8 if "query" in name or "key" in name else 1.2  # attention that chooses
        gain = variant.ffn_gain if "intermediate" in name else gain
        values = rng.normal(0, gain / np.sqrt(np.prod(shape[1:])), shape)
    else:  # the scale of a LayerNorm or batch norm
        values = rng.uniform(0.6, 1.4, shape)
    return torch.from_numpy(values.astype(np.float32))


def calibrate(tower, images, rng):
    """Sets each batch norm's statistics, in order of execution, to what it sees of `images`, then moves them a little
    so that no channel is neutral. A channel that hardly varies gets part of the others' variance: dividing by its own
    would magnify its rounding errors, layer by layer, until the goldens measure nothing else.

    What is measured is rounded to bfloat16: its last bits depend on the machine, the goldens should not."""

    def measure(norm, args):
        (x,) = args
        x = x.transpose(0, 1).flatten(1)  # [channels, everything else]
        mean = x.mean(1)
        var = 1.57 * (x - mean[:, None]).abs().mean(1) ** 2  # of a Gaussian; outliers, as relu2 makes, count less
        mean, var = (s.bfloat16().float().numpy() for s in (mean, var))
        var = (1 - SHARED) * var + SHARED * var.mean()
        mean = mean + rng.uniform(-0.3, 0.3, mean.shape) * np.sqrt(var)
        norm.running_mean.copy_(torch.from_numpy(mean))
        norm.running_var.copy_(torch.from_numpy(var * rng.uniform(0.7, 1.4, var.shape)))

    for block in tower.encoder.blocks:
        if block.projection.apply_dropout:  # has a residual; full branches make deep random networks chaotic
            block.projection.project_bn.weight.mul_(BRANCH)
    hooks = [m.register_forward_pre_hook(measure) for m in tower.modules() if isinstance(m, nn.BatchNorm2d)]
    tower(images)
    for hook in hooks:
        hook.remove()


def store(model, variant: Variant, folder):
    """Writes config.json and model.safetensors (or shards) and reads them back, in float32, as the reference does."""
    if variant.dtype != "float32":
        model = model.to(getattr(torch, variant.dtype))
    shards = {} if variant.shard_size is None else {"max_shard_size": variant.shard_size}
    model.save_pretrained(folder, **shards)
    return MODELS[variant.tower].from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
