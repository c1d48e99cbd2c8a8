"""The watch over the weights: quiet while they hold, loud after any bit has flipped."""

import numpy as np
import pytest
from amaranth import *
from amaranth.back import verilog
from amaranth.lib import wiring
from amaranth.sim import Simulator

from boards.host import Board
from golden.network import load
from golden.run import run
from hw.accelerator import Accelerator
from hw.memory.scrub import Scrub
from hw.memory.weight_store import Weights, weight_store
from hw.plan.packing import configuration
from sim.rtl import Simulation
from verify.formal.streams import tiny
from verify.standin import Bypassed, Wire

pytestmark = pytest.mark.slow


def told(rows, changes, *, row_words=2, busy=0.5, seed=1, rounds=3):
    """``corrupt`` after each of ``changes`` (row, bit) to a memory of rows, some rounds apart."""
    dut, memory, found = Scrub(rows=rows, row_words=row_words), {}, []
    rng = np.random.default_rng(seed)
    for row in range(rows):
        memory[row] = int(rng.integers(0, 2**(16 * row_words), dtype=np.uint64))

    async def bench(ctx):
        async def some(cycles):
            for _ in range(cycles):
                ctx.set(dut.free, rng.random() >= busy)
                addr, en = ctx.get(dut.addr), ctx.get(dut.en)
                await ctx.tick()
                # Whoever else uses the port leaves its row there.
                ctx.set(dut.row, memory[addr] if en else int(rng.integers(0, 2**16)))
        ctx.set(dut.written, 1)
        await ctx.tick()
        ctx.set(dut.written, 0)
        cycles = int(rounds * rows / (1 - busy)) + 10
        await some(cycles)
        found.append(ctx.get(dut.corrupt))
        for row, bit in changes:
            memory[row] ^= 1 << bit
            await some(cycles)
            found.append(ctx.get(dut.corrupt))
        ctx.set(dut.written, 1)
        await ctx.tick()
        ctx.set(dut.written, 0)
        await some(cycles)
        found.append(ctx.get(dut.corrupt))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return found


@pytest.mark.parametrize("rows, row, bit", [(1, 0, 0), (5, 4, 31), (5, 0, 15), (17, 9, 16)])
def test_every_bit_is_seen(rows, row, bit):
    """Quiet before, loud after one bit, and quiet again after a write."""
    assert told(rows, [(row, bit)]) == [0, 1, 0]


def test_words_of_a_row_do_not_cancel():
    """The same bit of both words of a row."""
    assert told(3, [(1, 4), (1, 20)])[1:3] == [1, 1]


def test_results_are_the_same_with_it():
    """A watched accelerator gives golden's results in as many cycles, and says nothing."""
    network = load("models/fashion_small.npz")
    some = np.load("models/fashion_sample.npz")["images"][:3]
    wanted = run(some, network)
    found = Simulation(network, quick=True, scrub=True, taps=(3,)).run(some)
    assert np.array_equal(found.scores, wanted.scores) and found.cycles.max() < 2**23
    assert np.array_equal(found.maps[3], wanted.maps[3])


def test_costs_nothing_when_left_out():
    """No trace of it in the Verilog of an accelerator without."""
    network = load("models/fashion_small.npz")
    texts = [verilog.convert(Accelerator(network, taps=(3,), scrub=scrub), emit_src=False)
             for scrub in (False, True)]
    assert ["scrub" in text for text in texts] == [False, True]


BENT = Signal()     # while 1, bit 3 of each row is read wrong


class Bending(wiring.Component):
    """hw.memory.weight_store.Weights whose memory an upset may hit."""

    WAITS = False

    def __init__(self, **sizes):
        self.sizes = sizes
        super().__init__(weight_store(**sizes))

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = Weights(**self.sizes)
        for name in self.signature.members:
            mine, its = getattr(self, name), getattr(inner, name)
            if name == "row":
                m.d.comb += mine.eq(its ^ BENT << 3)
            else:
                m.d.comb += mine.eq(its) if name == "ready" else its.eq(mine)
        return m


def test_the_host_is_told():
    """Image by image over the wire: right, then bent, and right again once written anew."""
    network = tiny(steps=4)
    dut = Accelerator(network, scrub=True, store=Bending, taps=(), lanes=1, word_steps=4)
    wire, image = Wire(Bypassed(dut), spacing=12), np.zeros(network.shape, np.uint8)
    writes = configuration(dut.plan, table=[], mode="paper")
    found = []
    with Board(wire, baud=wire.baud, timeout=50e-3, clock=wire.clock) as chip:
        chip.load(writes, label=network.digest)
        wire.run(5 * dut.plan.weight_rows)
        found.append(chip.explain(image).corrupt)
        wire.stick(BENT)
        wire.run(5 * dut.plan.weight_rows)
        found += [chip.explain(image).corrupt for _ in range(3)]
        chip.configure(writes)
        wire.run(5 * dut.plan.weight_rows)
        found.append(chip.explain(image).corrupt)
    assert found == [False, True, True, True, False]
