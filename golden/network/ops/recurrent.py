"""Recurrent weights: what a layer's own spikes of the step before add to its sums."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from golden.io.errors import rule
from golden.io.values import integers, reals
from golden.network.ops.base import Operation
from golden.network.ops.conv import Conv
from golden.network.ops.dense import Dense

if TYPE_CHECKING:
    from golden.importers.float_network import FloatLayer
    from golden.network.layers import Layer

__all__ = ["CUTS", "FloatRecurrent", "Recurrent"]

CUTS = ("weights", "spikes")


@dataclass(frozen=True, eq=False)
class Recurrent:
    """A loop of delay 1: I[t] = sum of the layer's weights + sum over k of w[o, k] s[t - 1, k].

    s are the spikes of the same layer, 0 before the first step. The sum goes into the same
    accumulator as that of the layer's weights, in the same units, and so through the same ``frac``.

    Parameters
    ----------
    weights : int array
        (C, C) [to, from] of a dense layer of C neurons; (C, C, K, K) of a convolution with C output
        channels, K odd, convolved with stride 1 and padding K // 2, so that the map keeps its size.
        One-to-one recurrence is a diagonal: of (C, C), or of (C, C, 1, 1).
    bias : None or int array (C,)
        In membrane units, added beside the layer's own in every step but, by ``cut``, the first.
    cut : "weights" or "spikes"
        What is 0 in the first step. "weights": all that the loop adds, its bias too (nirtorch, and
        so .nir files as Norse and SpikingJelly run them). "spikes": the spikes, so that the bias
        counts in every step (snnTorch).
    """

    number: ClassVar = staticmethod(integers)

    weights: np.ndarray
    bias: np.ndarray | None = None
    cut: str = "weights"

    @cached_property
    def op(self) -> Operation:
        """The operation of the weights on a layer's spikes; its output has their shape."""
        if self.weights.ndim == 2:
            return Dense(self.weights)
        high, wide = self.weights.shape[2:]
        return Conv(self.weights, padding=(high // 2, wide // 2))

    @property
    def one_to_one(self) -> bool:
        """Whether each neuron reads its own spikes alone."""
        return (self.weights.shape[2:] in ((), (1, 1))
                and not np.any(self.weights.reshape(self.weights.shape[:2])
                               * (1 - np.eye(len(self.weights), dtype=np.int8))))

    def check(self, where: str, layer: "FloatLayer | Layer") -> None:
        """Raise BadInput unless the weights lead from ``layer``'s outputs to its outputs."""
        rule(isinstance(self.weights, np.ndarray) and self.weights.ndim == layer.weights.ndim,
             where, f"recurrent weights must have {layer.weights.ndim} dimensions as the layer's")
        self.number(self.weights, where, "recurrent weights")
        count, shape = layer.channels, self.weights.shape
        rule(shape[:2] == (count, count), where, "recurrent weights must lead from "
             f"{count} outputs to {count}, not be of shape {shape}")
        rule(all(side % 2 for side in shape[2:]), where,
             f"a recurrent kernel must have odd sides, not {' x '.join(map(str, shape[2:]))}")
        self.op.check(where)
        rule(self.cut in CUTS, where, f"cut must be one of {', '.join(CUTS)}, not {self.cut}")
        if self.bias is not None:
            found = self.number(self.bias, where, "recurrent bias")
            rule(found.shape == (count,), where,
                 f"recurrent bias must be one number a channel, not of shape {found.shape}")
        rule(layer.spiking, where, 'a recurrent layer must spike (reset other than "none")')
        rule(layer.neuron.delay == 0, where, "a recurrent layer must hand on its spikes at once "
             "(delay 0): it reads those of the step before")
        rule(layer.norm is None and layer.greatest is None, where,
             "a recurrent layer has no norm over time (BNTT) and no max pooling of currents")

    def biases(self, steps: int) -> np.ndarray:
        """(T, C) of what the loop adds besides its sums, in membrane units."""
        bias = np.zeros(len(self.weights), np.int64) if self.bias is None else self.bias
        found = np.repeat(bias[None], steps, axis=0)
        if self.cut == "weights":
            found[0] = 0
        return found

    def bounds(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(low, high) of sums of a layer, each (C,), with those of its loop, in any step."""
        less, more = self.op.bounds(1)
        return low + less, high + more

    def max_abs_sum(self) -> int:
        """Largest magnitude that the loop's sum can have."""
        return self.op.max_abs_sum(1)

    def forward(self, spikes: np.ndarray) -> np.ndarray:
        """(N, C, H, W) sums of the spikes of the step before, which have that shape; exact."""
        return self.op.forward(spikes, 1)

    def words(self) -> str:
        """The loop for people."""
        if self.one_to_one:
            return "recurrent one-to-one"
        return "recurrent" + ("" if self.weights.ndim == 2
                              else " {}x{}".format(*self.weights.shape[2:]))

    def save(self) -> tuple:
        """(entry, arrays) of a file."""
        arrays = {"recurrent": self.weights, "recurrent_bias": self.bias}
        return {"recurrent": {"cut": self.cut}}, arrays

    @classmethod
    def restore(cls, entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> "Recurrent | None":
        """Inverse of ``save``; None where the layer has no loop."""
        if entry.get("recurrent") is None:
            return None
        return cls(arrays["recurrent"], arrays.get("recurrent_bias"), entry["recurrent"]["cut"])


@dataclass(frozen=True, eq=False)
class FloatRecurrent(Recurrent):
    """As Recurrent, in real numbers; ``forward`` is in float64 and rounded as it may be."""

    number: ClassVar = staticmethod(reals)

    def biases(self, steps: int) -> np.ndarray:
        return super().biases(steps).astype(np.float64)

    def forward(self, spikes: np.ndarray) -> np.ndarray:
        return self.op.forward_real(spikes.astype(np.float64))
