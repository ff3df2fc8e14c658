"""Sentences around a caption. The words of TEST appear in no training; they show what an unseen prompt costs."""

import numpy as np

TRAIN = (
    "{} icon", "an icon of a {}", "icon of {}", "an icon of the {}", "{} button", "a {} symbol", "{} symbol", "{} emoji",
    "the {} emoji", "a picture of a {}", "picture of {}", "an image of a {}", "image of {}", "a photo of a {}", "the {} icon",
    "a {}", "the {}", "this is a {}", "a sticker of a {}", "clip art of a {}", "a sketch of a {}", "an illustration of a {}",
    "illustration of {}", "line art of a {}", "a cartoon {}", "{} pictogram", "a pictogram showing {}", "a simple {}",
    "a small {}", "black and white {}", "a flat {} icon", "a button with a {}", "a glyph of a {}", "{} glyph", "this shows {}",
    "{} sign", "a logo of a {}", "one {}", "my {}", "here is a {}", "a graphic of a {}", "an emoji of a {}", "{} in colour",
)  # fmt: skip
# Held out: "drawing", "depicting", "represents" and "rendering" are in none of the above or below.
TEST = (
    "a drawing of {}",
    "a drawing of a {}",
    "a pictograph depicting {}",
    "something that represents {}",
    "a rendering of the {}",
)
# Held out as well, to choose by: their long words are in no training either, and the vocabulary has them in pieces.
VALIDATION = (
    "a depiction of {}",
    "an entity resembling {}",
    "a schematic conveying a {}",
    "whatever denotes {}",
    "the notion of a {}",
    "we want a {}",
    "a stylised {}",
    "{} , isolated",
)
_UNSEEN = set(
    """drawing pictograph depicting something represents rendering depiction entity resembling schematic conveying
    whatever denotes notion want stylised isolated""".split()
)

# Sentences that nobody wrote down: a frame and words for its places, a quarter of them any words at all, so that what
# stands around the caption is heard as that, known or not.
FRAMES = (
    "NOUN of {}", "NOUN of a {}", "a NOUN of {}", "a NOUN of a {}", "the NOUN of the {}", "a NOUN of the {}", "a NOUN SHOWING {}",
    "a NOUN SHOWING a {}", "NOUN SHOWING the {}", "a thing that SHOWS {}", "what SHOWS a {}", "a NOUN that SHOWS {}",
    "ADJECTIVE {}", "a ADJECTIVE {}", "a ADJECTIVE NOUN of a {}", "ADJECTIVE NOUN of {}", "{} NOUN", "a {} NOUN", "the {} NOUN",
    "a ADJECTIVE {} NOUN", "{} as a NOUN",
)  # fmt: skip
PLACES = {
    "NOUN": "icon symbol picture image photo sketch illustration cartoon pictogram glyph sign logo graphic emoji sticker button "
    "badge stamp painting print doodle portrait diagram figure outline silhouette thumbnail emblem artwork vector shape design "
    "view scan screenshot poster mark motif avatar tile visual model tattoo mural engraving snapshot still token widget".split(),
    "SHOWING": "showing portraying displaying featuring with for about meaning containing presenting illustrating signifying".split(),
    "SHOWS": "shows means displays features portrays signifies illustrates is has presents says".split(),
    "ADJECTIVE": "small simple flat black white colourful cute modern old detailed minimal bold thin outlined filled tiny large "
    "digital abstract retro shiny plain rough clean".split(),
}  # fmt: skip
PROMPTED, OF_TRAIN, ANY_WORD = 0.45, 0.5, 0.25  # shares of texts, of those, of places

EVERY_WORD = (
    " ".join(t.replace("{}", "") for t in TRAIN)
    + " drawing depicting represents rendering something pictograph colored"
)


class Prompter:
    """Puts sentences around some texts. `vocabulary` is where any word comes from."""

    def __init__(self, vocabulary: list[str]):
        self.any = [w for w in vocabulary if w.isascii() and w.isalpha() and len(w) > 2 and w not in _UNSEEN]

    def __call__(self, rng: np.random.Generator, text: str) -> str:
        if rng.random() >= PROMPTED:
            return text
        if rng.random() < OF_TRAIN:
            return TRAIN[rng.integers(len(TRAIN))].format(text)
        words = FRAMES[rng.integers(len(FRAMES))].split()
        return " ".join(self._word(rng, PLACES[w]) if w in PLACES else w for w in words).format(text)

    def _word(self, rng: np.random.Generator, usual: list[str]) -> str:
        words = self.any if rng.random() < ANY_WORD else usual
        return words[rng.integers(len(words))]
