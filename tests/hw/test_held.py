"""Registers in multipliers: which bits lie there, and that they are what was loaded."""

import pytest
from amaranth.back import rtlil
from amaranth.sim import Simulator

from boards.platform.target import target_for
from hw.memory.held import HELD_BITS, PRODUCTS, Held, shares


@pytest.mark.parametrize("spare, bits, found", [
    (7, (128, 88), [4, 3]), (7, (128, 0), [4, 0]), (5, (128, 88), [4, 1]), (0, (128, 88), [0, 0]),
    (8, (15,), [0]), (8, (16,), [1]), (8, (40, 60), [1, 2])])
def test_shares(spare, bits, found):
    """A multiplier for 32 bits, and one more where at least half of it is used."""
    assert shares(spare, *bits) == found


def test_what_was_loaded_is_held():
    unit = Held(70, products=1)

    async def bench(ctx):
        value = (1 << 69) | 0x1234_5678_9ABC_DEF1
        ctx.set(unit.d, value)
        ctx.set(unit.load, 1)
        await ctx.tick()
        ctx.set(unit.load, 0)
        ctx.set(unit.d, 0)
        await ctx.tick()
        assert ctx.get(unit.q) == value
        ctx.set(unit.load, 1)
        await ctx.tick()
        assert ctx.get(unit.q) == 0
    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_only_a_platform_that_hides_them_gets_multipliers():
    """Yosys would make products of them elsewhere, without a word (``ice40_dsp``)."""
    platform = target_for("ice40").make()
    text = lambda: rtlil.convert(Held(70, products=2), platform=platform, name="held")
    assert text().count("cell \\SB_MAC16") == 2
    platform.holds_registers = False
    assert "SB_MAC16" not in text()
    assert "SB_MAC16" not in rtlil.convert(Held(70, products=2), name="held")
    assert "SB_MAC16" not in rtlil.convert(
        Held(70, products=2), platform=target_for("ecp5").make(), name="held")
    assert PRODUCTS * HELD_BITS == 256
