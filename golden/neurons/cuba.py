"""Integrate and fire by a synaptic current (CUBA): a current and a membrane that both leak."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from golden.formats import LEAK_BITS, decayed
from golden.neurons.base import (
    SHARE,
    Field,
    NeuronModel,
    RealNeuron,
    counted,
    crossing_text,
    kept_text,
    share_bits,
    shared,
    shares,
    span,
    was_kept,
)

if TYPE_CHECKING:
    from golden.neurons.alpha import Alpha, FloatAlpha

__all__ = ["Cuba", "FloatCuba"]

RESETS = ("subtract", "subtract_leaked", "zero", "clear", "subtract_now", "none")
SPIKING = RESETS[:-1]


@dataclass(frozen=True, eq=False)
class Cuba(NeuronModel):
    """Integrate and fire by a synaptic current, in integers.

    With c the current, u the membrane, f = 1 where u crossed the threshold th one step before, I
    the input, A c and B u products rounded half up (golden.formats.decayed), one step is
    c <- A c + I, then

    - "subtract":        u <- B u + c - th f             snnTorch Synaptic's default
    - "subtract_leaked": u <- B (u - th f) + c
    - "zero":            u <- B (v_reset if f else u) + c      NIR CubaLIF
    - "clear":           u <- 0 if f else B u + c        snnTorch's delayed zero: what this step
      adds is lost to the membrane, and not to the current
    - "subtract_now":    v = B u + c; s = [v > th r + th]; u <- v - th s   snnTorch's
      ``reset_delay=False``, with r = [u > th] behind the step before
    - "none":            u <- B u + c                    read-out

    and s = [u > th] elsewhere ("gt"), or with >= ("ge"). With A = 0 there is no current, c = I.

    Parameters
    ----------
    threshold, v_reset : int array, () or (channels,)
        As in golden.neurons.lif.LIF; v_reset is read by "zero".
    current_leak, leak : int array, () or (channels,)
        1 - A and 1 - B in units of 2**-16: 0 keeps everything, 2**16 nothing.
    reset, compare, delay :
        As in LIF.
    """

    fields: ClassVar = (
        Field("threshold", low=0, resets=SPIKING),
        *(Field(name, low=0, high=2**LEAK_BITS, unit=SHARE,
                note=f", a share dropped in units of 2**-{LEAK_BITS}")
          for name in ("current_leak", "leak")),
        Field("v_reset", resets=("zero",)))
    resets: ClassVar = RESETS

    threshold: np.ndarray
    current_leak: np.ndarray
    leak: np.ndarray
    reset: str = "subtract"
    compare: str = "gt"
    delay: int = 0
    v_reset: np.ndarray = field(default_factory=lambda: np.int64(0))

    def start(self, zero: int | np.ndarray) -> tuple:
        """(u, f, c, r) before the first step."""
        return zero, False, zero, False

    def step(self, state: tuple, added: np.ndarray, values: dict[str, np.ndarray]) -> tuple:
        return self.stepped(state, added, values,
                            lambda current: decayed(current, values["current_leak"]),
                            lambda membrane: decayed(membrane, values["leak"]))

    def stepped(self, state: tuple, added: np.ndarray, values: dict[str, np.ndarray],
                kept_current: Callable, kept: Callable) -> tuple:
        """``step``, with what a step keeps of a current and of a membrane."""
        return stepped(self, state, added, values, kept_current, kept)

    def ends(self, low: np.ndarray, high: np.ndarray, values: dict[str, np.ndarray]):
        """((low, high) of currents, (low, high) of membranes before and after their reset).

        As ``bound`` takes them, by interval arithmetic: the interval of a current holds what it
        reaches and no more; that of a membrane is of every current behind every membrane.
        """
        threshold, leak = values["threshold"], values["leak"]
        quiet_top = threshold if self.compare == "gt" else threshold - 1
        bottom = top = 0 * low[0]                       # of the current
        after = bottom, top                             # of the membrane
        ends, fires = [[bottom, top], [bottom, top]], np.zeros(top.shape, dtype=bool)
        for t in range(len(low)):
            bottom, top = (decayed(end, values["current_leak"]) + added
                           for end, added in ((bottom, low[t]), (top, high[t])))
            rest = after if self.reset == "subtract_now" else (
                after[0], np.where(fires, np.minimum(after[1], quiet_top), after[1]))
            quiet = [decayed(rest[0], leak) + bottom, decayed(rest[1], leak) + top]
            spiked = np.maximum(after[0], quiet_top + 1), after[1]
            if self.reset == "subtract":
                fired = [decayed(end, leak) - threshold + add
                         for end, add in zip(spiked, (bottom, top), strict=True)]
            elif self.reset == "subtract_leaked":
                fired = [decayed(end - threshold, leak) + add
                         for end, add in zip(spiked, (bottom, top), strict=True)]
            elif self.reset == "zero":
                fired = [decayed(values["v_reset"], leak) + add for add in (bottom, top)]
            else:
                fired = [0 * bottom, 0 * top]
            only = fires & (after[0] > quiet_top)       # every membrane there is spiked
            if self.reset in ("none", "subtract_now"):
                before = tuple(quiet)
            else:
                before = joined(quiet, fired, fires, only)
            after = before
            if self.reset == "subtract_now":
                # Behind a step that left u above th the threshold is doubled.
                doubled = np.where(fires, threshold, 0)
                after = joined(
                    [before[0], np.minimum(before[1], quiet_top + doubled)],
                    [np.maximum(before[0], quiet_top + 1) - threshold, before[1] - threshold],
                    before[1] > quiet_top, before[0] > quiet_top + doubled)
            fires = (after[1] > quiet_top) & self.spiking
            for kept, found in zip(ends, ((bottom, top), (np.minimum(before[0], after[0]),
                                                          np.maximum(before[1], after[1]))),
                                   strict=True):
                kept[:] = np.minimum(kept[0], found[0]), np.maximum(kept[1], found[1])
        return tuple((int(np.min(least)), int(np.max(most))) for least, most in ends)

    def bound(self, low: np.ndarray, high: np.ndarray,
              values: dict[str, np.ndarray]) -> tuple[int, int]:
        """As NeuronModel.bound: the range of ``ends`` that holds current and membrane."""
        (least, most), (lowest, highest) = self.ends(low, high, values)
        return min(least, lowest), max(most, highest)

    def reach(self, added: int, steps: int) -> int:
        """As NeuronModel.reach.

        A current grows by ``added`` a step at most, a membrane by a current, th (twice where it is
        doubled) and v_reset; a product with a share is the widest number of all.
        """
        widest = {name: int(np.abs(values).max()) for name, values in self.values(np.asarray)
                  .items()}
        each = (steps + 1) * added + 2 * widest["threshold"] + widest.get("v_reset", 0)
        return (steps + 1) * each * max(1, widest["leak"], widest["current_leak"]) + 2**LEAK_BITS

    @classmethod
    def from_float(cls, real: "FloatAlpha | FloatCuba", per_channel: Callable,
                   unit: np.ndarray) -> "Alpha | Cuba":
        found = {name: shared(counted(values, unit))
                 for name, values in real.constants(per_channel).items()}
        return cls(**{"threshold": np.int64(0), **found}, reset=real.reset, compare=real.compare,
                   current_leak=shares(per_channel(real.alpha)),
                   leak=shares(per_channel(real.beta)), delay=real.delay)

    def exact_bits(self, steps: int) -> int:
        return max(share_bits(self.current_leak), share_bits(self.leak)) * (steps - 1)

    def rounding_reasons(self, real, per_channel: Callable) -> list[str]:
        return [*was_kept("current leak", per_channel(real.alpha), self.current_leak),
                *was_kept("leak", per_channel(real.beta), self.leak)]

    @property
    def rounds(self) -> bool:
        """Whether a current or a membrane leaks, and not all of it."""
        return bool(share_bits(self.current_leak) or share_bits(self.leak))

    def words(self) -> tuple[str, list[str]]:
        extras = [name for name, there in (
            (f"A {kept_text(self.current_leak)}", np.any(self.current_leak < 2**LEAK_BITS)),
            (f"L {kept_text(self.leak)}", True),
            ("delay 1", self.spiking and self.delay),
            (f"v_reset {span(self.v_reset)}", self.reset == "zero" and np.any(self.v_reset)))
            if there]
        return crossing_text(self), extras


@dataclass(frozen=True, eq=False)
class FloatCuba(RealNeuron):
    """Integrate and fire by a synaptic current, in real numbers: the equations of Cuba.

    ``alpha`` is A and ``beta`` B; each parameter is one number or one a channel.
    """

    fields: ClassVar = (Field("alpha", low=0, high=1, unit=SHARE),
                        Field("beta", low=0, high=1, unit=SHARE), Field("threshold", low=0),
                        Field("v_reset"))
    resets: ClassVar = RESETS
    model: ClassVar = Cuba

    alpha: np.ndarray = field(default_factory=lambda: np.float64(0))
    beta: np.ndarray = field(default_factory=lambda: np.float64(1))
    threshold: np.ndarray = field(default_factory=lambda: np.float64(1))
    reset: str = "none"
    compare: str = "gt"
    delay: int = 0
    v_reset: np.ndarray = field(default_factory=lambda: np.float64(0))

    def start(self, zero: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        none = np.zeros(zero.shape, dtype=bool)
        return zero, none, zero, none

    def step(self, state, added, values):
        return self.stepped(state, added, values, lambda current: values["alpha"] * current,
                            lambda membrane: values["beta"] * membrane)

    stepped = Cuba.stepped

    def biases(self, per_channel: Callable) -> np.ndarray:
        return per_channel(np.float64(0))

    def lasting(self, per_channel: Callable, steps: int) -> float:
        each = lambda kept: np.minimum(steps, 1 / np.maximum(1 - per_channel(kept), 1 / steps))
        return np.minimum(steps, each(self.alpha) + each(self.beta)).max()


def stepped(neuron: Cuba | FloatCuba, state: tuple, added: np.ndarray,
            values: dict[str, np.ndarray], kept_current: Callable, kept: Callable) -> tuple:
    """State (u, f, c, r) of a Cuba or FloatCuba after a step; see Cuba for the equations.

    ``kept_current`` and ``kept`` give A c and B u.
    """
    membrane, fired, current, above = state
    threshold, crosses = values["threshold"], (
        np.greater if neuron.compare == "gt" else np.greater_equal)
    current = kept_current(current) + added
    if neuron.reset == "subtract":
        membrane = kept(membrane) - threshold * fired + current
    elif neuron.reset == "subtract_leaked":
        membrane = kept(membrane - threshold * fired) + current
    elif neuron.reset == "zero":
        membrane = kept(np.where(fired, values["v_reset"], membrane)) + current
    elif neuron.reset == "clear":
        membrane = np.where(fired, 0, kept(membrane) + current)
    else:
        membrane = kept(membrane) + current
    if neuron.reset == "subtract_now":
        fired = crosses(membrane - threshold * above, threshold)
        membrane = membrane - threshold * fired
        return membrane, fired, current, crosses(membrane, threshold)
    return membrane, crosses(membrane, threshold) if neuron.spiking else fired, current, above


def joined(quiet: list[np.ndarray], fired: list[np.ndarray], fires: np.ndarray, only: np.ndarray):
    """(low, high) of the union of two intervals: of ``fired`` where it ``fires``, of ``quiet``
    unless it does nothing else (``only``).
    """
    return tuple(np.where(only, fired[n], np.where(fires, choose(quiet[n], fired[n]), quiet[n]))
                 for n, choose in enumerate((np.minimum, np.maximum)))
