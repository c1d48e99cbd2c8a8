"""Result words as bytes."""

from typing import Any

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from boards.protocol.codec import bytes_of

__all__ = ["WordBytes"]


class WordBytes(wiring.Component):
    """A word of one of several widths, byte after byte, the highest first.

    A word has the fewest bytes that hold its width; a signed one is extended by its sign.

    Parameters
    ----------
    words : amaranth.lib.data.StructLayout
        A field for each source of words.

    Members
    -------
    words : In(words)
    source : In(range(1 + number of fields))
        The field that is loaded, from 1 on.
    load : In(1)
        Take that word.
    shift : In(1)
        Go on with the next byte.
    o : Out(8)
        Byte that is next.
    last : Out(1)
        It is the last one of its word: right from the first cycle after ``load``, and from the
        second after ``shift``.
    """

    def __init__(self, words):
        self._shapes = [field.shape for _, field in words]
        super().__init__({
            "words": In(words),
            "source": In(range(len(self._shapes) + 1)),
            "load": In(1),
            "shift": In(1),
            "o": Out(8),
            "last": Out(1),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        sizes = [bytes_of(Shape.cast(shape).width) for shape in self._shapes]
        most  = max(sizes)
        word  = Signal(8 * most)               # the byte that is next on top
        left  = Signal(range(most))            # bytes of the word behind that one
        m.d.comb += self.o.eq(word[-8:])
        m.d.sync += self.last.eq(left == 0)
        with m.If(self.load):
            with m.Switch(self.source):
                for n, ((name, _), size) in enumerate(zip(self.words.shape(), sizes, strict=True)):
                    with m.Case(n + 1):
                        value = Value.cast(self.words[name])
                        wide  = Signal(Shape(8 * size, value.shape().signed), name=f"wide_{name}")
                        m.d.comb += wide.eq(value)
                        m.d.sync += [word.eq(wide << 8 * (most - size)), left.eq(size - 1),
                                     self.last.eq(size == 1)]
        with m.If(self.shift):
            m.d.sync += [left.eq(left - 1), word.eq(word << 8)]

        return m
