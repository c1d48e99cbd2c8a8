"""Contributions on the chip: the unit, the read-out by pixels, and the RTL beside golden."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from flow.estimate.cycles import image_cycles, planes_of, trains_of
from golden.explain.contribution import adds_up, contribution_bits, contributions
from golden.images import load_images
from golden.io.errors import BadInput
from golden.io.shipped import sample_of
from golden.network import Layer, Network, Neuron, Pool, load
from golden.run import run
from hw.accelerator import Accelerator
from hw.explain.contribution import Contribution
from hw.plan.packing import lane_weights
from hw.plan.pixels import plan_by_pixel
from hw.plan.planner import Plan
from hw.plan.reload import reload
from sim.rtl import Simulation
from verify.networks import images

READOUT = Neuron(np.int64(0), np.int64(0), reset="none")
STREAM = "contributions"


def network(*, channels=4, side=4, classes=3, steps=8, pool=1, bias=False, seed=1):
    """A convolution before a read-out of ``side`` x ``side`` pixels, pooled by ``pool``."""
    rng = np.random.default_rng(seed)
    hidden = Layer(rng.integers(-4, 8, (channels, 1, 3, 3)), 4,
                   Neuron(np.int64(8), np.int64(2**12)), padding=1)
    last = Layer(rng.integers(-8, 8, (classes, channels * (side // pool)**2)), 4, READOUT,
                 frac=3 * bias, bias=rng.integers(-50, 50, classes) if bias else None)
    pools = (Pool("avg", pool, pool),) if pool > 1 else ()
    return Network((1, side, side), steps, (hidden, *pools, last), name="drawn")


CASES = {
    "few channels": network(),
    "two words a pixel, chunks, biases": network(channels=20, side=3, classes=5, steps=20,
                                                 bias=True),
    "pooled, three chunks, two groups": network(channels=6, classes=7, steps=33, pool=2, bias=True),
    "pooled to one": network(channels=16, side=2, classes=10, steps=16, pool=2),
    "one class, one step": network(channels=3, side=5, classes=1, steps=1, bias=True),
    "one pixel": Network((1, 6, 6), 20, (
        Layer(np.random.default_rng(3).integers(-4, 8, (12, 36)), 4,
              Neuron(np.int64(8), np.int64(2**12))),
        Layer(np.random.default_rng(4).integers(-8, 8, (5, 12)), 4, READOUT)), name="dense"),
    "one pixel and biases": Network((1, 6, 6), 5, (
        Layer(np.random.default_rng(3).integers(-4, 8, (12, 36)), 4,
              Neuron(np.int64(8), np.int64(2**12))),
        Layer(np.random.default_rng(4).integers(-8, 8, (5, 12)), 4, READOUT,
              bias=np.arange(-2, 3))), name="dense"),
}
SIZES = ({"lanes": 1}, {"lanes": 2, "word_steps": 8, "taps": ()},
         {"lanes": 4, "attribution": 1}, {"lanes": 4, "trains": 2})


@pytest.mark.slow
@pytest.mark.rotated
@pytest.mark.parametrize("stall", [0, 0.3])
@pytest.mark.parametrize("options", SIZES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_rtl_equals_golden(name, options, stall):
    """Every contribution, every score, and all maps and traces beside them."""
    made = CASES[name]
    if options["lanes"] != 4 and stall:
        pytest.skip("stalls are drawn at four lanes")
    layer, pictures = made.taps[-1], images(made, 2)
    simulation = Simulation(made, quick=True, explain={STREAM: (layer,)}, **options)
    found, wanted = simulation.run(pictures, stall=stall), run(pictures, made)
    shares = found.explained[STREAM, layer]
    assert np.array_equal(shares, contributions(wanted.spikes[layer], made)) and shares.any()
    assert np.array_equal(found.arrays()[f"{STREAM}_{layer}"], shares)
    assert np.array_equal(found.scores, wanted.scores)
    assert adds_up(shares, found.scores, made).all()
    for tap in found.maps:
        assert np.array_equal(found.maps[tap], wanted.maps[tap])
    if not stall:
        assert (found.cycles <= simulation.most_cycles).all()


@pytest.mark.slow
@pytest.mark.parametrize("name, most", [("fashion", 0.035), ("scenes", 0.001)])
def test_real_networks_and_what_it_costs(name, most):
    """Equal on real images, beside the maps; and the share of cycles that it takes."""
    made = load(name)
    pictures, layer = load_images(sample_of(name), made)[0][:5], made.taps[-1]
    plain = Simulation(made, taps=made.default_taps).run(pictures, keep=False)
    simulation = Simulation(made, taps=made.default_taps, explain={STREAM: (layer,)})
    found, wanted = simulation.run(pictures, keep=False), run(pictures, made)
    assert np.array_equal(found.explained[STREAM, layer],
                          contributions(wanted.spikes[layer], made))
    assert np.array_equal(found.scores, wanted.scores)
    assert found.cycles.mean() <= plain.cycles.mean() * (1 + most)
    # The estimate of the read-out's cycles, within three in a hundred.
    plan = simulation.accelerator.plan
    trains = [trains_of(plan, planes_of(plan, wanted.spikes_input)),
              *(trains_of(plan, wanted.spikes[tap]) for tap in made.taps)]
    taken = found.causes[:, -1].sum(axis=1)
    assert np.allclose(image_cycles(plan, trains)[:, -1], taken, rtol=0.03)


@pytest.mark.parametrize("frac, width", [(0, 6), (3, 5)])
def test_the_unit(frac, width):
    """One is held until it is taken, without its fraction bits; busy as long."""
    dut = Contribution(bits=9, frac=frac, width=width)
    values, got = [-16, 15, 0, -1], []

    async def bench(ctx):
        assert not ctx.get(dut.busy)
        for n, value in enumerate(values):
            ctx.set(dut.i.payload, value << frac)
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
            ctx.set(dut.i.valid, 0)
            for _ in range(n):
                assert ctx.get(dut.busy) and ctx.get(dut.o.valid)
                await ctx.tick()
            ctx.set(dut.o.ready, 1)
            got.append(ctx.get(dut.o.payload))
            await ctx.tick()
            ctx.set(dut.o.ready, 0)
            assert not ctx.get(dut.busy)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert got == [value % (1 << width) for value in values]


@pytest.mark.parametrize("name", CASES)
def test_widths_are_those_that_hold_every_sum(name):
    made = CASES[name]
    plan = plan_by_pixel(made)
    assert plan.contribution_bits == contribution_bits(made)
    pixels = int(np.prod(made.stages[-2].shape[1:]))
    biased = made.stages[-1].layer.bias is not None
    assert plan.reading == pixels and plan.segments == pixels + biased


def test_accumulators_get_narrower_and_scores_do_not():
    plan, plain = plan_by_pixel(load("fashion_small")), Plan(load("fashion_small"))
    assert (plan.sum_bits, plan.score_bits) == (10, 18)
    assert (plain.sum_bits, plain.score_bits) == (14, 18)


def test_biases_come_with_the_last_segment_alone():
    plan = plan_by_pixel(CASES["two words a pixel, chunks, biases"], lanes=4)
    each = plan.passes[-1]
    rows = lane_weights(plan, each)
    assert rows.shape[1] == each.segments * each.rows and each.segments == 10
    with_weights = [rows[:, n * each.rows:(n + 1) * each.rows].any() for n in range(10)]
    assert with_weights == [True] * 9 + [False]
    stored = plan.weight_image[each.row_base:].reshape(10, each.groups, each.rows, -1)
    headers = stored[:, :, :plan.header]
    assert (headers[:9] == headers[0]).all() and (headers[9] != headers[0]).any()


def test_other_weights_on_a_chip_that_is_built():
    built = network(classes=5, pool=2, bias=True)
    chip, weights = plan_by_pixel(built), built.layers[-1].weights
    other = lambda values, bias: built.replace(layers=(*built.layers[:-1], Layer(
        values, 4, READOUT, frac=3, bias=bias)))
    made = reload(chip, other(weights[::-1] // 2, np.arange(5)))
    assert made.by_pixel and made.segments == chip.segments == 17
    with pytest.raises(BadInput, match="^drawn: [a-z]+ need [0-9]+ bits where the chip has "):
        reload(chip, other(np.full_like(weights, -8), np.arange(5)))


@pytest.mark.parametrize("made, explain, message", [
    (load("digits-latency"), None, "^digits-latency: its scores are no sums over spikes: "),
    (load("fashion-bntt"), None, r"^fashion-bntt: contributions on the chip: norms over time"),
    (load("fashion"), (1,), "^fashion: contributions are those of the deepest spiking layer, 4, "
                            "not of 1$"),
])
def test_refused(made, explain, message):
    with pytest.raises(BadInput, match=message):
        Accelerator(made, explain={STREAM: explain or made.taps[-1:]})
