"""Path weights: how much a spike moves an output when every neuron in between is linear.

The path weight of input i to output k is the sum, over all paths of connections from i to k, of the
product of the weights along the path: column k of the product of the layers' matrices. It is found
backwards, from a one-hot vector at k through the transpose of each layer, so that a convolution is
never written out as a matrix. A path is *active* in a step where all its hidden neurons spike.
"""

from typing import TYPE_CHECKING

import numpy as np

from golden.io.arguments import index, numbers, spike_trains
from golden.io.errors import BadInput, rule
from golden.network.rules import chain

if TYPE_CHECKING:
    from golden.network.layers import Stage


def matrices(weights: int | list | np.ndarray) -> list[np.ndarray]:
    """``weights`` as float64 (in, out) matrices that chain; raise BadInput otherwise."""
    if isinstance(weights, np.ndarray) and weights.ndim == 2:
        weights = [weights]
    try:
        found = [numbers(matrix, f"weights[{n}]") for n, matrix in enumerate(weights)]
    except TypeError:
        raise BadInput("weights must be a list of (in, out) matrices or a Network") from None
    if not found:
        raise BadInput("weights must hold at least one matrix")
    for n, matrix in enumerate(found):
        if matrix.ndim != 2 or not matrix.size:
            raise BadInput(f"weights[{n}] must be an (in, out) matrix, not of shape {matrix.shape}")
        if n and matrix.shape[0] != found[n - 1].shape[1]:
            raise BadInput(f"weights[{n}] takes {matrix.shape[0]} inputs where weights[{n - 1}] "
                           f"gives {found[n - 1].shape[1]} outputs")
    return found


def dense_paths(weights, output_neuron, hidden=None):
    """Path weights of a chain of dense layers.

    With W1, W2 the matrices and h the hidden spikes: P[i] = sum_j W1[i, j] W2[j, k], and of the
    active paths P[t, i] = sum_j W1[i, j] h[t, j] W2[j, k]. By hand: W1 = [[1, 2], [3, 4]] and
    W2 = [[1], [-1]] give P = [1 - 2, 3 - 4] = [-1, -1]; where only the second hidden neuron
    spikes, P[t] = [-2, -4].

    Parameters
    ----------
    weights : list of (in, out) arrays
    output_neuron : int
    hidden : None or list of (T, n) arrays of 0 and 1
        Spikes of the layers between, one array fewer than there are matrices; only paths whose
        hidden neurons all spike in step t then count at t.

    Returns
    -------
    (N,) float64, or (T, N) where steps differ: active paths of more than one layer
    """
    weights = matrices(weights)
    path = weights[-1][:, index(output_neuron, weights[-1].shape[1])]
    if hidden is not None:
        hidden = gates(hidden, [(matrix.shape[1],) for matrix in weights[:-1]])
    for n in reversed(range(len(weights) - 1)):
        if hidden is not None:
            path = path * hidden[n]
        path = path @ weights[n].T
    return path


def gates(hidden: list, shapes: list) -> list[np.ndarray]:
    """``hidden`` as checked (T, *shape) arrays, T the same in all."""
    if len(hidden) != len(shapes):
        raise BadInput(f"hidden must hold the spikes of {len(shapes)} layers, not {len(hidden)}")
    found = []
    for n, (spikes, shape) in enumerate(zip(hidden, shapes, strict=True)):
        trains = spike_trains(spikes, f"hidden[{n}]", shape=shape if len(shape) == 3 else None)
        if trains.shape[1] != np.prod(shape) or len(trains) != len(found[0] if found else trains):
            raise BadInput(f"hidden[{n}] must be (steps, {np.prod(shape)}) with as many steps as "
                           f"the others, not {trains.shape}")
        found.append(trains.reshape(-1, *shape))
    return found


def network_paths(network, output_neuron, *, layer=0, spikes=None):
    """Path weights of each neuron of a layer to a class, through everything behind the layer.

    In units of the product of the layers' integer weights: a layer's ``frac`` is one factor for
    the whole layer and left out; biases, leaks and thresholds are no part of a path. The gain of
    BNTT is: path weights then differ from step to step. Average pools count, as in golden; a max
    pool hands on each of its spikes ("linear"), or shares its one spike among those in the window
    in equal parts ("active"). Exact while below 2**53.

    Parameters
    ----------
    network : golden.network.Network
    output_neuron : int
        The class.
    layer : int
        0 for the input, else the weighted layer whose output neurons the paths start at.
    spikes : None or list of (T, C, H, W) or (T, N) arrays of 0 and 1
        Spikes of ``layer`` and of each weighted layer behind it but the last. If given, only
        active paths count: those whose hidden neurons spike in the step, or as many steps later as
        the layers before them delay their spikes.

    Returns
    -------
    (N,) float64 in (c, y, x) order, or (T, N) where steps differ: active paths, BNTT
    """
    layer = index(layer, len(network.stages), "layer")
    stages = network.stages[layer:]
    for stage in network.recurrent:
        rule(stage.index <= layer, network.name, f"paths go through each layer once, and layer "
             f"{stage.index} reads its own spikes: explain a layer behind it, or by deleted spikes "
             "(saliency), which computes the loop")
    chain(network, "path weights go through chains alone", layer)
    path = np.zeros((1, network.classes, 1, 1))
    path[:, index(output_neuron, network.classes)] = 1
    if spikes is not None:
        spikes = delayed(gates(spikes, [stage.source for stage in stages]), stages)
    for n, stage in reversed(list(enumerate(stages))):
        if stage.layer.norm is not None:
            path = path * stage.layer.norm.slope[:, :, None, None]
        path = stage.layer.op.adjoint(path, stage.pooled)
        path = unpooled(path, stage, None if spikes is None else spikes[n])
        if n and spikes is not None:
            path = path * spikes[n]
    path = np.ascontiguousarray(path).reshape(len(path), -1)
    return path[0] if len(path) == 1 else path


def delayed(spikes: list[np.ndarray], stages: tuple) -> list[np.ndarray]:
    """Hidden spikes moved to the step in which the spike that could cause them entered."""
    found, late = [], 0
    for n, trains in enumerate(spikes):
        late += stages[n - 1].layer.neuron.delay if n else 0
        moved = np.zeros_like(trains)
        moved[:max(len(trains) - late, 0)] = trains[late:]
        found.append(moved)
    return found


def unpooled(path: np.ndarray, stage: "Stage", spikes: np.ndarray | None) -> np.ndarray:
    """Path weights before the pools of a stage from those behind them."""
    before = [spikes]                                # what enters each pool, where it is known
    for pool in stage.pools[:-1]:
        before.append(None if spikes is None else pool.forward(before[-1]))
    for pool, shape, entering in reversed(list(zip(stage.pools, stage.shapes, before,
                                                   strict=False))):
        path = pool.adjoint(path, shape, entering)
    return path
