"""Accuracy on whole held-out sets, with chance and the pixel nearest neighbour beside it; writes JSON.

    python evaluate.py --model FOLDER_OR_EMA               (lucide and lucide-lab: for making choices)
    python evaluate.py --model FOLDER_OR_EMA --test        (the test sets: to be read once, at the end)

Zero-shot: each picture among the N names that most training sets have. Search: each name among all pictures of the
set. One picture a name. All figures are percent.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from transformers import AlignModel

from baseline import PixelNeighbour, novel
from everyday import ANIMALS, NOUNS, find
from keywords import synonym_tags
from metrics import HeldOut, embed_names, top, zero_shot
from model import Words, load
from prompts import TEST as TEST_PROMPTS
from prompts import VALIDATION as VALIDATION_PROMPTS
from sources import TEST, VALIDATION

GROUNDS = {
    "white on black": ((0, 0, 0), (1, 1, 1)),
    "white on blue": ((0.1, 0.35, 0.8), (1, 1, 1)),
    "navy on yellow": ((1, 0.85, 0.3), (0.05, 0.05, 0.3)),
    "light grey on slate": ((0.2, 0.23, 0.27), (0.85, 0.85, 0.85)),
}


def rounded(value):
    """Two decimals are more than the sets can tell."""
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    return round(float(value), 2) if isinstance(value, float) else value


def colour(value: tuple) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float32).view(3, 1, 1)


class Evaluation:
    def __init__(
        self, model: AlignModel, words: Words, held_out: HeldOut, training: list[dict], prompts: tuple[str, ...]
    ):
        self.model, self.words, self.held_out, self.training, self.prompts = model, words, held_out, training, prompts
        self.at = {name: i for i, name in enumerate(held_out.names)}
        self.images = held_out.embed(model)
        self.texts = self.embed(held_out.names)

    def embed(self, names: list[str], prompt: str = "{}") -> torch.Tensor:
        return embed_names(self.model, self.words, names, prompt)

    def zero_shot(self, count: int, novel_rows: torch.Tensor) -> dict:
        names = self.held_out.common(count)
        rows = torch.tensor([self.at[name] for name in names])
        images, texts, right = self.images[rows], self.texts[rows], torch.arange(len(rows))
        result = {
            "names": len(names), "chance": 100 / len(names),
            "top1": zero_shot(images, texts), "top5": zero_shot(images, texts, 5),
            "pixel neighbour top1": PixelNeighbour(self.training).top1(self.held_out, names),
            "prompts top1": {p: zero_shot(images, self.embed(names, p)) for p in self.prompts},
            "grounds top1": {},
        }  # fmt: skip
        icons = [self.held_out.icons[i] for i in rows]
        for name, (ground, ink) in GROUNDS.items():
            on_ground = self.held_out.embed(self.model, icons, ground=colour(ground), ink=colour(ink))
            result["grounds top1"][name] = zero_shot(on_ground, texts)
        fresh = novel_rows[rows]
        scores = images @ texts.T
        result["without near-duplicates"] = {"pictures": int(fresh.sum()), "top1": top(scores[fresh], right[fresh], 1)}
        return result

    def search(self, novel_rows: torch.Tensor) -> dict:
        n = len(self.images)
        seen = torch.tensor([self.held_out.trained[name] > 0 for name in self.held_out.names])
        scores, right = self.texts @ self.images.T, torch.arange(n)
        result = {"pictures": n, "chance@1": 100 / n, "chance@10": 1000 / n}
        for k in (1, 10):
            result[f"text to picture@{k}"] = top(scores, right, k)
            result[f"picture to text@{k}"] = top(scores.T, right, k)
        for label, rows in (
            ("name seen in training", seen),
            ("name not seen", ~seen),
            ("without near-duplicates", novel_rows),
        ):
            result[label] = {
                "names": int(rows.sum()),
                "text to picture@10": top(scores[rows], right[rows], 10) if rows.any() else None,
            }
        return result

    def things(self, things: dict) -> dict:
        """Which of all the things a picture shows."""
        present = find(things, self.held_out.names)
        labels = list(things)
        scores = self.images[[self.at[name] for _, name in present]] @ self.embed(labels).T
        right = torch.tensor([labels.index(thing) for thing, _ in present])
        wrong = [f"{t} as {labels[row.argmax()]}" for (t, _), row in zip(present, scores) if labels[row.argmax()] != t]
        return {
            "pictures": len(present),
            "labels": len(labels),
            "top1": top(scores, right, 1),
            "top5": top(scores, right, 5),
            "wrong": wrong,
        }

    def styles(self, count: int = 100) -> dict:
        """Top-1 among 100 names in every style that has 20 of them."""
        names = self.held_out.common(count)
        column = {name: i for i, name in enumerate(names)}
        texts, result = self.texts[[self.at[name] for name in names]], {}
        for style in sorted({icon["style"] for icon in self.held_out.all}):
            icons = [icon for icon in self.held_out.all if icon["style"] == style and icon["caption"] in column]
            if len(icons) >= 20:
                right = torch.tensor([column[icon["caption"]] for icon in icons])
                images = self.held_out.embed(self.model, icons)
                result[style or "regular"] = {"pictures": len(icons), "top1": top(images @ texts.T, right, 1)}
        return result

    def synonyms(self, tags: dict[str, list[str]]) -> dict:
        """Tags that share no word with the icon's name and belong to at most 30 icons: is one of them found?"""
        bearers: dict[str, set[int]] = {}
        for i, icon in enumerate(self.held_out.icons):
            for tag in tags.get(icon["name"], ()):
                if len(tag) > 2 and tag != "new" and not set(tag.split()) & set(icon["caption"].split()):
                    bearers.setdefault(tag, set()).add(i)
        queries = {tag: rows for tag, rows in sorted(bearers.items()) if len(rows) <= 30}
        best = (self.embed(list(queries)) @ self.images.T).topk(10, 1).indices.tolist()
        n = len(self.images)
        return {
            "queries": len(queries),
            "hit@1": 100 * np.mean([row[0] in rows for row, rows in zip(best, queries.values())]),
            "hit@10": 100 * np.mean([bool(set(row) & rows) for row, rows in zip(best, queries.values())]),
            "chance@10": 100 * np.mean([1 - (1 - len(rows) / n) ** 10 for rows in queries.values()]),
        }


