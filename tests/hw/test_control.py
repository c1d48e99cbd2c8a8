"""Parts of the accelerator by themselves: no network is needed to make them."""

import pytest
from amaranth.sim import Simulator

from hw.control.counts import ResultCounts
from hw.control.registers import ControlRegisters
from hw.control.sequencer import PassSequencer
from hw.control.stream_fork import StreamFork
from hw.encode.loader import InputPlacer
from hw.interface import Register, Space


def simulated(unit, bench, *, clocked=True):
    """Run an async ``bench`` of a unit."""
    simulator = Simulator(unit)
    if clocked:
        simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_a_fork_gives_each_word_once_to_all_that_want_it():
    """Whoever is ready waits for the others; who does not want a word holds up nobody."""
    unit = StreamFork(8, outputs=3)

    async def bench(ctx):
        for wanted in range(8):
            for ready in range(8):
                for valid in (0, 1):
                    ctx.set(unit.selected, wanted)
                    ctx.set(unit.i.valid, valid)
                    ctx.set(unit.i.payload, 17 * wanted)
                    for n, sink in enumerate(unit.o):
                        ctx.set(sink.ready, ready >> n & 1)
                    able = ready | ~wanted & 7
                    assert ctx.get(unit.i.ready) == (able == 7)
                    for n, sink in enumerate(unit.o):
                        moves = ctx.get(sink.valid) and ready >> n & 1
                        assert moves == (valid and wanted >> n & 1 and able == 7)
                        assert ctx.get(sink.payload) == 17 * wanted
    simulated(unit, bench, clocked=False)


def test_registers_take_writes_while_allowed_only():
    """Each write is made once, in its second cycle, in one space; the others are left alone."""
    unit = ControlRegisters(mode=1, seed=0x12345678)

    async def bench(ctx):
        async def write(space, index, data):
            ctx.set(unit.i.p, {"space": space, "index": index, "data": data})
            ctx.set(unit.i.valid, 1)
            assert ctx.get(unit.written) == 0
            await ctx.tick()
            assert ctx.get(unit.i.ready) and ctx.get(unit.written) == 1 << space
            assert (ctx.get(unit.index), ctx.get(unit.data)) == (index, data)
            await ctx.tick()
            ctx.set(unit.i.valid, 0)
            assert ctx.get(unit.written) == 0
        ctx.set(unit.i.valid, 1)
        for _ in range(5):
            await ctx.tick()
            assert not ctx.get(unit.i.ready)
        ctx.set(unit.i.valid, 0)
        ctx.set(unit.allowed, 1)
        for space in range(16):
            if space != Space.REGISTERS:
                await write(space, Register.MODE, 2)
        assert (ctx.get(unit.mode), ctx.get(unit.seed)) == (1, 0x12345678)
        await write(Space.REGISTERS, Register.SEED_HIGH, 0xABCD)
        assert (ctx.get(unit.mode), ctx.get(unit.seed)) == (1, 0xABCD5678)
        await write(Space.REGISTERS, Register.SEED_LOW, 0xEF01)
        await write(Space.REGISTERS, Register.MODE, 2)
        assert (ctx.get(unit.mode), ctx.get(unit.seed)) == (2, 0xABCDEF01)
    simulated(unit, bench)


def test_counts():
    """Spikes since ``clear``, cycles since ``restarted``."""
    unit = ResultCounts(most=1000, step=8)

    async def bench(ctx):
        ctx.set(unit.restarted, 1)
        await ctx.tick()
        ctx.set(unit.restarted, 0)
        ctx.set(unit.counting, 1)
        for n in (3, 0, 8):
            ctx.set(unit.spikes, n)
            await ctx.tick()
        ctx.set(unit.spikes, 0)
        await ctx.tick()
        ctx.set(unit.i.valid, 1)
        assert ctx.get(unit.o.valid) and not ctx.get(unit.i.ready)
        assert (ctx.get(unit.o.p.data), ctx.get(unit.o.p.last)) == (11, 0)
        ctx.set(unit.clear, 1)
        await ctx.tick()
        ctx.set(unit.clear, 0)
        assert ctx.get(unit.o.p.data) == 0
        ctx.set(unit.i.payload, 1)
        for _ in range(3):                                # it stands still while it is offered
            assert (ctx.get(unit.o.p.data), ctx.get(unit.o.p.last)) == (7, 1)
            await ctx.tick()
        ctx.set(unit.o.ready, 1)
        assert ctx.get(unit.i.ready)
    simulated(unit, bench)


