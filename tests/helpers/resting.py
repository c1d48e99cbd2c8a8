"""A neuron model that only tests know, in golden and in hardware: it rests after a spike."""

import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import ClassVar

import numpy as np
from amaranth import *

import hw.engine.neurons
from golden.neurons import MODELS
from golden.neurons.base import Field, NeuronModel
from hw.engine.neurons.base import NeuronUnit

__all__ = ["Resting", "RestingNeuron", "register"]


@dataclass(frozen=True, eq=False)
class Resting(NeuronModel):
    """An integrator that a spike sets to ``after`` and makes deaf for ``rest`` steps.

    With s whether it spiked a step before: r <- rest if s else max(r - 1, 0),
    u <- (after if s else u) + (0 if r else I), s = [u > threshold] where r is 0.
    """

    fields: ClassVar = (Field("threshold", low=0), Field("rest", low=0, high=7), Field("after"))
    resets: ClassVar = ("rest", "none")

    threshold: np.ndarray
    rest: np.ndarray = field(default_factory=lambda: np.int64(0))
    after: np.ndarray = field(default_factory=lambda: np.int64(0))
    reset: str = "rest"
    compare: str = "gt"
    delay: int = 0

    def start(self, zero):
        return zero, False, zero

    def step(self, state, added, values):
        membrane, fired, left = state
        left = np.where(fired, values["rest"], np.maximum(left - 1, 0))
        membrane = np.where(fired, values["after"], membrane) + np.where(left > 0, 0, added)
        if not self.spiking:
            return membrane, False, left
        above = (membrane > values["threshold"] if self.compare == "gt"
                 else membrane >= values["threshold"])
        return membrane, above & (left == 0), left

    def bound(self, low, high, values):
        least = np.minimum(low, 0).sum(axis=0) + np.minimum(values["after"], 0)
        most = np.maximum(high, 0).sum(axis=0) + np.maximum(values["after"], 0)
        return int(least.min()), int(most.max())

    def reach(self, added, steps):
        return steps * added + int(np.abs(self.after).max()) + 7

    def words(self):
        return "rests", []


class RestingNeuron(NeuronUnit):
    """``Resting``, a step a cycle."""

    LOADED = ("threshold",)

    def elaborate(self, platform):
        m = Module()
        handed, given, kept = (Signal.like(self.membrane, name=name)
                               for name in ("handed", "given", "kept"))
        spiked, above, crossed = Signal(), Signal(), Signal()
        left, before = Signal.like(self.rest), Signal.like(self.rest)
        inclusive = self.is_any(m, lambda n: n.compare == "ge")
        with m.If(self.shift):
            m.d.sync += handed.eq(self.current)
        with m.If(self.feed):
            m.d.sync += given.eq(handed)
        m.d.comb += [
            left.eq(Mux(spiked, self.rest, before - before.any())),
            self.membrane.eq(Mux(spiked, self.after, kept) + Mux(left.any(), 0, given)),
            above.eq((left == 0) & Mux(inclusive, self.membrane >= self.threshold,
                                       self.membrane > self.threshold)),
            crossed.eq(above & self.is_any(m, lambda n: n.spiking)),
        ]
        with m.If(self.step):
            m.d.sync += [
                kept.eq(Mux(self.last, 0, self.membrane)), before.eq(Mux(self.last, 0, left)),
                spiked.eq(crossed & ~self.last),
            ]
        self.hand_on(m, above, crossed)
        return m


def register(monkeypatch, unit=RestingNeuron):
    """Make the model known for a test: the line of MODELS, and the file hw/engine/neurons/resting.

    Without ``unit`` there is no such file.
    """
    monkeypatch.setitem(MODELS, "resting", Resting)
    if unit is not None:
        module = ModuleType(f"{hw.engine.neurons.__name__}.resting")
        module.UNIT = unit
        monkeypatch.setitem(sys.modules, module.__name__, module)
