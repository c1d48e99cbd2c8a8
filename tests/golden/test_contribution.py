"""Contribution maps: by hand, the identity at every step, and what is refused."""

import numpy as np
import pytest

from golden.explain.contribution import (
    adds_up,
    contribution_bits,
    contributions,
    difference,
    rival,
    said,
    step_contributions,
    summed_scores,
)
from golden.images import load_images
from golden.io.errors import BadInput
from golden.io.shipped import sample_of
from golden.network import Conv, Layer, Network, Neuron, Pool, load
from golden.network.linear import check_linear, readout_weights, unpooled
from golden.network.ops import Greatest
from golden.neurons import MODELS
from golden.neurons.alpha import Alpha
from golden.neurons.cuba import Cuba
from golden.run import run
from verify.networks import images

READOUT = Neuron(threshold=np.int64(0), leak=np.int64(0), reset="none")
FIRES = Neuron(threshold=np.int64(0), leak=np.int64(4096))


def tiny(weights, *, pools=(), readout=READOUT, shape=(1, 2, 2), steps=2, **options):
    """A network whose first layer hands frames on, spike for spike, before ``weights``."""
    copy = Layer(np.ones((1, 1, 1, 1), dtype=np.int64), 2, Neuron(
        threshold=np.int64(0), leak=np.int64(65536)))
    kinds = {name: options.pop(name) for name in ("readout_kind",) if name in options}
    last = Layer(np.array(weights), 4, readout, **options)
    return Network(shape, steps, (copy, *pools, last), encoder="frames",
                   readout=kinds.get("readout_kind", "membrane"), name="tiny")


def test_by_hand():
    """Four pixels, two classes: weights 1 2 / 3 4 and their negatives, spikes as written."""
    network = tiny([[1, 2, 3, 4], [-1, -2, -3, -4]], frac=4, bias=np.array([10, -1]))
    frames = np.array([[[[1, 0], [0, 1]]], [[[1, 1], [0, 0]]]])
    steps = step_contributions(frames, network)
    assert steps[0].tolist() == [[[1, 0], [0, 4]], [[-1, 0], [0, -4]]]
    assert steps[1].tolist() == [[[1, 2], [0, 0]], [[-1, -2], [0, 0]]]
    assert contributions(frames, network).tolist() == [[[2, 2], [0, 4]], [[-2, -2], [0, -4]]]
    # 16 * 5 + 10, 16 * 8 + 20; -16 * 5 - 1, -16 * 8 - 2
    scores = [[90, -81], [148, -130]]
    assert summed_scores(steps, network).tolist() == scores
    assert run(frames[None].astype(np.uint8), network).scores[0].tolist() == scores
    assert contribution_bits(network) == 5      # -8 .. 8 at a pixel over two steps
    assert contribution_bits(network, 1) == 4   # -4 .. 4
    assert difference(contributions(frames, network), 0, 1).tolist() == [[4, 4], [0, 8]]
    assert difference(contributions(frames, network), 1).tolist() == [[-2, -2], [0, -4]]


def test_a_pooled_spike_counts_with_the_weight_of_its_window():
    """An average is its count, so each pixel of a window has the window's own weight."""
    network = tiny([[3], [-2]], pools=(Pool("avg", 2, 2),))
    assert readout_weights(network).tolist() == [[[[3, 3], [3, 3]]], [[[-2, -2], [-2, -2]]]]
    frames = np.array([[[[1, 0], [1, 1]]], [[[0, 0], [0, 1]]]])
    assert contributions(frames, network)[0].tolist() == [[3, 0], [3, 6]]
    # Windows of 2 x 2, one pixel apart: the middle column is in both.
    network = tiny([[1, 4]], pools=(Pool("sum", 2, 1),), shape=(1, 2, 3))
    assert readout_weights(network).tolist() == [[[[1, 5, 4], [1, 5, 4]]]]


@pytest.mark.parametrize("name", ["fashion", "scenes", "scenes-2", "digits", "mnist-conv",
                                  "fashion-bntt"])
