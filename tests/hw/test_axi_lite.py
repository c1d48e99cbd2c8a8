"""A unit behind AXI4-Lite registers: what a processor writes and reads, against golden."""

import numpy as np
import pytest
from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from golden.formats import exp_table, map_bits
from golden.sam import activation_map
from hw.ip.axi import Axi
from hw.ip.axi_lite import DATA, HIGH, ID, LAST, READY, RESET, STATUS, AxiLite, base
from hw.ip.events import EventSam

CHANNELS, PIXELS, STEPS = 3, 4, 5
OKAY, SLVERR = 0, 2


class Loop(wiring.Component):
    """Gives each word of 40 bits back, inverted, a cycle later."""

    i_words: In(stream.Signature(40))
    o_words: Out(stream.Signature(40))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.i_words.ready.eq(~self.o_words.valid)
        with m.If(self.i_words.valid & self.i_words.ready):
            m.d.sync += [self.o_words.valid.eq(1), self.o_words.payload.eq(~self.i_words.payload)]
        with m.If(self.o_words.valid & self.o_words.ready):
            m.d.sync += self.o_words.valid.eq(0)
        return m


class Bus:
    """A processor at the bus, which is late with address, data and answers at random."""

    def __init__(self, ctx, dut, seed=0):
        self.ctx, self.dut, self.random = ctx, dut, np.random.default_rng(seed)

    def signal(self, name):
        return getattr(self.dut, f"s_axil_{name}")

    async def late(self):
        await self.ctx.tick().repeat(int(self.random.integers(1, 3)))

    async def offer(self, name, **values):
        """One channel's word, until it is taken."""
        for key, value in values.items():
            self.ctx.set(self.signal(key), value)
        self.ctx.set(self.signal(f"{name}valid"), 1)

    async def write(self, address, data, *, strobes=15):
        """Answer to a write; address and data come in either order."""
        channels = [("aw", {"awaddr": address}), ("w", {"wdata": data, "wstrb": strobes})]
        first = int(self.random.integers(2))
        await self.offer(channels[first][0], **channels[first][1])
        for _ in range(self.random.integers(3)):
            await self.ctx.tick()
            assert not self.ctx.get(self.signal("bvalid"))
        await self.offer(channels[1 - first][0], **channels[1 - first][1])
        assert self.ctx.get(self.signal("awready")) and self.ctx.get(self.signal("wready"))
        await self.ctx.tick()
        for name in ("aw", "w"):
            self.ctx.set(self.signal(f"{name}valid"), 0)
        return await self.answer("b", "bresp")

    async def read(self, address):
        """(answer, word) of a read."""
        await self.offer("ar", araddr=address)
        await self.ctx.tick()
        self.ctx.set(self.signal("arvalid"), 0)
        return await self.answer("r", "rresp", "rdata")

    async def answer(self, name, *values):
        """The answer's values, which stay until it is taken."""
        assert self.ctx.get(self.signal(f"{name}valid"))
        first = [self.ctx.get(self.signal(each)) for each in values]
        await self.late()
        assert first == [self.ctx.get(self.signal(each)) for each in values]
        self.ctx.set(self.signal(f"{name}ready"), 1)
        await self.ctx.tick()
        self.ctx.set(self.signal(f"{name}ready"), 0)
        assert not self.ctx.get(self.signal(f"{name}valid"))
        return first[0] if len(first) == 1 else tuple(first)

    async def until(self, port, what=1):
        """Poll STATUS of a port."""
        while (await self.read(base(port) + STATUS))[1] != what:
            pass


def run(dut, bench):
    async def process(ctx):
        await bench(Bus(ctx, dut))
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(process)
    sim.run()


def sam():
    return Axi(EventSam(channels=CHANNELS, pixels=PIXELS, steps=STEPS,
                        map_width=map_bits(CHANNELS, STEPS)))


def test_a_map_through_registers():
    """Table, spikes and a map of each step; as golden, with tlast at each step's last pixel."""
    axi = sam()
    events, config, maps = (n for name in ("i_events", "i_config", "o_map")
                            for n, port in enumerate(axi.ports) if port.member == name)
    spikes = np.random.default_rng(1).random((STEPS, CHANNELS, PIXELS)) < 0.4
    spikes[2] = False
    wanted = activation_map(spikes.astype(np.int64)[None].reshape(1, STEPS, CHANNELS, 1, PIXELS),
                            gamma=0.5, mode="paper").reshape(STEPS, PIXELS)

    async def bench(bus):
        assert await bus.read(0) == (OKAY, ID) and await bus.read(4) == (OKAY, 3)
        # A spike of an image that a reset breaks off.
        await bus.until(events)
        await bus.write(base(events) + DATA, 1)
        await bus.write(RESET, 0)
        for d, entry in enumerate(exp_table(0.5, STEPS).tolist()):
            await bus.until(config)
            assert await bus.write(base(config) + DATA, d << 16 | entry) == OKAY
        for step in range(STEPS):
            words = [int(c | p << 16) for c, p in np.argwhere(spikes[step])] or [0xFFFF]
            for n, word in enumerate(words):
                await bus.until(events)
                if n == len(words) - 1:
                    assert await bus.write(base(events) + LAST, 1) == OKAY
                assert await bus.write(base(events) + DATA, word) == OKAY
            for pixel in range(PIXELS):
                await bus.until(maps)
                assert await bus.read(base(maps) + DATA) == (OKAY, wanted[step, pixel])
                assert (await bus.read(base(maps) + LAST))[1] == (pixel == PIXELS - 1)
    run(AxiLite(axi), bench)


def test_wide_words_and_what_is_refused():
    axi = Axi(Loop())

    async def bench(bus):
        assert await bus.read(READY) == (OKAY, 0b01)
        assert await bus.read(base(1) + DATA) == (SLVERR, 0)
        assert await bus.read(base(0) + DATA) == (SLVERR, 0)
        assert await bus.write(base(0) + HIGH, 0xAB) == OKAY
        assert await bus.read(base(0) + HIGH) == (OKAY, 0xAB)
        for word in (0x12345678, 0x9ABCDEF0):
            assert await bus.write(base(0) + DATA, word) == OKAY
        assert await bus.read(READY) == (OKAY, 0b10)      # the second waits for the first
        assert await bus.write(base(0) + DATA, 1) == SLVERR
        for word in (0x12345678, 0x9ABCDEF0):
            await bus.until(1)
            assert await bus.read(base(1) + DATA) == (OKAY, word ^ 0xFFFFFFFF)
            assert await bus.read(base(1) + HIGH) == (OKAY, 0xAB ^ 0xFF)
        assert await bus.read(base(1) + DATA) == (SLVERR, 0)
        # Of these none does anything.
        for address, strobes in ((0, 15), (4, 15), (READY, 15), (base(0) + STATUS, 15),
                                 (base(1) + DATA, 15), (base(1) + LAST, 15), (base(0) + DATA, 7),
                                 (RESET, 1)):
            assert await bus.write(address, 0, strobes=strobes) == SLVERR
        assert await bus.read(READY) == (OKAY, 0b01)
        # A reset takes away what is on its way.
        await bus.write(base(0) + DATA, 5)
        await bus.write(base(0) + DATA, 6)
        assert await bus.write(RESET, 1) == OKAY
        assert await bus.read(READY) == (OKAY, 0b01)
    run(AxiLite(axi), bench)


def test_words_that_are_too_wide():
    class Wide(wiring.Component):
        o_words: Out(stream.Signature(65))

    with pytest.raises(ValueError, match="at most 64 bits: m_axis_words"):
        AxiLite(Axi(Wide()))
