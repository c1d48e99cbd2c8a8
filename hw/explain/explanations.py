"""What the chip says of where it looked: explanations from the trains of tapped layers."""

import importlib
from typing import NamedTuple

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.control.stream_fork import StreamFork
from hw.engine.constants import pass_register
from hw.explain.tap_reader import TapReader
from hw.interface import DATA_BITS, EXPLANATIONS, INDEX_BITS, Output, table_base

__all__ = ["Explained", "Explanations", "explained"]


class Explained(NamedTuple):
    """An explanation that is built in: its unit, the layers it reads, and what its words are."""

    unit: wiring.Component
    layers: tuple
    output: Output


def explained(plan, layers: dict, options: dict) -> dict[str, Explained]:
    """{stream: Explained} of the explanations of a plan.

    Parameters
    ----------
    plan : hw.plan.planner.Plan
    layers : dict of stream -> tuple of int
        Layers that each explanation reads; none where it is not built in.
    options : dict of stream -> dict
        Those of ``UNIT.built`` (hw.explain.interface).
    """
    units = {}
    for name, module in EXPLANATIONS.items():
        if layers.get(name):
            unit, output = importlib.import_module(module).UNIT.built(
                plan, layers[name], **options.get(name, {}))
            units[name] = Explained(unit, tuple(layers[name]), output)
    return units


class Explanations(wiring.Component):
    """Reads the trains of tapped layers behind the engine; all explanations come of the same words.

    Parameters
    ----------
    plan : hw.plan.planner.Plan
    units : dict of stream -> Explained
        At least one.

    Members
    -------
    number, start, running : In
        The pass, that it begins, that it is under way.
    written, pixel_done : In(train_addr), In(1)
        As hw.explain.tap_reader.TapReader has them.
    addr, free, train : Out(train_addr), In(1), In(word_steps)
        Read port of the memory that is written (hw.memory.spike_memory).
    mode : In(2)
        hw.interface.Register.MODE; steady while an image is under way.
    clear : In(1)
        An image begins.
    index, data, table_en : In(INDEX_BITS), In(DATA_BITS), In(1)
        Write to hw.interface.Space.TABLE.
    following, mapping : Out(1)
        Words of the pass are to be read; results of what was read are under way. A cycle late.
    one for each of ``units``, by its ``output.port`` : Out(stream.Signature(...))
        The words.
    """

    def __init__(self, plan, units):
        self.passes, self.units = plan.passes, units
        self._reader = TapReader(plan)
        super().__init__({
            "number": In(range(len(plan.passes))), "start": In(1), "running": In(1),
            "written": In(plan.train_addr), "pixel_done": In(1),
            "addr": Out(plan.train_addr), "free": In(1), "train": In(plan.word_steps),
            "mode": In(2), "clear": In(1),
            "index": In(INDEX_BITS), "data": In(DATA_BITS), "table_en": In(1),
            "following": Out(1), "mapping": Out(1),
            **{each.output.port: Out(stream.Signature(unsigned(each.output.bits)))
               for each in units.values()},
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.reader = reader = self._reader
        follows = lambda layers: pass_register(m, self.number, [
            int(not p.merging and p.stage.index in layers) for p in self.passes])
        m.submodules.fork = fork = StreamFork(
            reader.o.payload.shape(), outputs=len(self.units))
        connect(m, reader.o, fork.i)
        m.d.comb += fork.selected.eq(Cat(follows(each.layers) for each in self.units.values()))
        bases = {name: table_base(name) for name in self.units}
        for (name, each), words in zip(self.units.items(), fork.o, strict=True):
            m.submodules[EXPLANATIONS[name].rpartition(".")[2]] = unit = each.unit
            connect(m, words, unit.i)
            connect(m, unit.o, flipped(getattr(self, each.output.port)))
            # An explanation's entries have its bit in their index, and no other's.
            mine = bases[name] or sum(bases.values())
            own = self.index & mine != 0 if bases[name] else self.index & mine == 0
            m.d.comb += [
                unit.table.addr.eq(self.index), unit.table.data.eq(self.data),
                unit.table.en.eq(self.table_en & own if mine else self.table_en),
            ]
            for shared in ("mode", "clear"):
                if shared in unit.signature.members:
                    m.d.comb += getattr(unit, shared).eq(getattr(self, shared))
        m.d.comb += [
            reader.number.eq(self.number), reader.start.eq(self.start),
            reader.active.eq(self.running & follows(
                {layer for each in self.units.values() for layer in each.layers})),
            reader.written.eq(self.written), reader.pixel_done.eq(self.pixel_done),
            self.addr.eq(reader.addr), reader.free.eq(self.free), reader.train.eq(self.train),
        ]
        m.d.sync += [
            self.following.eq(reader.busy),
            self.mapping.eq(Cat(each.unit.busy for each in self.units.values()).any()),
        ]

        return m
