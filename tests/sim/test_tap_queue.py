"""Maps of layers with one channel or few, whose pixels are silent and full in turn."""

import numpy as np
import pytest

from golden.network import Layer, Network, Neuron
from hw.explain import tap_queue
from hw.plan.planner import Plan
from tests.helpers.equal import assert_equal
from verify.drawn.named import scores

pytestmark = pytest.mark.slow


def stripes(channels):
    """A 1 x 1 convolution over black and white columns, and its images."""
    rng = np.random.default_rng(channels)
    network = Network((1, 3, 8), 16, (
        Layer(rng.integers(1, 8, (channels, 1, 1, 1)), 4, Neuron(np.int64(4), np.int64(1 << 12))),
        scores(rng, 2, channels * 24)),
        name=f"stripes {channels}")
    pictures = np.zeros((3, *network.shape), dtype=np.uint8)
    pictures[0, :, :, ::2], pictures[1, :, 1], pictures[2] = 255, 255, 255
    return network, pictures


@pytest.mark.parametrize("channels, lanes, trains", [
    (1, 1, 1), (1, 2, 1), (3, 2, 4), (1, 1, 3), (2, 4, 4), (5, 4, 1)])
def test_equals_golden(channels, lanes, trains):
    network, pictures = stripes(channels)
    wanted, _ = assert_equal(network, pictures, {"lanes": lanes, "trains": trains}, {}, stall=0.2)
    assert tap_queue.queues(Plan(network, lanes=lanes, trains=trains)) == (lanes > 1)
    assert wanted.counts[:, 1].all()
