"""Weighted sums and pooling against loops over every index."""

import numpy as np
import pytest

from golden.network import Layer, Neuron, Pool
from golden.synapses import EXACT, max_abs_sum, pooled, weighted, windows

QUIET = Neuron(np.int64(0), np.int64(0), reset="none")


def slow_convolution(maps, weights, stride, padding, groups):
    """I[n, o, y, x] as in golden.synapses.weighted, one product at a time."""
    count, channels, height, width = maps.shape
    outputs, reads, kernel, _ = weights.shape
    sides = [(n + 2 * padding - kernel) // stride + 1 for n in (height, width)]
    found = np.zeros((count, outputs, *sides), dtype=np.int64)
    for n, o, y, x in np.ndindex(found.shape):
        first = o // (outputs // groups) * reads
        for c, i, j in np.ndindex(reads, kernel, kernel):
            at = (y * stride + i - padding, x * stride + j - padding)
            if 0 <= at[0] < height and 0 <= at[1] < width:
                found[n, o, y, x] += int(weights[o, c, i, j]) * int(maps[n, first + c, *at])
    return found


@pytest.mark.parametrize("kernel, stride, padding, groups", [
    (1, 1, 0, 1), (3, 1, 1, 1), (3, 2, 1, 2), (2, 3, 1, 1), (5, 1, 4, 4), (4, 2, 0, 2)])
def test_convolution_equals_loops(kernel, stride, padding, groups):
    rng = np.random.default_rng(kernel)
    maps = rng.integers(-3, 4, (2, 4, 6, 5))
    weights = rng.integers(-128, 128, (8, 4 // groups, kernel, kernel))
    layer = Layer(weights, 8, QUIET, stride=stride, padding=padding, groups=groups)
    assert np.array_equal(weighted(maps, layer, 4),
                          slow_convolution(maps, weights, stride, padding, groups))


def test_dense_takes_inputs_in_channel_row_column_order():
    rng = np.random.default_rng(0)
    maps, weights = rng.integers(0, 5, (3, 2, 3, 4)), rng.integers(-8, 8, (5, 24))
    got = weighted(maps, Layer(weights, 4, QUIET), 4)
    for n, o in np.ndindex(3, 5):
        total = sum(int(weights[o, (c * 3 + y) * 4 + x]) * int(maps[n, c, y, x])
                    for c, y, x in np.ndindex(2, 3, 4))
        assert got[n, o, 0, 0] == total


def test_large_sums_are_exact():
    """Beyond 2**24, where float32 would drop the last bit."""
    inputs, top = 1024, 255
    weights = np.full((1, inputs), 127)
    weights[0, 0] = 126
    maps = np.full((1, inputs, 1, 1), top)
    want = 127 * top * inputs - top
    assert want > EXACT and want % 2
    assert weighted(maps, Layer(weights, 8, QUIET), top).item() == want


@pytest.mark.parametrize("kind", ["sum", "avg", "max"])
@pytest.mark.parametrize("kernel, stride, padding", [(2, 2, 0), (3, 1, 1), (3, 2, 0), (1, 2, 0)])
def test_pooling_equals_loops(kind, kernel, stride, padding):
    rng = np.random.default_rng(1)
    maps = rng.integers(0, 2, (2, 3, 7, 6))
    got = pooled(maps, Pool(kind, kernel, stride, padding))
    for n, c, y, x in np.ndindex(got.shape):
        rows = slice(max(0, y * stride - padding), y * stride - padding + kernel)
        columns = slice(max(0, x * stride - padding), x * stride - padding + kernel)
        window = maps[n, c, rows, columns]
        assert got[n, c, y, x] == (window.max() if kind == "max" else window.sum())
    assert got.shape[2:] == tuple((n + 2 * padding - kernel) // stride + 1 for n in (7, 6))


@pytest.mark.parametrize("beyond", [0, 1])
def test_sums_are_exact_at_the_edge_of_float32(beyond):
    """The last weight sum whose bound is below 2**24, in float32, and the next one, in float64."""
    top = 255
    inputs = EXACT // (127 * top)
    weights = np.full((1, inputs + 1), 127)
    weights[0, -1] = (EXACT - 1) // top - 127 * inputs + beyond
    layer = Layer(weights, 8, QUIET)
    assert (max_abs_sum(layer, top) < EXACT) == (not beyond)
    assert abs(max_abs_sum(layer, top) - EXACT) <= top
    rng = np.random.default_rng(0)
    maps = np.full((50, inputs + 1, 1, 1), top)
    maps[1:] -= rng.integers(0, 2, maps[1:].shape) * rng.integers(0, 2, (49, 1, 1, 1))
    got = weighted(maps, layer, top)
    assert got[:, 0, 0, 0].tolist() == (maps[:, :, 0, 0] @ weights[0]).tolist()


@pytest.mark.parametrize("kernel, stride, groups, count", [
    (3, 1, 1, 40), (3, 2, 2, 70), (1, 1, 4, 3)])
def test_blocks_are_put_together(kernel, stride, groups, count):
    """Products of many blocks, of rows and of parts of rows, against one of all at once."""
    rng = np.random.default_rng(count)
    maps = rng.integers(0, 2, (count, 32, 15, 9))
    weights = rng.integers(-8, 8, (64, 32 // groups, kernel, kernel))
    layer = Layer(weights, 4, QUIET, stride=stride, padding=kernel // 2, groups=groups)
    fields = windows(maps, kernel, stride, kernel // 2)
    split = fields.reshape(*fields.shape[:3], groups, -1)
    want = np.einsum("nyxgf,gof->ngoyx", split, weights.reshape(groups, 64 // groups, -1))
    assert np.array_equal(weighted(maps, layer, 1), want.reshape(count, 64, *want.shape[3:]))
