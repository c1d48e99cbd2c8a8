"""UART bit by bit, with a sender whose clock is off."""

import pytest
from amaranth.sim import Simulator

from boards.link.uart import Receiver, Transmitter, divisor_for

BYTES = bytes([0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0xC3])


def receive(levels, divisor, cycles):
    """Bytes a receiver finds in a line whose level at cycle n is ``levels(n)``."""
    dut, found = Receiver(divisor=divisor), bytearray()

    async def bench(ctx):
        for n in range(cycles):
            ctx.set(dut.rx, levels(n))
            _, _, valid, byte = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid:
                found.append(byte)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return bytes(found)


def line(message, bit, *, start=10.0):
    """Levels of ``message`` without pauses, ``bit`` cycles a bit, in an idle line."""
    bits = [b for byte in message for b in (0, *((byte >> k) & 1 for k in range(8)), 1)]

    def level(n):
        k = int((n - start) // bit)
        return bits[k] if 0 <= k < len(bits) else 1

    return level, int(start + bit * (len(bits) + 2))


@pytest.mark.parametrize("divisor, worst", [(48, 0.048), (16, 0.044), (4, 0.024)])
@pytest.mark.parametrize("share", [-1, -0.5, 0, 0.5, 1])
@pytest.mark.parametrize("phase", [0.0, 0.9])
def test_receives_with_the_stated_error(divisor, worst, share, phase):
    """Bytes back to back; (0.5 - 1 / divisor) / 9.5 as in the docstring, less 0.2 %."""
    levels, cycles = line(BYTES, divisor * (1 + share * worst), start=10 + phase)
    assert receive(levels, divisor, cycles) == BYTES


@pytest.mark.parametrize("error", [-0.08, 0.08])
def test_does_not_receive_beyond(error):
    """Eight percent are too much: the sweep above measures something."""
    levels, cycles = line(BYTES, 16 * (1 + error))
    assert receive(levels, 16, cycles) != BYTES


def test_survives_glitch_and_break():
    """A start bit of 3 cycles and a line held at 0 for 30 bits give no byte; the next is whole."""
    good, cycles = line(b"\x5A", 16, start=700)

    def levels(n):
        if 20 <= n < 23 or 100 <= n < 100 + 30 * 16:
            return 0
        return good(n)

    assert receive(levels, 16, cycles) == b"\x5A"


@pytest.mark.parametrize("divisor", [4, 7])
def test_transmits(divisor):
    """Each level for exactly ``divisor`` cycles, bytes back to back."""
    dut, found = Transmitter(divisor=divisor), []

    async def feed(ctx):
        ctx.set(dut.i.valid, 1)
        for byte in BYTES:
            ctx.set(dut.i.payload, byte)
            await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)

    async def watch(ctx):
        await ctx.tick().until(~dut.tx)
        found.append(0)
        for _ in range(10 * divisor * len(BYTES) - 1):
            found.append((await ctx.tick().sample(dut.tx))[-1])

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(feed)
    sim.add_testbench(watch)
    sim.run()
    levels, _ = line(BYTES, divisor, start=0)
    assert found == [levels(n) for n in range(len(found))]


def test_divisor():
    assert divisor_for(clock_hz=48_000_000, baud=1_000_000) == 48
    assert divisor_for(clock_hz=24_000_000, baud=115_200) == 208
    with pytest.raises(ValueError, match="baud must be within 1.5 % of a divisor of 12000000 Hz"):
        divisor_for(clock_hz=12_000_000, baud=921_600 * 2)
    with pytest.raises(ValueError, match="baud must be at most a quarter"):
        divisor_for(clock_hz=12_000_000, baud=12_000_000)
