"""Queues the trains of a tapped layer that have a spike, beside the engine that stores them."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hw.explain.interface import train_words

__all__ = ["TapQueue", "queues"]

DEPTH = 256  # words of 16 bits in a block memory


def queues(plan):
    """Whether a TapQueue serves the layers of a plan.

    In rounds all words are read. The chunks of a neuron must follow each other, and its groups
    (no Pass.groups_outermost); and behind a
    pixel's last word there must be a cycle in which nothing else is queued: words of a walk take
    ``lanes`` cycles of its ``word_steps``, and an empty walk behind them stores ``lanes`` cycles
    later.
    """
    return (plan.chunks == 1 and not plan.rounded and not plan.groups_outermost
            and 1 < plan.lanes < plan.word_steps)


class TapQueue(wiring.Component):
    """Words of a layer that are not all zero, and after each pixel one that is and is its last.

    They are taken in the cycle of their store, so that the next pass need not wait until they were
    read. While ``full``, ``margin`` - 3 more may still come.

    Parameters
    ----------
    word_steps : int
    margin : int

    Members
    -------
    active : In(1)
        Trains that are stored belong to a tapped layer.
    en, train, nonzero, pixel_done : In(1), In(word_steps), In(1), In(1)
        A train is stored; it is not all zero; it is its pixel's last. Behind a pixel's last train
        that is not all zero comes a cycle in which nothing else is to be queued.
    full, busy : Out(1)
        No walk should end; words remain.
    o : Out(train_words(word_steps))
        ``first`` always.
    """

    def __init__(self, *, word_steps, margin):
        self.word_steps, self.margin = word_steps, margin
        super().__init__({
            "active": In(1), "en": In(1), "train": In(word_steps), "nonzero": In(1),
            "pixel_done": In(1), "full": Out(1), "busy": Out(1),
            "o": Out(train_words(word_steps)),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.queue = queue = memory.Memory(shape=self.word_steps, depth=DEPTH, init=[])
        write, read = queue.write_port(), queue.read_port()
        head, tail, level = (Signal(range(DEPTH), name=name) for name in ("head", "tail", "level"))
        comes  = self.en & self.active
        ends   = Signal()                                    # the pixel's end is to be queued
        silent = comes & self.pixel_done & ~self.nonzero
        m.d.comb += [
            write.addr.eq(head), write.en.eq((comes & self.nonzero) | ends | silent),
            write.data.eq(Mux(ends | silent, 0, self.train)),
        ]
        m.d.sync += ends.eq(comes & self.pixel_done & self.nonzero)
        with m.If(write.en):
            m.d.sync += head.eq(head + 1)

        some, fetch = Signal(), Signal()
        m.d.comb += [
            read.addr.eq(tail), read.en.eq(fetch), fetch.eq(some & (~self.o.valid | self.o.ready)),
            self.o.p.train.eq(read.data), self.o.p.first.eq(1), self.o.p.last.eq(read.data == 0),
        ]
        with m.If(fetch):
            m.d.sync += tail.eq(tail + 1)
        m.d.sync += [
            some.eq(Mux(fetch, head != (tail + 1)[:len(tail)], head != tail)),
            self.o.valid.eq(fetch | (self.o.valid & ~self.o.ready)),
            level.eq(head - tail), self.full.eq(level >= DEPTH - self.margin),
        ]
        m.d.comb += self.busy.eq((head != tail) | write.en | self.o.valid)

        return m
