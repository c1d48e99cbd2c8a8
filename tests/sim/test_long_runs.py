"""Runs longer than a byte counts, simulated and in golden: the same in every array."""

from dataclasses import replace

import numpy as np
import pytest

from golden.explain.traces import decay_table, traces
from golden.formats import MOST_STEPS
from golden.network import Layer, Network, Neuron
from golden.run import run
from sim.rtl import Simulation
from tests.sim.test_rtl import different

pytestmark = pytest.mark.slow


def long_network(steps, encoder, readout="membrane"):
    """A convolution and a dense read-out over ``steps`` steps, active until the end."""
    chance = np.random.default_rng(steps)
    fires = (1 if encoder == "latency" else 2 if readout == "count" else 6) << 4
    counted = readout != "membrane"
    return Network((2, 4, 4), steps, (
        Layer(chance.integers(-4, 8, (3, 2, 3, 3)), 4,
              Neuron(fires, 100, reset="subtract"), padding=1),
        Layer(chance.integers(-4, 8, (3, 48)), 4,
              Neuron(fires if counted else 0, 0, reset="subtract" if counted else "none"))),
        encoder=encoder, readout=readout)


def inputs(network, count=2):
    """Pixels, or spikes of a tenth of all steps."""
    chance = np.random.default_rng(5)
    if network.encoder == "frames":
        return (chance.random((count, network.steps, *network.shape)) < .1).astype(np.uint8)
    return chance.integers(0, 256, (count, *network.shape)).astype(np.uint8)


@pytest.mark.parametrize("steps, encoder, readout, lanes, word_steps, mode", [
    (256, "bernoulli", "membrane", 2, 16, "paper"),
    (257, "latency", "membrane", 1, 16, "inclusive"),
    (300, "frames", "count", 4, 8, "official"),
    (MOST_STEPS, "frames", "membrane", 4, 16, "official"),
    (MOST_STEPS, "bernoulli", "first", 2, 16, "paper"),
    (MOST_STEPS, "latency", "count", 4, 16, "paper"),
    (MOST_STEPS, "bernoulli", "count", 2, 16, "inclusive"),
])
def test_equals_golden(steps, encoder, readout, lanes, word_steps, mode):
    """Maps, scores, counts and spikes, at a gamma whose table reaches over all steps."""
    network = long_network(steps, encoder, readout)
    images = inputs(network)
    wanted = run(images, network, gamma=.004, mode=mode)
    share = wanted.spikes[1].mean()
    assert .0004 < share < .6, share
    assert wanted.spikes[1][:, -1 - steps // 4:].any(), "nothing happens late"
    simulation = Simulation(network, lanes=lanes, word_steps=word_steps, quick=True)
    assert different(simulation.run(images, gamma=.004, mode=mode), wanted) == []


def test_traces_equal_golden():
    """The trace of the longest run reads the last entry of its table."""
    network = long_network(MOST_STEPS, "frames")
    images = inputs(network, 1)
    images[:, 1:] = 0                       # what spikes in step 0 alone decays over all others
    network = network.replace(layers=(
        replace(network.layers[0], neuron=Neuron(0, 0, reset="subtract")), network.layers[1]))
    spikes = run(images, network).spikes[1]
    found = Simulation(network, taps=(), attribution=1, quick=True).run(images, decay=.9999)
    want = traces(spikes.swapaxes(0, 1), decay_table(.9999, MOST_STEPS))
    assert want.any() and np.array_equal(found.traces, want)
