"""SEW's gates: what they give by hand, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron
from golden.network.gates import GATES, gate
from golden.run import run

FIRES = Neuron(threshold=np.int64(0), leak=np.int64(1 << 16), reset="zero")


def joined(kind):
    """Channel 0 of the input is x, channel 1 is y; each a layer, then their gate and a read-out."""
    x, y = (np.array(row).reshape(1, 2, 1, 1) for row in ([1, 0], [0, 1]))
    last = Layer(np.ones((1, 1), int), 2, Neuron(np.int64(0), np.int64(0), "none"))
    return Network((2, 1, 1), 4, (
        Layer(x, 2, FIRES), Layer(y, 2, FIRES, behind=0), gate(kind, 1, 1), last),
        encoder="frames", name=kind)


def spikes_of(network, order):
    """(x, y, gate) step after step of what (x, y) = (0, 0), (1, 0), (0, 1), (1, 1) gives."""
    x, y = np.array([0, 1, 0, 1])[order], np.array([0, 0, 1, 1])[order]
    shown = np.stack([x, y], axis=1)[None, :, :, None, None].astype(np.uint8)
    return [each.ravel().tolist() for each in run(shown, network).spikes.values()]


ORDERS = [0, 1, 2, 3], [3, 2, 1, 0], [3, 3, 1, 1], [2, 1, 0, 1]


@pytest.mark.parametrize("kind, wanted", [("and", [0, 0, 0, 1]), ("iand", [0, 1, 0, 0])])
def test_by_hand(kind, wanted):
    for order in ORDERS:
        x, y, found = spikes_of(joined(kind), order)
        assert x == np.array([0, 1, 0, 1])[order].tolist()
        assert y == np.array([0, 0, 1, 1])[order].tolist()
        assert found == np.array(wanted)[order].tolist()


@pytest.mark.parametrize("kind", GATES)
def test_a_gate_that_remembers_is_seen(kind):
    network = joined(kind)
    keeps = replace(network.layers[2], neuron=replace(network.layers[2].neuron, leak=np.int64(0)))
    wrong = network.replace(layers=(*network.layers[:2], keeps, network.layers[3]))
    assert any(spikes_of(wrong, order) != spikes_of(network, order) for order in ORDERS)


def test_saved_and_loaded(tmp_path):
    from golden.network import load
    for kind in GATES:
        network = joined(kind)
        network.save(tmp_path / "n.npz")
        assert load(tmp_path / "n.npz").digest == network.digest


def test_another_kind_is_refused():
    with pytest.raises(BadInput, match="gate: must be one of and, iand, not xor"):
        gate("xor", 3, 1)
