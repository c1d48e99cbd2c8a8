"""The interface of operations: sizes, bounds, and each transposed operation."""

import numpy as np
import pytest

from golden.io.errors import BadInput
from golden.network import Conv, Dense, Norm, Pool, output_size
from golden.network.ops import WEIGHTED, FloatNorm


def test_output_size_counts_windows():
    for size in range(1, 9):
        for kernel in range(1, 6):
            for stride in range(1, 4):
                for padding in range(3):
                    places = range(-padding, size + padding - kernel + 1, stride)
                    assert max(0, output_size(size, kernel, stride, padding)) == len(places)


OPERATIONS = [
    (Conv(np.arange(-27, 27).reshape(2, 3, 3, 3)), (3, 7, 6)),
    (Conv(np.arange(16).reshape(4, 1, 2, 2), stride=2, padding=1, groups=2), (2, 6, 7)),
    (Dense(np.arange(-12, 12).reshape(2, 12)), (3, 2, 2)),
    (Pool("sum", 2, 2), (3, 6, 7)), (Pool("avg", 3, 2, 1), (2, 7, 6)),
    (Pool("max", 2, 3), (2, 7, 8)),
]


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
