"""Sentences around a caption that differ in everything else, for robust.py: with articles or without, nouns in the plural,
a stop or none, and in most places of `SENTENCES` a word from anywhere or one that does not exist."""

import numpy as np

from prompts import PLACES, TRAIN, Prompter

# Where a caption might go on ("bowl with spoon", "show password") there is an article, or the word before is a usual
# one: such captions keep their meaning. LINK, MAYBE (an article or none) and USUAL are places too.
SENTENCES = (
    "ARTICLE NOUN LINK MAYBE {}", "ARTICLE NOUN LINK ARTICLE {}", "ARTICLE NOUN LINK MAYBE {}", "ARTICLE ADJECTIVE NOUN LINK MAYBE {}",
    "USUAL of MAYBE {}", "USUAL SHOWING MAYBE {}", "NOUN that SHOWS MAYBE {}", "NOUN SHOWS ARTICLE {}", "NOUN SHOWING ARTICLE {}",
    "it SHOWS MAYBE {}", "this SHOWS MAYBE {}", "this is ARTICLE NOUN of MAYBE {}", "here SHOWS ARTICLE {}", "there is MAYBE {}",
    "SUBJECT VERB MAYBE {}", "VERB ARTICLE {}", "VERB me MAYBE {}", "ARTICLE {}", "ARTICLE ADJECTIVE {}", "ARTICLE ADJECTIVE {}",
    "ARTICLE {} USUAL", "ARTICLE ADJECTIVE {} USUAL", "{} as ARTICLE NOUN", "{} , ADJECTIVE", "{} , ADJECTIVE NOUN", "NOUN : {}",
    "in this NOUN SUBJECT VERB ARTICLE {}",
)  # fmt: skip
LINKS = "of|of|of|SHOWING|SHOWING|SHOWING|that SHOWS|that SHOWS|which SHOWS|to show|with|for".split("|")
ARTICLES = "a a an the the this that my your one some any our".split()
WORDS = PLACES | {
    "SUBJECT": "i we you they he she it one people this".split(),
    "VERB": "see show draw have need choose get make give imagine picture use call recognise".split(),
}
OF_TRAIN, NO_ARTICLE, PLURAL = 0.2, 0.4, 0.2  # shares of sentences, of MAYBE, of NOUN
ANY_WORD, MADE_UP = 0.3, 0.3  # shares of the places in WORDS
ENDS = ((0.15, "."), (0.2, " ."), (0.23, "!"), (0.25, "?"))  # a share up to each; most end without


def pick(rng: np.random.Generator, words: list[str] | tuple[str, ...]) -> str:
    return words[rng.integers(len(words))]


def made_up(rng: np.random.Generator, first: str, last: str) -> str:
    """A word that does not exist: the beginning of one and the end of another."""
    return first[: rng.integers(2, 5)] + last[-rng.integers(2, 5) :]


class Grammar(Prompter):
    def __call__(self, rng: np.random.Generator, text: str) -> str:
        if rng.random() < OF_TRAIN:
            sentence = pick(rng, TRAIN)
        else:
            sentence = " ".join(filter(None, (self._place(rng, word) for word in pick(rng, SENTENCES).split())))
        end = rng.random()
        return sentence.replace("{}", text) + next((mark for share, mark in ENDS if end < share), "")

    def _place(self, rng: np.random.Generator, place: str) -> str:
        if place == "LINK":
            return " ".join(self._place(rng, word) for word in pick(rng, LINKS).split())
        if place == "MAYBE":
            return "" if rng.random() < NO_ARTICLE else pick(rng, ARTICLES)
        if place == "ARTICLE":
            return pick(rng, ARTICLES)
        if place == "USUAL":
            return pick(rng, WORDS["NOUN"])
        if place not in WORDS:
            return place
        kind = rng.random()
        if kind < ANY_WORD:
            word = pick(rng, self.any)
        elif kind < ANY_WORD + MADE_UP:
            word = made_up(rng, pick(rng, self.any), pick(rng, self.any))
        else:
            word = pick(rng, WORDS[place])
        return word + "s" if place == "NOUN" and rng.random() < PLURAL else word
