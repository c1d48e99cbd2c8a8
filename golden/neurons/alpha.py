"""Integrate and fire by an alpha function: two traces of opposite sign, of different leaks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from golden.formats import decayed
from golden.neurons.base import SHARE, Field, crossing_text, kept_text
from golden.neurons.cuba import Cuba, FloatCuba

__all__ = ["Alpha", "FloatAlpha"]

RESETS = ("clear", "none")


@dataclass(frozen=True, eq=False)
class Alpha(Cuba):
    """Integrate and fire by an alpha function, in integers.

    With c and d the traces, f = 1 where u crossed the threshold th one step before, I the input,
    and A c and B d products rounded half up (golden.formats.decayed), one step is

    - "clear": c <- 0 if f else A c + I; d <- 0 if f else B d - I   snnTorch's Alpha, whose reset
      loses what this step adds
    - "none":  c <- A c + I; d <- B d - I                          read-out

    then u = c + d and s = [u > th] ("gt"), or with >= ("ge"). No trace keeps a membrane.

    Parameters
    ----------
    threshold : int array, () or (channels,)
        As in golden.neurons.lif.LIF.
    current_leak, leak : int array, () or (channels,)
        1 - A and 1 - B in units of 2**-16.
    reset, compare, delay :
        As in LIF.
    """

    fields: ClassVar = (Field("threshold", low=0, resets=RESETS[:-1]), *Cuba.fields[1:3])
    resets: ClassVar = RESETS

    reset: str = "clear"

    def start(self, zero: int) -> tuple[int, bool, int, int]:
        """(u, f, c, d) before the first step."""
        return zero, False, zero, zero

    def stepped(self, state: tuple, added: np.ndarray, values: dict[str, np.ndarray],
                kept_current: Callable,
                kept: Callable) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """``step``, with what a step keeps of either trace."""
        return stepped(self, state, added, values, kept_current, kept)

    def bound(self, low: np.ndarray, high: np.ndarray,
              values: dict[str, np.ndarray]) -> tuple[int, int]:
        """As NeuronModel.bound: the range that holds both traces and their sum."""
        traces = [(0 * low[0], 0 * low[0]), (0 * low[0], 0 * low[0])]
        least, most = 0 * low[0], 0 * low[0]
        for t in range(len(low)):
            for n, (leak, added) in enumerate(((values["current_leak"], (low[t], high[t])),
                                               (values["leak"], (-high[t], -low[t])))):
                ends = [decayed(end, leak) + add
                        for end, add in zip(traces[n], added, strict=True)]
                # A spike before leaves 0.
                traces[n] = np.minimum(ends[0], 0), np.maximum(ends[1], 0)
            sums = [traces[0][end] + traces[1][end] for end in range(2)]
            least = np.minimum.reduce([least, sums[0], traces[0][0], traces[1][0]])
            most = np.maximum.reduce([most, sums[1], traces[0][1], traces[1][1]])
        return int(least.min()), int(most.max())

    def words(self):
        return crossing_text(self), [
            "alpha", f"A {kept_text(self.current_leak)}", f"B {kept_text(self.leak)}",
            *["delay 1"] * bool(self.spiking and self.delay)]


@dataclass(frozen=True, eq=False)
class FloatAlpha(FloatCuba):
    """Integrate and fire by an alpha function, in real numbers: the equations of Alpha.

    ``alpha`` is A and ``beta`` B; each parameter is one number or one a channel.
    """

    fields: ClassVar = (Field("alpha", low=0, high=1, unit=SHARE),
                        Field("beta", low=0, high=1, unit=SHARE), Field("threshold", low=0))
    resets: ClassVar = RESETS
    model: ClassVar = Alpha

    beta: np.ndarray = field(default_factory=lambda: np.float64(0))

    def start(self, zero: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return zero, np.zeros(zero.shape, dtype=bool), zero, zero

    stepped = Alpha.stepped


def stepped(neuron: Alpha | FloatAlpha,
            state: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], added: np.ndarray,
            values: dict[str, np.ndarray], kept_rising: Callable,
            kept_falling: Callable) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """State (u, f, c, d) of an Alpha or FloatAlpha after a step; see Alpha for the equations."""
    _, fired, rising, falling = state
    rising, falling = kept_rising(rising) + added, kept_falling(falling) - added
    if neuron.spiking:
        rising, falling = np.where(fired, 0, rising), np.where(fired, 0, falling)
    membrane = rising + falling
    crosses = np.greater if neuron.compare == "gt" else np.greater_equal
    fired = crosses(membrane, values["threshold"]) if neuron.spiking else fired
    return membrane, fired, rising, falling
