"""What every cycle of an image is spent on; for simulation, at no cost on the chip."""

from amaranth import *
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.ops import Op

__all__ = ["StallReason", "StallProfiler", "activity_layout"]


class StallReason(enum.Enum, shape=4):
    """Why the adders add, or do not."""

    Useful   = 0  # a train that is not all zero is added
    Starved  = 1  # no visit found anything, and none is in the queue
    Handover = 2  # the end of a walk hands its sums on
    Param    = 3  # a row of parameters comes
    Drain    = 4  # an end waits until the sums of the walk before are taken
    Output   = 5  # scores or maps have yet to leave
    Load     = 6  # the image comes
    Pipeline = 7  # filled or emptied, or from one pass to the next
    Weights  = 8  # visits wait for weights that are streamed, and nothing found is left


activity_layout = data.StructLayout({"cause": StallReason, "number": 8})


class StallProfiler(wiring.Component):
    """One StallReason a cycle, from what the stages do anyway.

    Nothing on a board listens to ``o``, so that synthesis leaves all of it out.

    Members
    -------
    loading, running : In(1)
        The image comes; a pass is under way.
    number : In(8)
        The pass, from 0.
    finished, blocked : In(1)
        Its last train or score is done; something of it has yet to leave.
    is_readout, held : In(1)
        The pass gives scores; what is queued of its trains must leave first.
    valid, op, ends, waits : In(1), In(Op), In(1), In(1)
        A micro-op, or a row of several trains, goes to the adders, the pass's last; one waits for
        them.
    lacks : In(1)
        Visits wait for their weights.
    o : Out(activity_layout)
        ``number`` 0 while the image comes, else that of the pass, from 1.
    """

    loading: In(1)
    running: In(1)
    number: In(8)
    finished: In(1)
    blocked: In(1)
    is_readout: In(1)
    held: In(1)
    valid: In(1)
    op: In(Op)
    ends: In(1)
    waits: In(1)
    lacks: In(1)
    o: Out(activity_layout)

    def elaborate(self, platform):
        m = Module()

        begun, ended = Signal(), Signal()                    # first, last micro-op of the pass gone
        with m.If(~self.running):
            m.d.sync += [begun.eq(0), ended.eq(0)]
        with m.Elif(self.valid):
            m.d.sync += [begun.eq(1), ended.eq(self.ends)]

        m.d.comb += self.o.number.eq(Mux(self.loading, 0, self.number + 1))
        cause = self.o.cause
        with m.If(self.loading):
            m.d.comb += cause.eq(StallReason.Load)
        with m.Elif(self.running & self.valid):
            with m.Switch(self.op):
                with m.Case(Op.Add):
                    m.d.comb += cause.eq(StallReason.Useful)
                with m.Case(Op.Param):
                    m.d.comb += cause.eq(StallReason.Param)
                with m.Default():
                    m.d.comb += cause.eq(StallReason.Handover)
        with m.Elif(self.running & self.waits):
            m.d.comb += cause.eq(Mux(
                self.is_readout | self.held, StallReason.Output, StallReason.Drain))
        with m.Elif(self.finished & self.blocked):
            m.d.comb += cause.eq(StallReason.Output)
        with m.Elif(self.lacks):
            m.d.comb += cause.eq(StallReason.Weights)
        with m.Elif(begun & ~ended):
            m.d.comb += cause.eq(StallReason.Starved)
        with m.Else():
            m.d.comb += cause.eq(StallReason.Pipeline)

        return m
