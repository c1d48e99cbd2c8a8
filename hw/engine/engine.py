"""From the trains of one layer to those of the next: address generator, dispatcher, datapath."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.engine.address_generator import AddressGenerator
from hw.engine.datapath import Datapath, round_members
from hw.engine.dispatcher import Dispatcher
from hw.engine.ops import Op
from hw.engine.readout import contribution_members
from hw.memory.ports import ReadPort, SpikeWrite
from hw.plan.buffers import WORD

__all__ = ["Engine"]


class Engine(wiring.Component):
    """Runs one pass after another; the schedule of all its stages stands in ARCHITECTURE.md.

    Parameters
    ----------
    plan : hw.plan.planner.Plan
    products : int
        Multipliers (hw.memory.held) that may hold registers.

    Members
    -------
    number : In(range(passes))
        The pass; steady from ``start`` to ``done``.
    start, done : In(1), Out(1)
        The pass begins; its last train has left, or its last score is at ``o``.
    bitmap_addr, bitmap_data : Out, In(16)
        Read port of the bitmap, one cycle of latency.
    trains, weights : Out(ReadPort(...))
        Both are read at once.
    write : Out(SpikeWrite(train_addr, word_steps))
        Finished trains.
    pixel_done : Out(1)
        With ``write.en``: the last train of an output pixel.
    spikes : Out
        Spikes of all lanes, two cycles after their step.
    held : In(1)
        No walk should end: its trains would find no room where they are queued.
    o : Out(stream.Signature(signed(plan.score_bits)))
        Scores, as hw.engine.readout gives them.
    contribution, contribution_waits
        Those of hw.engine.readout, where there are.
    full, bank, onward, frees
        Of a plan that streams weights: those of hw.engine.address_generator and hw.engine.fetch.
    activity : Out({"valid": 1, "op": Op, "ends": 1, "waits": 1, "lacks": 1})
        A micro-op goes to the datapath, or with a walk buffer a row to the lanes; it is the pass's
        last; one that waits left none in this cycle; visits wait for their weights.
    round, fresh, closes, slice, offset
        Those of hw.engine.datapath and hw.engine.address_generator, where Plan.rounded.
    """

    def __init__(self, plan, *, products=0):
        self._generator, self._dispatcher, self._datapath = (
            AddressGenerator(plan),
            Dispatcher(plan),
            Datapath(plan, products=products),
        )
        self.buffered, self.by_pixel, self.looped = plan.buffered, plan.by_pixel, plan.looped
        self.streamed = bool(plan.banks)
        self.rounds = tuple(round_members(plan))
        super().__init__({
            "number": In(range(len(plan.passes))),
            "start": In(1), "done": Out(1),
            "bitmap_addr": Out(plan.train_addr - 4), "bitmap_data": In(WORD),
            "trains": Out(ReadPort(plan.train_addr, plan.word_steps)),
            "weights": Out(ReadPort(plan.row_addr, WORD * plan.row_words)),
            "write": Out(SpikeWrite(plan.train_addr, plan.word_steps)),
            "pixel_done": Out(1), "held": In(1),
            "spikes": Out(range(plan.lanes + 1)),
            "o": Out(stream.Signature(signed(plan.score_bits))),
            **contribution_members(plan),
            **({"full": In(1), "bank": In(1), "onward": Out(1), "frees": Out(1)}
               if plan.banks else {}),
            "activity": Out(data.StructLayout(
                {"valid": 1, "op": Op, "ends": 1, "waits": 1, "lacks": 1})),
            **round_members(plan), **({"offset": In(plan.train_addr)} if plan.rounded else {}),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.address_generator = generator = self._generator
        m.submodules.dispatcher = dispatcher = self._dispatcher
        m.submodules.datapath = datapath = self._datapath
        connect(m, generator.o, dispatcher.i)
        connect(m, dispatcher.o, datapath.i)
        connect(m, datapath.trains, flipped(self.trains))
        connect(m, datapath.weights, flipped(self.weights))
        connect(m, datapath.write, flipped(self.write))
        connect(m, datapath.o, flipped(self.o))
        if self.by_pixel:
            connect(m, datapath.contribution, flipped(self.contribution))
            m.d.comb += datapath.contribution_waits.eq(self.contribution_waits)
        m.d.comb += [
            generator.number.eq(self.number), generator.start.eq(self.start),
            generator.flow.eq(dispatcher.flow),
            self.bitmap_addr.eq(generator.bitmap_addr), generator.bitmap_data.eq(self.bitmap_data),
            dispatcher.number.eq(self.number),
            datapath.number.eq(self.number), datapath.start.eq(self.start),
            self.done.eq(datapath.done),
            self.pixel_done.eq(datapath.pixel_done), self.spikes.eq(datapath.spikes),
        ]
        for name in self.rounds:
            m.d.comb += getattr(datapath, name).eq(getattr(self, name))
        if self.rounds:
            m.d.comb += generator.offset.eq(self.offset)
        if self.looped:
            m.d.comb += [generator.fresh.eq(self.fresh), generator.odd.eq(self.round & 1)]
        now = self.activity
        if self.streamed:
            m.d.comb += [
                generator.full.eq(self.full), generator.bank.eq(self.bank),
                self.onward.eq(generator.onward), self.frees.eq(datapath.frees),
                now.lacks.eq(generator.waits),
            ]
        if self.buffered:
            m.d.comb += [
                dispatcher.freed.eq(datapath.freed), datapath.held.eq(self.held),
                now.valid.eq(datapath.reads), now.waits.eq(datapath.waits),
                now.op.eq(Mux(datapath.reads_param, Op.Param, Op.Add)), now.ends.eq(datapath.ends),
            ]
        else:
            waited = Signal()                                # two cycles before its op would come
            m.d.comb += [
                dispatcher.drained.eq(datapath.drained), dispatcher.held.eq(self.held),
                now.valid.eq(dispatcher.o.valid), now.op.eq(dispatcher.o.p.op),
                now.ends.eq(dispatcher.o.p.op == Op.EndPass),
            ]
            m.d.sync += [waited.eq(dispatcher.waits), now.waits.eq(waited)]

        return m
