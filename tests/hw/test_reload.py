"""Other weights and thresholds on a chip of the same topology: the RTL gives the new network."""

import re
from dataclasses import replace

import numpy as np
import pytest

from golden.formats import exp_table
from golden.io.errors import BadInput
from golden.network import Layer, Pool
from golden.run import run
from hw.plan.packing import configuration
from hw.plan.planner import Plan
from hw.plan.reload import reload
from sim.rtl import Simulation
from verify.networks import draw, images

pytestmark = pytest.mark.slow


def retrained(network, seed=0, **changes):
    """The network with its weights in another order and lower thresholds, all within its widths.

    ``changes`` are of the first weighted layer.
    """
    rng, layers = np.random.default_rng(seed), []
    for layer in network.layers:
        if isinstance(layer, Layer):
            rows = rng.permuted(layer.weights.reshape(layer.channels, -1), axis=1)
            threshold = rng.integers(0, np.asarray(layer.neuron.threshold) + 1)
            threshold = np.maximum(threshold, np.minimum(layer.neuron.threshold, 1))
            layer = replace(layer, weights=rows.reshape(layer.weights.shape),
                            neuron=replace(layer.neuron, threshold=threshold))
            layer, changes = replace(layer, **changes), {}
        layers.append(layer)
    return network.replace(layers=tuple(layers), name="other")


@pytest.mark.rotated
@pytest.mark.parametrize("seed, options, lanes", [
    (2, {"plain": True, "steps": (16,)}, 4),      # a threshold for a layer
    (63, {"plain": True, "steps": (16,)}, 4),     # the same, a wide read-out
    (20, {}, 4), (57, {}, 1)])                    # and for a channel, biases and v_reset with it
def test_equals_golden_of_the_new_network(seed, options, lanes):
    """Image after image of one and the other network, with tables of their own."""
    network = draw(seed, **options)
    simulation = Simulation(network, lanes=lanes, quick=True)
    chip = simulation.accelerator.plan
    other, pictures = retrained(network), images(network, 4, seed)
    assert Plan(other, lanes=lanes).kept and chip.per_channel == (not options)
    table = exp_table(1.1, network.steps)
    there = configuration(reload(chip, other), table=table, mode="inclusive")
    back = configuration(chip, table=exp_table(0.5, network.steps), mode="paper")
    found = simulation.run(pictures, writes=[there, there[:0], back, there])
    wanted = {name: run(pictures, which, **given) for name, which, given in (
        ("there", other, {"table": table, "mode": "inclusive"}), ("back", network, {}))}
    assert not np.array_equal(wanted["there"].scores, wanted["back"].scores)
    for n, name in enumerate(("there", "there", "back", "there")):
        assert np.array_equal(found.scores[n], wanted[name].scores[n])
        for tap in network.taps:
            assert np.array_equal(found.spikes[tap][n], wanted[name].spikes[tap][n])
            assert np.array_equal(found.maps[tap][n], wanted[name].maps[tap][n])


def test_the_network_itself_gives_its_own_writes():
    network = draw(20)
    plan, given = Plan(network), {"table": exp_table(0.5, network.steps), "mode": "paper"}
    assert np.array_equal(configuration(reload(plan, network), **given),
                          configuration(plan, **given))


NETWORK = draw(45, plain=True, steps=(16,))
FIRST = NETWORK.layers[0]
LAYERS = len(NETWORK.layers)


@pytest.mark.parametrize("other, message", [
    (NETWORK.replace(steps=15, name="x"), "x: steps is 15 where the chip has 16"),
    (NETWORK.replace(encoder="frames", name="x"),
     "x: encoder is frames where the chip has bernoulli"),
    (NETWORK.replace(layers=(Pool("sum", 1, 1), *NETWORK.layers), name="x"),
     f"x: has {LAYERS + 1} layers where the chip has {LAYERS}"),
    (retrained(NETWORK, frac=FIRST.frac + 1), f"other: layer 1 of {LAYERS}: frac is "
     f"{FIRST.frac + 1} where the chip has {FIRST.frac}"),
    (retrained(NETWORK, neuron=replace(FIRST.neuron, leak=np.int64(99))),
     f"other: layer 1 of {LAYERS}: leak is 99, "),
    (retrained(NETWORK, neuron=replace(FIRST.neuron, compare="ge")),
     f"other: layer 1 of {LAYERS}: compare is ge where the chip has gt"),
    (retrained(NETWORK, neuron=replace(
        FIRST.neuron, threshold=np.arange(FIRST.channels) % 2 + 1)),
     "other: neurons differ from channel to channel, and the chip has one kind for a layer"),
    (retrained(NETWORK, neuron=replace(FIRST.neuron, threshold=FIRST.neuron.threshold * 2**12)),
     "other: thresholds need "),
    (retrained(NETWORK, weights=np.full_like(FIRST.weights, 127), bits=8), "other: weights need "),
    (retrained(NETWORK, weights=np.full_like(FIRST.weights, FIRST.weights.max())),
     "other: sums need "),
])
def test_refuses(other, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        reload(Plan(NETWORK), other)


def test_refuses_a_leak_that_is_wider_than_kept():
    """Leaks of 12 and 13 bits are kept in 13; one of 14 would be cut off."""
    def leaky(*leaks):
        leak = np.resize(leaks, FIRST.channels)
        return retrained(NETWORK, neuron=replace(FIRST.neuron, leak=leak))
    chip = Plan(leaky(3277, 6554))
    wide = max(chip.formats["leak"].bits, 13) + 1
    with pytest.raises(BadInput, match="^other: leaks need "):
        reload(chip, leaky(3277, 1 << wide))
    assert reload(chip, leaky(3277, 6553)).kept == chip.kept
