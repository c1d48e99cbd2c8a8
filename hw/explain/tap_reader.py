"""Reads the trains of a tapped layer behind the engine that writes them."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.constants import pass_register

__all__ = ["TapReader"]


class TapReader(wiring.Component):
    """Words of a layer, pixel after pixel, channel after channel, chunk after chunk.

    A word is read once it is written; where a neuron has several chunks, or some pass is walked
    group after group (Pass.groups_outermost), once its pixel is whole, there in the last group.
    The trains stay where the next pass reads them, so nothing is buffered and nothing is lost if
    the reader is slow: the next pass waits while ``busy``. At most every second cycle gives a word.

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    number : In(range(passes))
        The pass that writes the layer.
    start, base : In(1), In(train_addr)
        A pass begins; its words lie from ``base`` on, which is there where Plan.placed.
    active : In(1)
        It is under way, and followed; not before the cycle after ``start``.
    written : In(train_addr)
        Where its next word goes.
    pixel_done : In(1)
        One more pixel is whole from the next cycle on; only looked at where pixels must be.
    busy : Out(1)
        Words that are written remain to be read, or one is on its way.
    addr, en, free, train : Out, Out(1), In(1), In(word_steps)
        Read port: a read with ``en`` and ``free`` gives ``train`` one cycle later, and only then: a
        write to an SPRAM in the next cycle takes away what it shows.
    o : Out(stream.Signature({"train": word_steps, "first": 1, "last": 1}))
        ``first`` word of a neuron, ``last`` word of a pixel. Nothing is read before it can be
        taken: who is ready must stay so until a word comes, and no word waits.
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({
            "number": In(range(len(plan.passes))),
            "start": In(1), "active": In(1),
            **({"base": In(plan.train_addr)} if plan.placed else {}),
            "written": In(plan.train_addr), "pixel_done": In(1),
            "busy": Out(1),
            "addr": Out(plan.train_addr), "en": Out(1), "free": In(1), "train": In(plan.word_steps),
            "o": Out(stream.Signature(data.StructLayout({
                "train": plan.word_steps, "first": 1, "last": 1}))),
        })

    def elaborate(self, platform):
        m = Module()
        passes, chunks = self.plan.passes, self.plan.chunks
        const = lambda values: pass_register(m, self.number, list(values))

        channel = Signal(range(max(p.shape[0] for p in passes)))
        chunk   = Signal(range(chunks))
        last_channel = channel == const(p.shape[0] - 1 for p in passes)
        last_chunk   = chunk == chunks - 1
        # From a word to the next: of the neuron, of the pixel, of the layer.
        stored = [p if p.storing else passes[0] for p in passes]
        jump = lambda distance: const(distance(p) % 2**self.plan.train_addr for p in stored)
        back = lambda p: (chunks - 1) * p.out_chunk
        onwards = Mux(last_chunk, Mux(last_channel,
                                      jump(lambda p: p.out_stride - p.shape[0] + 1 - back(p)),
                                      jump(lambda p: 1 - back(p))), jump(lambda p: p.out_chunk))

        # --- how far words may be read ------------------------------------------------------------
        some   = Signal()                       # a cycle ago there were such
        within = C(0, 1)                        # of a pixel that is whole some are read
        end    = self.written
        if chunks > 1 or self.plan.groups_outermost:
            # Chunks lie far apart and are written in turn, and so do the groups that are outermost:
            # only the end of a pixel tells.
            behind = self.written - const(
                (p.groups - 1) * p.span if p.groups_outermost else 0 for p in passes)
            landed, reached = Signal(), Signal.like(self.written)
            m.d.sync += landed.eq(self.pixel_done)
            with m.If(landed):
                m.d.sync += reached.eq(behind)
            with m.If(self.start):
                m.d.sync += reached.eq(self.base if self.plan.placed else 0)
            end    = Mux(landed, behind[:len(reached)], reached)
            within = chunk.any() | channel.any()
        m.d.sync += some.eq(self.active & ((self.addr != end) | within))

        # --- read ---------------------------------------------------------------------------------
        fresh = Signal()                        # a word was read in the cycle before
        reads = self.en & self.free
        m.d.comb += [
            self.busy.eq(some | fresh),
            self.en.eq(some & ~fresh & self.o.ready),
            self.o.valid.eq(fresh), self.o.p.train.eq(self.train),
        ]
        m.d.sync += fresh.eq(reads)
        with m.If(self.start):
            m.d.sync += [
                self.addr.eq(self.base if self.plan.placed else 0), channel.eq(0), chunk.eq(0)]
        with m.Elif(reads):
            m.d.sync += [
                self.o.p.first.eq(chunk == 0), self.o.p.last.eq(last_channel & last_chunk),
                chunk.eq(Mux(last_chunk, 0, chunk + 1)),
                self.addr.eq(self.addr + onwards),
            ]
            with m.If(last_chunk):
                m.d.sync += channel.eq(Mux(last_channel, 0, channel + 1))

        return m
