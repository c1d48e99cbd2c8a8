"""What convolutions and dense layers share: sums of weights over activations."""

import numpy as np

from golden.io.errors import rule
from golden.network.ops.base import Operation, bounded, bounded_pair
from golden.synapses import EXACT, product

__all__ = ["Weights"]


class Weights(Operation):
    """Sums of ``weights`` (O, ...), whole or real, over windows of activations.

    Members
    -------
    weights : array
    kernel, groups : int
    stride, padding : int or pair
    """

    weighted = True

    @property
    def channels(self) -> int:
        """O, the output channels."""
        return self.weights.shape[0]

    def check(self, where: str) -> None:
        """Raise BadInput unless stride, padding and groups fit the weights."""
        rule(bounded_pair(self.stride, 1, 64), where, f"stride must be 1 to 64, not {self.stride}")
        rule(bounded_pair(self.padding, 0, tuple(n - 1 for n in self.span)), where,
             f"padding must be 0 to kernel - 1, not {self.padding}")
        rule(bounded(self.groups, 1, self.channels) and self.channels % self.groups == 0, where,
             f"groups must divide the {self.channels} output channels, not {self.groups}")

    def rows(self) -> np.ndarray:
        """(O, inputs of one output) int64, the weights themselves where they are that."""
        return self.weights.reshape(self.channels, -1).astype(np.int64, copy=False)

    def bounds(self, top: int, *, signed: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """(low, high), each (O,): sums of activations 0 to ``top``, or of either sign."""
        rows = self.rows()
        high = rows.sum(axis=1, where=rows > 0)         # no second copy of millions of weights
        low = rows.sum(axis=1) - high
        if signed:
            low, high = low - high, high - low
        return low * top, high * top

    def max_abs_sum(self, top: int) -> int:
        """Largest magnitude that a sum can have, of inputs of magnitude up to ``top``."""
        low, high = self.bounds(1)
        return int((high - low).max()) * top

    def forward(self, activations: np.ndarray, top: int) -> np.ndarray:
        """Sum of weights over active inputs, int32, or int64 where sums can be wider.

        All are one matrix product, in float32 where no partial sum, in whatever order it is formed,
        can reach 2**24 in magnitude, and in float64 otherwise: so each is a whole number that the
        format holds, nothing is rounded, and the sum is exact.
        """
        bound = self.max_abs_sum(top)
        real = np.float32 if bound < EXACT else np.float64
        weights = self.weights.reshape(self.groups, self.channels // self.groups, -1).astype(real)
        fields = self.windows(self.maps(activations), real)
        sums = product(weights, fields.transpose(3, 4, 5, 1, 2, 0))
        return sums.astype(np.int32 if bound < 2**31 else np.int64).transpose(3, 0, 1, 2)

    def maps(self, activations: np.ndarray) -> np.ndarray:
        """``activations`` (N, C, H, W) as the maps that windows are cut from."""
        return activations

    def forward_real(self, activations: np.ndarray):
        """As ``forward``, of real activations and weights, in float64 and rounded as it may be."""
        raise NotImplementedError
