"""The interface of operations: sizes, bounds, and each transposed operation."""

from dataclasses import replace

import numpy as np
import pytest

from golden.explain.perturb import NetworkModel
from golden.io.errors import BadInput
from golden.network import Conv, Dense, Layer, Network, Norm, Pool, load, output_size
from golden.network.ops import WEIGHTED, FloatNorm, Greatest, GreatestOf
from golden.network.ops.base import pair
from golden.neurons.lif import LIF
from golden.run import run


def test_output_size_counts_windows():
    for size in range(1, 9):
        for kernel in range(1, 6):
            for stride in range(1, 4):
                for padding in range(3):
                    places = range(-padding, size + padding - kernel + 1, stride)
                    assert max(0, output_size(size, kernel, stride, padding)) == len(places)


def test_output_size_rounded_up_keeps_windows_that_begin_within():
    """One window more where some of the padded map is left, if it begins on the map."""
    for size in range(1, 9):
        for kernel in range(1, 5):
            for stride in range(1, 4):
                for padding in range(kernel // 2 + 1):
                    if size + 2 * padding < kernel:
                        continue
                    full = list(range(-padding, size + padding - kernel + 1, stride))
                    more = full[-1] + stride < size and full[-1] + kernel < size + padding
                    assert output_size(size, kernel, stride, padding, True) == len(full) + more


OPERATIONS = [
    (Conv(np.arange(-27, 27).reshape(2, 3, 3, 3)), (3, 7, 6)),
    (Conv(np.arange(16).reshape(4, 1, 2, 2), stride=2, padding=1, groups=2), (2, 6, 7)),
    (Dense(np.arange(-12, 12).reshape(2, 12)), (3, 2, 2)),
    (Pool("sum", 2, 2), (3, 6, 7)), (Pool("avg", 3, 2, 1), (2, 7, 6)),
    (Pool("max", 2, 3), (2, 7, 8)),
    (Conv(np.arange(-30, 30).reshape(2, 2, 3, 5), (2, 1), (0, 2)), (2, 7, 6)),
    (Conv(np.arange(-9, 9).reshape(2, 1, 3, 3), 1, (3, 1), 2, (3, 1)), (2, 8, 5)),
    (Conv(np.arange(-50, 71).reshape(1, 1, 11, 11), padding=3), (1, 7, 8)),
    (Pool("sum", (3, 2), (1, 2), (1, 0)), (2, 6, 5)), (Pool("sum", 2, 2, ceil=True), (2, 5, 7)),
]
GREATEST = [(Greatest(2, 2), (2, 3)), (Greatest(3, 2, 1), (3, 3)),
            (Greatest((1, 2), (2, 1)), (3, 5)), (Greatest(2, 2, 0, True), (3, 3))]


def by_definition(op, activations):
    """The sums of a convolution, place by place of its equation."""
    count, _, height, width = activations.shape
    groups, (sy, sx), (py, px), (dy, dx) = op.groups, *map(
        pair, (op.stride, op.padding, op.dilation))
    found = np.zeros((count, *op.output(activations.shape[1:])), dtype=np.int64)
    each = op.weights.shape[1]
    for o, y, x in np.ndindex(found.shape[1:]):
        first = o // (op.channels // groups) * each
        for c, i, j in np.ndindex(op.weights.shape[1:]):
            down, across = y * sy + i * dy - py, x * sx + j * dx - px
            if 0 <= down < height and 0 <= across < width:
                found[:, o, y, x] += (op.weights[o, c, i, j]
                                      * activations[:, first + c, down, across])
    return found


@pytest.mark.parametrize("op, shape", [each for each in OPERATIONS if isinstance(each[0], Conv)])
def test_a_convolution_is_its_equation(op, shape):
    activations = np.random.default_rng(3).integers(0, 2, (2, *shape))
    assert np.array_equal(op.forward(activations, 1), by_definition(op, activations))


@pytest.mark.parametrize("pool, sides", GREATEST)
def test_the_greatest_current_is_its_equation(pool, sides):
    """Over the places of a window that are on the map, be all of them below 0."""
    conv = Conv(np.arange(-30, 24).reshape(2, 3, 3, 3))
    op, shape = GreatestOf(conv, pool), (3, 7, 8)
    activations = np.random.default_rng(4).integers(0, 2, (2, *shape))
    sums, given = by_definition(conv, activations), op.forward(activations, 1)
    assert given.shape == (2, 2, *sides)
    for n, c, y, x in np.ndindex(given.shape):
        (sy, sx), (py, px) = pair(pool.stride), pair(pool.padding)
        top, left = y * sy - py, x * sx - px
        seen = sums[n, c, max(0, top):top + pool.window[0], max(0, left):left + pool.window[1]]
        assert given[n, c, y, x] == seen.max()
    assert np.array_equal(op.forward_real(activations.astype(float)), given)
    assert (np.asarray(conv.bounds(1)) == np.asarray(op.bounds(1))).all()
    assert op.adjoint(np.ones((1, *op.output(shape))), shape).shape == (1, *shape)


def test_a_file_keeps_what_is_new_and_says_nothing_where_there_is_none(tmp_path):
    """Old files and digests stay; a damaged entry is one line."""
    neuron = LIF(np.int64(5), np.int64(0))
    weights = np.random.default_rng(0).integers(-4, 4, (2, 1, 3, 3))
    end = Layer(np.ones((2, 2 * 3 * 2), int), 4, LIF(np.int64(0), np.int64(0), reset="none"))
    layer = Layer(weights, 4, neuron, stride=(1, 2), dilation=(2, 1), greatest=Greatest(2, (1, 2)))
    network = Network((1, 8, 9), 4, (layer, end))
    network.save(tmp_path / "net.npz")
    again = load(tmp_path / "net.npz")
    kept = again.layers[0]
    assert again.digest == network.digest and kept.greatest == Greatest(2, (1, 2))
    assert (kept.stride, kept.dilation) == ((1, 2), (2, 1))
    assert not {"greatest", "dilation"} & set(Layer(weights, 4, neuron).save()[0])
    for change, message in (({"dilation": 0}, "dilation must be 1 to 64"),
                            ({"stride": (1, 2, 3)}, "stride must be 1 to 64"),
                            ({"greatest": Greatest("2", 2)}, "pool kernel must be"),
                            ({"greatest": Greatest(2, 2, 2)}, "half the kernel")):
        with pytest.raises(BadInput, match=message):
            Network((1, 8, 9), 4, (replace(layer, **change), end))


@pytest.mark.parametrize("op, shape", OPERATIONS, ids=lambda x: getattr(x, "kind", ""))
def test_shape_and_forward_agree(op, shape):
    spikes = np.random.default_rng(1).integers(0, 2, (5, *shape))
    given = op.forward(spikes, 1)
    assert given.shape == (5, *op.output(shape)) and op.fit(shape, "here") == op.output(shape)
    if op.weighted:
        low, high = op.bounds(1)
        sums = given.reshape(5, op.channels, -1)
        assert (low[:, None] <= sums).all() and (sums <= high[:, None]).all()
        assert np.abs(sums).max() <= op.max_abs_sum(1)
        assert np.array_equal(op.forward_real(spikes.astype(float)), given)
    else:
        assert given.max() <= op.top(1)


@pytest.mark.parametrize("op, shape", [pair for pair in OPERATIONS if pair[0] != Pool("max", 2, 3)],
                         ids=lambda x: getattr(x, "kind", ""))
def test_adjoint(op, shape):
    """<A x, y> = <x, A' y>."""
    rng = np.random.default_rng(2)
    x = rng.integers(0, 2, (2, *shape))
    y = rng.integers(-9, 9, (2, *op.output(shape)))
    assert (op.forward(x, 1) * y).sum() == (x * op.adjoint(y, shape)).sum()


@pytest.mark.parametrize("spikes, share", [([1, 1, 0, 0], 2), ([0, 0, 0, 1], 4), ([0] * 4, 0)])
def test_adjoint_of_max_shares_a_path_out(spikes, share):
    """By the spikes in the window, at every place of it."""
    spikes = np.array(spikes).reshape(1, 1, 2, 2)
    path = Pool("max", 2, 2).adjoint(np.array([[[[4.0]]]]), (1, 2, 2), spikes)
    assert path.ravel().tolist() == [share] * 4


@pytest.mark.parametrize("op, shape, text", [
    (OPERATIONS[0][0], (2, 7, 6), "convolution takes 3 channels in each of 1 groups"),
    (OPERATIONS[0][0], (3, 2, 6), "a kernel of 3 does not fit a map of 2 x 6"),
    (OPERATIONS[2][0], (3, 2, 1), "dense weights take 12 inputs where"),
    (Pool("sum", 3, 1), (1, 3, 2), "a kernel of 3 does not fit a map of 3 x 2")])
def test_what_does_not_fit(op, shape, text):
    with pytest.raises(BadInput, match=f"here: {text}"):
        op.fit(shape, "here")


def test_dense_has_one_group():
    with pytest.raises(BadInput, match="a dense layer has one group"):
        Dense(np.ones((4, 2)), groups=2).check("here")
    assert set(WEIGHTED) == {2, 4}


def test_norm():
    norm = Norm(np.array([[3, -2]]), np.array([[1, 0]]), 1)
    column = lambda values: np.asarray(values)[:, None, None]
    sums = np.array([5, 5]).reshape(1, 2, 1, 1)
    assert norm.forward(sums, 0, column).ravel().tolist() == [8, -5]
    low, high = norm.bounds(np.array([-5, -5]), np.array([5, 5]))
    assert low.tolist() == [[-7, -5]] and high.tolist() == [[8, 5]]
    assert norm.reach(5) == (15, 9) and norm.slope.tolist() == [[1.5, -1.0]]
    assert FloatNorm(norm.gain, norm.offset).forward(sums, 0, column).ravel().tolist() == [16, -10]
    with pytest.raises(BadInput, match="norm gain must be one number a step and channel"):
        norm.check("here", 2, 2)
    with pytest.raises(BadInput, match="norm shift must be 0 to 20, not 21"):
        norm._replace(shift=21).check("here", 1, 2)


@pytest.mark.parametrize("options", [
    {"greatest": Greatest(2, 2)}, {"dilation": (2, 1)}, {"stride": (1, 2)},
    {"greatest": Greatest((2, 1), 1, 0, True), "padding": (1, 0)}])
def test_explanations_run_what_hardware_does_not(options):
    """Taking spikes away one by one equals running without them; paths have the input's shape."""
    rng = np.random.default_rng(5)
    neuron = LIF(np.int64(9), np.int64(2**15))
    layer = Layer(rng.integers(-4, 5, (3, 2, 3, 3)), 4, neuron, **options)
    inner = layer.output((2, 9, 8))
    second = Layer(rng.integers(-3, 6, (2, 3, 2, 2)), 4, LIF(np.int64(4), np.int64(2**14)))
    count = int(np.prod(second.output(inner)))
    network = Network((2, 9, 8), 5, (layer, second, Layer(
        rng.integers(-4, 5, (4, count)), 4, LIF(np.int64(0), np.int64(0), reset="none"))), "frames")
    spikes = (rng.random((5, 2 * 9 * 8)) < 0.4).astype(np.uint8)
    chosen = [(int(t), int(n)) for t, n in np.argwhere(spikes)[::9]]
    full = np.repeat(spikes[None], len(chosen), axis=0)
    for one, (t, n) in zip(full, chosen, strict=True):
        one[t, n] = 0
    wanted = run(full.reshape(-1, 5, 2, 9, 8), network).logits
    assert len(np.unique(wanted, axis=0)) > 1
    assert np.array_equal(NetworkModel(network).without_each(spikes, chosen), wanted)
    adjoint = layer.op.adjoint(np.ones((1, *inner)), (2, 9, 8))
    assert adjoint.shape == (1, 2, 9, 8)
