"""Leaky integrate and fire: one membrane, every update order in use."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from golden.formats import LEAK_BITS, leaked
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
from golden.neurons.cuba import FloatCuba

__all__ = ["LIF", "RESETS", "FloatLIF"]

RESETS = ("subtract", "subtract_leaked", "zero", "none")
SPIKING = (*RESETS[:3], "subtract_now")


@dataclass(frozen=True, eq=False)
class LIF(NeuronModel):
    """Leaky integrate and fire in integers.

    With u the membrane, s = 1 where u crossed the threshold th one step before, I the input and
    leaked(u) = L u rounded as in golden.formats, one step is

    - "subtract":        u <- leaked(u) - th s + I       paper eq. 8-9, snnTorch's default (order B)
    - "subtract_leaked": u <- leaked(u - th s) + I       BNTT (order C)
    - "zero":            u <- leaked(v_reset if s else u) + I      snnTorch zero, NIR (order E)
    - "none":            u <- leaked(u) + I              read-out (order F)

    and s = [u > th] ("gt") or [u >= th] ("ge"). A ``delay`` of 1 hands s on one step later, which
    gives orders A and D.

    Parameters
    ----------
    threshold : int array, () or (channels,)
        Threshold in membrane units.
    leak : int array, () or (channels,)
        1 - L in units of 2**-16: 0 keeps everything, 4096 is L = 1 - 2**-4.
    reset : "subtract", "subtract_leaked", "zero" or "none"
        What a spike does to the membrane; "none" marks a read-out that never spikes.
    compare : "gt" or "ge"
        Whether a membrane at the threshold spikes ("ge") or not.
    delay : 0 or 1
        Steps between the crossing and the spike that the next layer sees.
    v_reset : int array, () or (channels,)
        Membrane after a spike where ``reset`` is "zero".
    """

    fields: ClassVar = (
        Field("threshold", low=0, resets=SPIKING),
        Field("leak", low=0, high=2**LEAK_BITS, unit=SHARE,
              note=f", a share dropped in units of 2**-{LEAK_BITS}"),
        Field("v_reset", resets=("zero",)))
    resets: ClassVar = RESETS

    threshold: np.ndarray
    leak: np.ndarray
    reset: str = "subtract"
    compare: str = "gt"
    delay: int = 0
    v_reset: np.ndarray = field(default_factory=lambda: np.int64(0))

    @property
    def adds(self) -> bool:
        return not self.spiking and not np.any(self.leak)

    def start(self, zero: int) -> tuple[int, bool]:
        return zero, False

    def step(self, state: tuple, added: np.ndarray, values: dict[str, np.ndarray]) -> tuple:
        membrane, fired = state
        threshold, leak = values["threshold"], values["leak"]
        if self.reset == "subtract":
            membrane = leaked(membrane, leak) - threshold * fired + added
        elif self.reset == "subtract_leaked":
            membrane = leaked(membrane - threshold * fired, leak) + added
        elif self.reset == "zero":
            membrane = leaked(np.where(fired, values["v_reset"], membrane), leak) + added
        else:
            membrane = leaked(membrane, leak) + added
        if self.spiking:
            fired = membrane > threshold if self.compare == "gt" else membrane >= threshold
        return membrane, fired

    def bound(self, low: np.ndarray, high: np.ndarray,
              values: dict[str, np.ndarray]) -> tuple[int, int]:
        """As NeuronModel.bound, by interval arithmetic with 0 as the first membrane.

        An interval of membranes is split at the threshold into those that spike and those that do
        not, each is reset and leaked (both are nondecreasing), and the interval of the next input
        is added.
        """
        threshold, leak = values["threshold"], values["leak"]
        quiet_top = threshold if self.compare == "gt" else threshold - 1
        adds = low, high
        # Nothing has spiked before the first step, even where 0 is at the threshold.
        low, high = adds[0][0], adds[1][0]
        lowest, highest = min(0, int(low.min())), max(0, int(high.max()))
        for t in range(1, len(adds[0])):
            fires, quiet = high > quiet_top, low <= quiet_top
            if not self.spiking:
                ends = [leaked(low, leak), leaked(high, leak)]
            else:
                spike_low, spike_high = np.maximum(low, quiet_top + 1), high
                if self.reset == "subtract":
                    fired = [leaked(x, leak) - threshold for x in (spike_low, spike_high)]
                elif self.reset == "subtract_leaked":
                    fired = [leaked(x - threshold, leak) for x in (spike_low, spike_high)]
                else:
                    fired = [leaked(values["v_reset"], leak)] * 2
                rest = [leaked(low, leak), leaked(np.minimum(high, quiet_top), leak)]
                ends = [np.where(quiet, np.where(fires, np.minimum(rest[0], fired[0]), rest[0]),
                                 fired[0]),
                        np.where(fires, np.where(quiet, np.maximum(rest[1], fired[1]), fired[1]),
                                 rest[1])]
            low, high = ends[0] + adds[0][t], ends[1] + adds[1][t]
            lowest, highest = min(lowest, int(low.min())), max(highest, int(high.max()))
        return lowest, highest

    def reach(self, added: int, steps: int) -> int:
        """As NeuronModel.reach.

        A leak brings a membrane nearer to 0 and a spike takes th from what is above th, so that in
        one step a membrane moves away from 0 by no more than input, th and v_reset together; its
        product with the leak is the widest number of all.
        """
        widest = {name: int(np.abs(values).max()) for name, values in self.values(np.asarray)
                  .items()}
        each = added + widest["threshold"] + widest["v_reset"]
        return (steps + 1) * each * max(1, widest["leak"])

    @classmethod
    def from_float(cls, real: "FloatLIF", per_channel: Callable, unit: np.ndarray) -> "LIF":
        found = {name: shared(counted(values, unit))
                 for name, values in real.constants(per_channel).items()}
        absent = {each.name: np.int64(0) for each in cls.fields if each.unit != SHARE}
        return cls(**{**absent, **found}, leak=shares(per_channel(real.beta)),
                   compare=real.compare, delay=real.delay,
                   reset="subtract_leaked" if real.reset == "subtract_now" else real.reset)

    def exact_bits(self, steps: int) -> int:
        return share_bits(self.leak) * (steps - 1)

    def rounding_reasons(self, real, per_channel: Callable) -> list[str]:
        return was_kept("leak", per_channel(real.beta), self.leak)

    @property
    def rounds(self) -> bool:
        """Whether any membrane leaks."""
        return bool(np.any(self.leak))

    def words(self) -> tuple[str, list[str]]:
        extras = [name for name, there in (
            ("delay 1", self.spiking and self.delay),
            (f"v_reset {span(self.v_reset)}", self.reset == "zero" and np.any(self.v_reset)))
            if there]
        return crossing_text(self), [f"L {kept_text(self.leak)}", *extras]


@dataclass(frozen=True, eq=False)
class FloatLIF(RealNeuron):
    """Leaky integrate and fire in real numbers; each parameter one number or one a channel.

    With s = [u > threshold] one step before and I the input, a step is
    u <- beta u + (1 - beta) v_leak + I and the reset of LIF. "subtract_now" is snnTorch's
    ``reset_delay=False``: with r = [u > threshold], m = beta u + I - threshold r and s =
    [m > threshold], it leaves u = m - threshold (s - r).
    """

    fields: ClassVar = (Field("beta", low=0, high=1, unit=SHARE), Field("threshold", low=0),
                        Field("v_leak"), Field("v_reset"))
    resets: ClassVar = (*RESETS, "subtract_now")
    model: ClassVar = LIF

    beta: np.ndarray = field(default_factory=lambda: np.float64(1))
    threshold: np.ndarray = field(default_factory=lambda: np.float64(1))
    reset: str = "none"
    compare: str = "gt"
    delay: int = 0
    v_leak: np.ndarray = field(default_factory=lambda: np.float64(0))
    v_reset: np.ndarray = field(default_factory=lambda: np.float64(0))

    def step(self, state: tuple[np.ndarray, np.ndarray], added: np.ndarray,
             values: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        membrane, fired = state
        beta, threshold = values["beta"], values["threshold"]
        crossed = np.greater if self.compare == "gt" else np.greater_equal
        if self.reset == "subtract":
            membrane = beta * membrane - threshold * fired + added
        elif self.reset == "subtract_leaked":
            membrane = beta * (membrane - threshold * fired) + added
        elif self.reset == "zero":
            membrane = beta * np.where(fired, values["v_reset"], membrane) + added
        elif self.reset == "subtract_now":
            above = crossed(membrane, threshold)
            membrane = beta * membrane + added - threshold * above
            fired = crossed(membrane, threshold)
            return membrane - threshold * (fired.astype(float) - above), fired
        else:
            membrane = beta * membrane + added
        return membrane, crossed(membrane, threshold) if self.spiking else fired

    def biases(self, per_channel: Callable) -> np.ndarray:
        return (1 - per_channel(self.beta)) * per_channel(self.v_leak)

    def lasting(self, per_channel: Callable, steps: int) -> float:
        return np.minimum(steps, 1 / np.maximum(1 - per_channel(self.beta), 1 / steps)).max()

    def suited(self, most: np.ndarray | None, per_channel: Callable):
        """As RealNeuron.suited, of "subtract_now", whose model here is that of "subtract_leaked".

        Both are equal where no spike leaves a membrane above its threshold: where a step adds at
        most (2 - beta) threshold, for a membrane that starts a step at up to one threshold then
        ends it at up to two. Elsewhere FloatCuba has the order, here without a current; what v_leak
        adds stays among the ``biases`` of this one.
        """
        room = (2 - per_channel(self.beta)) * per_channel(self.threshold)
        if self.reset != "subtract_now" or most is not None and (most <= room).all():
            return self
        return FloatCuba(alpha=np.float64(0), beta=self.beta, threshold=self.threshold,
                         reset=self.reset, compare=self.compare, delay=self.delay)
