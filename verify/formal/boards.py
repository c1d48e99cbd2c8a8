"""The host's side of the chip: bytes, frames, requests."""

from amaranth import *
from amaranth.hdl import Assert, Assume, Cover

from boards.link import crc, deframer, executor, framer, stuffing, uart
from boards.protocol.codec import CHECK_START, ESCAPE, FLAG, Error
from verify.formal.prove import Proof
from verify.formal.rules import Past, inputs, obey, opened, state, within
from verify.formal.streams import IDENTITY, WORDS, framer_env

REQUEST = 60         # cycles that a request of up to six bytes takes


def crc_bitwise(m):
    """A byte folded in equals eight steps of the shift register of polynomial 0x1021."""
    m.submodules.dut = unit = crc.CRC16()
    past = Past(m)
    expected = unit.crc
    for n in reversed(range(8)):
        carry = expected[15] ^ unit.data[n]
        expected = Cat(C(0, 1), expected[:15]) ^ Mux(carry, 0x1021, 0)
    before, taken, kept = past(expected), past(unit.en & ~unit.clear), past(unit.crc)
    cleared = past(unit.clear)
    with m.If(past.known):
        m.d.comb += Assert(unit.crc == Mux(cleared, CHECK_START, Mux(taken, before, kept)))
        m.d.comb += Cover(taken & (unit.crc == 0))
    return inputs(unit)


def flag_ends(m):
    """A FLAG brings every register of the receiving side back to the start of a frame."""
    unit = deframer.Deframer()
    m.submodules.dut, inner = opened(unit)
    past = Past(m)
    place, long, crc_ = inner.place, inner.long, inner.crc.crc
    escaped = inner.of(inner.unstuff).escaped
    # Bytes come at most every other cycle, and are looked at one later.
    flag = past(unit.i.valid & (unit.i.payload == FLAG))
    ended, known = past(flag), past(past.known)
    m.d.comb += Assume(~unit.i.valid | ~past(unit.i.valid))
    with m.If(past.known & known & ended):
        m.d.comb += Assert((place == 0) & ~long & ~inner.enough & (crc_ == CHECK_START))
    with m.If(past.known & flag):
        m.d.comb += Assert(~escaped)
    m.d.comb += Cover(ended & past(past(escaped)) & past(place == 3))
    return inputs(unit)


def halves_differ(m):
    """Written and read in different halves of one memory, and a frame's bytes are its own."""
    m.submodules.dut, inner = opened(unit := deframer.Deframer())
    assert inner.frames.attrs.get("no_rw_check")
    read, write = inner.read, inner.write
    m.d.comb += Assert(read.addr[8] != write.addr[8])
    m.d.comb += Cover(write.en & unit.o.valid)
    return inputs(unit)


def label_apart(m):
    """What is read while it is written is not sent, since no request is under way."""
    unit = framer.Framer(identity=bytes(IDENTITY), words=WORDS)
    fragment, inner = opened(unit)
    m.submodules.dut = fragment
    past = Past(m)
    store = inner.of(inner.identity)
    read, write = store.read, store.write
    obey(m, past, unit, covers=False)
    framer_env(m, unit, past)
    struck = past(write.en & (read.addr == write.addr))
    m.d.comb += Assert(~(struck & state(fragment, "Identity")))
    m.d.comb += [Cover(struck), Cover(state(fragment, "Identity") & unit.o.ready)]
    return inputs(unit)


