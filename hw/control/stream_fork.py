"""One stream handed to several."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["StreamFork"]


class StreamFork(wiring.Component):
    """Hands each word of ``i`` to every output that is selected, to all in the same cycle.

    A word is taken in the cycle in which all selected outputs are ready; until then none gets
    it. ``ready`` of an output must not depend on its ``valid``.

    Parameters
    ----------
    shape : ShapeLike
        Of a word.
    outputs : int

    Members
    -------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape)).array(outputs)
    selected : In(outputs)
        Bit n: output n gets the words.
    """

    def __init__(self, shape, *, outputs):
        self.outputs = outputs
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)).array(outputs),
            "selected": In(outputs),
        })

    def elaborate(self, platform):
        m = Module()

        able = [sink.ready | ~self.selected[n] for n, sink in enumerate(self.o)]
        m.d.comb += self.i.ready.eq(Cat(able).all())
        for n, sink in enumerate(self.o):
            others = Cat(able[:n], able[n + 1:]).all()
            m.d.comb += [
                sink.payload.eq(self.i.payload),
                sink.valid.eq(self.i.valid & self.selected[n] & others),
            ]

        return m
