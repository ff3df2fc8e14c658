"""Writes a trained model as a folder that transformers and align-wasm load, in F16, by default ../checkpoint.

    python export.py --model .cache/run/robust.pt

Fits the temperature on the validation sets (it changes no ranking, only how sure probabilities are), then loads the
folder with transformers and checks that it gives the same embeddings through the official processor.
"""

import argparse
import copy
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from transformers import AlignModel, AlignProcessor, EfficientNetImageProcessorPil

from data import attribution
from metrics import HeldOut, embed_names
from model import IMAGE_SIZE, MAX_TOKENS, POSITIONS, Words, load
from sources import VALIDATION

SIZE = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
# Pixels x / 127.5 - 1, as the original ALIGN has them; what is transparent is white (align-wasm reads `background`).
PREPROCESSOR = {
    "background": [255, 255, 255], "do_resize": True, "size": SIZE, "resample": 3, "do_center_crop": False, "crop_size": SIZE,
    "do_rescale": True, "rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False, "include_top": False,
}  # fmt: skip


def fit_temperature(model: AlignModel, words: Words, cache: Path) -> float:
    """The one with the least negative log-likelihood among the 500 commonest names of the validation sets."""
    held_out = HeldOut(cache, VALIDATION)
    names = held_out.common(500)
    by_name = {icon["caption"]: icon for icon in held_out.icons}
    scores = held_out.embed(model, [by_name[name] for name in names]) @ embed_names(model, words, names).T
    right = torch.arange(len(names))
    return min((float(t) for t in np.linspace(0.02, 0.15, 53)), key=lambda t: F.cross_entropy(scores / t, right).item())


def practised_positions(model: AlignModel, words: Words) -> None:
    """Positions beyond what training saw are zeros, not the noise that they began with."""
    with torch.no_grad():
        model.text_model.embeddings.position_embeddings.weight[MAX_TOKENS:] = 0


def write(model: AlignModel, words: Words, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(model).half().save_pretrained(out)
    image_processor = EfficientNetImageProcessorPil(**{k: v for k, v in PREPROCESSOR.items() if k != "background"})
    AlignProcessor(image_processor, words.tokenizer).save_pretrained(out)
    image_processor.save_pretrained(out)
    for name in ("preprocessor_config.json", "processor_config.json"):
        file = out / name
        if file.exists():
            settings = json.loads(file.read_text())
            settings.get("image_processor", settings)["background"] = PREPROCESSOR["background"]
            file.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    pieces = sorted(words.vocabulary, key=words.vocabulary.get)
    (out / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces))


def check(model: AlignModel, words: Words, cache: Path, out: Path) -> float:
    """The greatest difference between this model's embeddings and those of the folder, loaded with transformers and fed
    through the official processor as it is by default (texts padded to 64)."""
    held_out = HeldOut(cache, VALIDATION)
    icons, names = held_out.icons[:16], held_out.names[:16]
    loaded = AlignModel.from_pretrained(out, dtype=torch.float32).eval()
    processor = AlignProcessor.from_pretrained(out)
    alpha = 1 - torch.stack([held_out.rasters.alpha([icon["at"]])[0, 0] for icon in icons])
    pictures = [Image.fromarray((a.numpy() * 255).round().astype(np.uint8)).convert("RGB") for a in alpha]
    inputs = processor(images=pictures, text=names, return_tensors="pt")
    assert inputs["input_ids"].shape[1] == POSITIONS, inputs["input_ids"].shape
    with torch.no_grad():
        given = loaded(**inputs)
    images = (F.normalize(given.image_embeds, dim=-1) - held_out.embed(model, icons)).abs().max()
    texts = (F.normalize(given.text_embeds, dim=-1) - embed_names(model, words, names)).abs().max()
    print(f"transformers and this agree within {images.item():.1e} on pictures, {texts.item():.1e} on texts")
    return max(images.item(), texts.item())


def main() -> None:
    here = Path(__file__).parent
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", type=Path, default=here / ".cache/run/robust.pt")
    options.add_argument("--cache", type=Path, default=here / ".cache")
    options.add_argument("--out", type=Path, default=here.parent / "checkpoint")
    args = options.parse_args()
    torch.set_num_threads(1)
    words = Words(args.cache)
    model = load(args.model, len(words.vocabulary))
    practised_positions(model, words)
    temperature = fit_temperature(model, words, args.cache)
    model.temperature.data.fill_(temperature)
    model.config.temperature_init_value = temperature
    write(model, words, args.out)
    (args.out / "ATTRIBUTION.md").write_text(attribution(json.loads((here / "licences.json").read_text())))
    print(f"{sum(p.numel() for p in model.parameters())} parameters, temperature {temperature:.4f}")
    if check(model, words, args.cache, args.out) > 0.02:
        raise SystemExit("the exported folder gives other embeddings")


if __name__ == "__main__":
    main()
