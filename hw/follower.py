"""Reads the trains of a tapped layer behind the engine that writes them."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.constants import held

__all__ = ["Follower"]


class Follower(wiring.Component):
    """Words of a layer, pixel after pixel, channel after channel, chunk after chunk.

    A pixel is read once it is whole (``pixel_done``). The trains stay where the next pass reads
    them, so nothing is buffered and nothing is lost if the reader is slow: the next pass waits
    while ``busy``. At most every second cycle gives a word.

    Parameters
    ----------
    plan : hw.plan.Plan

    Members
    -------
    number : In(range(passes))
        The pass that writes the layer.
    start : In(1)
        The pass begins and is tapped.
    pixel_done : In(1)
        One more pixel is whole.
    busy : Out(1)
        Pixels that are whole remain to be read.
    addr, en, free, train : Out, Out(1), In(1), In(word_steps)
        Read port: a read with ``en`` and ``free`` gives ``train`` one cycle later, and only then: a
        write to an SPRAM in the next cycle takes away what it shows.
    o : Out(stream.Signature({"train": word_steps, "first": 1, "last": 1}))
        ``first`` word of a neuron, ``last`` word of a pixel. Who is ready must stay so until a word
        is taken.
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({
            "number": In(range(len(plan.passes))),
            "start": In(1),
            "pixel_done": In(1),
            "busy": Out(1),
            "addr": Out(plan.train_addr), "en": Out(1), "free": In(1), "train": In(plan.word_steps),
            "o": Out(stream.Signature(data.StructLayout({
                "train": plan.word_steps, "first": 1, "last": 1}))),
        })

    def elaborate(self, platform):
        m = Module()
        passes, chunks = self.plan.passes, self.plan.chunks
        const = lambda values: held(m, self.number, list(values))

        pixels  = max(p.shape[1] * p.shape[2] for p in passes)
        whole   = Signal(range(pixels + 1))     # pixels written and not yet read
        some    = Signal()                      # there are such
        channel = Signal(range(max(p.shape[0] for p in passes)))
        chunk   = Signal(range(chunks))

        last_channel = channel == const(p.shape[0] - 1 for p in passes)
        last_chunk   = chunk == chunks - 1
        pixel_read   = Signal()
        turned       = Signal()                 # the same a cycle later
        fresh        = Signal()                 # a word was read in the cycle before
        waiting      = Signal()                 # one is kept and not yet taken
        idle         = Signal()                 # a cycle ago the reader could have taken one
        # From a word to the next: of the neuron, of the pixel, of the layer.
        stored = [p if p.storing else passes[0] for p in passes]
        jump = lambda distance: const(distance(p) % 2**self.plan.train_addr for p in stored)
        back = lambda p: (chunks - 1) * p.out_chunk
        onwards = Mux(last_chunk, Mux(last_channel,
                                      jump(lambda p: p.out_stride - p.shape[0] + 1 - back(p)),
                                      jump(lambda p: 1 - back(p))), jump(lambda p: p.out_chunk))
        m.d.comb += [
            self.busy.eq(some | fresh | waiting),
            # A word that has found the reader idle is taken in this cycle.
            self.en.eq(some & ~fresh & (~waiting | idle)),
            self.o.valid.eq(waiting),
        ]
        m.d.sync += [turned.eq(pixel_read), fresh.eq(self.en & self.free), idle.eq(self.o.ready)]
        with m.If(fresh):
            m.d.sync += self.o.p.train.eq(self.train)
        with m.If(self.pixel_done ^ turned):
            m.d.sync += [
                whole.eq(whole + Mux(self.pixel_done, 1, -1)),
                some.eq(self.pixel_done | (whole != 1)),
            ]
        with m.If(fresh):
            m.d.sync += waiting.eq(1)
        with m.Elif(self.o.ready):
            m.d.sync += waiting.eq(0)
        with m.If(self.start):
            m.d.sync += [self.addr.eq(0), channel.eq(0), chunk.eq(0)]
        with m.Elif(self.en & self.free):
            m.d.sync += [
                self.o.p.first.eq(chunk == 0), self.o.p.last.eq(last_channel & last_chunk),
                chunk.eq(Mux(last_chunk, 0, chunk + 1)),
                self.addr.eq(self.addr + onwards),
            ]
            with m.If(last_chunk):
                m.d.sync += channel.eq(Mux(last_channel, 0, channel + 1))
                m.d.comb += pixel_read.eq(last_channel)

        return m