def test_adds_up_on_real_networks(name):
    """At every step, in every class, bit for bit; and one unit off anywhere does not."""
    network = load(name)
    source = sample_of(name)
    pictures = load_images(source, network)[0][:3] if source else images(network, 3)
    result = run(pictures, network, taps=network.taps[-1:])
    steps = step_contributions(result.spikes[network.taps[-1]], network)
    assert adds_up(steps, result.scores, network).all()
    maps = contributions(result.spikes[network.taps[-1]], network)
    assert np.array_equal(maps, steps.sum(axis=1)) and adds_up(maps, result.scores, network).all()
    assert maps.any()
    bits = contribution_bits(network)
    assert -2**(bits - 1) <= maps.min() and maps.max() < 2**(bits - 1)
    steps[1, 2, 0, 0, 0] += 1
    maps[2, 1, 0, 0] -= 1
    assert adds_up(steps, result.scores, network).tolist() == [True, False, True]
    assert adds_up(maps, result.scores, network).tolist() == [True, True, False]
    assert said([True, False, True]) == "adds up: NO, on 2 of 3 images"
    assert said([True]) == "adds up: yes, on 1 of 1 images"


@pytest.mark.parametrize("name", ["scenes", "scenes-2", "fashion"])
def test_unpooled_gives_the_same_scores(name):
    network = load(name)
    found, pictures = unpooled(network), images(network, 2)
    assert not found.stages[-1].pools and found.stages[-1].layer.dense
    assert np.array_equal(readout_weights(found), readout_weights(network))
    assert np.array_equal(run(pictures, found).scores, run(pictures, network).scores)


def test_unpooled_of_a_convolution():
    network = tiny(np.arange(-4, 4).reshape(2, 1, 2, 2))
    assert isinstance(network.stages[-1].layer.op, Conv)
    found, pictures = unpooled(network), images(network, 4)
    assert found.stages[-1].layer.dense
    assert np.array_equal(run(pictures, found).scores, run(pictures, network).scores)


@pytest.mark.parametrize("network, reason", [
    (tiny([[1, 2, 3, 4]], readout=FIRES, readout_kind="count"), "\"count\" tells what its own"),
    (tiny([[1, 2, 3, 4]], readout=FIRES, readout_kind="first"), "\"first\" tells what its own"),
    (tiny([[1, 2, 3, 4]], readout=Neuron(np.int64(0), np.int64(1), reset="none")), "leaks"),
    (tiny([[1]], pools=(Pool("max", 2, 2),)), "max pooling before the read-out"),
    (tiny(np.ones((2, 1, 1, 1), np.int64), greatest=Greatest(2, 2)), "the greatest of several"),
    (tiny(np.ones((1, 1, 1, 1), np.int64) * [[[[1]]], [[[2]]]], norm=(
        np.ones((2, 2), np.int64), np.zeros((2, 2), np.int64), 0), shape=(1, 1, 1)), "BNTT"),
    (Network((1, 2, 2), 2, (Layer(np.ones((2, 4), np.int64), 2, READOUT),), name="tiny"),
     "one layer"),
])
def test_refused_by_one_line_with_the_reason(network, reason):
    with pytest.raises(BadInput, match=f"^tiny: its scores are no sums over spikes: .*{reason}"):
        contribution_bits(network)
    with pytest.raises(BadInput, match="^--method: its scores are no sums"):
        check_linear(network, "--method")


def test_a_weight_of_several_windows_that_does_not_fit():
    wide = tiny([[7] * 9], pools=(Pool("sum", 3, 1),), shape=(1, 5, 5))
    assert readout_weights(wide).max() == 63 and unpooled(wide).stages[-1].layer.bits == 7
    wide = tiny([[7] * 25], pools=(Pool("sum", 5, 1),), shape=(1, 9, 9))
    with pytest.raises(BadInput, match="^tiny: a spike counts in several windows of a pool, and "
                                       "its weight needs 9 bits, not 8$"):
        unpooled(wide)


def test_wrong_spikes_and_classes():
    network = tiny([[1, 2, 3, 4]])
    with pytest.raises(BadInput, match=r"^spikes must be \(2, 1, 2, 2\) or several of these, not "):
        contributions(np.zeros((3, 1, 2, 2)), network)
    with pytest.raises(BadInput, match="must be 0 to 0, not 1"):
        difference(np.zeros((1, 2, 2)), 1)
    assert (rival([5, 9, 7], 1), rival([5, 9, 7], 2), rival([5, 5, 5], 0)) == (2, 1, 1)
    with pytest.raises(BadInput, match="one class, and no other to compare it with"):
        rival([3], 0)


def test_which_neurons_add():
    assert READOUT.adds and not FIRES.adds
    assert not Neuron(np.int64(0), np.int64(1), reset="none").adds
    current = Cuba(np.int64(0), np.int64(0), np.int64(0), reset="none")
    assert not current.adds, "a current that is kept counts again in every step"
    assert not Alpha(np.int64(0), np.int64(0), np.int64(0), reset="none").adds
    assert set(MODELS) == {"lif", "cuba", "alpha"}
