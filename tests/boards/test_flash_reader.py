"""The flash reader against a flash at its pins: every byte, every damage, every pause."""

import re
from itertools import product

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.sim import Simulator

from boards.link import flash_reader
from boards.link.flash_reader import FlashReader
from boards.protocol.flash_blocks import blocked, unblocked
from flow.yosys import yosys
from sim.flash_chip import FlashChip

SIZE = 6         # contents of a block here
BASE = 0x012345
CONTENTS = bytes(np.random.default_rng(5).integers(0, 256, 4 * SIZE, dtype=np.uint8).tolist())


def at_base(blocks):
    return bytes(BASE) + blocks


def read(chip, *, lines=4, size=SIZE, count=len(CONTENTS), stall=0.0, starts=(BASE,), rest=300):
    """((bytes, damaged) of a read from each of ``starts``, cycles of each from its first byte)."""
    dut, rng = FlashReader(lines=lines, contents=size), np.random.default_rng(1)
    found, spent = [], []

    async def flash(ctx):
        async for _, _, cs, clk, o, oe in ctx.tick().sample(
                dut.flash_cs, dut.flash_clk, dut.flash_o, dut.flash_oe):
            ctx.set(dut.flash_i, chip.see(cs, clk, o, oe))

    async def bench(ctx):
        for start in starts:
            ctx.set(dut.address, start)
            ctx.set(dut.read, 1)
            got, first, cycle, offered = b"", None, 0, None
            while len(got) < count and cycle < 40 * count + 2 * rest + 500:
                ready = bool(rng.random() >= stall)
                ctx.set(dut.o.ready, ready)
                _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
                assert offered in (None, (valid, payload)), "a byte offered does not stay"
                offered = (valid, payload) if valid and not ready else None
                cycle += 1
                if valid and ready:
                    got += bytes([payload])
                    first = cycle if first is None else first
            ctx.set(dut.o.ready, 0)
            await ctx.tick().repeat(3 * 32)       # the check behind the last block
            found.append((got, ctx.get(dut.damaged)))
            spent.append(cycle - (first or 0))
            ctx.set(dut.read, 0)
            await ctx.tick()
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(flash, background=True)
    sim.add_testbench(bench)
    sim.run()
    assert chip.conflicts == 0
    return found, spent


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """A flash that wakes in fewer cycles is waited for in fewer."""
    monkeypatch.setattr(flash_reader, "REST", 256)


def test_blocks_by_hand():
    """The check is that of frames: of 123456789 it is 0x29B1."""
    assert blocked(b"123456789", size=9) == b"123456789\x29\xb1"
    assert unblocked(blocked(CONTENTS, size=SIZE), size=SIZE) == CONTENTS
    assert blocked(b"", size=9) == b"" and blocked(b"1", fill=b"~", size=3)[:3] == b"1~~"
    with pytest.raises(ValueError, match="block 1 is damaged: its CRC is wrong"):
        unblocked(blocked(bytes(2 * SIZE), size=SIZE)[:-1] + b"x", size=SIZE)
    with pytest.raises(ValueError, match="block 0 is cut short"):
        unblocked(b"123", size=SIZE)


