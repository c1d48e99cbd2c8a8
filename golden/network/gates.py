"""Layers that join the spikes of two layers by no trained weights: SEW's AND and IAND."""

import numpy as np

from golden.formats import LEAK_BITS
from golden.io.errors import rule
from golden.network.layers import Layer
from golden.network.ops import Skip
from golden.neurons.lif import LIF

__all__ = ["GATES", "gate"]

GATES = {"and": (1, 1), "iand": (-1, 0)}    # weight of the layer it stands behind; threshold


def gate(kind: str, channels: int, source: int, behind: int | None = None) -> Layer:
    """The Layer of a gate of SEW-ResNet (Fang et al. 2021, eq. 8), of the same step and neuron.

    With y the spikes of the layer it stands behind and x those of layer ``source``

        "and":   x y       = [x + y > 1]
        "iand":  x (1 - y) = [x - y > 0]

    by neurons that keep nothing from one step to the next. SEW's ADD is a sum that the next weights
    take (golden.network.ops.Skip).

    Parameters
    ----------
    kind : "and" or "iand"
    channels : int
        Of both layers, whose maps are of one size.
    source, behind : int, None or int
        As of golden.network.ops.Skip and golden.network.Layer.

    Raises BadInput for another kind.
    """
    rule(kind in GATES, "gate", f"must be one of {', '.join(GATES)}, not {kind}")
    own, threshold = GATES[kind]
    weights = np.ones((channels, 1, 1, 1), np.int64)
    return Layer(own * weights, 2, LIF(np.int64(threshold), np.int64(1 << LEAK_BITS), "zero"),
                 groups=channels, behind=behind,
                 skips=(Skip(source, weights, groups=channels),))
