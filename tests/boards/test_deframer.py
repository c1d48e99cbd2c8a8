"""Deframer and Link under fire: nothing bad is executed, and good frames always work."""

import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from boards.link.deframer import Deframer
from boards.protocol.codec import (
    BLOCK,
    FLAG,
    FRAME,
    Error,
    Kind,
    check,
    seal,
    stuff,
    unseal,
    unstuff,
)
from boards.protocol.identity import Identity
from verify.standin import KEPT, Bypassed, Standin, Wire
from verify.wire_fuzz import mutated, whole

pytestmark = pytest.mark.slow

END = bytes([FLAG])


def deframe(sent):
    """Frames that a deframer keeps, by a reader that reads each at once."""
    dut, found = Deframer(), []

    async def feed(ctx):
        ctx.set(dut.i.valid, 1)
        for byte in sent + END:
            ctx.set(dut.i.payload, byte)
            await ctx.tick()
            ctx.set(dut.i.valid, 0)
            await ctx.tick().repeat(11)
            ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.valid, 0)
        await ctx.tick().repeat(1500)

    async def read(ctx):
        while True:
            frame, last = b"", 0
            ctx.set(dut.o.ready, 1)
            while not last:
                token, = await ctx.tick().sample(dut.o.payload).until(dut.o.valid)
                frame, last = frame + bytes([token.data]), token.last
            assert ctx.get(dut.stop) == len(frame) - 1
            found.append(frame)
            ctx.set(dut.o.ready, 0)
            ctx.set(dut.done, 1)
            await ctx.tick()
            ctx.set(dut.done, 0)

    sim = Simulator(dut)
    KEPT.append(sim)
    sim.add_clock(1e-6)
    sim.add_testbench(feed)
    sim.add_testbench(read, background=True)
    sim.run()
    return found


def test_keeps_exactly_the_whole_frames():
    """Of 300 good and damaged ones, each after the other without a pause."""
    rng, sent = random.Random(0), b""
    for _ in range(300):
        frame = seal(rng.randrange(256), rng.choice(list(Kind)),
                     bytes(rng.choice([0, 1, 255]) for _ in range(rng.randrange(9))))
        sent += stuff(frame) if rng.random() < 0.4 else mutated(rng, frame)
    expected = list(whole(sent))
    assert 120 < len(expected) < 240
    assert deframe(sent) == expected


def test_refuses_every_wrong_length():
    """Over-long frames with a right CRC, frames of CRC only, and none; then the longest."""
    long = [bytes(range(1, 251)) + bytes(n) for n in (4, 100, 600)]
    sent = b"".join(stuff(seal_any(body)) for body in [*long, b"", b"\1"])
    longest = seal(7, Kind.PIXELS, bytes(FRAME - 4))
    assert deframe(sent + END + END + stuff(longest)) == [longest[:-2]]


def seal_any(body):
    """``body`` with its check, whatever its length."""
    return body + check(body).to_bytes(2, "big")


def reports(wire, cycles):
    """Whole frames that come within some cycles."""
    wire.run(cycles)
    some = b""
    while piece := wire.read(10**6):
        some += piece
    return [unseal(unstuff(piece)) for piece in some.split(END)[:-1]]


