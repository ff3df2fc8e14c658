"""Sentences around a caption. Those of TEST appear in no training; they show what an unseen prompt costs."""

TRAIN = (
    "{} icon", "an icon of a {}", "icon of {}", "an icon of the {}", "{} button", "a {} symbol", "{} symbol", "{} emoji",
    "the {} emoji", "a picture of a {}", "picture of {}", "an image of a {}", "image of {}", "a photo of a {}", "the {} icon",
    "a {}", "the {}", "this is a {}", "a sticker of a {}", "clip art of a {}", "a sketch of a {}", "an illustration of a {}",
    "illustration of {}", "line art of a {}", "a cartoon {}", "{} pictogram", "a pictogram showing {}", "a simple {}",
    "a small {}", "black and white {}", "a flat {} icon", "a button with a {}", "a glyph of a {}", "{} glyph", "this shows {}",
    "{} sign", "a logo of a {}", "one {}", "my {}", "here is a {}", "a graphic of a {}", "an emoji of a {}", "{} in colour",
)  # fmt: skip
# Held out: "drawing", "depicting", "represents" and "rendering" are in none of the above.
TEST = (
    "a drawing of {}",
    "a drawing of a {}",
    "a pictograph depicting {}",
    "something that represents {}",
    "a rendering of the {}",
)

EVERY_WORD = (
    " ".join(t.replace("{}", "") for t in TRAIN)
    + " drawing depicting represents rendering something pictograph colored"
)
