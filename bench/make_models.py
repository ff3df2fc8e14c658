"""Writes what `npm run bench` measures onnxruntime with, into bench/.models/ (about 1.6 GB, not committed):

    pip install -r test/golden/requirements.txt onnx onnxruntime
    python bench/make_models.py

vision.onnx, text.onnx   the towers in the full align-base shape, with the counter weights that the goldens use
vision_65.onnx           the vision tower for a picture of 65 × 65, which a software GPU computes in seconds
text_64.onnx             the text tower for 64 texts at once
text_int8.onnx           8-bit weights and dynamic activations, by onnxruntime.quantization.quantize_dynamic
ops/*.onnx               every distinct op of the towers as a model of its own, named as bench/ops.mjs names ours

Made by torch.onnx.export, legacy exporter, opset 17, static shapes: the form that onnxruntime optimises best. What is
there already is kept.
"""

import sys
import warnings
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn
from transformers import AlignConfig, AlignModel

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "test/golden"))
import counter  # noqa: E402

OUT = ROOT / "bench/.models"
SIDE, SMALL_SIDE, TOKENS, HEADS = 289, 65, 64, 12


class Vision(nn.Module):
    """[1, 3, side, side] -> [1, 640]"""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model.get_image_features(pixel_values=pixel_values).pooler_output


class Text(nn.Module):
    """three times [1, tokens] -> [1, 640]"""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *inputs):
        return self.model.get_text_features(*inputs).pooler_output


class Attention(nn.Module):
    """[1, tokens, 3 · heads · d] -> softmax(q · kᵀ / √d) · v as [1, tokens, heads · d]"""

    def forward(self, qkv):
        q, k, v = qkv.view(1, TOKENS, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)
        return (weights @ v).transpose(1, 2).reshape(1, TOKENS, -1)


class Mean(nn.Module):
    def forward(self, x):
        return x.mean((2, 3), keepdim=True)


class Gate(nn.Module):
    """x times one gate a channel (the gates made from x itself, which costs next to nothing)."""

    def forward(self, x):
        return x * x[:, :, :1, :1]


def op_of(path, module, x):
    """(name, the layer with the padding before and the activation after it) for a layer that got input x."""
    if isinstance(module, nn.Linear):
        act = [nn.GELU()] if "intermediate" in path else []
        return f"gemm_{x.shape[:-1].numel()}_{module.in_features}_{module.out_features}", nn.Sequential(module, *act)
    kernel, stride, side = module.kernel_size[0], module.stride[0], x.shape[-1]
    if module.groups > 1 or kernel > 1:
        pad = (kernel // 2 - 1, kernel // 2) * 2 if stride == 2 else (0, 0) * 2
        name = f"depthwise_{side - sum(pad[:2])}_{module.out_channels}_{kernel}_{stride}"
        if module.groups == 1:
            name = f"conv2d_{side - sum(pad[:2])}_{module.out_channels}_{kernel}_{stride}"
        return name, nn.Sequential(nn.ZeroPad2d(pad), module, nn.SiLU())
    act = [nn.SiLU()] if "expand_conv" in path or "reduce" in path else []
    return f"gemm_{side * side}_{module.in_channels}_{module.out_channels}", nn.Sequential(module, *act)


def ops_of(model, inputs):
    """{name: (module, input)} for every distinct layer that runs, and the few ops that are not layers."""
    ops, hooks = {}, []
    for path, module in model.named_modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):

            def see(module, arguments, _, path=path):
                name, op = op_of(path, module, arguments[0])
                pad = op[0].padding if isinstance(op[0], nn.ZeroPad2d) else (0, 0)
                side = arguments[0].shape[-1] - sum(pad[:2])
                shape = arguments[0].shape if arguments[0].dim() < 4 else (*arguments[0].shape[:2], side, side)
                ops[name] = (op, torch.rand(shape))
                if "depthwise" in name:
                    out = torch.rand(1, module.out_channels, side // module.stride[0], side // module.stride[0])
                    ops[f"pool_{out.shape[-1]}_{module.out_channels}"] = (Mean(), out)
                    ops[f"scale_{out.shape[-1]}_{module.out_channels}"] = (Gate(), out)

            hooks.append(module.register_forward_hook(see))
    model(**inputs)
    for hook in hooks:
        hook.remove()
    width = model.config.text_config.hidden_size
    rows = torch.rand(1, TOKENS, width)
    ops[f"gemm_{TOKENS}_{width}_{3 * width}"] = (nn.Linear(width, 3 * width), rows)
    ops[f"attention_{TOKENS}_{HEADS}_{width // HEADS}"] = (Attention(), torch.rand(1, TOKENS, 3 * width))
    for count in (TOKENS, 1):  # one row: [CLS] alone after the last layer's attention
        ops[f"layernorm_{count}_{width}"] = (nn.LayerNorm(width), rows[:, :count])
    up, down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
    ops[f"gemm_1_{width}_{4 * width}"] = (nn.Sequential(up, nn.GELU()), rows[:, :1])
    ops[f"gemm_1_{4 * width}_{width}"] = (down, torch.rand(1, 1, 4 * width))
    last = model.config.projection_dim
    ops[f"pool_9_{last}"] = (Mean(), torch.rand(1, last, 9, 9))
    ops["silu_5184_288"] = (nn.SiLU(), torch.rand(1, 288, 72, 72))
    ops[f"gelu_{TOKENS}_{4 * width}"] = (nn.GELU(), torch.rand(1, TOKENS, 4 * width))
    return ops


def export(module, inputs, names, path):
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(module.eval(), inputs, path, input_names=names, opset_version=17, dynamo=False)


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    model = AlignModel(AlignConfig()).eval()
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.from_numpy(counter.fill(name, tuple(tensor.shape))))
    pixels, ids = torch.zeros(1, 3, SIDE, SIDE), torch.ones(1, TOKENS, dtype=torch.int64)
    export(Vision(model), (pixels,), ["pixel_values"], OUT / "vision.onnx")
    small = torch.zeros(1, 3, SMALL_SIDE, SMALL_SIDE)
    export(Vision(model), (small,), ["pixel_values"], OUT / f"vision_{SMALL_SIDE}.onnx")
    for name, count in (("text", 1), ("text_64", 64)):
        texts = ids.expand(count, TOKENS).contiguous()
        names = ["input_ids", "attention_mask", "token_type_ids"]
        export(Text(model), (texts, texts, texts * 0), names, OUT / f"{name}.onnx")
    if not (OUT / "text_int8.onnx").exists():
        quantize_dynamic(OUT / "text.onnx", OUT / "text_int8.onnx", weight_type=QuantType.QInt8)
    ops = ops_of(model, {"pixel_values": pixels, "input_ids": ids})
    for name, (module, x) in ops.items():
        export(module, (x,), ["x"], OUT / "ops" / f"{name}.onnx")
    print(f"the towers and {len(ops)} ops in {OUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
