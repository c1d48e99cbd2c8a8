"""Neurons kept by their distance from the threshold: membranes far wider than their inputs."""

import numpy as np
import pytest

from golden.network import Layer, Network, Neuron
from hw.engine.neurons.lif_by_sign import SignLif
from hw.plan.planner import Plan
from tests.helpers.equal import assert_equal

pytestmark = pytest.mark.slow


def narrow(*, leak, steps):
    """Two pixels whose sums have three bits, and a read-out."""
    quiet = Neuron(np.int64(0), np.int64(0), reset="none")
    return Network((2, 1, 1), steps, (
        Layer(np.array([-4, 3]).reshape(1, 2, 1, 1), 3, Neuron(np.int64(1), np.int64(leak))),
        Layer(np.array([[1], [-1]]), 2, quiet)), encoder="bernoulli", name="narrow")


@pytest.mark.parametrize("leak, steps", [(1 << 10, 40), (1 << 8, 16)],
                         ids=["sums of few bits", "a leak below the lowest bit"])
def test_narrow_sums(leak, steps):
    network = narrow(leak=leak, steps=steps)
    plan = Plan(network, lanes=1)
    assert plan.parameters.built(network.layers[0]) is SignLif
    assert plan.sum_bits == 3 and (plan.membrane_bits >= 8 or leak < 1 << 10)
    pictures = np.array([[200, 50], [255, 255], [60, 200]], dtype=np.uint8).reshape(3, 2, 1, 1)
    wanted, _ = assert_equal(network, pictures, {"lanes": 1}, {}, stall=0)
    assert wanted.counts[:, 1].any() and not wanted.counts[:, 1].all()
