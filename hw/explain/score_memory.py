"""Scores of neurons kept in memory, for spikes that come in any order of neurons."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import MOST_STEPS, SCORE_FRAC, TABLE_FRAC, score_bits
from hw.arithmetic import rounding
from hw.explain.interface import TableWrite, table_memory

__all__ = ["ScoreMemory"]


class ScoreMemory(wiring.Component):
    """A of each neuron, by its last spike and a table.

    At a spike, d steps after the neuron's one before, A <- 1 + E[d] A, A = 1 at the first
    (golden.explain.traces). Without ``spike`` the neuron is read out: E[d] A, or 0 if it
    has not spiked, and then forgotten. All round half up. Neurons of an unknown state, as after a
    reset, must be read out first.

    Takes a touch every four cycles (every seven with ``official``) and answers in the last.

    Parameters
    ----------
    neurons, steps : int
    table : sequence of int
        E[d], d = 0 .. T, until others are written.
    counting : bool
        Whether ``official`` is known: A + z E[t] then, z the steps of 0 .. t without a spike.

    Members
    -------
    official : In(1)
        Steady while touches are taken.
    table : In(hw.explain.interface.TableWrite())
        E[d] in units of 2**-15.
    i : In(stream.Signature({"neuron": range(neurons), "now": range(steps + 1), "spike": 1}))
    o : Out(stream.Signature(unsigned(score_bits(steps))))
        In units of 2**-8.
    """

    def __init__(self, *, neurons, steps, table=(), counting=False):
        if not 1 <= steps <= MOST_STEPS:
            raise ValueError(f"steps must be 1 to {MOST_STEPS}, not {steps}")
        self.neurons, self.steps, self.counting = neurons, steps, counting
        self.entries = [int(entry) for entry in table]
        super().__init__({
            "official": In(1),
            "table": In(TableWrite()),
            "i": In(stream.Signature(data.StructLayout({
                "neuron": range(neurons), "now": range(steps + 1), "spike": 1}))),
            "o": Out(stream.Signature(unsigned(score_bits(steps)))),
        })

    def elaborate(self, platform):
        m = Module()

        time  = unsigned(self.steps.bit_length())
        score = unsigned(score_bits(self.steps))
        state = {"score": score, "last": range(self.steps)}
        if self.counting:
            state["count"] = range(self.steps + 1)

        entry = table_memory(m, self.table, addr=time.width, init=self.entries)
        m.submodules.kept = kept = memory.Memory(
            shape=data.StructLayout(state), depth=self.neurons, init=[])
        read, write = kept.read_port(), kept.write_port()
        neuron, now, spike = Signal(range(self.neurons)), Signal(time), Signal()
        looking, ghost = Signal(), Signal()                  # ghost: of "official"
        factor, product = Signal(score), Signal(score.width + 16)
        grown  = Signal(score)
        m.d.comb += [
            read.addr.eq(self.i.p.neuron), read.en.eq(self.i.valid & self.i.ready),
            entry.addr.eq(Mux(ghost, now, now - read.data.last)), entry.en.eq(looking),
            factor.eq(read.data.score),
            grown.eq(
                (product + rounding(TABLE_FRAC, spike & ~ghost, unit=SCORE_FRAC)) >> TABLE_FRAC),
            write.addr.eq(neuron),
            write.data.score.eq(Mux(spike, grown, 0)), write.data.last.eq(now),
            self.o.payload.eq(grown),
        ]
        if self.counting:
            count = Signal(range(self.steps + 1))            # spikes up to this one
            first = Signal(score)                            # A, while the ghost is looked up
            m.d.comb += count.eq(Mux(read.data.score == 0, 0, read.data.count) + 1)
            m.d.comb += write.data.count.eq(count)
            with m.If(ghost):
                m.d.comb += factor.eq((now + 1 - count) << SCORE_FRAC)
                m.d.comb += self.o.payload.eq(first + grown)

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [
                    neuron.eq(self.i.p.neuron), now.eq(self.i.p.now), spike.eq(self.i.p.spike),
                    ghost.eq(0),
                ]
                with m.If(self.i.valid):
                    m.next = "Read"

            with m.State("Read"):
                m.d.comb += looking.eq(1)
                m.next = "Multiply"

            with m.State("Multiply"):
                m.d.sync += product.eq(entry.data * factor)
                m.next = "Emit"

            with m.State("Emit"):
                m.d.comb += write.en.eq(~ghost)
                more = self.official & spike & ~ghost if self.counting else C(0)
                m.d.comb += self.o.valid.eq(~more)
                with m.If(more):
                    m.d.sync += ghost.eq(1)
                    if self.counting:
                        m.d.sync += first.eq(grown)
                    m.next = "Read"
                with m.Elif(self.o.ready):
                    m.next = "Idle"

        return m
