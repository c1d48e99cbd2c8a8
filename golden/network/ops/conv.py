"""Convolution."""

from dataclasses import dataclass

import numpy as np

from golden.io.errors import rule
from golden.network.ops.base import Sliding, bounded_pair
from golden.network.ops.weights import Weights

__all__ = ["MOST_KERNEL", "Conv"]

MOST_KERNEL = 11


@dataclass(frozen=True, eq=False)
class Conv(Weights, Sliding):
    """I[n, o, y, x] = sum over c, i, j of w[o, c, i, j] a[n, c, y s + i d - p, x s + j d - p].

    ``weights`` are (O, C / groups, KH, KW); a is 0 outside the map. Stride s, padding p and
    dilation d are one number, or (down, across).
    """

    weights: np.ndarray
    stride: int | tuple = 1
    padding: int | tuple = 0
    groups: int = 1
    dilation: int | tuple = 1

    @property
    def window(self) -> tuple[int, int]:
        return self.weights.shape[2:]

    @property
    def kernel(self) -> int:
        """The longer side of a kernel."""
        return max(self.window)

    def check(self, where: str) -> None:
        rule(bounded_pair(self.window, 1, MOST_KERNEL), where,
             f"kernel must be 1 to {MOST_KERNEL}, not {self.kernel}")
        rule(bounded_pair(self.dilation, 1, 64), where,
             f"dilation must be 1 to 64, not {self.dilation}")
        super().check(where)

    def output(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        return (self.channels, *self.sides(shape))

    def fit(self, shape: tuple[int, int, int], where: str) -> tuple[int, int, int]:
        rule(shape[0] % self.groups == 0 and self.weights.shape[1] == shape[0] // self.groups,
             where, f"convolution takes {self.weights.shape[1]} channels in each of {self.groups} "
             f"groups where the layer before has {shape[0]} channels")
        return Sliding.fit(self, shape, where)

    def forward_real(self, activations: np.ndarray) -> np.ndarray:
        weights = self.weights.reshape(self.channels, -1)
        inputs = activations.reshape(len(activations), self.groups, -1, *activations.shape[2:])
        parts = []
        for group, part in enumerate(np.split(weights, self.groups)):
            fields = self.windows(inputs[:, group])
            parts.append(fields.reshape(*fields.shape[:3], -1) @ part.T)
        return np.concatenate(parts, axis=-1).transpose(0, 3, 1, 2)

    def adjoint(self, path: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
        paths = np.split(path, self.groups, axis=1)
        weights = np.split(self.weights, self.groups)
        return self.scattered(shape, path, lambda i, j: np.concatenate([
            np.tensordot(part, group[:, :, i, j], axes=(1, 0)).transpose(0, 3, 1, 2)
            for part, group in zip(paths, weights, strict=True)], axis=1))

    def words(self, shape: tuple[int, int, int]) -> str:
        high, wide = self.window
        return (f"conv {high}x{wide} {shape[0]}-{self.channels} {self.steps()}"
                + (f" g{self.groups}" if self.groups > 1 else ""))
