"""Whether a map depends on the network, adds up, and stays where the picture barely moves."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from golden.explain.metrics import rank_correlation
from golden.io.arguments import index, numbers, positive
from golden.io.errors import rule
from golden.network import Network

__all__ = ["completeness", "max_sensitivity", "randomised", "similarity"]


def randomised(network: Network, count: int, seed: int = 0) -> Network:
    """The Network whose last ``count`` weighted layers are shuffled (MPRT, Adebayo et al. 2018).

    Weights change places within their layer, the read-out first and then layer by layer towards the
    input ("cascading"); so range and number of each weight stay, and what was learnt does not.
    Biases and thresholds stay. Raises BadInput unless 0 <= count <= the weighted layers.
    """
    count = index(count, len(network.stages) + 1, "count")
    stages = network.stages[len(network.stages) - count:]
    chosen = {id(stage.layer): stage.index for stage in stages}

    def shuffled(layer):
        """The layer with its weights in another order, the same for each seed."""
        rng = np.random.default_rng((seed, chosen[id(layer)]))
        weights = rng.permutation(layer.weights.ravel()).reshape(layer.weights.shape)
        return replace(layer, weights=weights)

    return network.replace(layers=tuple(shuffled(layer) if id(layer) in chosen else layer
                                        for layer in network.layers))


def similarity(heat: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation of two maps of one shape; 0 where just one of them is constant.

    A map that is constant agrees with no other: a network that fell silent shows nothing. nan where
    the first, that of the network as it was learnt, is constant itself: there is no answer.
    """
    heat, other = numbers(heat, "heat"), numbers(other, "other")
    rule(heat.shape == other.shape, "other", f"must be of shape {heat.shape}, not {other.shape}")
    if np.ptp(heat) > 0 and np.ptp(other) == 0:
        return 0.0
    return rank_correlation(heat, other)


def completeness(total: float, claim: float) -> float:
    """|total - claim| / |claim| (Sundararajan et al. 2017): 0 where a map sums to what it explains.

    ``claim`` is the score less that of a baseline; of contributions and z+ the baseline is a
    deepest layer without a spike, whose scores are the biases. nan where it is 0. By hand: a sum
    of 3 for a claim of 4 gives 1/4, for one of -4 it gives 7/4.
    """
    total, claim = float(total), float(claim)
    return abs(total - claim) / abs(claim) if claim else float("nan")


def max_sensitivity(explain: Callable, image: np.ndarray, *, radius: int = 3, draws: int = 3,
                    seed: int = 0) -> float:
    """Max-sensitivity (Yeh et al. 2019): the largest change of a map of pictures hardly changed.

    The largest of ``draws`` of ||m(x + e) - m(x)|| / ||m(x)||, e drawn evenly from the whole
    numbers -radius to radius in every pixel, the pixels held within 0 to 255; nan where m(x) is 0.
    Small is good: continuity. By hand: a map that is the picture itself, [[100, 0]], with e = 3 in
    both pixels changes by 3 sqrt 2 of 100.

    Parameters
    ----------
    explain : function of a picture to its map, any shape
    image : uint8 array
    """
    image = np.asarray(image)
    rule(image.dtype == np.uint8, "image", f"must be uint8, not {image.dtype}")
    heat = numbers(explain(image), "the map")
    norm = np.linalg.norm(heat)
    if not norm:
        return float("nan")
    rng = np.random.default_rng(seed)
    reach = positive(radius, "radius")
    noise = rng.integers(-reach, reach, (positive(draws, "draws"), *image.shape), endpoint=True)
    return max(float(np.linalg.norm(numbers(explain(moved), "the map") - heat) / norm)
               for moved in np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8))
