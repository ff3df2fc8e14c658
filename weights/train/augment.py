"""Drawings as they are met: turned, zoomed and shifted, thick or thin, on light, dark and coloured grounds."""

import math

import torch
import torch.nn.functional as F

from model import IMAGE_SIZE


def _some(count: int, share: float) -> torch.Tensor:
    return (torch.rand(count) < share).nonzero()[:, 0]


def _spread(count: int, low: float, high: float) -> torch.Tensor:
    return torch.rand(count) * (high - low) + low


def _sample(pictures: torch.Tensor, plain: torch.Tensor, small: torch.Tensor) -> torch.Tensor:
    """Resamples to IMAGE_SIZE under random affine maps: mild ones where `plain`, shrunk ones where `small`."""
    n = len(pictures)
    strength = torch.where(plain, 0.5, 1.0)
    angle = _spread(n, -1, 1) * math.radians(13) * strength * (torch.rand(n) < 0.6)
    zoom = torch.exp(_spread(n, -0.17, 0.27) * strength) * torch.where(small, 1.45, 1.0)
    aspect = torch.exp(_spread(n, -0.09, 0.09) * strength)
    shear = _spread(n, -0.1, 0.1) * strength
    shift = (torch.rand(2, n) * 2 - 1) * 0.11 * strength
    cos, sin = angle.cos(), angle.sin()
    rows = [cos * zoom * aspect, (shear - sin) * zoom, shift[0], sin * zoom, cos * zoom / aspect, shift[1]]
    grid = F.affine_grid(torch.stack(rows, 1).view(n, 2, 3), (n, 1, IMAGE_SIZE, IMAGE_SIZE), align_corners=False)
    return F.grid_sample(pictures, grid, mode="bilinear", align_corners=False)


def _ramp(count: int) -> torch.Tensor:
    """(count, 1, size, size) from 0 to 1 along a random direction."""
    axis = torch.linspace(-0.5, 0.5, IMAGE_SIZE)
    turn = _spread(count, 0, 2 * math.pi).view(-1, 1, 1, 1)
    return (axis.view(1, 1, 1, -1) * turn.cos() + axis.view(1, 1, -1, 1) * turn.sin() + 0.5).clamp(0, 1)


