"""What the chip says of where it looked: explanations from the trains of tapped layers."""

import importlib
from typing import NamedTuple

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.control.stream_fork import StreamFork
from hw.engine.constants import pass_register
from hw.explain.tap_queue import TapQueue, queues
from hw.explain.tap_reader import TapReader
from hw.interface import DATA_BITS, EXPLANATIONS, INDEX_BITS, Output

__all__ = ["Explained", "Explanations", "explained", "reads_readout"]


class Explained(NamedTuple):
    """An explanation that is built in: its unit, the layers it reads, and what its words are."""

    unit: wiring.Component
    layers: tuple
    output: Output


def reads_readout(layers: dict) -> list[str]:
    """Those of {stream: layers} that are built in and read the read-out, and no trains."""
    return [name for name, chosen in layers.items() if chosen and getattr(
        importlib.import_module(EXPLANATIONS[name]).UNIT, "READS_READOUT", False)]


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
    """Hands the trains of tapped layers to all explanations of trains; they come of the same words.

    A single one that does without silent words gets the others as they are stored, where the plan
    allows it (hw.explain.tap_queue); else they are read behind the engine (hw.explain.tap_reader).

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
    en, stored, nonzero : In(1), In(word_steps), In(1)
        A train is stored, and whether it is not all zero; ``pixel_done`` with it.
    full : Out(1)
        No walk should end, since its words would find no room.
    mode : In(2)
        hw.interface.Register.MODE; steady while an image is under way.
    clear : In(1)
        An image begins.
    base, round : In(train_addr), In(range(Plan.rounds))
        Where Plan.placed: where the words of the pass begin; where Plan.rounded: the round.
    index, data, table_en : In(INDEX_BITS), In(DATA_BITS), In(number of units)
        Write to a table: bit n of ``table_en`` to that of unit n (hw.interface.table_space).
    following, mapping : Out(1)
        Words of the pass are to be read; results of what was read are under way. A cycle late.
    one for each of ``units``, by its ``output.port`` : Out(stream.Signature(...))
        The words.
    """

    def __init__(self, plan, units):
        self.passes, self.units, self.placed = plan.passes, units, plan.placed
        first, *others = units.values()
        self.queued = (
            queues(plan) and not others and getattr(first.unit, "SKIPS_SILENT", False))
        # Words of the walks that drain or are stored.
        self._reader = (TapQueue(word_steps=plan.word_steps, margin=5 * plan.lanes + 8)
                        if self.queued else TapReader(plan))
        super().__init__({
            "number": In(range(len(plan.passes))), "start": In(1), "running": In(1),
            "written": In(plan.train_addr), "pixel_done": In(1),
            "addr": Out(plan.train_addr), "free": In(1), "train": In(plan.word_steps),
            "en": In(1), "stored": In(plan.word_steps), "nonzero": In(1), "full": Out(1),
            "mode": In(2), "clear": In(1),
            **({"base": In(plan.train_addr)} if plan.placed else {}),
            **({"round": In(range(plan.rounds))} if plan.rounded else {}),
            "index": In(INDEX_BITS), "data": In(DATA_BITS), "table_en": In(len(units)),
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
        # What is queued may be of a layer before.
        m.d.comb += fork.selected.eq(Cat(
            C(1) if self.queued else follows(each.layers)
            for each in self.units.values()))
        for n, (name, each) in enumerate(self.units.items()):
            m.submodules[EXPLANATIONS[name].rpartition(".")[2]] = unit = each.unit
            connect(m, fork.o[n], unit.i)
            connect(m, unit.o, flipped(getattr(self, each.output.port)))
            m.d.comb += [
                unit.table.addr.eq(self.index), unit.table.data.eq(self.data),
                unit.table.en.eq(self.table_en[n]),
            ]
            for shared in ("mode", "clear", "round"):
                if shared in unit.signature.members:
                    m.d.comb += getattr(unit, shared).eq(getattr(self, shared))
        followed = follows({layer for each in self.units.values() for layer in each.layers})
        busy = Cat(each.unit.busy for each in self.units.values()).any()
        m.d.comb += [
            reader.active.eq(self.running & followed), reader.pixel_done.eq(self.pixel_done)]
        if self.queued:
            m.d.comb += [
                reader.en.eq(self.en), reader.train.eq(self.stored),
                reader.nonzero.eq(self.nonzero), self.full.eq(reader.full),
            ]
            m.d.sync += self.mapping.eq(busy | reader.busy)
        else:
            m.d.comb += [
                reader.number.eq(self.number), reader.start.eq(self.start),
                reader.written.eq(self.written),
                *([reader.base.eq(self.base)] if self.placed else []),
                self.addr.eq(reader.addr), reader.free.eq(self.free), reader.train.eq(self.train),
            ]
            m.d.sync += [self.following.eq(reader.busy), self.mapping.eq(busy)]

        return m
