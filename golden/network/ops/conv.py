"""Convolution."""

from dataclasses import dataclass

import numpy as np

from golden.io.errors import rule
from golden.network.ops.base import Sliding
from golden.network.ops.weights import Weights
from golden.synapses import windows

__all__ = ["Conv"]


@dataclass(frozen=True, eq=False)
class Conv(Weights, Sliding):
    """I[n, o, y, x] = sum over c, i, j of w[o, c, i, j] a[n, c, y s + i - p, x s + j - p].

    ``weights`` are (O, C / groups, K, K); a is 0 outside the map.
    """

    weights: np.ndarray
    stride: int = 1
    padding: int = 0
    groups: int = 1

    @property
    def kernel(self):
        """K."""
        return self.weights.shape[2]

    def check(self, where):
        high, wide = self.weights.shape[2:]
        rule(high == wide, where, f"kernels must be square, not {high} x {wide}")
        rule(1 <= high <= 7, where, f"kernel must be 1 to 7, not {high}")
        super().check(where)

    def output(self, shape):
        return (self.channels, *self.sides(shape))

    def fit(self, shape, where):
        rule(shape[0] % self.groups == 0 and self.weights.shape[1] == shape[0] // self.groups,
             where, f"convolution takes {self.weights.shape[1]} channels in each of {self.groups} "
             f"groups where the layer before has {shape[0]} channels")
        return Sliding.fit(self, shape, where)

    def forward_real(self, activations):
        weights = self.weights.reshape(self.channels, -1)
        inputs = activations.reshape(len(activations), self.groups, -1, *activations.shape[2:])
        parts = []
        for group, part in enumerate(np.split(weights, self.groups)):
            fields = windows(inputs[:, group], self.kernel, self.stride, self.padding)
            parts.append(fields.reshape(*fields.shape[:3], -1) @ part.T)
        return np.concatenate(parts, axis=-1).transpose(0, 3, 1, 2)

    def adjoint(self, path, shape):
        paths = np.split(path, self.groups, axis=1)
        weights = np.split(self.weights, self.groups)
        return self.scattered(shape, path, lambda i, j: np.concatenate([
            np.tensordot(part, group[:, :, i, j], axes=(1, 0)).transpose(0, 3, 1, 2)
            for part, group in zip(paths, weights, strict=True)], axis=1))

    def words(self, shape):
        return (f"conv {self.kernel}x{self.kernel} {shape[0]}-{self.channels} s{self.stride} "
                f"p{self.padding}" + (f" g{self.groups}" if self.groups > 1 else ""))
