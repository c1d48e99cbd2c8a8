"""The map of the pixel under way: scores are added to it, then its values leave."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.arithmetic import held_at_top
from hw.explain.sam.scanner import Scan, step_shape
from hw.explain.sam.score import Score

__all__ = ["PixelMap"]


class PixelMap(wiring.Component):
    """M(t) <- M(t) + score for each spike; a step that leaves is given and then cleared.

    The score of a step comes two cycles after the step, with which the buffer was read by then; a
    step comes again after two cycles at the earliest. A step that leaves is offered at ``o`` three
    cycles later.

    Parameters
    ----------
    steps : int
        T.
    width : int
        Of a value.
    held : bool
        A sum that does not fit stays at golden.formats.map_top; else every sum fits.

    Members
    -------
    mute : In(1)
        Values that leave are cleared and not offered.
    scan : In(hw.explain.sam.scanner.Scan(steps))
    score : In(hw.explain.sam.score.Score(steps))
    advance : Out(1)
        No value waits at ``o``: the next step is seen.
    leaving : Out(1)
        A step that leaves comes before ``o``.
    o : Out(stream.Signature(unsigned(width)))
        M(t), in units of 2**-8.
    """

    def __init__(self, *, steps, width, held=False):
        self.steps, self.width, self.held = steps, width, held
        super().__init__({
            "mute": In(1), "scan": In(Scan(steps)), "score": In(Score(steps)),
            "advance": Out(1), "leaving": Out(1),
            "o": Out(stream.Signature(unsigned(width))),
        })

    def elaborate(self, platform):
        m = Module()

        depth = 1 << Shape.cast(step_shape(self.steps)).width
        m.submodules.map = buffer = memory.Memory(
            shape=unsigned(self.width), depth=depth, init=[])
        old, new = buffer.read_port(), buffer.write_port()
        read_step, write_step = Signal.like(self.scan.step), Signal.like(self.scan.step)
        read, given = Signal(), Signal()                     # where a step that leaves has come to
        clears = Signal()
        total = old.data + self.score.value
        total = held_at_top(total, self.width) if self.held else total[:self.width]
        m.d.comb += [
            self.o.payload.eq(old.data), self.o.valid.eq(given & ~self.mute),
            self.advance.eq(~self.o.valid | self.o.ready),
            self.leaving.eq(self.scan.leaves | read),
            clears.eq(given & self.advance),
            old.addr.eq(read_step), old.en.eq(self.advance),
            new.addr.eq(write_step), new.data.eq(Mux(given, 0, total)),
            new.en.eq(self.score.valid | clears),
        ]
        with m.If(self.advance):
            m.d.sync += [
                read_step.eq(self.scan.step), write_step.eq(read_step),
                read.eq(self.scan.leaves), given.eq(read),
            ]

        return m
