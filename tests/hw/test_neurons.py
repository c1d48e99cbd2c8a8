"""A second neuron model in hardware: a class in golden, a class in hw, and nothing else."""

import numpy as np
import pytest
from amaranth import Shape

from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron
from hw.accelerator import Accelerator
from hw.engine.neurons import unit_of
from hw.engine.neurons.base import NeuronUnit
from hw.engine.neurons.lif import LifNeuron
from hw.plan.parameters import Parameters
from hw.plan.planner import Plan
from hw.plan.reload import reload
from tests.helpers.equal import assert_equal
from tests.helpers.resting import Resting, RestingNeuron, register
from verify.networks import images

QUIET = Neuron(np.int64(0), np.int64(0), reset="none")


def network(first, second, last=QUIET, *, steps=16, seed=3, bias=False):
    """A convolution and a dense layer of given neurons, and a read-out."""
    rng = np.random.default_rng(seed)
    weights = lambda *shape: rng.integers(-3, 6, shape)
    return Network((2, 6, 6), steps, (
        Layer(weights(6, 2, 3, 3), 4, first, bias=rng.integers(-4, 9, 6) if bias else None),
        Layer(weights(5, 96), 4, second, padding=0), Layer(weights(4, 5), 4, last)),
        encoder="frames", name="resting",
        readout="membrane" if not last.spiking else "count")


def resting(threshold, rest, after=0, **choices):
    return Resting(np.asarray(threshold), np.asarray(rest), np.asarray(after), **choices)


CASES = {
    # One number a layer: thresholds are loaded, all else is wired.
    "a layer": (network(resting(40, 2, -9), resting(60, 0, 3)), {"lanes": 4, "word_steps": 16}),
    "two models": (network(resting(40, 3), Neuron(np.int64(50), np.int64(4096)), seed=4),
                   {"lanes": 2, "word_steps": 8}),
    "two models, a channel": (network(
        Neuron(np.arange(30, 36), np.int64(4096), reset="zero", v_reset=np.int64(-3)),
        resting(60, [0, 1, 2, 7, 3], [0, -50, 9, 4, -1], compare="ge"), bias=True),
        {"lanes": 4, "word_steps": 8}),
    "a channel": (network(resting([40, 50, 60, 30, 20, 44], [0, 1, 2, 3, 4, 5], -2, delay=1),
                          resting(60, 1, [1, 2, -3, 4, 5]), resting(9, 2)),
                  {"lanes": 8, "word_steps": 8}),
    "chunks": (network(resting(40, [5, 0, 1, 7, 2, 3]), resting(60, 6, -20), steps=21, seed=9),
               {"lanes": 2, "word_steps": 8}),
}


class Wired(RestingNeuron):
    """The same with nothing in the weight memory."""

    LOADED = ()


class Restless(RestingNeuron):
    """One that forgets its rest when a word ends."""

    def elaborate(self, platform):
        self.neurons = [resting(40, 2, compare="ge") for _ in self.neurons]
        return super().elaborate(platform)


@pytest.mark.rotated
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_equals_golden(name, monkeypatch):
    register(monkeypatch)
    made, options = CASES[name]
    wanted, _ = assert_equal(made, images(made, 3, 2), options, {}, stall=0.2)
    assert wanted.counts.max(axis=0).all()


@pytest.mark.slow
def test_equals_golden_with_nothing_in_memory(monkeypatch):
    register(monkeypatch, Wired)
    made, options = network(resting(40, 2, -9), resting(60, 0, 3), resting(9, 1)), {"lanes": 4}
    assert not Plan(made, **options).kept and not Plan(made, **options).passes[0].headers
    assert_equal(made, images(made, 2, 2), options, {}, stall=0)


@pytest.mark.slow
def test_a_wrong_unit_is_seen(monkeypatch):
    register(monkeypatch, Restless)
    made, options = CASES["a layer"]
    with pytest.raises(AssertionError, match="differ"):
        assert_equal(made, images(made, 3, 2), options, {}, stall=0)


def test_fields_become_formats(monkeypatch):
    """As wide as the widest value; what may be negative as wide as a membrane."""
    register(monkeypatch)
    made, options = CASES["two models, a channel"]
    plan = Plan(made, **options)
    assert plan.per_channel and list(plan.kept) == [
        "threshold", "bias", "v_reset", "rest", "after"]
    assert plan.kept["rest"] == (3, False) and plan.kept["threshold"] == (6, False)
    assert plan.kept["after"] == plan.kept["v_reset"] == (plan.membrane_bits, True)
    assert "leak" not in plan.kept and plan.formats["leak"] == (13, False)
    uniform = Plan(CASES["a layer"][0])
    assert not uniform.per_channel and list(uniform.kept) == ["threshold"]


def test_a_reload_may_change_what_is_kept(monkeypatch):
    register(monkeypatch)
    chip = Plan(network(resting(40, [1, 2, 3, 4, 5, 6]), resting(60, 2)))
    assert reload(chip, network(resting(40, [7, 0, 3, 4, 5, 6]), resting(59, 1))).kept == chip.kept
    with pytest.raises(BadInput, match="layer 2 of 3: after is -1, .* where the chip has 0, "):
        reload(chip, network(resting(40, [1, 2, 3, 4, 5, 6]), resting(60, 2, -1)))
    narrow = Plan(network(resting(40, [1, 2, 3, 1, 2, 3]), resting(60, 2)))
    with pytest.raises(BadInput, match="resting: rests need 3 bits where the chip has 2"):
        reload(narrow, network(resting(40, [4, 2, 3, 1, 2, 3]), resting(60, 2)))
    with pytest.raises(BadInput, match="layer 2 of 3: neuron is lif where the chip has resting"):
        reload(chip, network(resting(40, [1, 2, 3, 4, 5, 6]), Neuron(np.int64(60), np.int64(0))))


def test_a_model_without_hardware_is_refused(monkeypatch):
    """In one line that names the file to write; golden runs it all the same."""
    register(monkeypatch, unit=None)
    made, options = CASES["a layer"]
    with pytest.raises(BadInput, match="^resting: neuron model resting has no hardware, which "
                                       "would be hw/engine/neurons/resting.py$"):
        Accelerator(made, **options)


def test_the_first_model_is_found_by_its_name():
    assert unit_of("lif", "here") is LifNeuron and issubclass(LifNeuron, NeuronUnit)
    found = Parameters((CASES["two models"][0].layers[1],), "here")
    assert found.units == {"lif": LifNeuron}
    assert Shape(*found.formats(9)["leak"]).width == 13
