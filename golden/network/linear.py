"""Read-outs that are linear in the spikes of the layer before: each score is a sum over them."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from golden.io.errors import rule

if TYPE_CHECKING:
    from golden.network.graph import Network

__all__ = ["check_linear", "readout_weights", "unpooled"]


def check_linear(network: "Network", where: str | None = None) -> None:
    """Raise BadInput, with the reason, unless every score is a sum over spikes of a layer before.

    So it is where the read-out's membrane keeps and adds all it gets, behind sum or average pools
    or none: score[c, t] = (sum of w[c, k, p] S[k, p, t'] over k, p and t' <= t) << frac
    + (t + 1) bias[c]. ``where`` begins the message; the network's name without it.
    """
    last, where = network.stages[-1], where or network.name
    needs = lambda right, reason: rule(
        right, where, f"its scores are no sums over spikes: {reason}")
    needs(network.readout == "membrane",
          f"the read-out \"{network.readout}\" tells what its own neurons fire, not what they got; "
          "only membranes add up")
    needs(len(network.stages) > 1, "it has one layer, and none before it that spikes")
    needs(last.plain, "the read-out reads other layers than the one before it")
    needs(last.layer.neuron.adds, "the read-out leaks or resets, so that an old spike counts less "
          "than a new one; only one that keeps everything adds up")
    needs(all(pool.kind != "max" for pool in last.pools), "max pooling before the read-out lets "
          "one spike of a window stand for all; only sum and average pools add up")
    needs(last.layer.greatest is None,
          "the read-out takes the greatest of several sums, and the others do not count")
    needs(last.layer.norm is None,
          "BNTT in the read-out scales and rounds each step by itself")
    needs(last.shape[1:] == (1, 1), "the read-out is a convolution of more than one pixel")


def readout_weights(network: "Network") -> np.ndarray:
    """Integer weight of each neuron's spike: the w of ``check_linear``, (classes, K, H, W) int64.

    A pooled spike counts once for each window that it is in; one that no window reads has 0.
    """
    check_linear(network)
    last = network.stages[-1]
    path = np.eye(network.classes)[:, :, None, None]
    path = last.layer.op.adjoint(path, last.pooled)
    for pool, shape in reversed(list(zip(last.pools, last.shapes, strict=False))):
        path = pool.adjoint(path, shape)
    return np.rint(path).astype(np.int64)


def unpooled(network: "Network"):
    """The Network of the same scores whose read-out is dense, reads every neuron and has no pools.

    Its weights are ``readout_weights``. Raises BadInput as ``check_linear`` does, and where a spike
    counts in several windows and its weight does not fit eight bits any more.
    """
    weights = readout_weights(network)
    last = network.stages[-1]
    if not last.pools and last.layer.dense:
        return network
    bits = max(last.layer.bits, 1 + max(int(weights.max()).bit_length(),
                                        (-int(weights.min()) - 1).bit_length()))
    rule(bits <= 8, network.name,
         f"a spike counts in several windows of a pool, and its weight needs {bits} bits, not 8")
    layer = replace(last.layer, weights=weights.reshape(len(weights), -1), bits=bits,
                    stride=1, padding=0, groups=1, dilation=1)
    before = network.layers[:len(network.layers) - 1 - len(last.pools)]
    return network.replace(layers=(*before, layer))
