"""RTL equals golden where leaks are no powers of two: beta .9, .95, .99, of a pass or a channel."""

import numpy as np
import pytest

from golden.network import Layer, Network, Neuron, Pool
from tests.helpers.equal import assert_equal
from verify.networks import images

pytestmark = pytest.mark.slow


def network(leaks, *, reset="subtract", frac=6):
    """Two convolutions, pooling and a leaky read-out; ``leaks`` of each, of 2**16."""
    rng = np.random.default_rng(5)
    weights = lambda *shape: rng.integers(-6, 8, shape)
    neuron = lambda leak, threshold: Neuron(
        np.int64(threshold << frac), np.asarray(leak, dtype=np.int64), reset=reset)
    return Network((2, 8, 8), 16, (
        Layer(weights(8, 2, 3, 3), 4, neuron(leaks[0], 9), frac=frac), Pool("max", 2, 2),
        Layer(weights(8, 8, 3, 3), 4, neuron(leaks[1], 15), padding=1, frac=frac),
        Layer(weights(8, 72), 4, Neuron(np.int64(0), np.asarray(leaks[2], dtype=np.int64),
                                        reset="none"), frac=frac)),
        encoder="frames", name="leaky")


@pytest.mark.rotated
@pytest.mark.parametrize("leaks, reset, lanes", [
    ((6554, 6554, 6554), "subtract", 1), ((6554, 3277, 655), "subtract_leaked", 2),
    ((6554, 6554, 0), "subtract", 4), ((3277, 45875, 6554), "zero", 8),
    ((6554, [655, 6554, 3277, 0, 4096, 65536, 9830, 1], 0), "subtract", 4)])
def test_equals_golden(leaks, reset, lanes):
    chip = network(leaks, reset=reset)
    wanted, _ = assert_equal(chip, images(chip, 3, 2), {"lanes": lanes, "word_steps": 8}, {},
                             stall=0.2)
    assert wanted.counts.max(axis=0).all()
