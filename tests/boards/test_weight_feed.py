"""Weights that are streamed from flash, in the feed alone and in the chip at its pins."""

import numpy as np
import pytest
from amaranth import Elaboratable, Module
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator

from apps.backends import opened
from boards.host import Board, LinkError
from boards.link import flash_reader
from boards.link.flash_reader import FlashReader
from boards.link.weight_feed import WeightFeed
from boards.platform.top import Top
from boards.protocol.flash_blocks import blocked
from boards.protocol.flash_image import (
    FRAMES,
    STREAM,
    WORDS,
    flash_image,
    padded,
    unpacked,
    with_stream,
)
from boards.protocol.identity import Boot
from golden.formats import exp_table
from golden.io.errors import BadInput
from golden.run import run
from hw.accelerator import Accelerator
from hw.plan.packing import configuration
from sim.flash_chip import FlashChip
from sim.pins import SimulatedPort
from tests.hw.test_weight_stream import dense
from verify.networks import images

SIZE = 6
STORED = np.random.default_rng(3).integers(0, 65536, 8).astype("<u2")   # in 2 2/3 blocks


class Chain(Elaboratable):
    """A reader and the feed behind it."""

    def __init__(self):
        self.reader, self.feed = FlashReader(contents=SIZE), WeightFeed()

    def elaborate(self, platform):
        m = Module()
        m.submodules.reader, m.submodules.feed = self.reader, self.feed
        connect(m, self.reader.o, self.feed.i)
        m.d.comb += [self.reader.read.eq(self.feed.read), self.feed.ended.eq(self.reader.ended),
                     self.feed.damaged.eq(self.reader.damaged)]
        return m


def fed(chip, wounds, *, stall=0.0):
    """[(words, void)] of an image for each of ``wounds``, (place, mask) of the flash or None."""
    dut, rng, found = Chain(), np.random.default_rng(4), []
    reader, feed = dut.reader, dut.feed

    async def flash(ctx):
        async for _, _, cs, clk, o, oe in ctx.tick().sample(
                reader.flash_cs, reader.flash_clk, reader.flash_o, reader.flash_oe):
            ctx.set(reader.flash_i, chip.see(cs, clk, o, oe))

    async def bench(ctx):
        for wound in wounds:
            if wound:
                chip.memory[wound[0]] ^= wound[1]
            ctx.set(feed.wanted, 1)
            words = []
            while len(words) < len(STORED):
                ready = bool(rng.random() >= stall)
                ctx.set(feed.o.ready, ready)
                _, _, valid, payload = await ctx.tick().sample(feed.o.valid, feed.o.payload)
                words += [payload] * (valid and ready)
            ctx.set(feed.o.ready, 0)
            ctx.set(feed.wanted, 0)
            await ctx.tick()
            assert ctx.get(feed.checking)
            while ctx.get(feed.checking):
                await ctx.tick()
            found.append((words, ctx.get(feed.void)))
            if wound:
                chip.memory[wound[0]] ^= wound[1]
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(flash, background=True)
    sim.add_testbench(bench)
    sim.run()
    return found


@pytest.fixture
def short(monkeypatch):
    """A flash that wakes in fewer cycles is waited for in fewer."""
    monkeypatch.setattr(flash_reader, "REST", 256)


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_one_flipped_bit_voids_one_image(short, stall):
    """Wherever it is, also behind the last word in its block; the images before and after count."""
    blocks = blocked(STORED.tobytes(), size=SIZE)
    for place in (0, 7, 13, len(blocks) - 3, len(blocks) - 1):
        chip = FlashChip(bytearray(blocks))
        before, wounded, after = fed(chip, [None, (place, 16), None], stall=stall)
        assert before == after == (STORED.tolist(), 0)
        assert wounded[1] == 1
        assert (wounded[0] == STORED.tolist()) == (place in (7, len(blocks) - 3, len(blocks) - 1))


@pytest.fixture(scope="module")
def chip():
    """(Top, flash.bin) of a network of which two layers are streamed."""
    network = dense(60, 21, 33, 7, steps=4)
    accelerator = Accelerator(network, from_flash=(1, 2), taps=(2,))
    top = Top(accelerator, clock_hz=4_000_000, baud=1_000_000, boot=FRAMES)
    writes = configuration(accelerator.plan, table=exp_table(0.5, network.steps), mode="paper")
    flash = padded(b"bitstream") + flash_image(writes, label=network.digest)
    return top, with_stream(flash, accelerator.plan.weight_stream, size=2**24)


@pytest.mark.slow
def test_pins(chip):
    """The chip boots and streams by one reader; a damaged block voids images until it is right."""
    top, flash = chip
    network = top.accelerator.network
    some = images(network, 3)
    wanted = run(some, network, taps=(2,))
    port = SimulatedPort(top, quick=True, flash=flash)
    port.read(cycles=600_000)
    with port, Board(port, timeout=40e-3, clock=port.clock, retries=1) as board:
        def same(n):
            found = board.explain(some[n])
            return (np.array_equal(found.scores, wanted.scores[n])
                    and np.array_equal(found.maps[2], wanted.maps[2][n]))
        told = board.identify()
        assert (told.boot, told.label) == (Boot.LOADED, network.digest) and not port.failed
        assert same(0) and same(1)
        place = WORDS + 300
        port.flip(place, 5)
        with pytest.raises(LinkError, match="weights of an image came damaged from flash, so that "
                                            "it is void, 2 times"):
            board.explain(some[2])
        assert board.identify().boot == Boot.REFUSED and port.failed
        port.flip(place, 5)
        assert same(2) and board.identify().boot == Boot.LOADED and not port.failed


def test_file_is_checked(chip):
    _, flash = chip
    assert unpacked(flash)[0].startswith(b"bitstream")
    for wrong, text in (
            (flash[:STREAM + 40] + b"?" + flash[STREAM + 41:], "damaged or cut short"),
            (flash[:-1], "damaged or cut short"), (flash[:STREAM + 7], "damaged or cut short")):
        with pytest.raises(BadInput, match=text):
            unpacked(wrong)
    words = np.zeros(1000, "<u2")
    with pytest.raises(BadInput, match="526,352 bytes, 2,064 more than the 524,288 of the board"):
        with_stream(flash[:STREAM], words, size=2**19)
    with pytest.raises(BadInput, match="must end at 0x80000, where the streamed weights begin"):
        with_stream(flash, words, size=2**24)


def test_stream_needs_a_flash(chip):
    with pytest.raises(ValueError, match="weights are streamed from flash"):
        Top(chip[0].accelerator, clock_hz=4_000_000)


@pytest.mark.slow
def test_demo_of_a_network_larger_than_the_chip(tmp_path):
    """``--demo rtl`` streams what does not fit, over simulated pins of UART and flash."""
    network = dense((1, 28, 28), 200, 10)
    network.save(tmp_path / "large.npz")
    picture, = images(network, 1, 5)
    with opened(tmp_path / "large.npz", demo="rtl", quick=True) as backend:
        assert backend.board.port.top.accelerator.plan.streamed_layers == [1]
        result = backend.explain(picture)
    wanted = run(picture[None], network, taps=backend.taps)
    assert np.array_equal(result.scores, wanted.scores[0])
    assert np.array_equal(result.counts, wanted.counts[0])
