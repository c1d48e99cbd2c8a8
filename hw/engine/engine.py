"""From the trains of one layer to those of the next: address generator, dispatcher, datapath."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.engine.address_generator import AddressGenerator, Op
from hw.engine.datapath import Datapath
from hw.engine.dispatcher import Dispatcher
from hw.memory.ports import ReadPort, SpikeWrite
from hw.plan.buffers import WORD

__all__ = ["Engine"]


class Engine(wiring.Component):
    """Runs one pass after another; the schedule of all its stages stands in ARCHITECTURE.md.

    Parameters
    ----------
    plan : hw.plan.planner.Plan

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
    o : Out(stream.Signature(signed(plan.score_bits)))
        Scores, as hw.engine.readout gives them.
    activity : Out({"valid": 1, "op": Op, "waits": 1})
        A micro-op goes to the datapath; an end that waits left none in this cycle.
    """

    def __init__(self, plan):
        self._generator, self._dispatcher, self._datapath = (
            AddressGenerator(plan),
            Dispatcher(plan),
            Datapath(plan),
        )
        super().__init__({
            "number": In(range(len(plan.passes))),
            "start": In(1), "done": Out(1),
            "bitmap_addr": Out(plan.train_addr - 4), "bitmap_data": In(WORD),
            "trains": Out(ReadPort(plan.train_addr, plan.word_steps)),
            "weights": Out(ReadPort(plan.row_addr, WORD * plan.row_words)),
            "write": Out(SpikeWrite(plan.train_addr, plan.word_steps)),
            "pixel_done": Out(1),
            "spikes": Out(range(plan.lanes + 1)),
            "o": Out(stream.Signature(signed(plan.score_bits))),
            "activity": Out(data.StructLayout({"valid": 1, "op": Op, "waits": 1})),
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
        m.d.comb += [
            generator.number.eq(self.number), generator.start.eq(self.start),
            generator.flow.eq(dispatcher.flow),
            self.bitmap_addr.eq(generator.bitmap_addr), generator.bitmap_data.eq(self.bitmap_data),
            dispatcher.number.eq(self.number), dispatcher.drained.eq(datapath.drained),
            datapath.number.eq(self.number), datapath.start.eq(self.start),
            self.done.eq(datapath.done),
            self.pixel_done.eq(datapath.pixel_done), self.spikes.eq(datapath.spikes),
            self.activity.valid.eq(dispatcher.o.valid), self.activity.op.eq(dispatcher.o.p.op),
        ]
        waited = Signal()                                    # two cycles before its op would come
        m.d.sync += [waited.eq(dispatcher.waits), self.activity.waits.eq(waited)]

        return m
