"""What PyTorch makes of held_out.safetensors: writes reference.json, which `npm run evaluate` prints beside its own
figures and compares with them.

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
RANKS = (1, 5, 10)
TEMPLATES = ("{}", "a drawing of {}")


def recall(scores: torch.Tensor) -> list[int]:
    """How many rows have their own column among the best 1, 5 and 10; a tie counts for the column."""
    own = scores.diagonal().unsqueeze(1)
    better = (scores > own).sum(1)
    return [int((better < k).sum()) for k in RANKS]


torch.set_num_threads(1)
model = AlignModel.from_pretrained(MODEL, dtype=torch.float32).eval()
processor = AlignProcessor.from_pretrained(MODEL)
sets: dict[str, list[tuple[str, Image.Image]]] = {}
for path, png in load_file(HERE / "held_out.safetensors").items():
    name, picture = path.split("/", 1)
    sets.setdefault(name, []).append((picture, Image.open(io.BytesIO(png.tobytes())).convert("RGB")))

reference = {}
for name, items in sorted(sets.items()):
    items.sort(key=lambda item: item[0])
    with torch.no_grad():
        pixels = processor(images=[picture for _, picture in items], return_tensors="pt")
        images = model.get_image_features(**pixels).pooler_output
        images = images / images.norm(dim=1, keepdim=True)
        for template in TEMPLATES:
            texts = [template.replace("{}", text) for text, _ in items]
            encoded = processor(text=texts, padding=True, return_tensors="pt")
            features = model.get_text_features(**encoded).pooler_output
            scores = images @ (features / features.norm(dim=1, keepdim=True)).T
            figures = {"image_to_text": recall(scores), "text_to_image": recall(scores.T), "count": len(items)}
            reference[f"{name} | {template}"] = figures
(HERE / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")
for name, figures in reference.items():
    print(name, figures)