@pytest.mark.parametrize("lines", [1, 4])
@pytest.mark.parametrize("stall", [0.0, 0.3, 0.9])
def test_gives_the_contents(lines, stall):
    """Of two reads, one after the other, from two addresses; nothing is damaged."""
    chip = FlashChip(at_base(blocked(CONTENTS, size=SIZE)))
    starts = (BASE, BASE + 2 * (SIZE + 2), BASE)
    found, spent = read(chip, lines=lines, stall=stall, starts=starts, count=2 * SIZE)
    assert [got for got, _ in found] == [CONTENTS[:2 * SIZE], CONTENTS[2 * SIZE:],
                                         CONTENTS[:2 * SIZE]]
    assert not any(damaged for _, damaged in found)
    if not stall:
        # From the first to the last byte, with the check between.
        assert set(spent) == {(2 * SIZE + 1) * 16 // lines}


def test_whole_blocks_of_the_usual_size():
    contents = bytes(np.random.default_rng(2).integers(0, 256, 508, dtype=np.uint8).tolist())
    (found,), (spent,) = read(FlashChip(at_base(blocked(contents))), size=254, count=508)
    assert found == (contents, 0) and spent == 4 * (507 + 2)


@pytest.mark.parametrize("lines", [1, 4])
def test_every_flipped_bit_is_seen(lines):
    """Each of the bits of two blocks, alone."""
    blocks = blocked(CONTENTS[:2 * SIZE], size=SIZE)
    for place, bit in product(range(len(blocks)), range(8)):
        if lines == 1 and (place + bit) % 5:
            continue                              # the check is the same: every fifth
        bent = bytearray(at_base(blocks))
        bent[BASE + place] ^= 1 << bit
        chip = FlashChip(bytes(bent))
        found, _ = read(chip, lines=lines, count=2 * SIZE)
        assert found[0][1] == 1, (place, bit)


def test_damage_is_told_once_a_block_ends_and_forgotten_by_the_next_read():
    blocks = bytearray(at_base(blocked(CONTENTS, size=SIZE)))
    blocks[BASE + SIZE + 2] ^= 1                  # of the second
    found, _ = read(FlashChip(bytes(blocks)), count=SIZE - 1,
                    starts=(BASE, BASE + SIZE + 2, BASE + 2 * (SIZE + 2)))
    assert [damaged for _, damaged in found] == [0, 0, 0]       # no block was read to its end
    found, _ = read(FlashChip(bytes(blocks)), count=SIZE,
                    starts=(BASE, BASE + SIZE + 2, BASE + 2 * (SIZE + 2)))
    assert [damaged for _, damaged in found] == [0, 1, 0]


@pytest.mark.parametrize("options", [
    {"takes_quad": False}, {"waits": 6}, {"waits": 2}, {"waking": 10_000}])
def test_a_flash_that_does_not_play_along_is_damaged(options):
    """Without quad mode, with other clocks before the data, or asleep: damaged."""
    chip = FlashChip(at_base(blocked(CONTENTS, size=SIZE)), **options)
    dut = read if "waits" not in options else read_in_spite
    (found,), _ = dut(chip)
    assert found[1] == 1 and found[0] != CONTENTS


def read_in_spite(chip):
    """``read``, of a flash that may drive when it should not."""
    class Careless(FlashChip):
        conflicts = property(lambda self: 0, lambda self, value: None)
    chip.__class__ = Careless
    return read(chip)


@pytest.mark.parametrize("name, value", [
    ("WAITS", 3), ("REST", 100), ("WAKE", 0xB9), ("VOLATILE", 0x06), ("STATUS", 0x01),
    ("QUAD_ENABLE", 0), ("QUAD_READ", 0x6B), ("CHECK_START", 0)])
def test_planted_faults_are_seen(name, value, monkeypatch):
    """Each number that the reader sends, waits or checks by, changed: the contents do not come."""
    monkeypatch.setattr(flash_reader, name, value)
    (found,), _ = read_in_spite(FlashChip(at_base(blocked(CONTENTS, size=SIZE))))
    assert found != (CONTENTS, 0)


def test_parameters():
    with pytest.raises(ValueError, match="lines must be 1 or 4, not 2"):
        FlashReader(lines=2)
    with pytest.raises(ValueError, match="contents must be 1 to 254, not 255"):
        FlashReader(contents=255)


def cells(lines, folder):
    """LUTs and flip-flops that Yosys makes of a FlashReader for the iCE40."""
    (folder / "reader.il").write_text(rtlil.convert(FlashReader(lines=lines), emit_src=False))
    yosys("read_rtlil reader.il; synth_ice40 -abc9 -device u -top top; tee -o stat stat", folder)
    found = {name: int(count) for count, name in re.findall(
        r"^ +(\d+) +(?:[\d.]+ +)?(SB_\w+)$", (folder / "stat").read_text(), re.M)}
    return found["SB_LUT4"], sum(count for name, count in found.items() if "DFF" in name)


@pytest.mark.slow
@pytest.mark.parametrize("lines", [1, 4])
def test_is_small(lines, tmp_path):
    """At most 180 LUTs, with an address that may change, and fewer flip-flops than LUTs."""
    luts, flipflops = cells(lines, tmp_path)
    assert flipflops < luts <= 180
