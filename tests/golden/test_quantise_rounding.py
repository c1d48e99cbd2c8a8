"""What the quantiser rounds, by hand: weights, thresholds, biases, leaks; and planted faults."""

import numpy as np
import pytest

from golden.importers import quantise as module
from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.importers.quantise import quantise, whole_weights
from golden.neurons import lif


def check_rounded():
    """Weights are 1, 2, 7 and -2 steps of 1/2, and a membrane has 7 fraction bits: units of 1/256.

    Thresholds 332.8 and 563.2 units, biases 76.8, -51.2 and 76.4; of a leak of .9, .7 and .8 the
    dropped share, 6,553.6, 19,660.8 and 13,107.2 of 65,536. Each goes to the nearest whole number.
    """
    layer = FloatLayer(np.array([[0.5, 1.0, 3.5], [0.5, -1, 0], [1, 0, 0]]), FloatNeuron(
        reset="subtract", threshold=np.array([1.3, 2.2, 1.3]), beta=np.array([0.9, 0.7, 0.8])),
        bias=np.array([0.3, -0.2, 0.2984375]))
    made = quantise(FloatNetwork((3, 1, 1), 8, (layer,), "frames", "count"), bits=4).layers[0]
    assert made.weights.tolist() == [[1, 2, 7], [1, -2, 0], [2, 0, 0]] and made.frac == 7
    assert made.scale == 1 / 256
    assert made.neuron.threshold.tolist() == [333, 563, 333]
    assert made.bias.tolist() == [77, -51, 76]
    assert made.neuron.leak.tolist() == [6554, 19661, 13107]


def check_weights():
    """Steps of 1/2 in 4 bits: to the nearest, held at -8 and 7."""
    found = module.whole_weights(np.array([0.74, 0.76, -0.74, -0.76, 9, -9]), 0.5, 4)
    assert found.tolist() == [1, 2, -1, -2, 7, -8]


def test_rounded_by_hand():
    check_rounded()
    check_weights()
    assert whole_weights is module.whole_weights


def cut(values, unit):
    """Units that are cut, not rounded."""
    return np.trunc(np.asarray(values) / unit).astype(np.int64)


def up(values, unit):
    """Units that are always rounded up."""
    return np.ceil(np.asarray(values) / unit).astype(np.int64)


FAULTS = {
    "thresholds cut": (lif, "counted", lambda right: cut),
    "thresholds rounded up": (lif, "counted", lambda right: up),
    "thresholds in weight steps": (lif, "counted", lambda right: lambda values, unit: right(
        values, unit * 2)),
    "biases cut": (module, "counted", lambda right: cut),
    "biases rounded up": (module, "counted", lambda right: up),
    "biases without a sign": (module, "counted", lambda right: lambda values, unit: abs(right(
        values, unit))),
    "leaks cut": (lif, "shares", lambda right: lambda kept: np.floor(
        (1 - kept) * 2**16).astype(np.int64)),
    "leaks rounded up": (lif, "shares", lambda right: lambda kept: np.ceil(
        (1 - kept) * 2**16).astype(np.int64)),
    "what is kept for what is dropped": (lif, "shares", lambda right: lambda kept: right(1 - kept)),
    "one leak for all channels": (lif, "shares", lambda right: lambda kept: right(kept)[0]),
    "weights cut": (module, "whole_weights", lambda right: lambda weights, scale, bits: np.clip(
        np.trunc(weights / scale), -2**(bits - 1), 2**(bits - 1) - 1).astype(np.int64)),
    "weights not held": (module, "whole_weights", lambda right: (
        lambda weights, scale, bits: np.rint(weights / scale).astype(np.int64))),
    "the most negative weight left out": (module, "whole_weights", lambda right: (
        lambda weights, scale, bits: np.maximum(right(weights, scale, bits), 1 - 2**(bits - 1)))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault, monkeypatch):
    where, name, change = FAULTS[fault]
    monkeypatch.setattr(where, name, change(getattr(where, name)))
    with pytest.raises(AssertionError):
        check_rounded()
        check_weights()
