"""Class scores by hand."""

import numpy as np

from golden.readout import class_scores

# Two classes over four steps: the first spikes at 1 and 3, the second never.
SPIKES = np.array([[0, 0], [1, 0], [0, 0], [1, 0]]).reshape(1, 4, 2, 1, 1)
MEMBRANES = np.arange(8).reshape(1, 4, 2, 1, 1)


def test_membrane():
    assert class_scores(SPIKES, MEMBRANES, "membrane").tolist() == [
        [[0, 1], [2, 3], [4, 5], [6, 7]]]


def test_count():
    assert class_scores(SPIKES, MEMBRANES, "count").tolist() == [[[0, 0], [1, 0], [1, 0], [2, 0]]]


def test_first():
    """T - t = 4 - 1 from the first spike on; nothing for a class that never spiked."""
    assert class_scores(SPIKES, MEMBRANES, "first").tolist() == [[[0, 0], [3, 0], [3, 0], [3, 0]]]
    at_once = np.ones((1, 4, 1, 1, 1), dtype=int)
    assert class_scores(at_once, at_once, "first").tolist() == [[[4], [4], [4], [4]]]
