"""Batches: which icons, how they look this time, and what they are called. A batch follows from (seed, step, rank)."""

import json
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from augment import render_colour, render_mono
from model import Words
from prompts import Prompter
from rasters import Rasters

CLASS_ICONS = 8  # A caption with so many icons is a class with a proxy of its own.
FIRST_ICONS = 24  # Training begins with captions that have so many.
COMMON_SHARE = 0.55  # Of the icons so many are drawn from classes alone.
FIRST_SAMPLES = 150_000  # How long it takes until all captions have their share.
WORD_ICONS = 50  # A word in the names of so many icons is predicted by the word head.
EMOJI_WEIGHT = 4.5


@dataclass
class Batch:
    pixels: torch.Tensor  # (n, 3, 48, 48)
    ids: torch.Tensor  # (n + queries, tokens): the pictures' texts, then queries without a picture
    mask: torch.Tensor
    also_true: torch.Tensor  # (n, n) bool: text i is true of picture j, which is not the one that it came with
    classes: torch.Tensor  # (n,) class of each picture, -1 for none
    text_classes: torch.Tensor  # (n + queries, classes) bool: the classes that a text names; a row may be empty
    words: torch.Tensor  # (n, words of the head) shares that sum to 1, or 0 where a name has none of them


class Batches:
    def __init__(self, cache: Path, seed: int, size: int, queries: int):
        self.seed, self.size, self.queries = seed, size, queries
        self.rasters, self.texts = Rasters(cache), Words(cache)
        self.prompted = Prompter(list(self.texts.vocabulary))
        icons = [icon for icon in json.loads((cache / "icons.json").read_text()) if icon["role"] == "train"]
        self.keywords: dict[str, list[str]] = json.loads((cache / "keywords.json").read_text())
        counts = Counter(icon["caption"] for icon in icons)
        self.captions = [icon["caption"] for icon in icons]
        self.categories = [icon["categories"] for icon in icons]
        self.at = np.array([icon["at"] for icon in icons])
        self.colour = np.array([icon["colour"] for icon in icons])
        self._weights(np.array([counts[c] for c in self.captions]), np.array([icon["emoji"] for icon in icons]))

        self.class_names = sorted((c for c, n in counts.items() if n >= CLASS_ICONS), key=lambda c: (-counts[c], c))
        self.class_of = {name: i for i, name in enumerate(self.class_names)}
        named = defaultdict(set)
        for name in self.class_names:
            for word in self.keywords.get(name, ()):
                named[word].add(self.class_of[name])
        # A keyword names every class that lists it, and the class that bears it.
        self.named = {w: sorted(c | ({self.class_of[w]} if w in self.class_of else set())) for w, c in named.items()}
        self.query_words = sorted(w for w, c in self.named.items() if len(c) <= 60)
        self.related = self._related()

        in_names = Counter(word for c in self.captions for word in set(c.split()))
        self.head_words = sorted(w for w, n in in_names.items() if n >= WORD_ICONS and len(w) > 1)
        self._head_index = {w: (i, math.log(len(icons) / in_names[w])) for i, w in enumerate(self.head_words)}

    def _weights(self, counts: np.ndarray, emoji: np.ndarray) -> None:
        lift = np.where(emoji, EMOJI_WEIGHT, 1.0)
        first, common, every = (
            np.cumsum(lift * counts**power * (counts >= least))
            for power, least in ((-0.3, FIRST_ICONS), (-0.45, CLASS_ICONS), (-0.2, 1))
        )
        self._first, self._common, self._every = first, common, every

    def _related(self) -> list[list[int]]:
        """Class → classes that are its synonyms, which are no mistakes for it."""
        related = [set() for _ in self.class_names]
        for i, name in enumerate(self.class_names):
            for word in self.keywords.get(name, ()):
                if (j := self.class_of.get(word, i)) != i:
                    related[i].add(j)
                    related[j].add(i)
        return [sorted(r) for r in related]

    def _choose(self, rng: np.random.Generator, seen: int) -> np.ndarray:
        phase = min(1.0, seen / FIRST_SAMPLES)
        early = rng.random(self.size) > phase * phase
        common = rng.random(self.size) < COMMON_SHARE
        at = rng.random(self.size)
        chosen = np.where(
            common,
            np.searchsorted(self._common, at * self._common[-1]),
            np.searchsorted(self._every, at * self._every[-1]),
        )
        chosen = np.where(early, np.searchsorted(self._first, at * self._first[-1]), chosen)
        return np.unique(chosen.clip(0, len(self.captions) - 1))

    def _text(self, rng: np.random.Generator, i: int) -> str:
        """The caption, part of it, or other words for it; without a prompt yet."""
        caption, words, kind = self.captions[i], self.keywords.get(self.captions[i], ()), rng.random()
        parts = caption.split()
        if words and kind < 0.2:
            word = words[rng.integers(len(words))]
            return word if kind < 0.13 else f"{caption} {word}" if kind < 0.165 else f"{word} {caption}"
        if kind > 0.96 and self.categories[i]:
            return f"{caption} {self.categories[i][rng.integers(len(self.categories[i]))]}"
        if kind > 0.88 and len(parts) > 2:
            del parts[rng.integers(len(parts))]
        elif kind > 0.91 and len(parts) == 2:
            parts.reverse()
        return " ".join(parts)

    def _query(self, rng: np.random.Generator) -> tuple[str, list[int]]:
        """A text without a picture: a keyword, or a class's own name, which are practised in prompts as well."""
        if rng.random() < 0.6:
            word = self.query_words[rng.integers(len(self.query_words))]
            return word, self.named[word]
        # Common classes come first in the list.
        i = int(len(self.class_names) * rng.random() ** 2)
        return self.class_names[i], [i]

    def _also_true(self, chosen: np.ndarray, texts: list[str]) -> torch.Tensor:
        column: dict[str, int] = {}
        text_words = [[column.setdefault(w, len(column)) for w in dict.fromkeys(text.split())] for text in texts]
        says, has = torch.zeros(len(texts), len(column)), torch.zeros(len(texts), len(column))
        for row, words in enumerate(text_words):
            says[row, words] = 1
        for row, i in enumerate(chosen):
            caption = self.captions[i]
            sources = (caption, *self.keywords.get(caption, ()), *self.categories[i])
            has[row, [column[w] for source in sources for w in source.split() if w in column]] = 1
        return (says @ has.T >= says.sum(1, keepdim=True) - 0.5).fill_diagonal_(False)

    def make(self, step: int, rank: int, seen: int) -> Batch:
        rng = np.random.default_rng((self.seed, step, rank))
        torch.manual_seed(int(rng.integers(2**62)))
        chosen = self._choose(rng, seen)
        # Drawings in one colour first: the two kinds are rendered apart.
        chosen = chosen[np.argsort(self.colour[chosen], kind="stable")]
        mono = int((~self.colour[chosen]).sum())
        plain = max(0.3, 1 - seen / FIRST_SAMPLES)
        parts = []
        if mono:
            parts.append(render_mono(self.rasters.alpha(self.at[chosen[:mono]]), plain))
        if mono < len(chosen):
            parts.append(render_colour(self.rasters.rgba(self.at[chosen[mono:]]), plain))
        texts = [self._text(rng, i) for i in chosen]
        queries = [self._query(rng) for _ in range(self.queries)]
        classes = [self.class_of.get(self.captions[i], -1) for i in chosen]
        named = [self._names(text, c) for text, c in zip(texts, classes)] + [names for _, names in queries]
        text_classes = torch.zeros(len(named), len(self.class_names), dtype=torch.bool)
        for row, names in enumerate(named):
            text_classes[row, names] = True
        words = torch.zeros(len(chosen), len(self.head_words))
        for row, i in enumerate(chosen):
            known = [self._head_index[w] for w in dict.fromkeys(self.captions[i].split()) if w in self._head_index]
            for at, weight in known:
                words[row, at] = weight / sum(w for _, w in known)
        ids, mask = self.texts.batch([self.prompted(rng, t) for t in (*texts, *(q for q, _ in queries))])
        return Batch(
            torch.cat(parts), ids, mask, self._also_true(chosen, texts), torch.tensor(classes), text_classes, words
        )

    def _names(self, text: str, own: int) -> list[int]:
        """Classes that a picture's text names: the class of that name, else those with the keyword, else its picture's."""
        if text in self.class_of:
            return [self.class_of[text]]
        return self.named.get(text) or ([own] if own >= 0 else [])
