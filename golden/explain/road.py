"""ROAD: pixels removed so that what is left does not say where they were (Rong et al. 2022).

A pixel that is removed takes the weighted mean of its eight neighbours, 1/6 of those beside it and
1/12 of the diagonal ones, whether they are known or removed themselves; at the border the weights
of the neighbours that there are add up to one. So the removed pixels solve a system of equations,
to whose solution a little noise is added. The numbers are those of the package quantus 0.6.0
(tests/golden/test_quantus.py), but for its noise.
"""

from collections.abc import Callable

import numpy as np

from golden.explain.metrics import one
from golden.io.arguments import numbers
from golden.io.errors import rule

__all__ = ["SHARES", "imputed", "removed", "road"]

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)      # of the pixels that are removed, the hottest first
NOISE = 2.55                            # standard deviation, of 255
BESIDE, ACROSS = 1 / 6, 1 / 12
NEAR = 1e-9                             # of the largest value: what a solution may be off


def around(values):
    """The weighted sum of each pixel's neighbours, of (..., H, W); 0 lies beyond the border."""
    wide = np.zeros((*values.shape[:-2], values.shape[-2] + 2, values.shape[-1] + 2))
    wide[..., 1:-1, 1:-1] = values
    sides = wide[..., :-2] + wide[..., 2:]
    found = BESIDE * (sides[..., 1:-1, :] + wide[..., :-2, 1:-1] + wide[..., 2:, 1:-1])
    return found + ACROSS * (sides[..., :-2, :] + sides[..., 2:, :])


def imputed(image: np.ndarray, gone: np.ndarray, *, near: float = NEAR) -> np.ndarray:
    """Pictures (N, C, H, W) float64 whose pixels ``gone`` are filled from their neighbours.

    Solved by conjugate gradients, all pictures at once. Where all pixels are gone they become 0. By
    hand: [[9, x, 3]] gives x = (9/6 + 3/6) / (2/6) = 6.

    Parameters
    ----------
    image : (C, H, W)
    gone : (N, H, W) bool
        Which pixels, in all channels.
    near : float
        What a pixel may be off, in units of the largest of the picture.
    """
    image, gone = numbers(image, "image"), np.asarray(gone, bool)
    rule(image.ndim == 3 and gone.ndim == 3 and gone.shape[1:] == image.shape[1:], "gone",
         f"must be (N, {', '.join(map(str, image.shape[1:]))}), not {gone.shape}")
    hole = gone[:, None]
    weight = around(np.ones(image.shape[1:]))
    kept = np.where(hole, 0, image[None])
    apply = lambda values: hole * (weight * values - around(values))
    dot = lambda a, b: np.einsum("nchw,nchw->nc", a, b)[..., None, None]
    found = np.zeros(kept.shape)
    left = np.where(hole, around(kept), 0)
    along, size = left.copy(), dot(left, left)
    enough = (near * max(1.0, float(np.abs(image).max()))) ** 2
    for _ in range(image.shape[1] * image.shape[2]):
        if size.max() <= enough:
            break
        bent = apply(along)
        length = np.divide(size, dot(along, bent), out=np.zeros_like(size), where=size > enough)
        found += length * along
        left -= length * bent
        after = dot(left, left)
        along = left + np.divide(after, size, out=np.zeros_like(size), where=size > 0) * along
        size = after
    return kept + found


def removed(image: np.ndarray, heat: np.ndarray, *, shares=SHARES, noise: float = NOISE,
            seed: int = 0) -> np.ndarray:
    """(len(shares), C, H, W) uint8: ``image`` without the hottest pixels, of equals the upper left.

    Parameters
    ----------
    image : (C, H, W) uint8
    heat : (H, W)
    shares : sequence of float, 0 to 1
        int(share * pixels) of them are removed.
    noise : float
        Standard deviation of what is added to them.
    """
    image = np.asarray(image)
    rule(image.dtype == np.uint8 and image.ndim == 3, "image",
         "must be (C, H, W) uint8; ROAD is of pictures, not of frames")
    heat = one(heat, "heat", image.shape[-2:])
    order = np.argsort(-heat, axis=None, kind="stable")
    gone = np.zeros((len(shares), heat.size), bool)
    for row, share in zip(gone, shares, strict=True):
        row[order[:int(share * heat.size)]] = True
    gone = gone.reshape(-1, *heat.shape)
    drawn = np.random.default_rng(seed).normal(0, noise, (len(shares), *image.shape))
    filled = imputed(image, gone, near=1e-4) + drawn * gone[:, None]
    return np.where(gone[:, None], np.clip(np.rint(filled), 0, 255), image).astype(np.uint8)


def road(answers: Callable, image: np.ndarray, heat: np.ndarray, target: int, **options) -> float:
    """Share of the pictures of ``removed`` that are answered as the whole one was; less is better.

    ``answers`` takes pictures (N, C, H, W) to a class each. By hand: an answer that stays in three
    of five gives 3/5.
    """
    found = np.asarray(answers(removed(image, heat, **options)))
    return float(np.mean(found == target))
