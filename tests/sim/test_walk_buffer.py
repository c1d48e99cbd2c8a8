"""RTL equals golden with several trains a cycle: long walks, and drawn networks of all features."""

import numpy as np
import pytest

from golden.network import Layer, Network, Neuron
from hw.plan.planner import Plan
from tests.helpers.equal import assert_equal
from verify.networks import draw, images

pytestmark = pytest.mark.slow


def dense(inputs, *, steps, outputs=6, thresholds=None):
    """A spiking layer of so many inputs, and a read-out."""
    rng = np.random.default_rng(inputs)
    threshold = np.int64(40) if thresholds is None else np.asarray(thresholds, dtype=np.int64)
    quiet = Neuron(np.int64(0), np.int64(0), reset="none")
    return Network((inputs // 9, 3, 3) if inputs % 9 == 0 else (inputs, 1, 1), steps, (
        Layer(rng.integers(-7, 8, (outputs, inputs)), 4, Neuron(threshold, np.int64(1 << 12))),
        Layer(rng.integers(-7, 8, (3, outputs)), 4, quiet)),
        encoder="bernoulli", name=f"dense {inputs}")


@pytest.mark.parametrize("inputs, steps, size, turns", [
    (992, 16, (4, 16, 4), 1), (1024, 16, (4, 16, 4), 4), (1025, 20, (2, 8, 3), 2),
    (4608, 16, (8, 16, 4), 4), (4608, 7, (2, 4, 2), 1)])
def test_long_walks_none_silent(inputs, steps, size, turns):
    network, options = dense(inputs, steps=steps), dict(zip(
        ("lanes", "word_steps", "trains"), size, strict=True))
    plan = Plan(network, **options)
    assert plan.turns(plan.passes[0]) == turns
    pictures = np.full((2, *network.shape), 255, dtype=np.uint8)
    pictures[1, ::3] = 90
    wanted, found = assert_equal(network, pictures, options, {}, stall=0.2)
    assert (wanted.spikes_input[0].any(axis=0)).all() and wanted.counts[:, 1].all()
    assert (found.cycles > turns * inputs).all()


def test_long_walks_with_parameters_of_channels():
    network = dense(1100, steps=20, thresholds=[30, 90, 40, 20, 60, 50])
    options = {"lanes": 4, "word_steps": 16, "trains": 4}
    plan = Plan(network, **options)
    assert plan.per_channel and plan.turns(plan.passes[0]) == 4
    pictures = np.full((2, 1100, 1, 1), 200, dtype=np.uint8)
    wanted, _ = assert_equal(network, pictures, options, {}, stall=0)
    assert wanted.counts[:, 1].all()


@pytest.mark.rotated
@pytest.mark.parametrize("size", [(1, 16, 4), (2, 4, 3), (4, 16, 2), (8, 16, 3), (8, 8, 4),
                                  (16, 16, 4)], ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("seed", range(2))
def test_drawn_networks(seed, size):
    encoder = ("bernoulli", "frames", "ternary", "latency")[(size[2] + seed) % 4]
    network = draw(100 * size[0] + 10 * size[2] + seed, rich=True, encoder=encoder)
    options = dict(zip(("lanes", "word_steps", "trains"), size, strict=True))
    assert_equal(network, images(network, 3, seed), options, {}, stall=0.3 * (seed % 2))
