"""Layers that read their own spikes of the step before: the RTL gives golden's arrays."""

from dataclasses import replace

import numpy as np
import pytest

from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron
from golden.network.ops import Recurrent
from golden.neurons.cuba import Cuba
from golden.run import run
from hw.plan.planner import Plan
from hw.plan.schedule import outermost
from sim.rtl import Simulation
from verify.networks import images

LEAK = np.int64(1 << 13)
LIF = Neuron(threshold=np.int64(12), leak=LEAK, reset="subtract")
CUBA = Cuba(threshold=np.int64(20), leak=LEAK, current_leak=np.int64(20000), reset="zero")


def looping(sizes, steps, loops, *, neuron=LIF, bias=None, cut="weights", readout="membrane"):
    """A network of dense layers, those of ``loops`` (counted from 1) with a loop."""
    rng, layers = np.random.default_rng(steps), []
    for place, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False), 1):
        own = neuron
        if place == len(sizes) - 1 and readout == "membrane":
            own = replace(LIF, reset="none")
        loop = None
        if place in loops:
            loop = Recurrent(rng.integers(-8, 9, (outputs, outputs)), cut=cut, bias=None if (
                bias is None) else rng.integers(-bias, bias + 1, outputs))
        layers.append(Layer(weights=rng.integers(-6, 9, (outputs, inputs)), bits=5, neuron=own,
                            recurrent=loop))
    return Network(shape=(sizes[0], 1, 1), steps=steps, layers=tuple(layers), encoder="frames",
                   readout=readout, name="looping")


NETWORKS = {
    "first": looping((6, 9, 7), 9, {1}),
    "wide": looping((20, 40, 7), 5, {1}),
    "both": looping((6, 17, 9, 7), 6, {1, 2}),
    "later": looping((6, 17, 35, 7), 6, {2}),
    "readout": looping((6, 9, 7), 6, {2}, readout="count"),
    "all": looping((6, 9, 7), 7, {1, 2}, readout="count", neuron=CUBA),
    "bias": looping((6, 9, 7), 7, {1}, bias=9),
    "bias_spikes": looping((6, 9, 7), 7, {1}, bias=9, cut="spikes"),
    "bias_cuba": looping((12, 19, 7), 20, {1}, bias=9, neuron=CUBA, readout="count"),
    "once": looping((6, 9, 7), 1, {1}, bias=9),
}


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_loops_are_golden(name, lanes):
    network = NETWORKS[name]
    some = images(network, 3, 1)
    want = run(some, network, taps=network.taps)
    assert any(.02 < spikes.mean() < .9 for spikes in want.spikes.values()) or name == "once"
    got = Simulation(network, quick=True, lanes=lanes).run(some)
    np.testing.assert_array_equal(got.scores, want.scores)
    np.testing.assert_array_equal(got.counts, want.counts)
    for tap in network.taps:
        np.testing.assert_array_equal(got.spikes[tap], want.spikes[tap])
        np.testing.assert_array_equal(got.maps[tap], want.maps[tap])


@pytest.mark.parametrize("name", ["first", "both", "bias"])
def test_a_loop_matters(name):
    """Without its loop the network does something else: these tests would see it missing."""
    network = NETWORKS[name]
    some = images(network, 3, 1)
    without = network.replace(layers=tuple(
        replace(layer, recurrent=None) for layer in network.layers))
    assert not np.array_equal(run(some, network).scores, run(some, without).scores)


def test_a_network_with_loops_takes_steps_by_itself():
    network = NETWORKS["first"]
    assert outermost(network) == "steps" and Plan(network).rounds == network.steps
    plain = network.replace(layers=tuple(replace(each, recurrent=None) for each in network.layers))
    assert outermost(plain) == "layers" and Plan(plain).rounds == 1


@pytest.mark.parametrize("schedule", ["layers", "chunks"])
def test_other_schedules_are_refused(schedule):
    with pytest.raises(BadInput, match="weighted layer 1 reads its own spikes of the step before: "
                                       "--schedule steps"):
        Plan(NETWORKS["first"], schedule=schedule)


def test_recurrent_convolutions_are_refused():
    loop = Recurrent(np.ones((2, 2, 3, 3), int))
    layer = Layer(weights=np.ones((2, 1, 3, 3), int), bits=4, neuron=LIF, recurrent=loop)
    last = Layer(weights=np.ones((3, 2 * 4), int), bits=4, neuron=replace(LIF, reset="none"))
    network = Network(shape=(1, 4, 4), steps=4, layers=(layer, last), encoder="frames", name="n")
    with pytest.raises(BadInput, match="recurrent convolutions are not in hardware"):
        Plan(network)
