"""Dense layer."""

from dataclasses import dataclass

import numpy as np

from golden.io.errors import rule
from golden.network.ops.weights import Weights
from golden.synapses import windows

__all__ = ["Dense"]


@dataclass(frozen=True, eq=False)
class Dense(Weights):
    """I[n, o] = sum over k of w[o, k] a[n, k], the inputs in (c, y, x) order.

    ``weights`` are (O, C H W); it is the 1 x 1 convolution of one pixel of C H W channels.
    """

    weights: np.ndarray
    stride: int = 1
    padding: int = 0
    groups: int = 1
    dilation: int = 1

    kernel, window, span = 1, (1, 1), (1, 1)

    def check(self, where: str) -> None:
        super().check(where)
        rule(self.groups == 1 and self.dilation == 1, where,
             "a dense layer has one group and no dilation")

    def output(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        return (self.channels, 1, 1)

    def fit(self, shape: tuple[int, int, int], where: str) -> tuple[int, int, int]:
        count = int(np.prod(shape))
        rule(self.weights.shape[1] == count, where,
             f"dense weights take {self.weights.shape[1]} inputs where {shape} has {count}")
        return self.output(shape)

    def windows(self, maps: np.ndarray, dtype: type | None = None) -> np.ndarray:
        """As Sliding.windows."""
        return windows(maps, 1, 1, 0, dtype)

    def maps(self, activations: np.ndarray) -> np.ndarray:
        return activations.reshape(len(activations), -1, 1, 1)

    def forward_real(self, activations: np.ndarray) -> np.ndarray:
        return (activations.reshape(len(activations), -1) @ self.weights.T)[..., None, None]

    def adjoint(self, path: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
        return (path.reshape(len(path), -1) @ self.weights.astype(np.float64)).reshape(-1, *shape)

    def words(self, shape: tuple[int, int, int] | None = None) -> str:
        return f"dense {self.weights.shape[1]}-{self.channels}"
