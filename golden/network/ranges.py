"""How wide a network's numbers can get: what no sum and no membrane of a layer ever leaves."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from golden.network.layers import Stage

__all__ = ["input_ranges", "membrane_range", "sum_ranges"]


def sum_ranges(stage: "Stage") -> tuple[np.ndarray, np.ndarray]:
    """(low, high), each (channels,): the summed input of a neuron in one step, in weight units.

    With what skips and a loop add, where the layer has some.
    """
    (low, high), loop = stage.layer.op.bounds(stage.top, signed=stage.signed), stage.layer.recurrent
    for each in stage.skips:
        less, more = each.skip.op.bounds(each.top, signed=each.signed)
        low, high = low + less, high + more
    return (low, high) if loop is None else loop.bounds(low, high)


def input_ranges(stage: "Stage", steps: int) -> tuple[np.ndarray, np.ndarray]:
    """(low, high), each (T, channels): what one step adds to a membrane, before any reset."""
    layer, (low, high) = stage.layer, sum_ranges(stage)
    if layer.norm is not None:
        low, high = layer.norm.bounds(low, high)
    else:
        low, high = (np.broadcast_to(x << layer.frac, (steps, layer.channels))
                     for x in (low, high))
    bias = layer.biases
    if layer.recurrent is not None:
        bias = bias + layer.recurrent.biases(steps)
    return low + bias, high + bias


def membrane_range(stage: "Stage", steps: int) -> tuple[int, int]:
    """(low, high) that no membrane of a stage leaves in ``steps`` steps, whatever its input."""
    layer = stage.layer
    return layer.neuron.bound(*input_ranges(stage, steps), layer.neuron.values(layer.per_channel))