@pytest.mark.parametrize("channels,chunks,planes", [(1, 1, 1), (3, 1, 1), (1, 2, 1), (3, 3, 2)])
def test_words_of_the_input_are_placed(channels, chunks, planes):
    """Each word goes to (chunk, pixel, channel, plane); also behind an image cut short."""
    pixels, stride = 5, {1: 1, 3: 4, 6: 8}[channels * planes]
    in_chunk = -(-stride * pixels // 16) * 16
    unit = InputPlacer(channels=channels, chunks=chunks, planes=planes, stride=stride,
                       in_chunk=in_chunk, trains=stride * (pixels - 1) + channels * planes, addr=8)
    words = [chunk * in_chunk + pixel * stride + channel * planes + plane
             for pixel in range(pixels) for channel in range(channels)
             for chunk in range(chunks) for plane in range(planes)]

    async def image(ctx, upto):
        ctx.set(unit.restarted, 1)
        await ctx.tick()
        ctx.set(unit.restarted, 0)
        addr = 0
        for n, want in enumerate(words[:upto]):
            await ctx.tick()                              # at most every second cycle a word
            assert addr == want
            ctx.set(unit.w_addr, addr)
            ctx.set(unit.valid, 1)
            ctx.set(unit.first, n < chunks * planes)
            assert ctx.get(unit.loaded) == (n == len(words) - 1)
            addr = (addr + ctx.get(unit.w_increment)) % 256
            await ctx.tick()
            ctx.set(unit.valid, 0)
            assert not ctx.get(unit.loaded)

    async def bench(ctx):
        for upto in (None, 2 * chunks * planes * channels, None):
            await image(ctx, upto)
    simulated(unit, bench)


def test_order_of_an_image():
    """Input, passes in turn, a count behind each that is counted, the cycles last; twice."""
    unit = PassSequencer([True, False, True, False])

    async def bench(ctx):
        for _ in range(2):
            assert ctx.get(unit.loading) and ctx.get(unit.fresh)
            ctx.set(unit.begun, 1)
            await ctx.tick()
            ctx.set(unit.begun, 0)
            assert not ctx.get(unit.fresh)
            ctx.set(unit.loaded, 1)
            await ctx.tick()
            ctx.set(unit.loaded, 0)
            happened = []
            for _ in range(200):
                if ctx.get(unit.start):
                    happened.append(("start", ctx.get(unit.number)))
                running = ctx.get(unit.running)
                ctx.set(unit.done, running)
                ctx.set(unit.mapping, 1 if ctx.get(unit.number) < 3 else 0)
                offered = ctx.get(unit.o.valid)
                ctx.set(unit.o.ready, offered)
                if offered:
                    happened.append("cycles" if ctx.get(unit.o.payload) else "spikes")
                await ctx.tick()
                if ctx.get(unit.fresh):
                    break
            assert happened == ["spikes", ("start", 0), "spikes", ("start", 1), ("start", 2),
                                "spikes", ("start", 3), "cycles"]
    simulated(unit, bench)


def test_a_pass_waits_for_its_weights():
    """Asked for once a pass, at its number; it starts a cycle after they are there."""
    unit = PassSequencer([True, True], waits=True)

    async def bench(ctx):
        for signal in (unit.begun, unit.loaded):
            ctx.set(signal, 1)
            await ctx.tick()
            ctx.set(signal, 0)
        asked, started, since = [], [], None
        for now in range(120):
            ctx.set(unit.ready, since is not None and now >= since + 9)
            ctx.set(unit.o.ready, ctx.get(unit.o.valid))
            ctx.set(unit.done, ctx.get(unit.running))
            if ctx.get(unit.prefetch):
                asked.append(ctx.get(unit.number))
                since = now
            if ctx.get(unit.start):
                started.append((ctx.get(unit.number), now - since))
            await ctx.tick()
            if ctx.get(unit.fresh):
                break
        assert asked == [0, 1] and started == [(0, 10), (1, 10)]
    simulated(unit, bench)
