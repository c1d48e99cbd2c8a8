"""Max pooling of currents: the greatest of the sums of a walk's legs."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Greatest"]


class Greatest(wiring.Component):
    """currents[n] = max over the legs of a walk of the sum of lane n, step by step of a word.

    Each leg but the last leaves its steps here, the greatest so far in one memory row a step;
    with the last they go on. A leg whose sums are all 0 need not come, if that is told: it is
    ``blank``.

    Parameters
    ----------
    lanes, word_steps : int
    sum_bits : int
        Of a sum, in two's complement.

    Members
    -------
    load, leg, held, blank, outside : In(1)
        A leg begins, at least ``word_steps`` cycles after another; it is not the walk's last;
        sums of earlier ones are held; sums of earlier ones were 0; it is the last, does not count,
        and its sums are 0. Its steps follow.
    shift, count : In(1), In(range(word_steps))
        Step ``count`` is handed on; then comes the one after, the word's first after its last.
    sums : In(data.ArrayLayout(signed(sum_bits), lanes))
        Of that step.
    currents : Out(data.ArrayLayout(signed(sum_bits), lanes))
        With ``shift``.
    """

    def __init__(self, *, lanes, word_steps, sum_bits):
        self.lanes, self.word_steps = lanes, word_steps
        self.sums_layout = data.ArrayLayout(signed(sum_bits), lanes)
        super().__init__({
            "load": In(1), "leg": In(1), "held": In(1), "blank": In(1), "outside": In(1),
            "shift": In(1), "count": In(range(word_steps)),
            "sums": In(self.sums_layout), "currents": Out(self.sums_layout),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = store = memory.Memory(
            shape=self.sums_layout, depth=self.word_steps, init=[], attrs={"ram_style": "block"})
        read, write = store.read_port(), store.write_port()
        leg, held, blank, outside = Signal(), Signal(), Signal(), Signal()
        with m.If(self.load):
            m.d.sync += [leg.eq(self.leg), held.eq(self.held), blank.eq(self.blank),
                         outside.eq(self.outside)]
        m.d.comb += [
            read.addr.eq(Mux(self.shift, self.count + 1, self.count)),
            write.addr.eq(self.count), write.data.eq(self.currents), write.en.eq(self.shift & leg),
        ]
        for own, before, current in zip(self.sums, read.data, self.currents, strict=True):
            more = Mux(held & (outside | (before > own)), before, own)
            # max(more, 0), where a sum was 0.
            m.d.comb += current.eq(Mux(blank & more[-1], 0, more))
        return m
