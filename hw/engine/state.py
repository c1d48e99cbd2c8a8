"""Memory of the neurons between two rounds of all layers."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["StateMemory"]


class StateMemory(wiring.Component):
    """What the lanes' neurons are between two walks of theirs: a row a walk, in the walks' order.

    All rounds have the same walks, so that rows are read and written one behind the other, round
    after round. A walk's row is read from the ``load`` of the walk before on; it is the lanes' with
    its own ``load``, two cycles after that or more. It is written with ``saves``, not later than
    the next ``load``.

    Parameters
    ----------
    lanes, bits : int
        Neurons of a walk; bits of one.
    walks : int
        Of a round.

    Members
    -------
    fresh : In(1)
        The round is the first: all ``resumed`` are 0.
    load, saves : In(1)
        A walk's neurons are to go on; they have taken their last step of the round.
    states, resumed : In(data.ArrayLayout(bits, lanes)), Out(data.ArrayLayout(bits, lanes))
        With ``saves`` those to be kept; with ``load`` those kept a round before.
    """

    def __init__(self, *, lanes, bits, walks):
        self.walks = walks
        layout = data.ArrayLayout(bits, lanes)
        super().__init__({
            "fresh": In(1), "load": In(1), "saves": In(1),
            "states": In(layout), "resumed": Out(layout),
        })

    def elaborate(self, platform):
        m = Module()
        states = self.states.as_value()
        m.submodules.rows = rows = memory.Memory(
            shape=unsigned(len(states)), depth=self.walks, init=[])
        read, write = rows.read_port(), rows.write_port()
        ahead, behind = Signal(range(self.walks)), Signal(range(self.walks))
        following = lambda place: Mux(place == self.walks - 1, 0, place + 1)
        m.d.comb += [
            read.addr.eq(ahead), write.addr.eq(behind), write.en.eq(self.saves),
            write.data.eq(states), self.resumed.eq(Mux(self.fresh, 0, read.data)),
        ]
        with m.If(self.load):
            m.d.sync += ahead.eq(following(ahead))
        with m.If(self.saves):
            m.d.sync += behind.eq(following(behind))
        return m
