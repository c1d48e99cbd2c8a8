# amaranth: UnusedElaboratable=no
"""Weights that pass by: the store's banks, and networks whose layers are streamed."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from amaranth import Fragment
from amaranth.sim import Simulator

from apps.backends import plan_on
from flow.estimate.cycles import image_cycles, planes_of, trains_of
from flow.estimate.stream import bounds
from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron, load
from golden.network.ops import Greatest
from golden.run import run
from hw.accelerator import Accelerator
from hw.engine.profiler import StallReason
from hw.memory.spram import Simulated
from hw.memory.weight_stream import StreamedWeights
from hw.plan.planner import Plan
from hw.plan.reload import reload
from hw.plan.streaming import FLASH_RATE, Blocks
from sam_snn.fitting import fits
from sim.rtl import Simulation
from tests.helpers.planted import changed
from tests.hw.test_skips import longer
from verify.networks import draw, images

BLOCKS = (Blocks(3, 4, 5), Blocks(1, 4, 2), Blocks(2, 4, 7))
SHAPES = {"one SPRAM": (30, 1, (6, 18), 32), "two side by side": (30, 2, (6, 18), 32),
          "one behind the other": (44, 1, (6, 32), 32)}


def block_words(row_words):
    """[(rows skipped, words)] of each block of an image, of words that all differ."""
    found, at = [], 0
    for each in BLOCKS:
        for n in range(each.count):
            rows = each.rows + (0 if n else each.lead)
            words = np.arange(at, at + rows * row_words) * 40503 % 65536
            found.append((each.lead if n else 0, words.reshape(rows, row_words)))
            at += rows * row_words
    return found


def rows_read(unit, gaps, *, seed=1, images=2):
    """[(row read, row meant)] of a reader that goes through all blocks of some images, and of the
    resident rows, while words come with chance ``gaps`` of none in a cycle.
    """
    rng = np.random.default_rng(seed)
    blocks, pairs = block_words(unit.row_words), []
    stay = rng.integers(0, 65536, (unit.banks[0], unit.row_words))
    value = lambda words: sum(int(word) << 16 * n for n, word in enumerate(words))

    async def stream(ctx):
        stored = [int(word) for _, words in blocks for word in words.ravel()]
        at = 0
        while True:
            wanted = ctx.get(unit.read)
            ctx.set(unit.i.valid, wanted and at < len(stored) and (
                ctx.get(unit.i.valid) or rng.random() >= gaps))
            ctx.set(unit.i.payload, stored[min(at, len(stored) - 1)])
            _, _, moved = await ctx.tick().sample(unit.i.valid & unit.i.ready)
            at = at + moved if wanted else 0

    async def read(ctx, row):
        ctx.set(unit.addr, row)
        ctx.set(unit.en, 1)
        await ctx.tick()
        ctx.set(unit.en, 0)
        return ctx.get(unit.row)

    async def reader(ctx):
        for index, word in enumerate(stay.ravel().tolist()):
            ctx.set(unit.w_index, index)
            ctx.set(unit.w_data, word)
            ctx.set(unit.w_en, 1)
            await ctx.tick()
        ctx.set(unit.w_en, 0)
        for _ in range(images):
            ctx.set(unit.image, 1)
            for n, (skip, words) in enumerate(blocks):
                while not ctx.get(unit.full):
                    await ctx.tick()
                assert ctx.get(unit.bank) == n % 2
                last = n == len(blocks) - 1
                ctx.set(unit.onward, 1)                  # counted, and not read yet
                await ctx.tick()
                ctx.set(unit.onward, 0)
                for row in rng.permutation(len(words)).tolist():
                    found = await read(ctx, unit.banks[n % 2] + skip + row)
                    pairs.append((found, value(words[row])))
                    resident = int(rng.integers(len(stay)))
                    pairs.append((await read(ctx, resident), value(stay[resident])))
                    await ctx.tick().repeat(int(rng.integers(1, 3)))
                await ctx.tick().repeat(int(rng.integers(1, 6)))
                ctx.set(unit.free, 1)
                await ctx.tick()
                ctx.set(unit.free, 0)
                assert not last or not ctx.get(unit.read)
            ctx.set(unit.image, 0)
            await ctx.tick()

    simulator = Simulator(Fragment.get(unit, Simulated()))
    simulator.add_clock(1e-6)
    simulator.add_testbench(stream, background=True)
    simulator.add_testbench(reader)
    simulator.run()
    return pairs


def made(shape, kind=StreamedWeights):
    rows, row_words, banks, depth = SHAPES[shape]
    return kind(rows=rows, row_words=row_words, banks=banks, blocks=BLOCKS, depth=depth)


@pytest.mark.parametrize("gaps", [0, 0.3, 0.9])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_row_is_that_of_its_block(shape, gaps):
    pairs = rows_read(made(shape), gaps, seed=round(10 * gaps))
    assert len(pairs) == 2 * 2 * sum(len(words) for _, words in block_words(1))
    assert all(found == meant for found, meant in pairs)


@pytest.mark.parametrize("before, after", [
    ("(filled - freed)[:2] != 2", "(filled - walked)[:2] != 2"),
    ("~reading & self.image", "self.image")], ids=["a bank that is read", "the port of a read"])
def test_broken_stores_are_seen(before, after):
    from hw.memory import weight_stream
    broken = changed(weight_stream, before, after).StreamedWeights
    pairs = rows_read(made("one SPRAM", broken), 0, images=1)
    assert any(found != meant for found, meant in pairs)


def test_banks_must_hold_their_blocks():
    with pytest.raises(ValueError, match="banks must hold 11 rows each"):
        StreamedWeights(rows=30, row_words=1, banks=(6, 16), blocks=BLOCKS)


# --- networks -------------------------------------------------------------------------------------


def dense(*sizes, bits=4, steps=16, seed=1, plain=True):
    """A network of dense layers of random weights; the first size is that of the image."""
    rng, layers = np.random.default_rng(seed), []
    shape = sizes[0] if isinstance(sizes[0], tuple) else (1, 1, sizes[0])
    sizes = (int(np.prod(shape)), *sizes[1:])
    for before, after in zip(sizes, sizes[1:], strict=False):
        weights = rng.integers(-2**(bits - 1), 2**(bits - 1), (after, before))
        last = after == sizes[-1]
        threshold = np.int64(3 * int(before**0.5)) if plain else rng.integers(
            20, 60, after)
        layers.append(Layer(weights=weights, bits=bits, neuron=Neuron(
            threshold=threshold, leak=np.int64(0 if last else 1 << 12),
            reset="none" if last else "subtract")))
    return Network(shape=shape, steps=steps, layers=tuple(layers), name="dense")


def legged():
    """A network whose first layer has a max pooling before its neurons, its second one groups."""
    rng, layers = np.random.default_rng(4), []
    for shape, threshold, more in (
            ((6, 2, 3, 3), 8, {"padding": 1, "greatest": Greatest(2, 2)}),
            ((10, 3, 3, 3), 9, {"padding": 1, "groups": 2}), ((5, 160), 1, {})):
        last = len(shape) == 2
        layers.append(Layer(weights=rng.integers(-8, 8, shape), bits=4, neuron=Neuron(
            threshold=np.int64(threshold), leak=np.int64(0 if last else 1 << 12),
            reset="none" if last else "subtract"), **more))
    return Network(shape=(2, 8, 8), steps=16, layers=tuple(layers), name="legs")


def test_as_few_layers_as_must_be_are_streamed():
    network = dense(784, 128, 10)
    assert Plan(network, from_flash="auto").streamed == frozenset()
    assert Plan(network, from_flash=(1,)).streamed == {1}
    large = Plan(dense(784, 1000, 10), from_flash="auto")
    assert large.streamed == {1} and large.stream_words == 250 * 784 + 16
    assert large.banks == (3040, 16384) and large.weight_rows == 16384 + 800
    # Both halves of one SPRAM where rows are wider.
    assert Plan(dense(784, 1000, 10), lanes=8, from_flash="auto").banks == (2032, 2832)


def test_the_stream_is_the_image_of_resident_layers():
    """The words of an image are those that lie in the memory where all stay, pass after pass."""
    network = dense(40, 23, 9, plain=False)
    whole, passing = Plan(network), Plan(network, from_flash=(1, 2))
    image, wanted = whole.weight_image, []
    for each in whole.passes:
        wanted.append(image[each.row_base:each.row_base + each.all_rows])
    assert np.array_equal(passing.weight_stream, np.concatenate(wanted).ravel())
    assert passing.stream_words == len(passing.weight_stream)
    assert np.array_equal(passing.weight_image, np.zeros((16, whole.row_words)))


@pytest.mark.parametrize("make, options, message", [
    (lambda: load("fashion-bntt"), {"from_flash": (2,)},
     "weights of layer 2 are not streamed, .* since norms over time .* are read pixel by pixel"),
    (lambda: dense(60, 20, 4), {"from_flash": (3,)}, "--stream 3 is no weighted layer"),
    (lambda: dense(60, 20, 4), {"from_flash": (1,), "schedule": "steps"},
     "would read all weights once a round, 16 times an image"),
    (lambda: dense((1, 90, 100), 9, 4), {"from_flash": "auto", "lanes": 8},
     "two banks of 9024, for a group of layer 1 need .* rows"),
], ids=["convolution", "layer", "rounds", "group"])
def test_refusals(make, options, message):
    with pytest.raises(BadInput, match=message):
        Plan(make(), **options)


@pytest.mark.slow
@pytest.mark.rotated
@pytest.mark.parametrize("network, options", [
    (dense(60, 21, 33, 7), {"lanes": 4, "from_flash": (1, 2, 3)}),
    (dense(60, 21, 7, steps=20, plain=False), {"lanes": 4, "from_flash": (1,)}),
    (dense(90, 21, 7, steps=33), {"lanes": 8, "trains": 3, "from_flash": (1, 2)}),
    (draw(12, plain=True, steps=(16,)), {"lanes": 4, "from_flash": (1, 2, 3, 4)}),
    (draw(53), {"lanes": 2, "from_flash": (1, 2)}),
    (draw(45), {"lanes": 4, "from_flash": (1, 3)}),
    (legged(), {"lanes": 4, "from_flash": (1, 2, 3)}),
    (longer(), {"lanes": 2, "from_flash": (2, 4, 5)}),
    (draw(12, plain=True, steps=(16,)), {"lanes": 4, "trains": 2, "from_flash": (1, 2, 3, 4)}),
], ids=["three", "channels and chunks", "walk buffer", "maps", "maps of chunks", "pooled", "legs",
        "skips", "groups and a walk buffer"])
def test_equals_golden_whenever_words_come(network, options):
    pictures = images(network, 3, 7) if network.encoder == "bernoulli" else (
        np.random.default_rng(1).random((2, network.steps, *network.shape)) < 0.4).astype(np.uint8)
    wanted = run(pictures, network, taps=options.get("taps"))
    simulation = Simulation(network, quick=True, **options)
    for rate, stall in ((7, 0), (0, 0), (0, 0.4), (30, 0.2)):
        found = simulation.run(pictures, rate=rate, stall=stall, seed=rate + 1).arrays()
        assert all(np.array_equal(found[name], array) for name, array in wanted.arrays().items())


def test_order_of_groups():
    """Of convolutions the groups are outermost, and only there."""
    network = draw(12, plain=True, steps=(16,))
    plan = Plan(network, lanes=4, from_flash=(2, 4))
    assert [each.groups_outermost for each in plan.passes] == [False, True, False, False]
    assert plan.blocks[0] == Blocks(2, 16, plan.passes[1].rows)
    with pytest.raises(BadInput, match="no spikes are taken away yet"):
        Accelerator(network, lanes=4, from_flash=(2,), taps=(), experiments=True)


@pytest.mark.slow
def test_waiting_is_told_and_a_wrong_word_is_seen():
    network = dense(60, 21, 33, 7)
    pictures = images(network, 2, 7)
    simulation = Simulation(network, quick=True, from_flash=(1, 2))
    slow, fast = (simulation.run(pictures, rate=rate) for rate in (40, 0))
    waits = lambda result: result.causes[..., StallReason.Weights.value].sum()
    assert waits(slow) > 2 * waits(fast)
    for result in (slow, fast):
        assert np.array_equal(result.causes.sum(axis=(1, 2)), result.cycles)
    words = simulation.accelerator.plan.weight_stream
    words[16:76] ^= 0x8888                               # of the first block: the sign of each
    found = simulation.run(pictures)
    assert not np.array_equal(found.spikes[1], fast.spikes[1])


@pytest.mark.slow
@pytest.mark.parametrize("options", [
    {"lanes": 4, "from_flash": (1,)}, {"lanes": 8, "trains": 3, "from_flash": (1, 2)}],
    ids=["banks apart", "one SPRAM"])
def test_cycles_are_foretold(options):
    """Within 2 % at the rate of a flash, before anything is built, also where reads are in the way
    of words.
    """
    network = dense((1, 28, 28), 64, 10, steps=20)
    pictures = images(network, 2, 7)
    golden, simulation = run(pictures, network), Simulation(network, quick=True, taps=(), **options)
    plan = simulation.accelerator.plan
    sources = [planes_of(plan, golden.spikes_input), *(golden.spikes[tap] for tap in network.taps)]
    trains = [trains_of(plan, each, of_input=n == 0)
              for n, each in enumerate(sources)][:len(network.stages)]
    for rate in (FLASH_RATE, 15):
        found = simulation.run(pictures, rate=rate, keep=False).cycles
        law = image_cycles(plan, trains, period=rate + 1)
        assert np.allclose(law.sum(axis=1), found, rtol=0.02)
        first, *_ = bounds(plan, law.mean(axis=0), period=rate + 1)
        assert first.streamed and first.by_memory
        assert first.megabytes == 2e-6 * plan.row_words * (16 + 784 * (64 // plan.lanes))


def test_no_other_network_on_a_chip_that_streams():
    network = dense(60, 21, 7)
    chip = Plan(network, from_flash=(1,))
    assert reload(chip, network).streamed == chip.streamed
    with pytest.raises(BadInput, match="the chip streams weights of layers 1 from its flash, where "
                                       "no host writes: build it for this network"):
        reload(chip, dense(60, 21, 7, seed=2))


@pytest.mark.parametrize("from_flash", [(), (1,), (2,), (1, 3)])
def test_a_host_finds_what_a_chip_keeps(from_flash):
    """By the words of its weight memory, which differ where other layers are streamed."""
    network = dense(60, 21, 40, 7)
    plan = Plan(network, from_flash=from_flash)
    told = SimpleNamespace(outputs={}, lanes=4, word_steps=16,
                           words=plan.resident_rows * plan.row_words)
    found = plan_on(told, network)
    assert found.streamed == plan.streamed
    assert np.array_equal(found.weight_image, plan.weight_image)


def test_fits_says_what_is_streamed():
    found = fits(dense((1, 28, 28), 1000, 10), "icebreaker", lanes=4, word_steps=16)
    way, = (each for each in found.ways["icebreaker"] if "--weights flash" in each)
    assert re.search(r"fits with --weights flash --lanes 4 --word-steps 16: layer 1 streamed, "
                     r"0.392 MB an image at [\d.]+ MB/s, bound by memory, [\d.]+ ms", way)
    assert found.costs[0].over == ("does not fit: weight memory, rows needs 199056, 182672 more "
                                   "than the 16384 there are",)
