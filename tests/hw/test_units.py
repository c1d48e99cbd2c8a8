"""Small parts in the Amaranth simulator, and what constructors refuse."""

# amaranth: UnusedElaboratable=no

import random
from types import SimpleNamespace

import numpy as np
import pytest
from amaranth import *
from amaranth.lib import wiring
from amaranth.sim import Simulator

from golden.formats import map_bits, score_bits
from hw.accelerator import Accelerator
from hw.encode.bernoulli import Bernoulli, xorshift32
from hw.encode.encoder import UNITS, encoder_for
from hw.encode.interface import encoder_members
from hw.engine.constants import per_pass
from hw.explain.interface import explanation
from hw.explain.sam import Sam
from hw.explain.traces import Traces
from hw.memory.spram import SPRAM
from hw.memory.weight_store import Weights
from verify.networks import draw


def simulate(dut, bench):
    """Run ``bench`` beside a clock."""
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("values", [[3], [5, 5, 5], [0, 1], [7, 0, 300], [-1, 4, -200, 4], [-3]])
def test_per_pass(values):
    """The value of each pass, in the smallest shape that holds all; nothing to choose if equal."""
    m, number = Module(), Signal(range(max(2, len(values))))
    chosen = per_pass(number, values)
    out = Signal(signed(20))
    m.d.comb += out.eq(chosen)
    shape = chosen.shape()
    if len(set(values)) == 1:
        assert isinstance(chosen, Const)
    assert shape.signed == (min(values) < 0)
    assert all(Const(value, shape).value == value for value in values)
    assert len(chosen) == 1 or not all(
        Const(value, Shape(shape.width - 1, shape.signed)).value == value for value in values)

    async def bench(ctx):
        for n, value in enumerate(values):
            ctx.set(number, n)
            await ctx.delay(1e-9)
            assert ctx.get(out) == value

    sim = Simulator(m)
    sim.add_testbench(bench)
    sim.run()


def test_xorshift_is_golden():
    from golden.encode import xorshift32 as step
    m, state, after = Module(), Signal(32), Signal(32)
    m.d.comb += after.eq(xorshift32(state))

    async def bench(ctx):
        value = 0x2545F491
        for _ in range(200):
            ctx.set(state, value)
            await ctx.delay(1e-9)
            assert ctx.get(after) == step(value)
            value = step(value)

    sim = Simulator(m)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("rows, row_words", [(5, 1), (7, 2), (3, 4), (1, 8)])
def test_weights_are_rows_of_words(rows, row_words):
    """Written word by word, read a row at a time one cycle later; a write wins over a read."""
    dut = Weights(rows=rows, row_words=row_words)
    rng = random.Random(0)
    words = [rng.getrandbits(16) for _ in range(rows * row_words)]

    async def bench(ctx):
        ctx.set(dut.en, 1)
        for index in rng.sample(range(len(words)), len(words)):
            ctx.set(dut.w_index, index)
            ctx.set(dut.w_data, words[index])
            ctx.set(dut.w_en, 1)
            ctx.set(dut.addr, rng.randrange(rows))
            await ctx.tick()
        ctx.set(dut.w_en, 0)
        for row in [*range(rows), *rng.sample(range(rows), rows)]:
            ctx.set(dut.addr, row)
            ctx.set(dut.en, 1)
            await ctx.tick()
            ctx.set(dut.en, 0)
            ctx.set(dut.addr, rng.randrange(rows))
            want = sum(word << 16 * n for n, word in enumerate(
                words[row * row_words:(row + 1) * row_words]))
            for _ in range(3):
                assert ctx.get(dut.row) == want
                await ctx.tick()

    simulate(dut, bench)


@pytest.mark.parametrize("encoder, kind", UNITS.items())
def test_encoders_are_chosen_and_look_alike(encoder, kind):
    """By the network's word for it; but for the width of a pixel they have the same members."""
    network = SimpleNamespace(encoder=encoder, steps=20)
    unit = encoder_for(network, word_steps=8)
    members = wiring.Signature(encoder_members(width=8, word_steps=8)).members
    assert type(unit) is kind and unit.signature.members == members


def test_explanations_show_the_interface_and_describe_their_words():
    """Both have all members of the interface; an output says how many words leave, and which."""
    stages = [SimpleNamespace(shape=shape) for shape in ((3, 4, 5), (2, 2, 1))]
    plan = SimpleNamespace(word_steps=8, walk_steps=8, rounded=False,
                           network=SimpleNamespace(steps=20, stages=stages))
    sam, maps = Sam.built(plan, (1, 2))
    traced, found = Traces.built(plan, (1,))
    for unit, output in ((sam, maps), (traced, found)):
        for name, member in explanation(word_steps=8, word=unsigned(output.bits)).items():
            assert unit.signature.members[name] == member
    assert maps.order == ("y", "x", "step") and maps.shape == {1: (4, 5, 20), 2: (2, 1, 20)}
    assert maps.bits == map_bits(3, 20) and maps.frac == 8 and maps.count == 440
    assert found.order == ("y", "x", "channel") and found.shape == {1: (4, 5, 3)}
    assert (found.bits, found.frac, found.signed) == (score_bits(20), 8, False)
    narrow, output = Sam.built(plan, (1, 2), bits=9)
    assert output.bits == narrow.map_width == 9 and narrow.held and not sam.held


def test_constructors_refuse():
    with pytest.raises(ValueError, match="word_steps must be a multiple of 4, not 6"):
        Bernoulli(steps=16, word_steps=6)
    with pytest.raises(ValueError, match="row_words must be a power of two, not 3"):
        Weights(rows=4, row_words=3)
    for depth in (0, 2**14 + 1):
        with pytest.raises(ValueError, match=f"SPRAM depth must be 1 to 16384, not {depth}"):
            SPRAM(depth=depth)
    with pytest.raises(TypeError, match="network must be a Network, not ndarray"):
        Accelerator(np.zeros(3))


@pytest.mark.parametrize("seed", range(6))
def test_every_number_of_lanes_can_be_built(seed):
    """Also where the lanes' weights do not fill a whole number of words."""
    network = draw(seed, rich=True)
    for lanes in (1, 2, 4, 8, 16):
        Fragment.get(Accelerator(network, lanes=lanes), None)
