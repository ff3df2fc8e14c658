"""The drawings that data.py made, read from the cache as they are needed."""

from pathlib import Path

import numpy as np
import torch

SIZE = 64


class Rasters:
    """Memory-mapped rasters: alpha of drawings in one colour, premultiplied RGBA of coloured ones."""

    def __init__(self, cache: Path):
        self.mono = np.memmap(cache / "mono", np.uint8, "r").reshape(-1, SIZE, SIZE)
        self.colour = np.memmap(cache / "colour", np.uint8, "r").reshape(-1, SIZE, SIZE, 4)

    def one(self, icon: dict) -> np.ndarray:
        return (self.colour if icon["colour"] else self.mono)[icon["at"]]

    def alpha(self, places: np.ndarray) -> torch.Tensor:
        """(n, 1, 64, 64) alpha from 0 to 1 of drawings in one colour."""
        return torch.from_numpy(self.mono[places]).unsqueeze(1).float().div_(255)

    def rgba(self, places: np.ndarray) -> torch.Tensor:
        """(n, 4, 64, 64) premultiplied, from 0 to 1."""
        return torch.from_numpy(self.colour[places]).permute(0, 3, 1, 2).float().div_(255)
