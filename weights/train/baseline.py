"""The bar: a pixel nearest neighbour over labelled training icons; and which held-out drawings have a near-duplicate."""

import torch
import torch.nn.functional as F

from metrics import HeldOut
from rasters import Rasters


def _unit(rows: torch.Tensor) -> torch.Tensor:
    rows = rows.flatten(1)
    return F.normalize(rows - rows.mean(1, keepdim=True), dim=1)


def _grey(rasters: Rasters, icons: list[dict]) -> torch.Tensor:
    """(n, 1, 64, 64): how they look in black on white, from 0 to 1."""
    out = torch.empty(len(icons), 1, 64, 64)
    for colour in (False, True):
        rows = [i for i, icon in enumerate(icons) if icon["colour"] == colour]
        if rows:
            at = [icons[i]["at"] for i in rows]
            if colour:
                rgba = rasters.rgba(at)
                out[rows] = rgba[:, :3].mean(1, keepdim=True) + 1 - rgba[:, 3:]
            else:
                out[rows] = 1 - rasters.alpha(at)
    return out


def _descriptors(rasters: Rasters, icons: list[dict], size: int) -> torch.Tensor:
    """(n, size²) unit rows."""
    parts = []
    for i in range(0, len(icons), 2048):
        grey = _grey(rasters, icons[i : i + 2048])
        parts.append(_unit(F.interpolate(grey, size=size, mode="bilinear", antialias=True, align_corners=False)))
    return torch.cat(parts)


class PixelNeighbour:
    """Names a picture like the training icon that is closest in 24×24 grey, among those that bear one of the names."""

    def __init__(self, training: list[dict]):
        self.training = training

    def top1(self, held_out: HeldOut, names: list[str]) -> float:
        """Percent right."""
        column = {name: i for i, name in enumerate(names)}
        bank = [icon for icon in self.training if icon["caption"] in column]
        labels = torch.tensor([column[icon["caption"]] for icon in bank])
        by_name = {icon["caption"]: icon for icon in held_out.icons}
        queries = _descriptors(held_out.rasters, [by_name[name] for name in names], 24)
        nearest = (queries @ _descriptors(held_out.rasters, bank, 24).T).argmax(1)
        return 100 * (labels[nearest] == torch.arange(len(names))).float().mean().item()


def novel(held_out: HeldOut, training: list[dict], bound: float = 0.95) -> torch.Tensor:
    """(n,) bool: no training icon comes within `bound` (cosine of blurred 16×16 grey) of the drawing."""
    queries = _descriptors(held_out.rasters, held_out.icons, 16)
    best = torch.full((len(queries),), -1.0)
    for i in range(0, len(training), 8192):
        near = queries @ _descriptors(held_out.rasters, training[i : i + 8192], 16).T
        best = best.maximum(near.max(1).values)
    return best < bound
