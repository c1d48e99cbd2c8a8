"""The neurons of a layer over all time steps, whatever their model."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from golden.network.layers import Layer

__all__ = ["accumulator_dtype", "fire", "neurons"]


def neurons(inputs: Iterator | np.ndarray, layer: "Layer", kind: type) -> Iterator[tuple]:
    """Run the neurons of a layer; yield who crosses the threshold in each step, and all membranes.

    Parameters
    ----------
    inputs : iterable of (N, C, H, W) int
        Sums of weights, in weight units, step by step.
    layer : golden.network.Layer
        With a loop, who crossed in the step before is summed into its inputs
        (golden.network.ops.Recurrent).
    kind : dtype
        In which to compute: see ``accumulator_dtype``.

    Yields
    ------
    fired : (N, C, H, W) bool, or False for reset "none"
    membrane : (N, C, H, W) of ``kind``
    """
    neuron = layer.neuron
    column = lambda values: layer.per_channel(values).astype(kind)[:, None, None]
    values, state, bias = neuron.values(column), neuron.start(kind(0)), column(layer.biases)
    loop = layer.recurrent
    for t, sums in enumerate(inputs):
        sums = sums.astype(kind, copy=False)
        if loop is not None:
            if t:
                sums = sums + loop.forward(state[1]).astype(kind, copy=False)
            if t < 2:
                bias = column(layer.biases + loop.biases(2)[t])
        added = ((sums << layer.frac) + bias if layer.norm is None
                 else layer.norm.forward(sums, t, column, bias))
        state = neuron.step(state, added, values)
        yield state[1], state[0]


def accumulator_dtype(layer: "Layer", steps: int, span: int) -> type:
    """Type of whole numbers that holds every intermediate of ``neurons``: int32 where it can.

    ``span`` is the largest magnitude of an input. int64 always is enough, since membranes have at
    most 32 bits and leaks 17.
    """
    bias = int(np.abs(layer.biases).max())
    if layer.recurrent is not None:
        span += layer.recurrent.max_abs_sum()
        bias += int(np.abs(layer.recurrent.biases(2)).max())
    product = added = span << layer.frac
    if layer.norm is not None:
        product, added = layer.norm.reach(span)
    top = max(product, layer.neuron.reach(added + bias, steps))
    return np.int32 if top < 2**31 else np.int64


def fire(inputs: np.ndarray, layer) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and membranes of ``neurons`` over all steps, spikes as late as the neuron's delay.

    Parameters
    ----------
    inputs : (N, T, C, H, W) int
    layer : golden.network.Layer

    Returns
    -------
    spikes : (N, T, C, H, W) uint8
    membranes : (N, T, C, H, W) int32
    """
    steps, delay = inputs.shape[1], layer.neuron.delay
    kind = accumulator_dtype(
        layer, steps, max(-int(inputs.min(initial=0)), int(inputs.max(initial=0)))
    )
    spikes = np.zeros_like(inputs, dtype=np.uint8)
    membranes = np.empty_like(inputs, dtype=np.int32)
    for t, (fired, membrane) in enumerate(neurons(np.moveaxis(inputs, 1, 0), layer, kind)):
        membranes[:, t] = membrane
        if t + delay < steps:
            spikes[:, t + delay] = fired
    return spikes, membranes
