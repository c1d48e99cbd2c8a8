"""Whether a map lies on the object, on the mask at full resolution.

The names are those of the package quantus (Hedstrom et al. 2023), whose numbers these equal
(tests/golden/test_localisation.py); ``golden.explain.metrics.mask_auc`` is the AUC with ties.
A map of a layer is brought to the mask's resolution by ``enlarged``, never the mask to the map's:
a mask on a 4 x 4 grid drops small objects and flatters.
"""

import numpy as np

from golden.explain.metrics import binary, mask_auc, one
from golden.io.errors import rule

__all__ = ["HOW", "enlarged", "localised", "pointing", "relevance_mass", "relevance_rank"]

HOW = ("bilinear", "nearest")


def enlarged(heat: np.ndarray, shape: tuple, how: str = "bilinear") -> np.ndarray:
    """(H, W) of a layer's map (h, w), whose pixels lie at whole strides of the input.

    Pixel n of the map lies at n H / h, as the middle of a field of a stride-2 convolution of
    padding 1 does. "bilinear" is linear between the pixels and holds the last behind it, as the
    paper resizes; "nearest" takes the pixel of the stride that a place is in. By hand: [0, 4] over
    four places is 0, 2, 4, 4 and 0, 0, 4, 4.

    Raises BadInput where the map is larger than ``shape``.
    """
    heat = one(heat, "heat")
    rule(how in HOW, "how", f"must be one of {', '.join(HOW)}, not {how}")
    rule(all(h <= side for h, side in zip(heat.shape, shape, strict=True)), "heat",
         f"of {heat.shape} is larger than {tuple(shape)}")
    rows, columns = (np.arange(side) * count / side
                     for side, count in zip(shape, heat.shape, strict=True))
    if how == "nearest":
        return heat[np.ix_(rows.astype(int), columns.astype(int))]
    tall = np.array([np.interp(rows, np.arange(len(line)), line) for line in heat.T]).T
    return np.array([np.interp(columns, np.arange(len(line)), line) for line in tall])


def relevance_mass(heat: np.ndarray, mask: np.ndarray) -> float:
    """Relevance mass accuracy (Arras et al. 2022): the share of a map's sum that is on the mask.

    Negative values count as 0; nan for a map without a positive value. By hand: heat [[3, 1, -5]]
    and mask [[1, 0, 1]] give 3/4.
    """
    heat = np.maximum(one(heat, "heat"), 0)
    found = binary(mask, heat.shape)
    return float(heat[found].sum() / heat.sum()) if heat.any() else float("nan")


def relevance_rank(heat: np.ndarray, mask: np.ndarray) -> float:
    """Relevance rank accuracy (Arras et al. 2022): of the K highest pixels, the share on the mask.

    K is the size of the mask. Of pixels that tie for the last places each counts its share, so that
    no order among equals matters. By hand: heat [[3, 2, 1]] and mask [[1, 0, 1]] give 1/2; heat
    [[3, 1, 1]] gives (1 + 1/2) / 2.
    """
    heat = one(heat, "heat")
    found = binary(mask, heat.shape)
    size = np.count_nonzero(found)
    level = np.sort(heat, axis=None)[-size]
    above, at = heat > level, heat == level
    left = (size - np.count_nonzero(above)) / np.count_nonzero(at)
    return float((np.count_nonzero(found & above) + left * np.count_nonzero(found & at)) / size)


def pointing(heat: np.ndarray, mask: np.ndarray) -> float:
    """Pointing game (Zhang et al. 2018): the share of the hottest pixels that are on the mask.

    One pixel gives 0 or 1; ties count by their share. By hand: heat [[2, 2, 1]] and mask
    [[1, 0, 1]] give 1/2.
    """
    heat = one(heat, "heat")
    return float(binary(mask, heat.shape)[heat == heat.max()].mean())


def localised(heat: np.ndarray, mask: np.ndarray, how: str = "bilinear") -> dict[str, float]:
    """{name: number} of a layer's map (h, w) against a mask (H, W) by all four.

    A mask without a pixel, or of all, has no answer and is refused: the caller says how many it
    left out.
    """
    mask = one(mask, "mask")
    found = binary(mask, mask.shape)
    rule(not found.all(), "mask", "holds every pixel, so that every map lies on it")
    large = enlarged(heat, mask.shape, how)
    return {"AUC": float(mask_auc(large, mask)), "pointing": pointing(large, mask),
            "mass": relevance_mass(large, mask), "rank": relevance_rank(large, mask)}