def delivered(m):
    """A whole frame is handed on, byte for byte; one with a wrong CRC is not."""
    unit = deframer.Deframer()
    sender = stuffing.Stuffer()
    check = crc.CRC16()
    m.submodules.sender, m.submodules.check, m.submodules.dut = sender, check, unit
    data, damage, ready = Signal(16), Signal(16), Signal()
    at, read, pace = Signal(3), Signal(2), Signal()
    m.d.sync += pace.eq(~pace)               # a byte every other cycle at most
    past = Past(m)
    before = [past(data), past(damage)]
    with m.If(past.known):
        m.d.comb += [Assume(data == before[0]), Assume(damage == before[1])]
    m.d.comb += [
        sender.i.p.data.eq(Mux(at < 2, data.word_select(at[0], 8), check.crc[8:])
                           ^ Mux(at < 2, 0, damage.word_select(at[0], 8))),
        sender.i.p.end.eq(at == 4), sender.i.valid.eq(at != 5), sender.o.ready.eq(pace),
        # What is sent is the damaged byte, what is counted the true one.
        check.data.eq(Mux(at < 2, data.word_select(at[0], 8), check.crc[8:])),
        check.en.eq(sender.i.valid & sender.i.ready),
        unit.i.valid.eq(sender.o.valid & pace), unit.i.payload.eq(sender.o.payload),
        unit.o.ready.eq(ready), unit.done.eq(unit.o.valid & ready & unit.o.p.last),
    ]
    with m.If(sender.i.valid & sender.i.ready):
        m.d.sync += at.eq(at + 1)
    with m.If(unit.o.valid):
        m.d.comb += Assert(damage == 0)
        m.d.comb += Assert(unit.o.p.data == data.word_select(read[0], 8))
        m.d.comb += Assert(unit.o.p.last == read[0])
        m.d.comb += Assert(unit.stop == 1)
        with m.If(ready):
            m.d.sync += read.eq(read + 1)
    waited = within(m, (at != 5) | unit.o.valid | (damage != 0) | (read == 2), 6)
    m.d.comb += [Cover(read == 2), Cover((damage != 0) & (at == 5)), Cover(waited == 1)]
    return [data, damage, ready]


def round_trip(m):
    """Stuffed and unstuffed again, words are what they were, in order, none more or less."""
    sender, unit = stuffing.Stuffer(), stuffing.Unstuffer()
    m.submodules.sender, first = opened(sender)
    m.submodules.dut, second = opened(unit)
    past = Past(m)
    obey(m, past, sender)
    m.d.comb += [unit.i.payload.eq(sender.o.payload),
                 unit.i.valid.eq(sender.o.valid & sender.o.ready)]
    moved = sender.i.valid & sender.i.ready
    with m.If(first.escaped):
        m.d.comb += Assert(sender.i.valid & ~sender.i.p.end)
        m.d.comb += Assert((sender.i.p.data == FLAG) | (sender.i.p.data == ESCAPE))
    m.d.comb += Assert(first.escaped == second.escaped)
    m.d.comb += Assert(unit.o.valid == moved)
    with m.If(moved):
        m.d.comb += Assert(unit.o.p.end == sender.i.p.end)
        with m.If(unit.o.p.end):
            m.d.comb += Assert(~unit.o.p.error)
        with m.Else():
            m.d.comb += Assert(unit.o.p.data == sender.i.p.data)
    return inputs(sender)


def wire(m):
    """Bytes cross the wire in order, none lost or made up, 10 bits after each other."""
    sender, unit = uart.Transmitter(divisor=4), uart.Receiver(divisor=4)
    m.submodules.sender, m.submodules.dut = sender, unit
    past = Past(m)
    obey(m, past, sender, covers=False)
    # The stop bit of one byte is seen when the next byte has begun.
    bytes_, level, count = [Signal(8, name=f"byte{n}") for n in range(2)], Signal(2), Signal(2)
    m.d.comb += unit.rx.eq(sender.tx)
    taken = sender.i.valid & sender.i.ready
    m.d.sync += level.eq(level + taken - unit.o.valid)
    m.d.comb += Assert(level + taken <= 2)
    with m.If(taken):
        m.d.sync += [bytes_[0].eq(sender.i.payload), bytes_[1].eq(bytes_[0])]
    with m.If(unit.o.valid):
        m.d.sync += count.eq(count + 1)
        m.d.comb += Assert((level != 0) & (unit.o.payload == Mux(level == 2, bytes_[1], bytes_[0])))
    within(m, (level == 0) | unit.o.valid, 43)
    m.d.comb += [Cover(unit.o.valid & (unit.o.payload == 0x5A)), Cover((count == 1) & (level == 1))]
    return inputs(sender)


