"""The score of a neuron at its spikes: inter-spike interval, table, one product a spike."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import SCORE_FRAC, TABLE_FRAC, score_bits
from hw.arithmetic import difference, inverted_successor, less_one, rounding
from hw.explain.interface import TableWrite, table_memory
from hw.explain.sam.scanner import Scan, step_shape
from hw.memory.ports import NamedSignature

__all__ = ["Score", "ScoreUpdate"]


class Score(NamedSignature):
    """What a spike adds to the map: ``value`` in units of 2**-8, where ``valid``."""

    def __init__(self, steps):
        super().__init__({"valid": Out(1), "value": Out(score_bits(steps))})


class ScoreUpdate(wiring.Component):
    """A <- 1 + E[d] A at a spike, d steps after the neuron's previous one, A = 1 at the first.

    A spike gives A, or A - 1 with ``paper``; its ghost gives z E[t], z being the silent steps of
    0 .. t. Both products are rounded half up (golden.sam.scored). A step of ``scan`` gives its
    score two cycles later.

    Where ``neurons`` come in rounds, one after the other and none left out, each has a row of a
    memory that is written all the while it is the last that came, so that it is whole when another
    comes; ``scan`` must open neurons two cycles apart, and wait two behind a round.

    Parameters
    ----------
    steps : int
        T.
    table : sequence of int
        E[d] until others are written.
    neurons : int
        Of a round; 0 for neurons all of whose steps come at once.

    Members
    -------
    fresh : In(1)
        Where there are rounds: it is the first, in which no neuron has spiked before.
    paper : In(1)
        The spike itself does not count; steady while spikes come.
    table : In(hw.explain.interface.TableWrite())
        E[d] = exp(-gamma d) in units of 2**-15.
    scan : In(hw.explain.sam.scanner.Scan(steps))
    o : Out(Score(steps))
    """

    def __init__(self, *, steps, table=(), neurons=0):
        self.steps, self.neurons = steps, neurons
        self.entries = [int(entry) for entry in table]
        super().__init__({
            **({"fresh": In(1)} if neurons else {}),
            "paper": In(1), "table": In(TableWrite()), "scan": In(Scan(steps)),
            "o": Out(Score(steps)),
        })

    def elaborate(self, platform):
        m = Module()

        time, scan = Shape.cast(step_shape(self.steps)), self.scan
        entry = table_memory(m, self.table, addr=time.width, init=self.entries)
        ghost = scan.spike & scan.ghost

        # --- look up: E[d] ------------------------------------------------------------------------
        last   = Signal(time, reset_less=True)               # ~t of the neuron's last spike
        before = Signal(time, reset_less=True)               # ~(spikes before that)
        silent = Signal(time)                                # z
        m.d.comb += [
            entry.addr.eq(Mux(scan.ghost, scan.step, difference(scan.step, last))),
            silent.eq(difference(scan.step, before)),
        ]
        with m.If(scan.spike & ~scan.ghost):
            m.d.sync += [last.eq(~scan.step), before.eq(inverted_successor(before))]
        with m.If(scan.opens):
            m.d.sync += before.eq(0)

        # --- multiply -----------------------------------------------------------------------------
        # The product and its sum are one register, that of the multiplier.
        looked, looked_ghost = Signal(), Signal()            # the entry is there
        fresh  = Signal()                                    # A of a spike is in `grown`, unkept
        opened = Signal()                                    # what is kept was the neuron before's
        paper  = Signal()
        kept   = Signal(score_bits(self.steps), reset_less=True)  # A at the last spike, or z
        factor = Signal.like(kept)                           # the same, as soon as it is there
        grown  = Signal(TABLE_FRAC + len(kept), reset_less=True)
        latest = grown[TABLE_FRAC:]
        m.d.comb += [
            factor.eq(Mux(fresh, latest, kept)),
            self.o.value.eq(less_one(latest, fresh & paper, unit=SCORE_FRAC)),
        ]
        m.d.sync += [
            looked.eq(scan.spike), looked_ghost.eq(scan.ghost), opened.eq(scan.opens),
            fresh.eq(looked & ~looked_ghost), self.o.valid.eq(looked), paper.eq(self.paper),
        ]
        with m.If(looked):
            m.d.sync += grown.eq(
                entry.data * factor + rounding(TABLE_FRAC, ~looked_ghost, unit=SCORE_FRAC))
        # For the ghost z takes the place of A, and after it A comes back, which is still there.
        with m.If(ghost):
            m.d.sync += kept.eq(silent << SCORE_FRAC)
        with m.Elif(fresh | (looked & looked_ghost)):
            m.d.sync += kept.eq(latest)
        with m.If(opened):
            m.d.sync += kept.eq(0)                           # no spike yet: A = 1, whatever d is
        if self.neurons:
            self.resume(m, opened, kept=kept, now=factor, last=last, before=before)

        return m

    def resume(self, m, opened, *, kept, now, last, before):
        """Let neurons go on from where they were a round before.

        ``now`` is ``kept`` as soon as it is there; it is a neuron's a cycle longer than ``last``
        and ``before`` are.
        """
        state = data.StructLayout({
            "kept": kept.shape(), "last": last.shape(), "before": before.shape()})
        m.submodules.neurons = memory_ = memory.Memory(shape=state, depth=self.neurons, init=[])
        read, write = memory_.read_port(), memory_.write_port()
        coming, opening, present = (Signal(range(self.neurons), name=name)
                                    for name in ("coming", "opening", "present"))
        resumed = Signal.like(kept)
        m.d.comb += [
            read.addr.eq(coming), write.addr.eq(present), write.data.kept.eq(now), write.en.eq(1)]
        m.d.sync += [present.eq(opening), write.data.last.eq(last), write.data.before.eq(before)]
        with m.If(self.scan.opens):
            m.d.sync += [
                coming.eq(Mux(coming == self.neurons - 1, 0, coming + 1)), opening.eq(coming),
                resumed.eq(Mux(self.fresh, 0, read.data.kept)), last.eq(read.data.last),
                before.eq(Mux(self.fresh, 0, read.data.before)),
            ]
        with m.If(opened):
            m.d.sync += kept.eq(resumed)