def main() -> None:
    here = Path(__file__).parent
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", type=Path, required=True)
    options.add_argument("--cache", type=Path, default=here / ".cache")
    options.add_argument(
        "--packages", type=Path, default=here / "node_modules", help="for Tabler's and Phosphor's tags"
    )
    options.add_argument("--test", action="store_true")
    options.add_argument("--out", type=Path, help="where the JSON goes; else it is printed")
    args = options.parse_args()
    torch.set_num_threads(1)
    words = Words(args.cache)
    model = load(args.model, len(words.vocabulary))
    icons = json.loads((args.cache / "icons.json").read_text())
    training = [icon for icon in icons if icon["role"] == "train"]
    tags = synonym_tags(args.packages) if args.test else {}
    prompts = TEST_PROMPTS if args.test else VALIDATION_PROMPTS
    results = {}
    for sets in [(name,) for name in TEST] if args.test else [VALIDATION]:
        evaluation = Evaluation(model, words, HeldOut(args.cache, sets, icons), training, prompts)
        fresh = novel(evaluation.held_out, training)
        results[" + ".join(sets)] = {
            "zero-shot 100": evaluation.zero_shot(100, fresh),
            "zero-shot 500": evaluation.zero_shot(500, fresh),
            "search": evaluation.search(fresh),
            "everyday nouns": evaluation.things(NOUNS),
            "animals": evaluation.things(ANIMALS),
            "styles": evaluation.styles(),
            **({"synonyms": evaluation.synonyms(tags[sets[0]])} if sets[0] in tags else {}),
        }
    text = json.dumps(rounded(results), indent=1)
    if args.out:
        args.out.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