def answers(m):
    """An answer that is framed is what the other side unframes, whatever its bytes."""
    unit, other = framer.Framer(identity=bytes(IDENTITY), words=WORDS), \
        deframer.Deframer()
    m.submodules.dut, m.submodules.other = unit, other
    past = Past(m)
    seq, error = Signal(8), Signal(3)
    before = [past(seq), past(error)]
    with m.If(past.known):
        m.d.comb += [Assume(seq == before[0]), Assume(error == before[1])]
    ready, read, asked = Signal(), Signal(2), Signal(init=1)
    m.d.sync += ready.eq(~ready)             # a byte every other cycle at most
    m.d.comb += [
        unit.i_answer.valid.eq(asked), unit.i_answer.p.seq.eq(seq),
        unit.i_answer.p.error.eq(error), unit.o.ready.eq(ready),
        other.i.valid.eq(unit.o.valid & ready), other.i.payload.eq(unit.o.payload),
        other.o.ready.eq(1), other.done.eq(other.o.valid & other.o.p.last),
    ]
    with m.If(unit.i_answer.ready):
        m.d.sync += asked.eq(0)
    with m.If(other.o.valid):
        m.d.sync += read.eq(read + 1)
        m.d.comb += Assert(other.o.p.data == Mux(read == 0, seq, Cat(error, C(0b10000, 5))))
        m.d.comb += Assert(read != 2)
    m.d.comb += Cover(read == 2)
    return [seq, error]


def executed(m):
    """A request of any bytes is answered once, within a bound, if what it gives is taken."""
    unit = executor.Executor(size=1, words=2)
    m.submodules.dut = unit
    past = Past(m)
    # Frames of 2 to 6 bytes, one every four cycles as the deframer gives them; go back at rewind.
    offered, pause = Signal(), Signal(2)
    before = past(unit.stop)
    moves = unit.i.valid & unit.i.ready
    at = Signal(3)
    m.d.comb += [
        unit.i.valid.eq(offered), Assume(unit.i.p.last == (at == unit.stop)),
        Assume((unit.stop >= 1) & (unit.stop <= 5)),
        unit.o_pixels.ready.eq(1), unit.o_config.ready.eq(1), unit.o_answer.ready.eq(1),
        Assume(~unit.overtaken),
    ]
    with m.If(past.known & ~past(unit.done)):
        m.d.comb += Assume(unit.stop == before)
    back = moves | unit.rewind | unit.done
    m.d.sync += [pause.eq(Mux(back, 0, pause + (pause != 2))), offered.eq(~back & (pause == 2))]
    with m.If(moves):
        m.d.sync += at.eq(at + 1)
    with m.If(unit.rewind | unit.done):
        m.d.sync += at.eq(0)
    # What goes out is of a byte that is there and was not acknowledged before, or a signature.
    out = (unit.o_pixels.valid | unit.o_config.valid
           | (unit.o_label.valid & ~unit.o_label.p.signature))
    m.d.comb += Assert(~out | unit.i.valid)
    # Bytes of a frame stay what they are while it is read.
    waited = within(m, unit.done, REQUEST)
    m.d.comb += [Cover(unit.done & (unit.o_answer.p.error == n))
                 for n in Error if n != Error.STALLED]
    m.d.comb += [Cover(unit.start), Cover(waited > 8), Cover(unit.o_config.valid),
                 Cover(unit.o_label.valid & ~unit.o_label.p.signature),
                 Cover(unit.o_label.p.signature & unit.o_label.valid)]
    return [Value.cast(unit.i.payload), unit.stop, unit.overtaken, unit.busy]


PROOFS = [
    Proof(
        "boards.link.crc.CRC16",
        "a byte is eight steps of the shift register",
        crc_bitwise,
        depth=1,
        induction=True,
    ),
    Proof(
        "boards.link.deframer.Deframer",
        "a FLAG ends every state of the receiving side",
        flag_ends,
        depth=4,
        any_state=True,
    ),
    Proof(
        "boards.link.deframer.Deframer",
        "never reads and writes one address",
        halves_differ,
        depth=1,
        induction=True,
    ),
    Proof(
        "boards.link.deframer.Deframer",
        "whole frames arrive byte for byte, damaged ones never",
        delivered,
        depth=26,
        cover=30,
    ),
    Proof(
        "boards.link.framer.Framer",
        "what is read while written is not sent",
        label_apart,
        depth=16,
        cover=20,
        collides=True,
    ),
    Proof(
        "boards.link.framer.Framer",
        "an answer framed is the answer unframed",
        answers,
        depth=34,
        cover=36,
        collides=True,
    ),
    Proof(
        "boards.link.stuffing",
        "unstuff(stuff(x)) is x, in order",
        round_trip,
        depth=2,
        induction=True,
    ),
    Proof("boards.link.uart", "bytes sent are bytes received, in order", wire, depth=46, cover=50),
    Proof(
        "boards.link.executor.Executor",
        f"every request is answered within {REQUEST} cycles",
        executed,
        depth=68,
        cover=72,
    ),
]
