"""What PyTorch makes of held_out.safetensors with ../checkpoint, the weights before they are rounded to 8 bits: writes
reference.json, which `npm run evaluate` prints beside its own figures.

    pip install -r ../../test/golden/requirements.txt
    python evaluate.py
"""

import io
import json
import pathlib

import torch
from PIL import Image
from safetensors.numpy import load_file
from transformers import AlignModel, AlignProcessor

HERE = pathlib.Path(__file__).parent
MODEL = HERE.parent / "checkpoint"
PROMPTS = ("{}", "a drawing of a {}")


def hits(scores: torch.Tensor, right: list[int], ranks: tuple[int, int]) -> list[int]:
    """How many rows have their right column among the best; a tie counts for it."""
    better = (scores > scores[range(len(right)), right].unsqueeze(1)).sum(1)
    return [int((better < k).sum()) for k in ranks]


def unit(features: torch.Tensor) -> torch.Tensor:
    return features / features.norm(dim=1, keepdim=True)


torch.set_num_threads(1)
model = AlignModel.from_pretrained(MODEL, dtype=torch.float32).eval()
processor = AlignProcessor.from_pretrained(MODEL)
pngs = load_file(HERE / "held_out.safetensors")
reference = {}
for name, common in json.loads((HERE / "names.json").read_text()).items():
    names = [caption for caption, _ in common]
    drawn = [i for i, caption in enumerate(names) if f"{name}/{caption}" in pngs]
    pictures = [Image.open(io.BytesIO(pngs[f"{name}/{names[i]}"].tobytes())).convert("RGB") for i in drawn]
    with torch.no_grad():
        images = unit(model.get_image_features(**processor(images=pictures, return_tensors="pt")).pooler_output)
        for prompt in PROMPTS:
            encoded = processor(text=[prompt.replace("{}", text) for text in names], padding=True, return_tensors="pt")
            texts = unit(model.get_text_features(**encoded).pooler_output)
            first, each = [i for i in drawn if i < 100], list(range(len(drawn)))
            reference[f"{name} | {prompt}"] = {
                "pictures": len(drawn),
                "top 100": hits(images[: len(first)] @ texts[:100].T, first, (1, 5)),
                "top 500": hits(images @ texts.T, drawn, (1, 5)),
                "picture to text": hits(images @ texts[drawn].T, each, (1, 10)),
                "text to picture": hits(texts[drawn] @ images.T, each, (1, 10)),
            }
(HERE / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")
for name, figures in reference.items():
    print(name, figures)
