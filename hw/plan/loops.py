"""Layers that read their own spikes of the step before, as the engine walks them.

Such a layer stores the trains of a round beside those of the round before. In a round of one step a
train is its mark in the bitmap, which can be read while the layer's memory is written; so the walk
of a neuron has visits of the layer's own trains behind those of what it reads, and the weights of
both meet in one sum.
"""

import numpy as np

from golden.io.errors import BadInput
from hw.plan.buffers import channel_stride
from hw.plan.passes import Visit

__all__ = ["bias_sets", "check_loops", "loop_place", "loop_visits"]


def check_loops(network, schedule):
    """Raise BadInput where ``network`` has a loop that no gateware runs in ``schedule``."""
    for stage in network.recurrent:
        where = f"{network.name}: weighted layer {stage.index}"
        if not stage.layer.dense:
            raise BadInput(f"{where}: recurrent convolutions are not in hardware: --engine golden "
                           "runs them")
        if schedule != "steps":
            raise BadInput(f"{where} reads its own spikes of the step before: --schedule steps")


def bias_sets(layer) -> list[np.ndarray]:
    """What is added to each channel beside its sums, in membrane units.

    One array (channels,) where all steps have the same, else that of step 0 and that of the others.
    """
    own = np.broadcast_to(layer.biases, (layer.channels,))
    if layer.recurrent is None:
        return [own]
    first, later = own + layer.recurrent.biases(2)
    return [first] if np.array_equal(first, later) else [first, later]


def loop_visits(layer, window, row) -> list[Visit]:
    """The Visits of a layer's own trains, ``window`` at a time, their weights from ``row`` on."""
    if layer.recurrent is None:
        return []
    return [Visit(0, 0, at, row + at, later=True)
            for at in range(0, channel_stride(layer.channels), window)]


def loop_place(plan, each, odd) -> int:
    """Where the bitmap marks what a pass stored in the round before an ``odd`` or even one.

    In trains, from the first of the memory that the pass reads; 0 for a pass without a loop.
    """
    if not each.looped:
        return 0
    behind = plan.regions[0] * (-1 if each.source else 1)    # the bitmap of memory 1 lies behind
    return behind + plan.target_at(each, not odd)
