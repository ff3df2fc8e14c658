"""What people would try first: everyday nouns and animals, with the names that sets have for them."""

NOUNS = {
    "dog": ("dog face",), "cat": ("cat face",), "bird": ("dove",), "fish": (), "horse": ("horse face",),
    "car": ("automobile",), "bus": (), "bicycle": ("bike",), "airplane": ("plane",), "boat": ("sailboat",),
    "train": (), "rocket": (), "house": ("home",), "tree": ("deciduous tree",), "flower": ("hibiscus",), "sun": (),
    "moon": ("crescent moon",), "star": (), "cloud": (), "umbrella": (), "heart": ("red heart",),
    "book": ("open book",), "pencil": (), "scissors": (), "key": (), "lock": ("locked",),
    "phone": ("mobile phone", "telephone", "device mobile"), "camera": (), "gift": ("wrapped gift",),
    "computer": ("desktop computer", "device desktop", "desktop", "monitor"), "clock": ("mantelpiece clock",),
    "lamp": ("light bulb", "bulb"), "chair": (), "bed": (),
    "cup": ("teacup without handle", "hot beverage", "coffee"), "pizza": (), "apple": ("red apple",),
    "ice cream": ("soft ice cream",), "cake": ("birthday cake",), "ball": ("soccer ball", "ball football"),
    "guitar": (), "hammer": (), "shoe": ("running shoe", "sneaker"), "shirt": ("t shirt",),
    "hat": ("top hat", "baseball cap"), "glasses": ("eyeglasses",), "eye": (), "hand": ("raised hand",), "skull": (),
    "fire": ("flame",),
}  # fmt: skip

ANIMALS = {
    "dog": ("dog face",), "cat": ("cat face",), "bird": ("dove",), "fish": ("tropical fish",),
    "horse": ("horse face",), "cow": ("cow face",), "pig": ("pig face",), "rabbit": ("rabbit face",),
    "mouse": ("mouse face",), "bear": (), "lion": (), "tiger": ("tiger face",), "elephant": (),
    "monkey": ("monkey face",), "sheep": ("ewe",), "chicken": (), "duck": (), "penguin": (), "frog": (), "snake": (),
    "turtle": (), "whale": ("spouting whale",), "butterfly": (), "bee": ("honeybee",), "spider": (), "snail": (),
    "bug": (), "shrimp": (), "squirrel": ("chipmunk",), "owl": (), "bat": (), "crab": (),
}  # fmt: skip


def find(things: dict[str, tuple[str, ...]], names: list[str]) -> list[tuple[str, str]]:
    """(thing, name in the set) of those that the set has. A mouse may be a computer's: sets without animals have those."""
    known = set(names)
    found = ((thing, next((n for n in (thing, *others) if n in known), None)) for thing, others in things.items())
    return [(thing, name) for thing, name in found if name]
