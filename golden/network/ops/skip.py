"""Skips: weights on the spikes of another, earlier layer, whose sums join a layer's own."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from golden.io.errors import rule
from golden.io.values import integers, reals
from golden.network.ops.base import Operation, bounded
from golden.network.ops.conv import Conv
from golden.network.ops.dense import Dense

__all__ = ["MOST_SKIPS", "FloatSkip", "Skip"]

MOST_SKIPS = 7      # of one layer
KINDS = {2: Dense, 4: Conv}


@dataclass(frozen=True, eq=False)
class Skip:
    """One more sum of a layer: I[t] = sum of the layer's weights + sum of w[o, ...] s[t, ...].

    s are the spikes of another layer in the same step. The sum goes into the same accumulator as
    that of the layer's weights, in the same units, and so through the same ``frac``.

    Parameters
    ----------
    source : int
        The weighted layer whose spikes s are, 0 the network's input; before the layer itself.
    weights : int array
        (out, in) of a dense one, (out, in / groups, K, K) of a convolution. An identity is
        (C, 1, 1, 1) of ones with C groups, an average pooling the same with a larger kernel.
    stride, padding, groups, dilation :
        As in golden.network.ops.Conv.
    """

    number: ClassVar = staticmethod(integers)

    source: int
    weights: np.ndarray
    stride: int | tuple = 1
    padding: int | tuple = 0
    groups: int = 1
    dilation: int | tuple = 1

    @cached_property
    def op(self) -> Operation:
        """The operation of the weights on the spikes."""
        return KINDS[self.weights.ndim](self.weights, self.stride, self.padding, self.groups,
                                        self.dilation)

    def check(self, where: str, layer) -> None:
        """Raise BadInput unless the weights keep their rules and lead to ``layer``'s outputs."""
        rule(bounded(self.source, 0, 10**6), where,
             f"a skip must read a layer by its number, not {self.source}")
        rule(isinstance(self.weights, np.ndarray) and self.weights.ndim in KINDS
             and self.weights.size > 0, where,
             "weights of a skip must have 2 (dense) or 4 (convolution) dimensions")
        self.number(self.weights, where, "weights of a skip")
        self.op.check(f"{where}: skip from {self.from_words()}")
        rule(len(self.weights) == layer.channels, where, f"the skip from {self.from_words()} "
             f"gives {len(self.weights)} channels where {layer.channels} are summed")
        rule(layer.norm is None and layer.greatest is None, where,
             "a layer with a skip has no norm over time (BNTT) and no max pooling of currents")

    def fit(self, shape: tuple, after: tuple, where: str) -> None:
        """Raise BadInput unless maps of ``shape`` become maps of ``after``, the layer's sums."""
        found = self.op.fit(shape, f"{where}: skip from {self.from_words()}")
        rule(found == after, where, f"the skip from {self.from_words()} gives "
             f"{' x '.join(map(str, found))} where {' x '.join(map(str, after))} are summed")

    def from_words(self) -> str:
        """What the skip reads, for people."""
        return "the input" if self.source == 0 else f"layer {self.source}"

    def words(self, shape: tuple) -> str:
        """The skip from maps of ``shape``, for people."""
        return f"+ {self.op.words(shape)} from {self.from_words()}"

    def save(self) -> dict:
        """Entry of a file; the weights are an array of its own."""
        found = {key: list(value) if isinstance(value := getattr(self, key), tuple) else value
                 for key in ("stride", "padding", "groups", "dilation")}
        return {"source": self.source, **found}

    @classmethod
    def restore(cls, entry: dict, weights: np.ndarray) -> "Skip":
        """Inverse of ``save``."""
        found = {key: tuple(value) if isinstance(value := entry[key], list) else value
                 for key in ("stride", "padding", "groups", "dilation")}
        return cls(entry["source"], weights, **found)


@dataclass(frozen=True, eq=False)
class FloatSkip(Skip):
    """As Skip, in real numbers."""

    number: ClassVar = staticmethod(reals)
