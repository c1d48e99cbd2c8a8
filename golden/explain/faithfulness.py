"""Whether an answer hangs on what a map marks: pixels taken away, put back, and maps that recur."""

from collections.abc import Callable

import numpy as np

from golden.explain.metrics import one
from golden.io.arguments import numbers, positive
from golden.io.errors import BadInput, rule
from golden.network import Network

__all__ = ["area", "flipped", "flipping_curve", "probabilities", "sufficiency"]


def probabilities(logits: np.ndarray, network: Network) -> np.ndarray:
    """(..., classes) softmax of integer scores in the real units of the read-out."""
    real = np.asarray(logits, float) * network.stages[-1].layer.scale
    shares = np.exp(real - real.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def flipped(image: np.ndarray, heat: np.ndarray, points: int, *, fill=0,
            insertion: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The pictures of a curve and the share of pixels that were changed in each.

    The hottest pixels are replaced by ``fill`` first, of equals the upper and left; with
    ``insertion`` a picture of ``fill`` gets them back first (Petsiuk et al. 2018). A pixel is taken
    in all channels and steps. By hand: image [[9, 8]], heat [[1, 2]], 3 points: 9 8, 9 0, 0 0; with
    insertion 0 0, 0 8, 9 8.

    Parameters
    ----------
    image : (C, H, W), or (T, C, H, W) of frames
    heat : (H, W)
    points : int
        Pictures, 2 or more, evenly spaced to whole pixels; the first is untouched (or all fill).
    fill : number, or array of the image's shape

    Returns
    -------
    pictures : (points, *image.shape)
    shares : (points,) float64, 0 to 1
    """
    image = np.asarray(image)
    heat = one(heat, "heat", image.shape[-2:])
    if positive(points, "points") < 2:
        raise BadInput(f"points must be at least 2, not {points}")
    order = np.argsort(-heat, axis=None, kind="stable")
    counts = np.linspace(0, len(order), points).round().astype(int)
    filled = np.broadcast_to(np.asarray(fill, image.dtype), image.shape)
    before, after = (filled, image) if insertion else (image, filled)
    pictures = np.repeat(before[None], points, axis=0)
    flat = pictures.reshape(points, -1, len(order))
    source = after.reshape(-1, len(order))
    for picture, count in zip(flat, counts, strict=True):
        picture[:, order[:count]] = source[:, order[:count]]
    return pictures, counts / len(order)


def flipping_curve(scores: Callable, image: np.ndarray, heat: np.ndarray, *, points: int = 11,
                   fill=0, insertion: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(shares, scores) along pixel flipping (Bach et al. 2015), or insertion.

    ``scores`` takes pictures (points, *image.shape) to one number each, for instance the
    probability of the class that was answered. The area under it (``area``) is small for a good
    map, or large with ``insertion``. By hand: a score that is the sum of the pixels, image
    [[9, 8]] and heat [[1, 2]] give 17, 9, 0, and 0, 8, 17 with insertion.
    """
    pictures, shares = flipped(image, heat, points, fill=fill, insertion=insertion)
    found = numbers(scores(pictures), "the scores")
    rule(found.shape == shares.shape, "the scores", f"must be {len(shares)}, one a picture, not of "
         f"shape {found.shape}")
    return shares, found


def area(shares: np.ndarray, values: np.ndarray) -> float:
    """Area under a curve by trapezoids, 0 to 1 along the shares. By hand: 17, 9, 0 give 8.75."""
    return float(np.trapezoid(values, shares))


def sufficiency(maps: np.ndarray, answers: np.ndarray, threshold: float = 0.6) -> np.ndarray:
    """(N,) sufficiency (Dasgupta et al. 2022): do pictures explained alike get the same answer?

    Two maps are alike where their distance, each pixel in units of its standard deviation over the
    pictures, is at most ``threshold`` of the largest distance of all. A picture's sufficiency is
    the share of those alike that have its answer; 0 where none is alike, as in quantus. Pixels that
    are the same in all maps do not count. By hand: maps 0, 1, 10 and answers 0, 0, 1 have distances
    in ratio 1 : 9 : 10, so that at .6 the first two are alike: 1, 1, 0.

    Parameters
    ----------
    maps : (N, ...)
    answers : (N,) int
    """
    maps, answers = numbers(maps, "maps"), np.asarray(answers)
    rule(maps.ndim > 1 and len(maps) > 1 and answers.shape == (len(maps),), "maps",
         "must be two or more, with an answer each")
    flat = maps.reshape(len(maps), -1)
    spread = flat.std(axis=0, ddof=1)
    flat = flat[:, spread > 0] / spread[spread > 0]
    away = np.sqrt(((flat[:, None] - flat) ** 2).sum(axis=2))
    alike = away <= threshold * away.max()
    np.fill_diagonal(alike, False)
    same = alike & (answers[:, None] == answers)
    return same.sum(axis=1) / np.maximum(alike.sum(axis=1), 1)
