"""Stuffing components against the driver's functions, and those against RFC 1662."""

import random

import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from boards.link.stuffing import Stuffer, Unstuffer
from boards.protocol.codec import ESCAPE, FLAG, stuff, unstuff

BYTES = st.one_of(st.sampled_from([FLAG, ESCAPE, FLAG ^ 0x20, ESCAPE ^ 0x20]), st.integers(0, 255))
FRAMES = st.lists(st.lists(BYTES, max_size=60).map(bytes), min_size=1, max_size=4)


def unstuffed(some):
    """(bytes, error) of each frame that the component finds."""
    dut, frames = Unstuffer(), [b""]

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        for byte in some:
            ctx.set(dut.i.payload, byte)
            _, _, valid, token = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid and token.end:
                frames[-1] = frames[-1], token.error
                frames.append(b"")
            elif valid:
                frames[-1] += bytes([token.data])

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return frames[:-1]


def stuffed(frames, *, idle, stall):
    """What the component makes of ``frames``, either side pausing now and then."""
    dut, found, gaps = Stuffer(), bytearray(), random.Random(1)

    async def feed(ctx):
        for frame in frames:
            for token in [*({"data": byte, "end": 0} for byte in frame),
                          {"data": ESCAPE, "end": 1}]:
                for _ in range(gaps.randint(0, idle)):
                    await ctx.tick()
                ctx.set(dut.i.valid, 1)
                ctx.set(dut.i.payload, token)
                await ctx.tick().until(dut.i.ready)
                ctx.set(dut.i.valid, 0)

    async def drain(ctx):
        while found.count(FLAG) < len(frames):
            ctx.set(dut.o.ready, 0)
            for _ in range(gaps.randint(0, stall)):
                await ctx.tick()
            ctx.set(dut.o.ready, 1)
            found.append((await ctx.tick().sample(dut.o.payload).until(dut.o.valid))[0])

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(feed)
    sim.add_testbench(drain)
    sim.run()
    return bytes(found)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(FRAMES)
def test_there_and_back(frames):
    some = b"".join(map(stuff, frames))
    assert [unstuff(piece) for piece in some.split(bytes([FLAG]))[:-1]] == frames
    assert unstuffed(some) == [(frame, 0) for frame in frames]


@pytest.mark.parametrize("idle", [0, 2])
@pytest.mark.parametrize("stall", [0, 3])
@settings(max_examples=15, deadline=None, derandomize=True)
@given(FRAMES)
def test_stuffs(idle, stall, frames):
    assert stuffed(frames, idle=idle, stall=stall) == b"".join(map(stuff, frames))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(BYTES, max_size=80).map(bytes))
def test_agree_on_noise(noise):
    """On bytes of any kind: the same frames, given up in the same places."""
    noise += bytes([FLAG])
    for (found, error), piece in zip(unstuffed(noise), noise.split(bytes([FLAG])), strict=False):
        assert (None if error else found) == unstuff(piece)


def test_by_hand():
    """RFC 1662, 4.2: 0x7E is sent as 0x7D 0x5E, 0x7D as 0x7D 0x5D."""
    assert stuff(bytes([1, 0x7E, 0x7D, 2])) == bytes([1, 0x7D, 0x5E, 0x7D, 0x5D, 2, 0x7E])
    assert unstuff(bytes([1, 0x7D])) is None
