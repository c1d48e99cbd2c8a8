"""Pooling of spikes."""

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from golden.io.errors import rule
from golden.network.encoders import encoder_of
from golden.network.ops.base import Sliding, bounded_pair

if TYPE_CHECKING:
    from golden.network.ops.greatest import Greatest

__all__ = ["POOLS", "Pool", "check_window", "restored_window", "saved_window", "window_words"]

POOLS = ("sum", "avg", "max")


@dataclass(frozen=True)
class Pool(Sliding):
    """Pooling of spikes: "sum" and "avg" hand on the count in the window, "max" its OR.

    An average is its count; the factor 1 / kernel**2 belongs to the next layer's scale, so that
    nothing is rounded.
    """

    kind: str
    kernel: int | tuple
    stride: int | tuple
    padding: int | tuple = 0
    ceil: bool = False

    @property
    def beyond(self):
        # A place outside the map is no spike, which an OR takes; a sum is taken with the weights
        # behind it, whose own padding is told from it by nothing.
        return () if self.kind == "max" else tuple(f"{what} of a {self.kind} pooling"
                                                   for what in self.outside)

    @property
    def area(self) -> int:
        """Places of a window."""
        return self.window[0] * self.window[1]

    @property
    def divisor(self) -> int:
        """What a count behind the pool is to be divided by in real numbers."""
        return self.area if self.kind == "avg" else 1

    def check(self, where, network, before):
        """Raise BadInput unless the pool may follow the layers ``before`` it in ``network``."""
        rule(self.kind in POOLS, where, f"pool must be one of {', '.join(POOLS)}, not {self.kind}")
        check_window(self, where)
        rule(not (self.ceil and self.kind == "avg"), where,
             "an average with ceil counts other places at the border, which is not supported")
        counted = any(pool.kind != "max" for pool in
                      takewhile(lambda layer: not layer.weighted, before[::-1]))
        bare = (not encoder_of(network).spikes
                and not any(layer.weighted for layer in before))
        rule(self.kind != "max" or not (counted or bare), where,
             "max pooling needs spikes, not counts, signs or a current")

    def output(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        return (shape[0], *self.sides(shape))

    def top(self, top: int) -> int:
        """Largest activation behind the pool, of those up to ``top``."""
        return top if self.kind == "max" else top * self.area

    def forward(self, activations: np.ndarray, top: int | None = None) -> np.ndarray:
        """Pool (N, C, H, W): counts for "sum" and "avg", the OR of spikes for "max"."""
        fields = self.windows(activations)
        fields = fields.transpose(4, 5, 3, 1, 2, 0)
        found = (fields.max(axis=(0, 1)) if self.kind == "max"
                 else fields.sum(axis=(0, 1), dtype=np.int32))
        return found.transpose(3, 0, 1, 2)

    def adjoint(self, path, shape, spikes=None):
        """As Operation.adjoint; of "max" with ``spikes`` (B, *shape), a path over their number.

        Each place of a window then gets the path divided by the spikes in the window, 0 where there
        are none; without spikes each gets the path.
        """
        if self.kind == "max" and spikes is not None:
            total = self.windows(spikes).sum(axis=(4, 5), dtype=np.int64).transpose(0, 3, 1, 2)
            path = path * self.forward(spikes) / np.maximum(total, 1)
        return self.scattered(shape, path, lambda i, j: path)

    def words(self, shape=None) -> str:
        return f"{self.kind} pool {window_words(self)}"

    def save(self) -> tuple[dict[str, Any], dict]:
        """(entry, arrays) of a file."""
        return {"pool": self.kind, **saved_window(self)}, {}

    @classmethod
    def restore(cls, entry: dict[str, Any]) -> "Pool":
        """Inverse of ``save``; without a stride it is the kernel, without a padding it is 0."""
        return cls(entry["pool"], **restored_window(entry))


def check_window(pool: "Greatest | Pool", where: str) -> None:
    """Raise BadInput unless kernel, stride and padding of a pooling are those of one."""
    rule(bounded_pair(pool.kernel, 1, 4096), where,
         f"pool kernel must be a whole number from 1, not {pool.kernel}")
    rule(bounded_pair(pool.stride, 1, 4096), where,
         f"pool stride must be a whole number from 1, not {pool.stride}")
    rule(bounded_pair(pool.padding, 0, tuple(n // 2 for n in pool.window)), where,
         f"pool padding must be 0 to half the kernel, not {pool.padding}")
    rule(isinstance(pool.ceil, bool), where, f"pool ceil must be true or false, not {pool.ceil}")


def window_words(pool) -> str:
    """Kernel, stride and padding of a pooling for people, without what is usual."""
    text = lambda value: "x".join(map(str, value)) if isinstance(value, tuple) else f"{value}"
    return (text(pool.kernel) + (f" s{text(pool.stride)}" if pool.stride != pool.kernel else "")
            + (f" p{text(pool.padding)}" if pool.padding else "") + (" ceil" if pool.ceil else ""))


def saved_window(pool: "Greatest | Pool") -> dict:
    """Kernel, stride, padding and ceil as a file has them."""
    found = {key: list(value) if isinstance(value, tuple) else value
             for key, value in (("kernel", pool.kernel), ("stride", pool.stride),
                                ("padding", pool.padding))}
    return {**found, "ceil": True} if pool.ceil else found


def restored_window(entry: dict[str, Any]) -> dict[str, Any]:
    """Inverse of ``saved_window``."""
    kernel = entry["kernel"]
    found = {"kernel": kernel, "stride": entry.get("stride", kernel),
             "padding": entry.get("padding", 0), "ceil": entry.get("ceil", False)}
    return {key: tuple(value) if isinstance(value, list) else value
            for key, value in found.items()}
