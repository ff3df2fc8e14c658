"""Which drawings may be learnt from, and which are kept for testing.

Drawings come from npm's `@iconify/json`; its collections.json names author and licence of every set.
"""

# SPDX names of licences that let a model be trained, shipped and used commercially with attribution alone.
# Share-alike (CC-BY-SA), copyleft (GPL, MPL) and non-commercial sets never enter training.
LICENCES = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-3.0", "CC-BY-4.0",
    "CC0-1.0", "ISC", "MIT", "OFL-1.1", "Unlicense",
}  # fmt: skip

# Never trained. Choices are made on VALIDATION; TEST is read once, at the end.
TEST = ("tabler", "ph", "carbon", "openmoji", "twemoji")
VALIDATION = ("lucide", "lucide-lab")

EMOJI = (
    "noto", "noto-v1", "fxemoji", "fluent-emoji", "fluent-emoji-flat", "fluent-emoji-high-contrast",
    "emojione", "emojione-monotone", "streamline-emojis",
)  # fmt: skip

# Sets that show brands, flags, file types, molecules or nothing recognisable, whatever iconify calls them.
# emojione-v1, flat-ui and il have unclear or share-alike sources.
UNFIT = set(
    """academicons bpmn catppuccin cif circle-flags cryptocurrency cryptocurrency-color devicon devicon-plain
    emojione-v1 file-icons flag flagpack flat-ui gcp geo ginetex il k8s map material-icon-theme nonicons
    skill-icons streamline-stickies-color svg-spinners unjs vscode-icons""".split()
)

# Names that are brands: what such a drawing shows is not what the word means.
BRANDS = set(
    """adobe airbnb alipay amazon android angular apple-logo baidu bing bluesky bootstrap brand brands chrome
    claude copilot css3 discord docker dribbble dropbox edge etsy facebook figma firefox gemini github gitlab
    google html5 huawei hulu instagram linkedin logo logos mastercard mastodon medium messenger microsoft
    microsoft365 netflix nodejs npm openai opera paypal photoshop pinterest playstation qq react reddit safari
    samsung sass signal-messenger skype slack snapchat soundcloud spotify stackoverflow steam svelte telegram
    threads tiktok tumblr twitch twitter uber vimeo visa vk vue wechat weibo whatsapp windows wordpress xbox
    xing yahoo yandex youtube zhihu""".split()
)

# At most this many styles of one name are taken from a set, so that the large sets do not drown the others.
STYLES = 3
STYLES_OF = {
    "iconmind": 4, "keyline-icons": 4, "solar": 4, "fluent": 2, "healthicons": 2, "ic": 2, "material-symbols-light": 2,
}  # fmt: skip


def role(prefix: str, collection: dict) -> str | None:
    """'train', 'validation', 'test', or None for a set that is not used."""
    if prefix in TEST:
        return "test"
    if prefix in VALIDATION:
        return "validation"
    unfit = prefix in UNFIT or prefix.endswith("-brands") or collection.get("category") == "Logos"
    return "train" if collection["license"].get("spdx") in LICENCES and not unfit else None