def _grounds(count: int, plain: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(ground, ink) colours (count, 3, 1, 1): white, light, dark or any ground, and an ink that is told apart from it."""
    kind = torch.rand(count, 1)
    ground = torch.where(kind < 0.3, torch.ones(count, 3), 1 - 0.13 * torch.rand(count, 3))
    ground = torch.where(kind > 0.45, torch.rand(count, 3), ground)
    ground = torch.where(kind > 0.75, 0.22 * torch.rand(count, 1) * torch.ones(count, 3), ground)
    light = ground.mean(1, keepdim=True)
    grey, any_colour, simple = torch.rand(count, 1), torch.rand(count, 3), torch.rand(count, 1) < 0.55
    on_light = torch.where(simple, 0.25 * grey.expand(-1, 3), 0.9 * any_colour * (light - 0.25).clamp(min=0.1))
    on_dark = torch.where(simple, 1 - 0.15 * grey.expand(-1, 3), 1 - 0.9 * any_colour * (0.75 - light).clamp(min=0.1))
    ink = torch.where(light > 0.5, on_light, on_dark)
    ground, ink = torch.where(plain.view(-1, 1), 1.0, ground), torch.where(plain.view(-1, 1), 0.0, ink)
    return ground.view(-1, 3, 1, 1), ink.view(-1, 3, 1, 1)


def _weigh(alpha: torch.Tensor) -> torch.Tensor:
    """Some strokes become thicker, thinner or fainter."""
    n = len(alpha)
    thick, thin, faint = _some(n, 0.12), _some(n, 0.06), _some(n, 0.1)
    alpha[thick] = torch.lerp(alpha[thick], F.max_pool2d(alpha[thick], 3, 1, 1), torch.rand(len(thick), 1, 1, 1))
    eroded = -F.max_pool2d(-alpha[thin], 3, 1, 1)
    alpha[thin] = torch.lerp(alpha[thin], eroded, 0.6 * torch.rand(len(thin), 1, 1, 1))
    alpha[faint] *= _spread(len(faint), 0.55, 1).view(-1, 1, 1, 1)
    return alpha


def _plate(count: int) -> torch.Tensor:
    """(count, 1, size, size) alpha of a button with round corners behind the drawing."""
    axis = torch.linspace(-0.5, 0.5, IMAGE_SIZE)
    half = _spread(count, 0.4, 0.47).view(-1, 1, 1, 1)
    radius = _spread(count, 0.02, 0.42).view(-1, 1, 1, 1).minimum(half)
    x = (axis.abs().view(1, 1, 1, -1) - (half - radius)).clamp(min=0)
    y = (axis.abs().view(1, 1, -1, 1) - (half - radius)).clamp(min=0)
    return ((radius - (x * x + y * y).sqrt()) * IMAGE_SIZE + 0.5).clamp(0, 1)


def _finish(pixels: torch.Tensor) -> torch.Tensor:
    """Blur and noise on some, then from [0, 1] to [-1, 1]."""
    n = len(pixels)
    soft, noisy = _some(n, 0.15), _some(n, 0.12)
    pixels[soft] = F.avg_pool2d(F.pad(pixels[soft], (1, 1, 1, 1), mode="replicate"), 3, 1)
    pixels[noisy] += torch.randn_like(pixels[noisy]) * _spread(len(noisy), 0, 0.07).view(-1, 1, 1, 1)
    return pixels.clamp_(0, 1).mul_(2).sub_(1)


def render_mono(alpha: torch.Tensor, plain_share: float) -> torch.Tensor:
    """(n, 3, 48, 48) in [-1, 1] of (n, 1, 64, 64) alpha; black on white, without plates, for a share of them."""
    n = len(alpha)
    plain = torch.rand(n) < plain_share
    plated = (torch.rand(n) < 0.12) & ~plain
    alpha = _weigh(_sample(alpha, plain, plated))
    ground, ink = _grounds(n, plain)
    ground = ground.expand(-1, -1, IMAGE_SIZE, IMAGE_SIZE).clone()
    on = plated.nonzero()[:, 0]
    around = torch.where(torch.rand(len(on), 1, 1, 1) < 0.6, torch.ones(len(on), 3, 1, 1), torch.rand(len(on), 3, 1, 1))
    ground[on] = torch.lerp(around.expand_as(ground[on]), ground[on], _plate(len(on)))
    faded = (~plain & (torch.rand(n) < 0.2)).nonzero()[:, 0]
    ground[faded] = (ground[faded] + (_ramp(len(faded)) - 0.5) * (torch.rand(len(faded), 3, 1, 1) - 0.5)).clamp(0, 1)
    return _finish(torch.lerp(ground, ink.expand_as(ground), alpha))


def render_colour(rgba: torch.Tensor, plain_share: float) -> torch.Tensor:
    """(n, 3, 48, 48) in [-1, 1] of premultiplied (n, 4, 64, 64): colours shifted, some grey, on the same grounds."""
    n = len(rgba)
    plain = torch.rand(n) < plain_share
    rgba = _sample(rgba, plain, torch.zeros(n, dtype=torch.bool))
    rgb, alpha = rgba[:, :3], rgba[:, 3:]
    rgb = rgb * torch.exp(0.12 * torch.randn(n, 1, 1, 1) + 0.06 * torch.randn(n, 3, 1, 1))
    grey = rgb.mean(1, keepdim=True)
    saturation = torch.where(torch.rand(n, 1, 1, 1) < 0.15, torch.zeros(1), torch.exp(0.25 * torch.randn(n, 1, 1, 1)))
    rgb = torch.minimum((grey + (rgb - grey) * saturation).clamp_(min=0), alpha)
    ground, _ = _grounds(n, plain)
    return _finish(rgb + (1 - alpha) * ground)


def on_ground(pictures: torch.Tensor, ground: torch.Tensor, ink: torch.Tensor) -> torch.Tensor:
    """What evaluation shows: (n, 1 or 4, 64, 64) composited and resized as the official processor would."""
    if pictures.shape[1] == 1:
        pixels = torch.lerp(ground.expand(len(pictures), 3, 64, 64), ink.expand(len(pictures), 3, 64, 64), pictures)
    else:
        pixels = pictures[:, :3] + (1 - pictures[:, 3:]) * ground
    pixels = (pixels * 255).round() / 255  # The resized picture is one of bytes.
    pixels = F.interpolate(pixels, size=IMAGE_SIZE, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    return (pixels * 255).round() / 127.5 - 1
