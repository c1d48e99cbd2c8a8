"""Maps in fewer bytes: the forms of a MapEncoding, between the SAM unit and the wire."""

from typing import Any

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from boards.protocol.identity import MapEncoding, words_of

__all__ = ["BlockFloat", "TimeSum", "width_of", "words_of"]


def width_of(form: MapEncoding, *, width: int, steps: int) -> int:
    """Bits of a word of maps in a form, of SAM values of ``width`` bits."""
    return {
        MapEncoding.FULL: width,
        MapEncoding.SUM: (steps * (2**width - 1)).bit_length(),
        MapEncoding.BYTES: 8,
    }[form]


class TimeSum(wiring.Component):
    """The sum of each ``steps`` words: a pixel's map summed over time.

    A word is taken in each cycle in which no sum waits; the sum is offered in the cycle after the
    last.

    Parameters
    ----------
    width, steps : int

    Members
    -------
    i : In(stream.Signature(unsigned(width)))
    o : Out(stream.Signature(unsigned(bits of steps * (2**width - 1))))
    busy : Out(1)
        A word was taken whose sum was not.
    """

    def __init__(self, *, width: int, steps: int):
        self.steps = steps
        self.width = width_of(MapEncoding.SUM, width=width, steps=steps)
        super().__init__({
            "i": In(stream.Signature(unsigned(width))),
            "o": Out(stream.Signature(unsigned(self.width))),
            "busy": Out(1),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        count = Signal(range(self.steps))
        m.d.comb += [
            self.i.ready.eq(~self.o.valid),
            self.busy.eq(self.o.valid | (count != 0)),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += self.o.payload.eq(Mux(count == 0, 0, self.o.payload) + self.i.payload)
            m.d.sync += count.eq(count + 1)
            with m.If(count == self.steps - 1):
                m.d.sync += [count.eq(0), self.o.valid.eq(1)]

        return m


class BlockFloat(wiring.Component):
    """``steps`` words as ``steps`` + 1 bytes: an exponent, and each word shifted down by it.

    The exponent e is the least with which all of the words fit: word / 2**e, rounded down, is
    below 256. Takes all words, then gives the bytes, up to e + 2 cycles apart.

    Parameters
    ----------
    width, steps : int

    Members
    -------
    i : In(stream.Signature(unsigned(width)))
    o : Out(stream.Signature(8))
    busy : Out(1)
        A word was taken whose byte was not.
    """

    def __init__(self, *, width: int, steps: int):
        self.steps, self._wide = steps, max(width, 8)
        super().__init__({
            "i": In(stream.Signature(unsigned(width))),
            "o": Out(stream.Signature(8)),
            "busy": Out(1),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        m.submodules.words = words = memory.Memory(shape=self._wide, depth=self.steps, init=[])
        write, read = words.write_port(), words.read_port()
        at       = Signal(range(self.steps))
        final    = at == self.steps - 1
        word     = Signal(self._wide)      # all words together while they come
        exponent = Signal(range(self._wide))
        left     = Signal.like(exponent)
        m.d.comb += [
            write.addr.eq(at), write.data.eq(self.i.payload), read.addr.eq(at),
            self.busy.eq(1),
        ]

        with m.FSM():
            with m.State("Fill"):
                m.d.comb += [self.i.ready.eq(1), write.en.eq(self.i.valid), self.busy.eq(at != 0)]
                m.d.sync += exponent.eq(0)
                with m.If(self.i.valid):
                    m.d.sync += word.eq(Mux(at == 0, 0, word) | self.i.payload)
                    m.d.sync += at.eq(Mux(final, 0, at + 1))
                    with m.If(final):
                        m.next = "Measure"

            with m.State("Measure"):
                m.d.sync += [word.eq(word >> 1), exponent.eq(exponent + 1)]
                with m.If(word[8:] == 0):
                    m.d.sync += exponent.eq(exponent)
                    m.next = "Exponent"

            with m.State("Exponent"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(exponent)]
                with m.If(self.o.ready):
                    m.next = "Fetch"

            with m.State("Fetch"):
                m.d.sync += [word.eq(read.data), left.eq(exponent)]
                m.next = "Shift"

            with m.State("Shift"):
                m.d.sync += [word.eq(word >> 1), left.eq(left - 1)]
                with m.If(left == 0):
                    m.d.sync += word.eq(word)
                    m.next = "Give"

            with m.State("Give"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(word)]
                m.d.sync += at.eq(at)
                with m.If(self.o.ready):
                    m.d.sync += at.eq(Mux(final, 0, at + 1))
                    m.next = "Follow"
                    with m.If(final):
                        m.next = "Fill"

            with m.State("Follow"):
                m.next = "Fetch"           # the memory reads

        return m
