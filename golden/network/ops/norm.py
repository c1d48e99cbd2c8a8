"""Batch norm over time (BNTT): a gain and an offset of each step and channel."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from golden.io.errors import rule
from golden.io.values import integers, reals
from golden.network.ops.base import bounded

__all__ = ["FloatNorm", "Norm"]


class Norm(NamedTuple):
    """In integers: floor(gain[t, c] x / 2**shift) + offset[t, c], in membrane units.

    ``gain`` and ``offset`` are (T, channels).
    """

    gain: np.ndarray
    offset: np.ndarray
    shift: int

    @property
    def slope(self) -> np.ndarray:
        """(T, channels) gain / 2**shift in real numbers."""
        return self.gain / 2**self.shift

    def check(self, where: str, steps: int, channels: int) -> None:
        """Raise BadInput unless there is a gain and an offset for each step and channel."""
        check_tables(self, where, integers, steps, channels)
        rule(bounded(self.shift, 0, 20), where, f"norm shift must be 0 to 20, not {self.shift}")

    def forward(self, sums, t, column, bias=0):
        """What sums (N, C, H, W) of step ``t`` add to membranes, with ``bias``.

        ``column`` makes (C, 1, 1) of one number a channel.
        """
        return ((sums * column(self.gain[t])) >> self.shift) + (column(self.offset[t]) + bias)

    def bounds(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(low, high), each (T, channels), of sums from ``low`` to ``high``, each (channels,)."""
        ends = np.stack([(self.gain * low) >> self.shift, (self.gain * high) >> self.shift])
        return ends.min(axis=0) + self.offset, ends.max(axis=0) + self.offset

    def reach(self, span: int) -> tuple[int, int]:
        """(product, result) of largest magnitude, of sums of magnitude up to ``span``."""
        product = span * int(np.abs(self.gain).max())
        return product, (product >> self.shift) + 1 + int(np.abs(self.offset).max())

    def save(self) -> tuple[dict[str, int], dict[str, np.ndarray]]:
        """(entry, arrays) of a file."""
        return {"shift": self.shift}, {"gain": self.gain, "offset": self.offset}

    @classmethod
    def restore(cls, entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> "Norm | None":
        """Inverse of ``save``; None where the layer has no norm."""
        return cls(arrays["gain"], arrays["offset"], entry["shift"]) if "gain" in arrays else None


class FloatNorm(NamedTuple):
    """In real numbers: gain[t, c] x + offset[t, c]; both are (T, channels)."""

    gain: np.ndarray
    offset: np.ndarray

    def check(self, where: str, steps: int, channels: int) -> None:
        """Raise BadInput unless there is a gain and an offset for each step and channel."""
        check_tables(self, where, reals, steps, channels)

    def forward(self, sums: np.ndarray, t: int, column: Callable) -> np.ndarray:
        """As Norm.forward, in float64 and without a bias."""
        return sums * column(self.gain[t]) + column(self.offset[t])

    def save(self) -> tuple[dict, dict[str, np.ndarray]]:
        """(entry, arrays) of a file."""
        return {}, {"gain": self.gain, "offset": self.offset}

    @classmethod
    def restore(cls, entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> "FloatNorm | None":
        """Inverse of ``save``; None where the layer has no norm."""
        return cls(arrays["gain"], arrays["offset"]) if "gain" in arrays else None


def check_tables(norm, where, number, steps, channels):
    """Raise BadInput unless gain and offset pass ``number`` and are (steps, channels)."""
    for what, values in (("norm gain", norm.gain), ("norm offset", norm.offset)):
        rule(number(values, where, what).shape == (steps, channels), where,
             f"{what} must be one number a step and channel")
