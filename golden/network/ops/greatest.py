"""Max pooling of currents: between the weights of a layer and its neurons."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from golden.network.ops.base import Operation, Sliding
from golden.network.ops.pool import check_window, restored_window, saved_window, window_words
from golden.network.ops.weights import Weights

__all__ = ["Greatest", "GreatestOf"]


@dataclass(frozen=True)
class Greatest(Sliding):
    """The greatest sum of each window, of those inside the map.

    I[n, c, y, x] = max over i, j of I[n, c, y s + i - p, x s + j - p].
    """

    kernel: int | tuple
    stride: int | tuple
    padding: int | tuple = 0
    ceil: bool = False

    def check(self, where: str) -> None:
        """Raise BadInput unless kernel, stride and padding are those of a pooling."""
        check_window(self, where)

    def output(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        return (shape[0], *self.sides(shape))

    def forward(self, sums: np.ndarray, top: int | None = None) -> np.ndarray:
        """(N, C, H', W') of sums (N, C, H, W), whole or real; exact."""
        lowest = -np.inf if sums.dtype.kind == "f" else np.iinfo(sums.dtype).min
        return self.windows(sums, fill=lowest).max(axis=(4, 5)).transpose(0, 3, 1, 2)

    def adjoint(self, path: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
        """As Operation.adjoint: each place of a window gets the path, whichever is greatest."""
        return self.scattered(shape, path, lambda i, j: path)

    def words(self, shape=None):
        return f"max of currents {window_words(self)}"

    def save(self) -> dict:
        """What a file's entry holds of it."""
        return saved_window(self)

    @classmethod
    def restore(cls, entry: dict[str, Any] | None) -> "Greatest | None":
        """Inverse of ``save``; None of None."""
        return None if entry is None else cls(**restored_window(entry))


@dataclass(frozen=True, eq=False)
class GreatestOf(Operation):
    """The sums of ``op``, then ``pool`` of them; all else is as of ``op``."""

    op: Weights
    pool: Greatest

    weighted = True

    def __getattr__(self, name):
        if name in ("op", "pool"):
            raise AttributeError(name)
        return getattr(self.op, name)

    plain = False

    def check(self, where: str) -> None:
        self.op.check(where)
        self.pool.check(where)

    def fit(self, shape: tuple[int, int, int], where: str) -> tuple[int, int, int]:
        return self.pool.fit(self.op.fit(shape, where), where)

    def output(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        return self.pool.output(self.op.output(shape))

    def forward(self, activations: np.ndarray, top: int) -> np.ndarray:
        return self.pool.forward(self.op.forward(activations, top))

    def forward_real(self, activations: np.ndarray) -> np.ndarray:
        """As golden.network.ops.weights.Weights.forward_real."""
        return self.pool.forward(self.op.forward_real(activations))

    def adjoint(self, path: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
        return self.op.adjoint(self.pool.adjoint(path, self.op.output(shape)), shape)

    def words(self, shape):
        return f"{self.op.words(shape)}, {self.pool.words()}"
