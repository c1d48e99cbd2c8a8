"""Activity figures: by hand, the same from every way to count, and a planted fault."""

import numpy as np
import pytest

from golden import activity, kernel
from golden.activity import Fans, figures, of_result
from golden.network import Layer, Network, Neuron, Pool, load
from golden.network.ops import Recurrent, Skip
from golden.run import run, run_batched
from tests.helpers.two_sided import pictures, two_sided


def test_by_hand():
    """Each spike meets one weight of layer 1, and there two of the read-out, one of them 0."""
    network = two_sided()
    result = run(pictures(), network)
    assert of_result(network, result).tolist() == [[3 + 6, 3 + 3], [2 + 4, 2 + 2]]
    found = figures(network, result)
    assert (found.spikes, found.input_spikes, found.dense) == (2.5, 2.5, 3 * (8 + 16))
    assert found.sparsity == pytest.approx(1 - 2.5 / 24)
    assert (found.operations, found.effective) == (7.5, 5)
    assert found.lines() == [
        "spikes an image 2.5, and 2.5 of the input; 89.58 % of the neurons' steps are silent",
        "synaptic operations an image 7.5, 5.0 of them by weights that are not 0; 72 if all spiked"]


def test_without_spikes_operations_are_not_told():
    network = two_sided()
    result = run(pictures(), network, keep=False)
    assert of_result(network, result) is None and len(figures(network, result).lines()) == 1


@pytest.mark.parametrize("kind, first", [("max", 1 + 1), ("sum", 2 + 1), ("avg", 2 + 1)])
def test_pools_by_hand(kind, first):
    """Two spikes in one window at one step, one in the next: an OR of them counts once."""
    network = Network((1, 2, 2), 2, (
        Pool(kind, 2, 2), Layer(np.ones((3, 1), int), 4, Neuron(np.int64(9), np.int64(0))),
        Layer(np.ones((2, 3), int), 4, Neuron(np.int64(0), np.int64(0), reset="none"))),
        encoder="frames")
    frames = np.zeros((1, 2, 1, 2, 2), np.uint8)
    frames[0, 0, 0, 0] = frames[0, 1, 0, 1, 1] = 1
    assert of_result(network, run(frames, network)).tolist() == [[3 * first, 3 * first]]
    # A sum pool's window is walked place by place, a max pool's hands on one.
    assert Fans(network).dense == 2 * (3 * (1 if kind == "max" else 4) + 6)


def test_skips_by_hand():
    """Three spikes of the input meet four weights of layer 1 and, by a skip past it, two of the
    read-out, of which one is 0; layer 1 is silent.
    """
    network = Network((2, 1, 1), 2, (
        Layer(np.ones((4, 2), int), 4, Neuron(np.int64(99), np.int64(0))),
        Layer(np.ones((2, 4), int), 4, Neuron(np.int64(0), np.int64(0), reset="none"),
              skips=(Skip(0, np.array([[1, 3], [0, 0]])),))), encoder="frames")
    frames = np.array([[[1, 1], [1, 0]]], np.uint8).reshape(1, 2, 2, 1, 1)
    assert of_result(network, run(frames, network)).tolist() == [[3 * 4 + 3 * 2, 3 * 4 + 3]]
    assert run(frames, network, fans=Fans(network)).operations.tolist() == [[18, 15]]
    assert Fans(network).dense == 2 * (8 + 8 + 4)


def test_padding_counts_nothing():
    """A spike in a corner meets 4 of 9 places of a 3 x 3 kernel, of which one weight is 0."""
    weights = np.ones((1, 1, 3, 3), int)
    weights[0, 0, 1, 1] = 0
    network = Network((1, 3, 3), 1, (
        Layer(weights, 4, Neuron(np.int64(9), np.int64(0)), padding=1),
        Layer(np.ones((2, 9), int), 4, Neuron(np.int64(0), np.int64(0), reset="none"))),
        encoder="frames")
    frames = np.zeros((2, 1, 1, 3, 3), np.uint8)
    frames[0, 0, 0, 0, 0] = frames[1, 0, 0, 1, 1] = 1
    assert of_result(network, run(frames, network)).tolist() == [[4, 3], [9, 8]]


def test_loops_by_hand():
    """One neuron that spikes in both steps meets its own weight once: not behind the last step."""
    network = Network((1, 1, 1), 2, (
        Layer(np.ones((1, 1), int), 4, Neuron(np.int64(0), np.int64(0), reset="zero"),
              recurrent=Recurrent(np.ones((1, 1), int))),
        Layer(np.ones((2, 1), int), 4, Neuron(np.int64(0), np.int64(0), reset="none"))),
        encoder="frames")
    frames = np.ones((1, 2, 1, 1, 1), np.uint8)
    result = run(frames, network)
    assert result.counts.tolist() == [[2, 2]]
    assert of_result(network, result).tolist() == [[2 + 1 + 4] * 2]
    assert Fans(network).dense == 2 + 1 + 4


@pytest.mark.parametrize("name", ["fashion_small", "scenes", "digits", "fashion-bntt"])
@pytest.mark.parametrize("way", kernel.CHOICES)
def test_counted_in_the_run(name, way):
    """The run counts what its kept spikes say, in NumPy and compiled."""
    network = load(name)
    images = np.random.default_rng(0).integers(0, 256, (3, *network.shape), np.uint8)
    kept = of_result(network, run(images, network))
    found = run_batched(images, network, keep=False, fans=Fans(network), kernel=way, batch=2)
    assert np.array_equal(found.operations, kept) and (kept[:, 1] < kept[:, 0]).all()
    assert figures(network, found).operations == kept[:, 0].mean()


def test_a_zero_weight_that_counts_is_seen(monkeypatch):
    right = activity.fan
    monkeypatch.setattr(activity, "fan", lambda *args: right(*args)[..., [0, 0]])
    with pytest.raises(AssertionError):
        test_by_hand()
    with pytest.raises(AssertionError):
        test_padding_counts_nothing()
