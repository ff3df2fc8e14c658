"""Makes zero_shot.json: what transformers answers for the example pictures with the embedded model.

    pip install -r ../golden/requirements.txt
    python zero_shot.py && npm run format
"""

import json
from pathlib import Path

import torch
from PIL import Image
from transformers import AlignModel, AlignProcessor
from transformers.pipelines import ZeroShotImageClassificationPipeline

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LABELS = ["bicycle", "fish", "dog", "pizza", "a sailing boat", "Regenschirm"]
TEMPLATES = ["{}", "This is a photo of {}"]
PICTURES = ["bicycle", "fish", "pizza", "sailboat"]


def main():
    folder = ROOT / "weights/checkpoint"
    model = AlignModel.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AlignProcessor.from_pretrained(folder)
    classify = ZeroShotImageClassificationPipeline(
        model=model, tokenizer=processor.tokenizer, image_processor=processor.image_processor
    )
    images = {name: opaque(Image.open(ROOT / f"examples/pictures/{name}.png")) for name in PICTURES}
    scores = {
        template: {
            name: classify(image, candidate_labels=LABELS, hypothesis_template=template) for name, image in images.items()
        }
        for template in TEMPLATES
    }
    with torch.no_grad():
        pixels = processor.image_processor(images=list(images.values()), return_tensors="pt")
        words = processor.tokenizer(LABELS, padding=True, return_tensors="pt")
        features = {
            "image": digits(model.get_image_features(**pixels).pooler_output),
            "text": digits(model.get_text_features(**words).pooler_output),
        }
    result = {"labels": LABELS, "pictures": PICTURES, "scores": scores, "features": features}
    (HERE / "zero_shot.json").write_text(json.dumps(result, indent=None, separators=(",", ":")) + "\n")


def digits(rows):
    """Rows of numbers with the nine digits that tell float32 values apart."""
    return [[float(f"{value:.9g}") for value in row] for row in rows.tolist()]


def opaque(image):
    """The picture as RGB; the ones used here have no transparent pixel that a ground would show through."""
    if image.getchannel("A").getextrema() != (255, 255):
        raise SystemExit(f"{image.filename} has transparent pixels")
    return image.convert("RGB")


if __name__ == "__main__":
    main()
