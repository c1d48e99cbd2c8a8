"""Pooling of spikes."""

from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from golden.io.errors import rule
from golden.network.ops.base import Sliding, bounded
from golden.synapses import windows

__all__ = ["POOLS", "Pool"]

POOLS = ("sum", "avg", "max")


@dataclass(frozen=True)
class Pool(Sliding):
    """Pooling of spikes: "sum" and "avg" hand on the count in the window, "max" its OR.

    An average is its count; the factor 1 / kernel**2 belongs to the next layer's scale, so that
    nothing is rounded.
    """

    kind: str
    kernel: int
    stride: int
    padding: int = 0

    @property
    def divisor(self):
        """What a count behind the pool is to be divided by in real numbers."""
        return self.kernel**2 if self.kind == "avg" else 1

    def check(self, where, network, before):
        """Raise BadInput unless the pool may follow the layers ``before`` it in ``network``."""
        rule(self.kind in POOLS, where, f"pool must be one of {', '.join(POOLS)}, not {self.kind}")
        rule(bounded(self.kernel, 1, 4096), where,
             f"pool kernel must be a whole number from 1, not {self.kernel}")
        rule(bounded(self.stride, 1, 4096), where,
             f"pool stride must be a whole number from 1, not {self.stride}")
        rule(bounded(self.padding, 0, self.kernel // 2), where,
             f"pool padding must be 0 to half the kernel, not {self.padding}")
        counted = any(pool.kind != "max" for pool in
                      takewhile(lambda layer: not layer.weighted, before[::-1]))
        bare = (network.encoder in ("current", "ternary")
                and not any(layer.weighted for layer in before))
        rule(self.kind != "max" or not (counted or bare), where,
             "max pooling needs spikes, not counts, signs or a current")

    def output(self, shape):
        return (shape[0], *self.sides(shape))

    def top(self, top):
        """Largest activation behind the pool, of those up to ``top``."""
        return top if self.kind == "max" else top * self.kernel**2

    def forward(self, activations, top=None):
        """Pool (N, C, H, W): counts for "sum" and "avg", the OR of spikes for "max"."""
        fields = windows(activations, self.kernel, self.stride, self.padding)
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
            total = windows(spikes, self.kernel, self.stride, self.padding).sum(
                axis=(4, 5), dtype=np.int64).transpose(0, 3, 1, 2)
            path = path * self.forward(spikes) / np.maximum(total, 1)
        return self.scattered(shape, path, lambda i, j: path)

    def words(self, shape=None):
        return (f"{self.kind} pool {self.kernel}"
                + (f" s{self.stride}" if self.stride != self.kernel else "")
                + (f" p{self.padding}" if self.padding else ""))

    def save(self):
        """(entry, arrays) of a file."""
        return {"pool": self.kind, "kernel": self.kernel, "stride": self.stride,
                "padding": self.padding}, {}

    @classmethod
    def restore(cls, entry):
        """Inverse of ``save``; without a stride it is the kernel, without a padding it is 0."""
        return cls(entry["pool"], entry["kernel"], entry.get("stride", entry["kernel"]),
                   entry.get("padding", 0))