def test_fuzz():
    """Mutated requests: after each 30 the chip is well, and only whole ones were executed.

    A short one, where all can be looked into; verify.wire_fuzz does it at the pins.

    What the stand-in sums up over all writes since power-up tells whether one too many was done.
    """
    rng, dut = random.Random(3), Standin(shape=(1, 1, 4), map_width=4, score_width=4)
    wire, written, images, last = Wire(Bypassed(dut), spacing=3), [], 0, None

    def execute(frame):
        nonlocal last
        seq, kind, payload = frame[0], frame[1], frame[2:]
        if kind == Kind.IDENTIFY and not payload:
            last = None
        elif kind in (Kind.WEIGHTS, Kind.TABLE, Kind.TABLE + 1, Kind.REGISTERS) and seq != last:
            if len(payload) >= 2 and len(payload) % 2 == 0:
                index = int.from_bytes(payload[:2], "big")
                for k in range(2, len(payload), 2):
                    at = (index + k // 2 - 1) & 0xFFFF
                    written.append((kind & 15, at, int.from_bytes(payload[k:k + 2], "big")))
                last = seq
        elif kind == Kind.LABEL and seq != last and len(payload) >= 2 and len(payload) % 2 == 0:
            last = seq

    for _ in range(3):
        for _ in range(30):
            payload = bytes([0, rng.randrange(8)]) + rng.randbytes(2 * rng.randrange(3))
            kind = rng.choice([Kind.IDENTIFY, Kind.WEIGHTS, Kind.TABLE, Kind.TABLE + 1, Kind.LABEL,
                               0x55, 0x07])
            frame = seal(rng.randrange(256), kind, b"" if kind == Kind.IDENTIFY else payload)
            # A FLAG between, so that one broken frame does not swallow the next; and the pause a
            # host makes, so that none is lost for being too early.
            damaged = mutated(rng, frame) + END
            for whole_frame in whole(damaged):
                execute(whole_frame)
            wire.write(damaged)
            wire.run(3 * len(damaged) + (160 if kind == Kind.IDENTIFY else 50))
        reports(wire, 300)
        image = np.array(rng.choices(range(256), k=4), np.uint8).reshape(1, 1, 4)
        images += 1
        asked = rng.randrange(256)
        wire.write(stuff(seal(asked, Kind.IDENTIFY)))
        wire.run(300)
        wire.write(END + stuff(seal(asked, Kind.PIXELS, b"\0" + image.tobytes())))
        last = asked
        found = reports(wire, 2500)
        answers = [(seq, kind) for seq, kind, _ in found if kind < Kind.MAPS]
        assert answers == [(asked, Kind.ANSWER)] * 2
        assert Identity.unpack(found[0][2]).image_bytes == 4
        counts = b"".join(payload for _, kind, payload in found if kind == Kind.COUNTS)
        s, w, runs = dut.model(image, written, images)[2]
        assert counts.hex() == "".join(f"{n:08x}" for n in (s, w, runs % 2 == 0, runs))
    assert len(written) > 3


@pytest.mark.parametrize("payload, error", [
    (b"", Error.LENGTH), (b"\0", Error.LENGTH), (b"\1" + bytes(60), Error.ORDER),
    (b"\7" + bytes(9), Error.ORDER), (b"\0" + bytes(BLOCK - 1), Error.LENGTH),
    (b"\0" + bytes(BLOCK + 1), Error.LENGTH), (b"\0" + bytes(BLOCK), Error.NONE),
])
def test_refuses_wrong_blocks(payload, error):
    wire = Wire(Bypassed(Standin()), spacing=8)
    wire.write(stuff(seal(1, Kind.PIXELS, payload)))
    assert reports(wire, 5000) == [(1, Kind.ANSWER + error, b"")]


@pytest.mark.parametrize("kind, error", [
    *((kind, Error.VERSION) for kind in range(4, 8)), (0x08, Error.KIND), (0x0B, Error.KIND),
    (0x12, Error.KIND), (0x13, Error.KIND), (0x17, Error.KIND), (0x20, Error.KIND),
    (0x11, Error.NONE), (0x18, Error.NONE), (0x1F, Error.NONE), (0x0C, Error.NONE)])
def test_an_older_hosts_writes_are_refused_by_name(kind, error):
    """Those of versions up to 5; nothing of them is done. Each kind beside them is what it is."""
    dut = Standin(shape=(1, 1, 4))
    wire = Wire(Bypassed(dut), spacing=8)
    wire.write(stuff(seal(1, kind, bytes([0, 3, 1, 1]))))
    assert reports(wire, 3000) == [(1, Kind.ANSWER + error, b"")]
    wire.write(END + stuff(seal(2, Kind.PIXELS, b"\0abcd")))
    counts = b"".join(payload for _, kind, payload in reports(wire, 3000) if kind == Kind.COUNTS)
    written = [(kind & 15, 3, 0x101)] if error == Error.NONE and kind != Kind.LABEL else []
    image = np.frombuffer(b"abcd", np.uint8).reshape(1, 1, 4)
    assert int.from_bytes(counts[4:8], "big") == dut.model(image, written, 1)[2][1]


def test_answers_a_repeated_request_without_repeating_it():
    """An image of one block sent twice with one number runs once; with another, twice."""
    dut = Standin(shape=(1, 1, 4))
    wire = Wire(Bypassed(dut))
    frame = stuff(seal(9, Kind.PIXELS, b"\0abcd"))
    wire.write(frame)
    reports(wire, 2500)
    wire.write(frame)
    assert reports(wire, 2500) == [(9, Kind.ANSWER, b"")]
    wire.write(stuff(seal(10, Kind.PIXELS, b"\0abcd")))
    assert reports(wire, 2500)[-1][2][-1] == 2


def test_busy_while_running_and_reset_ends_it():
    """Results that nobody reads hold the run; then writes and pixels are refused, IDENTIFY not."""
    dut = Standin(shape=(1, 1, 4), steps=250)
    wire = Wire(Bypassed(dut), spacing=2)
    wire.write(stuff(seal(1, Kind.PIXELS, b"\0abcd")))
    wire.run(1500)
    wire.write(stuff(seal(2, Kind.PIXELS, b"\0abcd")))
    wire.run(1500)
    wire.write(stuff(seal(3, Kind.WEIGHTS, bytes(4))))
    wire.run(1500)
    wire.write(stuff(seal(4, Kind.RESET)))
    found = [(seq, kind) for seq, kind, _ in reports(wire, 3000) if kind < Kind.MAPS]
    assert found == [(1, Kind.ANSWER), (2, Kind.ANSWER + Error.BUSY),
                     (3, Kind.ANSWER + Error.BUSY), (4, Kind.ANSWER)]
    wire.write(stuff(seal(5, Kind.WEIGHTS, bytes(4))))
    assert reports(wire, 1000) == [(5, Kind.ANSWER, b"")]


def test_gives_up_when_the_accelerator_is_stuck():
    """The first request waits, the second tells that the host went on, the third is looked at."""
    dut = Standin(shape=(1, 1, 4))
    wire = Wire(Bypassed(dut))
    wire.stick(dut.stuck)
    for seq in (1, 2):
        wire.write(stuff(seal(seq, Kind.WEIGHTS, bytes(4))))
        wire.run(1000)
    wire.write(stuff(seal(3, Kind.RESET)))
    assert reports(wire, 1000) == [(1, Kind.ANSWER + Error.STALLED, b""), (3, Kind.ANSWER, b"")]
