"""From the last layer to class scores."""

import numpy as np


def class_scores(spikes: np.ndarray, membranes, readout: str) -> np.ndarray:
    """Score of each class after each step.

    "membrane": the membrane itself. "count": spikes so far. "first" (latency decoding): T - t for a
    class whose first spike came at t <= now, else 0, so that the earliest wins.

    Parameters
    ----------
    spikes, membranes : (N, T, classes, 1, 1)

    Returns
    -------
    (N, T, classes) int32; the last step holds the logits
    """
    if readout == "membrane":
        return membranes[..., 0, 0]
    spikes = spikes[..., 0, 0]
    so_far = np.cumsum(spikes, axis=1, dtype=np.int32)
    if readout == "count":
        return so_far
    # Every step since the first spike adds one and the steps still to come are known.
    steps = spikes.shape[1]
    first = np.where(spikes.any(axis=1), spikes.argmax(axis=1), steps)[:, None]
    return np.where(np.arange(steps)[:, None] >= first, steps - first, 0).astype(np.int32)
