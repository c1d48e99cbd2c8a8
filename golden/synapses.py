"""What reaches a neuron: weighted sums of the spikes in its receptive field, and pooling."""

import numpy as np

EXACT = 2**24  # float32 holds every whole number up to here, so sums below it are exact in BLAS


def windows(maps, kernel, stride, padding, fill=0):
    """Receptive fields of (N, C, H, W): a (N, H', W', C, K, K) view of the padded maps."""
    if padding:
        side = (padding, padding)
        maps = np.pad(maps, ((0, 0), (0, 0), side, side), constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(maps, (kernel, kernel), axis=(2, 3))
    return view[:, :, ::stride, ::stride].transpose(0, 2, 3, 1, 4, 5)


def weighted(activations, layer, top):
    """Sum of weights over active inputs.

    I[n, o, y, x] = sum over c, i, j of w[o, c, i, j] a[n, c, y s + i - p, x s + j - p], with zeros
    outside the map; a dense layer takes its inputs in (c, y, x) order.

    Parameters
    ----------
    activations : (N, C, H, W) whole numbers of magnitude up to ``top``
    layer : golden.network.Layer

    Returns
    -------
    (N, O, H', W') int64
    """
    weights = layer.weights.reshape(layer.channels, -1)
    bound = np.abs(weights.astype(np.int64)).sum(axis=1).max() * top
    real = np.float32 if bound < EXACT else np.float64
    count = len(activations)
    if layer.dense:
        sums = activations.reshape(count, -1).astype(real) @ weights.T.astype(real)
        return sums.astype(np.int64).reshape(count, layer.channels, 1, 1)
    parts = []
    inputs = activations.astype(real).reshape(count, layer.groups, -1, *activations.shape[2:])
    for group, part in enumerate(np.split(weights, layer.groups)):
        fields = windows(inputs[:, group], layer.kernel, layer.stride, layer.padding)
        shape = fields.shape[:3]
        parts.append((fields.reshape(-1, part.shape[1]) @ part.T.astype(real))
                     .reshape(*shape, -1))
    return np.concatenate(parts, axis=-1).astype(np.int64).transpose(0, 3, 1, 2)


def pooled(activations, pool):
    """Pool (N, C, H, W): counts for "sum" and "avg", the OR of spikes for "max"."""
    fields = windows(activations, pool.kernel, pool.stride, pool.padding)
    if pool.kind == "max":
        return np.ascontiguousarray(fields.max(axis=(4, 5)).transpose(0, 3, 1, 2))
    return np.ascontiguousarray(
        fields.sum(axis=(4, 5), dtype=np.int32).transpose(0, 3, 1, 2))
