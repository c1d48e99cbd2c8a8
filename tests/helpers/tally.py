"""An explanation that only tests know: how many spikes each neuron gives."""

from amaranth import *
from amaranth.lib.wiring import Component

from golden.formats import bits_unsigned
from hw.explain.interface import explanation, table_memory
from hw.interface import Output

__all__ = ["UNIT", "Tally"]


class Tally(Component):
    """A word a neuron: its spikes in units of 2**-4, and entry 0 of the table in those units."""

    def __init__(self, *, steps, word_steps):
        self.chunks, self.word_steps = -(-steps // word_steps), word_steps
        self.bits = bits_unsigned(steps) + 4
        super().__init__(explanation(word_steps=word_steps, word=unsigned(self.bits)))

    @classmethod
    def built(cls, plan, layers):
        steps = plan.network.steps
        unit = cls(steps=steps, word_steps=plan.word_steps)
        shapes = {layer: plan.network.stages[layer - 1].shape for layer in layers}
        return unit, Output("tallies", ("y", "x", "channel"), {
            layer: (height, width, channels) for layer, (channels, height, width)
            in shapes.items()}, unit.bits, frac=4, meaning="spikes of each neuron")

    def elaborate(self, platform):
        m = Module()
        entry = table_memory(m, self.table, addr=1, init=[])
        chunk, total = Signal(range(self.chunks)), Signal(self.bits)
        ones = sum((bit for bit in self.i.p.train), C(0))
        before = Mux(self.i.p.first, 0, total)
        at = Mux(self.i.p.first, 0, chunk)
        m.d.comb += [
            self.i.ready.eq(~self.o.valid), self.busy.eq(self.o.valid),
            self.o.payload.eq((total << 4) + entry.data[:4]),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [total.eq(before + ones), chunk.eq(at + 1),
                         self.o.valid.eq(at == self.chunks - 1)]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m


UNIT = Tally
