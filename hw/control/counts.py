"""Spikes of each layer and cycles of each image."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.interface import COUNT_BITS

__all__ = ["COUNT", "ResultCounts"]

COUNT = data.StructLayout({"data": COUNT_BITS, "last": 1})


class ResultCounts(wiring.Component):
    """Counts spikes and cycles, and gives a count whenever one is asked for.

    Parameters
    ----------
    most : int
        Spikes of a layer at most.
    step : int
        Spikes of a cycle at most.
    passes : int
        Where they come round after round: the spikes of each add up; else 0.

    Members
    -------
    i : In(stream.Signature(unsigned(1)))
        Asks for a count: 0 the spikes, 1 the cycles, which end an image and stand still meanwhile.
    o : Out(stream.Signature(COUNT))
        The count, in the same cycle; ``last`` with the cycles.
    restarted : In(1)
        An image begins: no spikes, and two cycles since its first pixel.
    counting : In(1)
        An image is under way.
    spikes : In(range(step + 1))
        Spikes to be added.
    clear : In(1)
        The next layer begins: no spikes.
    number, fresh, start : In(range(passes)), In(1), In(1)
        Only with ``passes``: the pass, a cycle before it begins or more; the round is the first;
        the pass begins.
    """

    def __init__(self, *, most, step, passes=0):
        self.most, self.passes = most, passes
        super().__init__({
            "i": In(stream.Signature(unsigned(1))), "o": Out(stream.Signature(COUNT)),
            "restarted": In(1), "counting": In(1), "spikes": In(range(step + 1)), "clear": In(1),
            **({"number": In(range(passes)), "fresh": In(1), "start": In(1)} if passes else {}),
        })

    def elaborate(self, platform):
        m = Module()

        spikes, cycles = Signal(range(self.most + 1)), Signal(COUNT_BITS, reset_less=True)
        tally = Signal.like(self.spikes)
        m.d.comb += [
            self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready),
            self.o.p.data.eq(Mux(self.i.payload, cycles, spikes)),
            self.o.p.last.eq(self.i.payload),
        ]
        with m.If(self.restarted):
            m.d.sync += cycles.eq(2)
        with m.Elif(self.counting & ~self.i.payload):
            m.d.sync += cycles.eq(cycles + 1)
        m.d.sync += [
            tally.eq(Mux(self.restarted, 0, self.spikes)),
            spikes.eq(Mux(self.restarted, 0, spikes + tally)),
        ]
        with m.If(self.clear):
            m.d.sync += spikes.eq(0)
        if self.passes:
            m.submodules.sums = sums = memory.Memory(
                shape=spikes.shape(), depth=self.passes, init=[])
            read, write = sums.read_port(), sums.write_port()
            m.d.comb += [
                read.addr.eq(self.number), write.addr.eq(self.number),
                write.data.eq(spikes), write.en.eq(self.clear),
            ]
            with m.If(self.start & ~self.fresh):
                m.d.sync += spikes.eq(read.data)

        return m
