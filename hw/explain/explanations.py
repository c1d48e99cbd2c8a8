"""What the chip says of where it looked: maps and traces from the trains of tapped layers."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from golden.formats import score_bits
from hw.control.stream_fork import StreamFork
from hw.engine.constants import pass_register
from hw.explain.sam import Sam
from hw.explain.tap_reader import TapReader
from hw.explain.traces import Traces
from hw.interface import DATA_BITS, INDEX_BITS, TRACE_TABLE

__all__ = ["Explanations"]


class Explanations(wiring.Component):
    """Reads the trains of tapped layers behind the engine; maps and traces come of the same words.

    Parameters
    ----------
    plan : hw.plan.planner.Plan
    taps : tuple of int
        Layers to map; empty for no SAM unit.
    traced : None or int
        The layer whose traces are given; None for none. ``taps`` or this must be given.
    map_width : int
        Width of a map value.
    saturating : bool
        It does not hold every sum (hw.explain.sam.Sam).
    table : sequence of int
        Of SAM, until another is written.

    Members
    -------
    number, start, running : In
        The pass, that it begins, that it is under way.
    written, pixel_done : In(train_addr), In(1)
        As hw.explain.tap_reader.TapReader has them.
    addr, free, train : Out(train_addr), In(1), In(word_steps)
        Read port of the memory that is written (hw.memory.spike_memory).
    mode : In(2)
        hw.explain.sam.Mode; steady while an image is under way.
    clear : In(1)
        An image begins.
    index, data, table_en : In(INDEX_BITS), In(DATA_BITS), In(1)
        Write to hw.interface.Space.TABLE.
    following, mapping : Out(1)
        Words of the pass are to be read; results of what was read are under way. A cycle late.
    o_maps : Out(stream.Signature(unsigned(map_width)))
        Only with ``taps``.
    o_traces : Out(stream.Signature(unsigned(score_bits(steps))))
        Only with ``traced``.
    """

    def __init__(self, plan, *, taps, traced, map_width, saturating, table):
        steps = plan.network.steps
        self.passes, self.taps, self.traced = plan.passes, tuple(taps), traced
        self._reader = TapReader(plan)
        self._sam = Sam(steps=steps, word_steps=plan.word_steps, map_width=map_width,
                        held=saturating, table=table) if taps else None
        self._traces = (Traces(steps=steps, word_steps=plan.word_steps)
                        if traced is not None else None)
        outputs = {"o_maps": Out(stream.Signature(unsigned(map_width)))} if taps else {}
        if traced is not None:
            outputs["o_traces"] = Out(stream.Signature(unsigned(score_bits(steps))))
        super().__init__({
            "number": In(range(len(plan.passes))), "start": In(1), "running": In(1),
            "written": In(plan.train_addr), "pixel_done": In(1),
            "addr": Out(plan.train_addr), "free": In(1), "train": In(plan.word_steps),
            "mode": In(2), "clear": In(1),
            "index": In(INDEX_BITS), "data": In(DATA_BITS), "table_en": In(1),
            "following": Out(1), "mapping": Out(1),
            **outputs,
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.reader = reader = self._reader
        follows = lambda layers: pass_register(m, self.number, [
            int(not p.merging and p.stage.index in layers) for p in self.passes])
        of_traces = self.index & TRACE_TABLE != 0            # else of SAM
        units, wanted = [], []
        if self._sam:
            m.submodules.sam = sam = self._sam
            units.append(sam)
            wanted.append(follows(self.taps))
            connect(m, sam.o, flipped(self.o_maps))
            m.d.comb += [
                sam.mode.eq(self.mode), sam.clear.eq(self.clear),
                sam.table.en.eq(self.table_en & ~of_traces if self._traces else self.table_en),
            ]
        if self._traces:
            m.submodules.traces = traces = self._traces
            units.append(traces)
            wanted.append(follows((self.traced,)))
            connect(m, traces.o, flipped(self.o_traces))
            m.d.comb += traces.table.en.eq(self.table_en & of_traces)

        m.submodules.fork = fork = StreamFork(reader.o.payload.shape(), outputs=len(units))
        connect(m, reader.o, fork.i)
        m.d.comb += fork.wanted.eq(Cat(wanted))
        for unit, words in zip(units, fork.o, strict=True):      # by hw.explain.interface alone
            connect(m, words, unit.i)
            m.d.comb += [unit.table.addr.eq(self.index), unit.table.data.eq(self.data)]
        m.d.comb += [
            reader.number.eq(self.number), reader.start.eq(self.start),
            reader.active.eq(self.running & follows({*self.taps, self.traced})),
            reader.written.eq(self.written), reader.pixel_done.eq(self.pixel_done),
            self.addr.eq(reader.addr), reader.free.eq(self.free), reader.train.eq(self.train),
        ]
        m.d.sync += [
            self.following.eq(reader.busy), self.mapping.eq(Cat(unit.busy for unit in units).any())]

        return m
