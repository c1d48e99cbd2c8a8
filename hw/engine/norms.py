"""Norms over time (BNTT): gain and offset of every step and channel, from memory."""

import numpy as np
from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.constants import per_pass
from hw.engine.lane import norm_layout

__all__ = ["Norms"]


class Norms(wiring.Component):
    """Gain and offset of all lanes at the step that is handed on, with ``shift``.

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    number : In(range(passes))
    start : In(1)
        The pass begins.
    shift, count, last_count : In(1), In(range(word_steps)), In(1)
        Step ``count`` of the word is handed on; it is the word's last.
    data : Out(data.ArrayLayout(norm_layout(plan), plan.lanes))
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({
            "number": In(range(len(plan.passes))),
            "start": In(1),
            "shift": In(1), "count": In(range(plan.word_steps)), "last_count": In(1),
            "data": Out(data.ArrayLayout(norm_layout(plan), plan.lanes)),
        })

    def elaborate(self, platform):
        m = Module()
        plan, passes, steps = self.plan, self.plan.passes, self.plan.word_steps
        const = lambda values: per_pass(self.number, list(values))

        m.submodules.norms = norms = memory.Memory(
            shape=data.ArrayLayout(norm_layout(plan), plan.lanes), depth=len(plan.norm_rows),
            init=[[{"gain": int(gain), "offset": int(offset)} for gain, offset in row]
                  for row in plan.norm_rows])
        read   = norms.read_port()
        spans  = [0 if p.merging else p.groups * plan.network.steps for p in passes]
        starts = np.cumsum([0, *spans]).tolist()
        entry  = Signal(range(len(plan.norm_rows)))
        after  = Signal.like(entry)
        handed = Signal(range(plan.chunks))                  # chunk handed on
        with m.If(self.shift & self.last_count):
            m.d.sync += handed.eq(Mux(handed == plan.chunks - 1, 0, handed + 1))
        real = ((handed != plan.chunks - 1)
                | (self.count < plan.network.steps - (plan.chunks - 1) * steps))
        with m.If(self.shift & real):
            # The groups of a pixel follow one another; the next pixel begins again.
            m.d.comb += after.eq(Mux(entry == const(max(n - 1, 0) for n in starts[1:]),
                                     const(starts[:-1]), entry + 1))
        with m.Else():
            m.d.comb += after.eq(entry)
        m.d.sync += entry.eq(Mux(self.start, const(starts[:-1]), after))
        m.d.comb += [read.addr.eq(after), self.data.eq(read.data)]

        return m
