"""Scores of heatmaps against masks, many pictures at once."""

import numpy as np

from golden.explain import metrics
from train.paper import maps

SCORES = ("auc", "pointing", "energy", "iou")
CONTROLS = ("brightness", "contrast", "SAM of the input", "centre")


def scores(heat, masks):
    """AUC, pointing game, energy and IoU of (N, H, W) maps and masks: name -> (N,).

    nan where a mask is empty or full. Maps that may be negative count from their
    least value for energy and IoU.
    """
    kept = masks.any(axis=(1, 2)) & ~masks.all(axis=(1, 2))
    found = {name: np.full(len(heat), np.nan) for name in SCORES}
    found["auc"] = metrics.mask_auc(heat, masks)
    low = heat - heat.min(axis=(1, 2), keepdims=True)
    for n in np.flatnonzero(kept):
        found["pointing"][n] = metrics.pointing_game(heat[n], masks[n])
        found["energy"][n] = metrics.energy(low[n], masks[n])
        found["iou"][n] = metrics.iou(low[n], masks[n])
    return found


def controls(pictures, spikes_input):
    """Maps that need no network, at the picture's resolution: name -> (N, H, W)."""
    plain = pictures.images.mean(axis=1)
    found = {"brightness": plain, "contrast": maps.contrast(pictures.images),
             "SAM of the input": maps.sam(spikes_input).mean(axis=1)}
    # Objects lie towards the middle: a map of that alone, the same for every picture.
    rows, columns = (np.abs(np.arange(side) - (side - 1) / 2) for side in plain.shape[1:])
    found["centre"] = np.broadcast_to(-np.hypot(rows[:, None], columns), plain.shape)
    return found
