"""What reaches a neuron: weighted sums of the spikes in its receptive field, and pooling."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from golden.network.layers import Layer
    from golden.network.ops.pool import Pool

EXACT = 2**24   # float32 holds every whole number up to here
SHARED = 2**18   # multiplications from which OpenBLAS shares a product out to its threads


def windows(maps: np.ndarray, kernel: int | tuple[int, int], stride: int | tuple[int, int],
            padding: int | tuple[int, int], dtype: type | None = None, *, dilation: int = 1, fill=0,
            size=None) -> np.ndarray:
    """Receptive fields of (N, C, H, W): a (N, H', W', C, KH, KW) view of the padded maps.

    Kernel, stride, padding and dilation are one number or (down, across); outside the map is
    ``fill``. ``size`` is the (H, W) with padding where that is more than on both sides the same.
    In memory the maps are put innermost, which keeps runs long however small the windows are.
    """
    (high, wide), (down, across), (top, left), (dy, dx) = (
        each if isinstance(each, tuple) else (each, each)
        for each in (kernel, stride, padding, dilation))
    count, channels, height, breadth = maps.shape
    size = size or (height + 2 * top, breadth + 2 * left)
    padded = np.full((channels, *size, count), fill, dtype=dtype or maps.dtype)
    padded[:, top:top + height, left:left + breadth] = maps.transpose(1, 2, 3, 0)
    span = ((high - 1) * dy + 1, (wide - 1) * dx + 1)
    view = np.lib.stride_tricks.sliding_window_view(padded, span, axis=(1, 2))
    return view[:, ::down, ::across, ..., ::dy, ::dx].transpose(3, 1, 2, 0, 4, 5)


def weighted(activations: np.ndarray, layer, top: int) -> np.ndarray:
    """Sum of weights over active inputs.

    As golden.network.ops.weights.Weights.forward of the layer's operation: exact.

    Parameters
    ----------
    activations : (N, C, H, W) whole numbers of magnitude up to ``top``
    layer : golden.network.Layer

    Returns
    -------
    (N, O, H', W') int32, or int64 where sums can be wider
    """
    return layer.op.forward(activations, top)


def max_abs_sum(layer: "Layer", top: int) -> int:
    """Largest magnitude that a sum of ``layer`` can have, of inputs of magnitude up to ``top``."""
    return layer.op.max_abs_sum(top)


def product(weights: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Sums (O, H', W', N) of weights (G, O / G, F) over fields (C, K, K, H', W', N), F = C K K / G.

    In blocks of a few rows of the map, which stay in the cache, and of so few columns that the
    calling thread computes them. To share out larger ones takes BLAS longer than it saves, and very
    much longer when other programs hold the cores; batches (golden.run) use several cores better.
    """
    groups, outputs, inputs = weights.shape
    height, breadth, count = fields.shape[3:]
    found = np.empty((groups, outputs, height * breadth * count), dtype=weights.dtype)
    columns = max(1, SHARED // weights[0].size)
    rows = max(1, columns // (breadth * count))
    for y in range(0, height, rows):
        right = fields[:, :, :, y:y + rows].reshape(groups, inputs, -1)
        done = found[:, :, y * breadth * count:][:, :, :right.shape[2]]
        for n in range(0, right.shape[2], columns):
            part = slice(n, n + columns)
            np.matmul(weights, right[:, :, part], out=done[:, :, part])
    return found.reshape(-1, height, breadth, count)


def pooled(activations: np.ndarray, pool: "Pool") -> np.ndarray:
    """Pool (N, C, H, W): counts for "sum" and "avg", the OR of spikes for "max"."""
    return pool.forward(activations)
