"""Faults planted into loops and into rounds of all layers: each makes some array differ."""

from unittest import mock

import numpy as np
import pytest

from golden.run import run
from hw.engine import fetch, look, state
from hw.engine.neurons import cuba
from hw.explain.sam import score
from hw.plan import loops
from sim.rtl import Simulation
from tests.helpers.planted import changed
from tests.hw.test_loops import NETWORKS
from verify.networks import images

pytestmark = pytest.mark.slow

# fault: (where it is looked up, module, what stands there, what is put there, network, array)
FAULTS = {
    "a loop reads the spikes of its own round": (
        "hw.engine.address_generator.loop_place", loops, "not odd)", "odd)", "first", "scores"),
    "the first round reads the spikes of the image before": (
        "hw.engine.address_generator.Look", look, "m.d.sync += mask.eq(0)", "pass", "first",
        "scores"),
    "a loop's train is read from the other memory": (
        "hw.engine.datapath.Fetch", fetch, "now = Mux(own, ~C(0, self.walk_steps), now)", "pass",
        "first", "scores"),
    "all steps have the bias of the first": (
        "hw.plan.packing.bias_sets", loops, "else [first, later]", "else [first, first]", "bias",
        "scores"),
    "neurons begin anew with every round": (
        "hw.engine.datapath.StateMemory", state, "Mux(self.fresh, 0, read.data)", "0", "first",
        "scores"),
    "neurons go on from the image before": (
        "hw.engine.datapath.StateMemory", state, "Mux(self.fresh, 0, read.data)", "read.data",
        "first", "scores"),
    "a current leaks twice": (
        "hw.engine.neurons.cuba.UNIT", cuba, "synaptic if self.single else leaked", "leaked",
        "all", "scores"),
    "a neuron's score begins anew with every round": (
        "hw.explain.sam.sam.ScoreUpdate", score, "Mux(self.fresh, 0, read.data.kept)", "0",
        "both", "maps"),
    "a neuron's score goes on from the image before": (
        "hw.explain.sam.sam.ScoreUpdate", score, "Mux(self.fresh, 0, read.data.kept)",
        "read.data.kept", "both", "maps"),
    "a neuron's last spike is another's": (
        "hw.explain.sam.sam.ScoreUpdate", score, "present.eq(opening)", "present.eq(coming)",
        "both", "maps"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_red_with(fault):
    target, module, old, new, name, array = FAULTS[fault]
    network = NETWORKS[name]
    some = images(network, 3, 1)
    want = run(some, network, taps=network.taps)
    with mock.patch(target, getattr(changed(module, old, new), target.split(".")[-1])):
        got = Simulation(network, quick=True, lanes=4).run(some)
    if array == "maps":
        np.testing.assert_array_equal(got.scores, want.scores)
        assert any(not np.array_equal(got.maps[tap], want.maps[tap]) for tap in network.taps)
    else:
        assert not np.array_equal(got.scores, want.scores)
