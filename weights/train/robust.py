"""Teaches a trained model that a sentence around a caption means the caption, whatever its words.

    python robust.py      (.cache/run/ema.pt, of train.py, -> .cache/run/robust.pt, for evaluate.py and export.py)

The picture tower stays as it is. What the text tower made of a plain text before this stays its embedding, and becomes
the embedding of every sentence around it: plain texts, captions, keywords and words put together at random, are held
where they were, and sentences of grammar.py are drawn to them. Texts follow from (seed, step), so that the same
command gives the same weights; it is short, and starts anew after a kill.
"""

import argparse
import copy
import json
import math
from pathlib import Path

import numpy as np
import torch
from torch import nn

from grammar import Grammar, made_up
from model import Words, embed_texts, load
from train import keep_memory, save

WARM_UP = 100  # steps
SENTENCES = 2  # around each text of half a batch
HELD = 8.0  # weight of plain texts beside sentences


class Texts:
    """Plain texts: names as they are common, keywords, and words that nobody put together, some of which do not exist:
    names that training never had are like these."""

    def __init__(self, cache: Path):
        icons = json.loads((cache / "icons.json").read_text())
        keywords = json.loads((cache / "keywords.json").read_text())
        self.drawn = [icon["caption"] for icon in icons if icon["role"] == "train"]
        self.captions = sorted(set(self.drawn))
        self.keywords = sorted({word for caption in self.captions for word in keywords.get(caption, ())})
        self.words = sorted({word for caption in self.captions for word in caption.split()})

    def __call__(self, rng: np.random.Generator) -> str:
        kind = rng.random()
        if kind < 0.75:
            source = self.drawn if kind < 0.2 else self.captions if kind < 0.5 else self.keywords
            return source[rng.integers(len(source))]
        return " ".join(self._word(rng) for _ in range(rng.integers(1, 4)))

    def _word(self, rng: np.random.Generator) -> str:
        first, last = (self.words[i] for i in rng.integers(len(self.words), size=2))
        return first if rng.random() < 0.7 else made_up(rng, first, last)


def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """1 - cosine of unit rows, on average."""
    return 1 - (a * b).sum(1).mean()


def main() -> None:
    here = Path(__file__).parent
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", type=Path, default=here / ".cache/run/ema.pt", help="or a checkpoint folder")
    options.add_argument("--cache", type=Path, default=here / ".cache", help="what data.py wrote")
    options.add_argument("--out", type=Path, default=here / ".cache/run/robust.pt")
    options.add_argument("--steps", type=int, default=1600)
    options.add_argument("--batch", type=int, default=256, help="plain texts a step; half of them in sentences as well")
    options.add_argument("--rate", type=float, default=1e-3, help="learning rate")
    options.add_argument("--seed", type=int, default=0)
    args = options.parse_args()
    keep_memory()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    words, texts = Words(args.cache), Texts(args.cache)
    grammar = Grammar(list(words.vocabulary))
    model = load(args.model, len(words.vocabulary))
    before = copy.deepcopy(model)
    model.requires_grad_(False)
    parameters = [p for name, p in model.text_model.named_parameters() if not name.startswith("pooler")]
    parameters += model.text_projection.parameters()
    for p in parameters:
        p.requires_grad_(True)
    optimizer = torch.optim.AdamW(parameters, lr=args.rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    sums = np.zeros(2)
    for step in range(args.steps):
        rng = np.random.default_rng((args.seed, step))
        plain = [texts(rng) for _ in range(args.batch)]
        framed = args.batch // 2
        sentences = [grammar(rng, text) for text in plain[:framed] for _ in range(SENTENCES)]
        with torch.no_grad():
            goal = embed_texts(before, *words.batch(plain))
        moved = distance(embed_texts(model, *words.batch(plain)), goal)
        goals = goal[:framed].repeat_interleave(SENTENCES, 0)
        missed = distance(embed_texts(model, *words.batch(sentences)), goals)
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / args.steps)) / 2
        optimizer.zero_grad(set_to_none=True)
        (HELD * moved + missed).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        sums += moved.item(), missed.item()
        if (step + 1) % 100 == 0:
            held, drawn = sums / 100
            print(f"step {step + 1}: 1 - cosine {held:.4f} of plain texts, {drawn:.4f} of sentences", flush=True)
            sums[:] = 0
    save(model.state_dict(), args.out)


if __name__ == "__main__":
    main()
