"""Zero-shot accuracy and search on a held-out set."""

import json
from collections import defaultdict
from pathlib import Path

import torch
from transformers import AlignModel

from augment import on_ground
from model import Words, embed_texts, image_features
from rasters import Rasters

WHITE, BLACK = torch.ones(3, 1, 1), torch.zeros(3, 1, 1)


class HeldOut:
    """The drawings of some sets, one a name (the regular style where there is one), and the commonest names."""

    def __init__(self, cache: Path, sets: tuple[str, ...], icons: list[dict] | None = None):
        icons = icons or json.loads((cache / "icons.json").read_text())
        self.rasters = Rasters(cache)
        self.all = [icon for icon in icons if icon["set"] in sets]
        first: dict[str, dict] = {}
        for icon in self.all:
            if icon["caption"] not in first or (first[icon["caption"]]["style"] and not icon["style"]):
                first[icon["caption"]] = icon
        self.icons = [first[name] for name in sorted(first)]
        self.names = sorted(first)
        bearers = defaultdict(set)
        for icon in icons:
            if icon["role"] == "train":
                bearers[icon["caption"]].add(icon["set"])
        self.trained = {name: len(bearers[name]) for name in self.names}

    def common(self, count: int) -> list[str]:
        """The names that most training sets have."""
        return sorted(self.names, key=lambda name: (-self.trained[name], name))[:count]

    def pixels(self, icons: list[dict], ground: torch.Tensor = WHITE, ink: torch.Tensor = BLACK) -> torch.Tensor:
        """(n, 3, 48, 48), in the order of `icons`."""
        out = torch.empty(0)
        for colour in (False, True):
            rows = [i for i, icon in enumerate(icons) if icon["colour"] == colour]
            if rows:
                at = [icons[i]["at"] for i in rows]
                pixels = on_ground(self.rasters.rgba(at) if colour else self.rasters.alpha(at), ground, ink)
                out = out if len(out) else torch.empty(len(icons), *pixels.shape[1:])
                out[rows] = pixels
        return out

    @torch.no_grad()
    def embed(self, model: AlignModel, icons: list[dict] | None = None, **colours: torch.Tensor) -> torch.Tensor:
        icons = self.icons if icons is None else icons
        parts = [image_features(model, self.pixels(icons[i : i + 128], **colours)) for i in range(0, len(icons), 128)]
        return torch.nn.functional.normalize(torch.cat(parts), dim=-1)


@torch.no_grad()
def embed_names(model: AlignModel, words: Words, names: list[str], prompt: str = "{}") -> torch.Tensor:
    texts = [prompt.format(name) for name in names]
    return torch.cat([embed_texts(model, *words.batch(texts[i : i + 256])) for i in range(0, len(texts), 256)])


def top(scores: torch.Tensor, right: torch.Tensor, k: int) -> float:
    """Percent of rows whose right column is among the best k; ties count against it."""
    own = scores.gather(1, right.unsqueeze(1))
    better = (scores >= own).sum(1) - 1
    return 100 * (better < k).float().mean().item()


def zero_shot(images: torch.Tensor, texts: torch.Tensor, k: int = 1) -> float:
    """Rows of `images` and `texts` belong together."""
    return top(images @ texts.T, torch.arange(len(images)), k)


def quick(model: AlignModel, words: Words, held_out: HeldOut) -> dict[str, float]:
    """What is logged while training: top-1 among 100 and 500 names, and recall@10 of texts among all pictures."""
    images = held_out.embed(model)
    texts = embed_names(model, words, held_out.names)
    at = {name: i for i, name in enumerate(held_out.names)}
    result = {}
    for count in (100, 500):
        rows = [at[name] for name in held_out.common(count)]
        result[f"top1_{count}"] = zero_shot(images[rows], texts[rows])
    result["recall10"] = zero_shot(texts, images, 10)
    return {key: round(value, 2) for key, value in result.items()}
