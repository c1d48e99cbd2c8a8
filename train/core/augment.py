"""Other pictures of the same things: shifts, mirrors, turns, and elastic bends."""

import torch
from torch.nn import functional as F


def shifted(images, most, chance, *, mirror=False):
    """Shift each of (N, H, W) images by up to ``most`` pixels a way; with ``mirror``, turn half."""
    count, size = len(images), images.shape[1]
    padded = F.pad(images, (most,) * 4)
    span = torch.arange(size)
    drawn = torch.randint(0, 2 * most + 1, (2, count, 1), generator=chance)
    columns = span.expand(count, size)
    if mirror:
        columns = torch.where(torch.rand(count, 1, generator=chance) < 0.5, span.flip(0), columns)
    rows, columns = span + drawn[0], columns + drawn[1]
    return padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def bent(images, chance, *, turn=0.25, scale=0.12, shear=0.15, shift=0.1, bend=0.08):
    """Turn, scale, shear, shift and bend each of (N, H, W) images, uint8 in and out.

    Parameters
    ----------
    turn : float
        Most radians either way; ``scale`` and ``shear`` are shares, ``shift`` one of half the side.
    bend : float
        Spread of the elastic displacement, as a share of half the side.
    """
    count, size = len(images), images.shape[1]
    drawn = torch.rand(count, 6, generator=chance) * 2 - 1
    angle = drawn[:, 0] * turn
    wide, high = 1 + drawn[:, 1] * scale, 1 + drawn[:, 2] * scale
    across = drawn[:, 3] * shear
    cos, sin = angle.cos(), angle.sin()
    rows = [torch.stack([cos * wide, -sin * high + across, drawn[:, 4] * shift], 1),
            torch.stack([sin * wide, cos * high, drawn[:, 5] * shift], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), (count, 1, size, size), align_corners=False)
    coarse = torch.randn(count, 2, 5, 5, generator=chance) * bend
    field = F.interpolate(coarse, (size, size), mode="bicubic", align_corners=True)
    found = F.grid_sample(images[:, None].float(), grid + field.permute(0, 2, 3, 1),
                          align_corners=False)
    return found[:, 0].round().clamp(0, 255).to(torch.uint8)
