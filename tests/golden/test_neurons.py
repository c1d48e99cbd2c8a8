"""The interface of neuron models: what a new member must answer, and where it then goes through."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest

from golden.formats import leaked
from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron, load, membrane_range
from golden.network.__main__ import table
from golden.neurons import MODELS
from golden.neurons.base import Field, NeuronModel
from golden.neurons.lif import LIF, FloatLIF
from golden.run import run


@dataclass(frozen=True, eq=False)
class Adaptive(NeuronModel):
    """A model of two state variables, as a later member could be: the threshold rises by ``rise``
    with every spike and stays; the membrane goes to 0.
    """

    fields: ClassVar = (Field("threshold", low=0), Field("rise", low=0, high=7, note=", a step"))
    resets: ClassVar = ("zero", "none")

    threshold: np.ndarray
    rise: np.ndarray = field(default_factory=lambda: np.int64(0))
    reset: str = "zero"
    compare: str = "gt"
    delay: int = 0

    def start(self, zero):
        return zero, False, zero

    def step(self, state, added, values):
        membrane, fired, risen = state
        membrane = np.where(fired, 0, membrane) + added
        risen = risen + fired * values["rise"]
        return membrane, membrane > values["threshold"] + risen, risen

    def bound(self, low, high, values):
        return int(np.minimum(low, 0).sum(axis=0).min()), int(np.maximum(high, 0).sum(axis=0).max())

    def reach(self, added, steps):
        return steps * (added + 7)

    def words(self):
        return "adaptive", []


def network(neuron):
    return Network(shape=(1, 1, 1), steps=6, layers=(Layer(np.array([[3]]), 4, neuron),),
                   encoder="frames", readout="count")


def test_a_new_model_goes_through_everything(monkeypatch, tmp_path):
    monkeypatch.setitem(MODELS, "adaptive", Adaptive)
    made = network(Adaptive(threshold=np.int64(2), rise=np.int64(2)))
    made.save(tmp_path / "net.npz")
    found = load(tmp_path / "net.npz")
    assert found.digest == made.digest and isinstance(found.layers[0].neuron, Adaptive)
    assert int(found.layers[0].neuron.rise) == 2
    # Thresholds 2, 4, 4, 6: 3 | 3, 6 | 3, 6, 9 and so on.
    result = run(np.ones((1, 6, 1, 1, 1)), found)
    assert result.spikes[1].ravel().tolist() == [1, 0, 1, 0, 0, 1]
    assert membrane_range(found.stages[0], 6) == (0, 18)
    assert table(found).row_count == 1
    with pytest.raises(BadInput, match="rise must be 0 to 7, a step, not 8 to 8"):
        network(Adaptive(threshold=np.int64(2), rise=np.int64(8)))
    with pytest.raises(BadInput, match="reset must be one of zero, none, not subtract"):
        network(Adaptive(threshold=np.int64(2), reset="subtract"))
    monkeypatch.delitem(MODELS, "adaptive")
    with pytest.raises(BadInput, match="neuron must be one of lif, cuba, alpha, not adaptive"):
        load(tmp_path / "net.npz")


def test_the_first_model_is_not_named_in_files(tmp_path):
    """So that files of before there were models stay as they are."""
    made = network(Neuron(np.int64(2), np.int64(4096)))
    entry, arrays = made.layers[0].save()
    assert "neuron" not in entry and list(arrays) == ["weights", "threshold", "leak", "v_reset"]
    assert Neuron is LIF and next(iter(MODELS.values())) is LIF


@pytest.mark.parametrize("changes, text", [
    ({"leak": np.int64(65537)}, r"leak must be 0 to 65536, a share dropped in units of 2\*\*-16"),
    ({"leak": np.int64(-1)}, "leak must be 0 to 65536"),
    ({"threshold": np.int64(-1)}, "threshold must not be negative"),
    ({"v_reset": np.zeros(2, int)}, "v_reset must be one number or one a channel"),
    ({"v_reset": np.float64(0.5)}, "v_reset must be whole numbers"),
    ({"reset": "subtract_now"}, "reset must be one of"), ({"compare": "lt"}, "compare must be"),
    ({"delay": 2}, "delay must be 0 or 1")])
def test_ranges(changes, text):
    neuron = LIF(np.int64(1), np.int64(0))
    neuron.check("here", 1)
    with pytest.raises(BadInput, match=text):
        replace(neuron, **changes).check("here", 1)


@pytest.mark.parametrize("reset", LIF.resets)
@pytest.mark.parametrize("compare", ["gt", "ge"])
def test_lif_stays_within_bound_and_reach(reset, compare):
    rng = np.random.default_rng(7)
    for _ in range(30):
        neuron = LIF(rng.integers(0, 9, 3), rng.integers(0, 2**16 + 1, 3), reset, compare,
                     v_reset=rng.integers(-9, 9, 3))
        low = rng.integers(-9, 1, (8, 3))
        high = low + rng.integers(0, 12, (8, 3))
        least, most = neuron.bound(low, high, neuron.values(np.asarray))
        reach = neuron.reach(int(max(abs(low).max(), abs(high).max())), 8)
        state = neuron.start(np.zeros((50, 3), np.int64))
        for t in range(8):
            state = neuron.step(state, rng.integers(low[t], high[t] + 1, (50, 3)),
                                neuron.values(np.asarray))
            assert least <= state[0].min() and state[0].max() <= most
            assert np.abs(state[0] * neuron.leak).max() <= reach


@pytest.mark.parametrize("reset", FloatLIF.resets)
def test_from_float(reset):
    """Shares in 2**-16, thresholds and resets in membrane units where the order reads them."""
    real = FloatLIF(beta=np.float64(0.9375), threshold=np.float64(1.5), reset=reset,
                    v_reset=np.float64(-0.25), delay=1)
    per_channel = lambda values: np.broadcast_to(np.float64(values), 2)
    made = LIF.from_float(real, per_channel, np.array([0.25, 0.25]))
    assert made.leak == 4096 and made.delay == 1
    assert made.reset == {"subtract_now": "subtract_leaked"}.get(reset, reset)
    assert made.threshold == (0 if reset == "none" else 6)
    assert made.v_reset == (-1 if reset == "zero" else 0)
    assert made.rounding_reasons(real, per_channel) == [] and made.rounds
    assert made.exact_bits(3) == 8          # two products by 15 / 16
    assert leaked(16, int(made.leak)) == 15
    off = LIF.from_float(replace(real, beta=np.float64(0.9)), per_channel, np.ones(2))
    assert off.rounding_reasons(replace(real, beta=np.float64(0.9)), per_channel) == [
        "leak 0.9 kept as 0.899994"]
