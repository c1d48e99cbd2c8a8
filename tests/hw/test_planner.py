"""The planner: its programs, walked in Python, give golden's sums; what does not fit is said."""


import numpy as np
import pytest

from golden.encode import encode
from golden.formats import MOST_STEPS, exp_table
from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron, Pool
from golden.network.encoders import ENCODERS
from golden.network.ops import Greatest
from golden.neurons.population import fire
from golden.synapses import pooled, weighted
from hw.interface import Space, score_arrays, score_output, score_words, table_space
from hw.plan.buffers import SPRAM_WORDS, WORD, aligned, channel_stride
from hw.plan.packing import configuration
from hw.plan.planner import Plan
from verify.drawn.named import named
from verify.networks import deep, draw, images

QUIET = Neuron(np.int64(0), np.int64(0), reset="none")
CASES = named()


def placed(plan, values, each):
    """Contents of a pass's source memory, in its first chunk, for values (C, H, W) at one step."""
    channels, height, width = values.shape
    stride = channel_stride(channels)
    memory = np.zeros(2**plan.train_addr, dtype=np.int64)
    for c, y, x in np.ndindex(values.shape):
        memory[(y * width + x) * stride + c] = values[c, y, x]
    assert each.in_chunk == (0 if each.steady else aligned(stride * height * width))
    return memory


def planes(plan, values):
    """Trains of the input (C, H, W) at one step: signs or bits apart, channel by channel.

    Of numbers that are the same in every step what their bits sum up to.
    """
    if plan.steady_bits:
        parts = [values // factor % 2**plan.steady_bits for factor in plan.input_factors]
    elif plan.planes == 2:
        parts = [values > 0, values < 0]
    else:
        parts = [values >> bit & 1 for bit in range(plan.planes)]
    return np.stack(parts, axis=1).reshape(-1, *values.shape[1:]).astype(np.int64)


def weight_rows(plan):
    """(rows, lanes) weights in memory."""
    bits = plan.weight_bits
    rows = [sum(word << WORD * n for n, word in enumerate(row))
            for row in plan.weight_image.tolist()]
    fields = np.array([[row >> lane * bits & 2**bits - 1 for lane in range(plan.lanes)]
                       for row in rows])
    return fields - (fields >> bits - 1 << bits)


def walked(plan, each, memory):
    """What the engine gives for a pass, (C, H, W): sums, the greatest of a walk's legs, or the OR
    of each window.
    """
    rows, size = weight_rows(plan), 2**plan.train_addr
    channels, height, width = each.shape
    found = np.zeros((each.legs, each.groups * each.span, height, width), dtype=np.int64)
    counts = np.ones((each.legs, 1, height, width), dtype=bool)
    outer = (each.window - 1) ^ (WORD - 1)
    for y, x, group in np.ndindex(*each.grid, each.groups):
        # The segments of a read-out are all of its one pixel, each with rows of its own.
        segment, at_y, at_x = (x, 0, 0) if each.segments > 1 else (0, y, x)
        corner = each.base + y * each.line_step + x * each.pixel_step + group * each.group_step
        ended = np.cumsum([0, *(visit.leg for visit in each.program)])
        for leg, visit in zip(ended, each.program, strict=False):
            at = (each.origin[0] + y * each.stride[0] + visit.dy,
                  each.origin[1] + x * each.stride[1] + visit.dx)
            place = (each.origin[0] + y * each.stride[0] + visit.down,
                     each.origin[1] + x * each.stride[1] + visit.across)
            counts[leg, 0, at_y, at_x] = inside = all(
                0 <= n < limit for n, limit in zip(place, each.leg_limits, strict=True))
            if not (inside and 0 <= at[0] < each.limits[0] and 0 <= at[1] < each.limits[1]):
                continue
            address = (corner + visit.offset) % size
            for n in range(WORD):
                if n & outer != address & WORD - 1 & outer:
                    continue
                value = memory[address // WORD * WORD + n]
                lanes = slice(group * each.span, (group + 1) * each.span)
                if each.merging:
                    found[leg, lanes, at_y, at_x] |= value
                elif value:
                    row = (each.row_base + (segment * each.groups + group) * each.rows + visit.row
                           + (n & each.window - 1))
                    found[leg, lanes, at_y, at_x] += value * rows[row]
    assert not found[:, channels:].any(), "a lane without a channel adds something"
    assert counts.any(axis=0).all()
    return np.where(counts, found, -2**31).max(axis=0)[:channels]


@pytest.mark.parametrize("seed", range(24))
def test_programs_give_the_sums_of_golden(seed):
    """At one step of an image, whatever the kernel, stride, padding, groups, pools and encoder."""
    encoder = list(ENCODERS)[seed % 6]
    network = draw(seed, rich=True, encoder=encoder)
    lanes, word_steps = (1, 2, 4, 8)[seed // 4 % 4], (8, 16, 4)[seed // 6 % 3]
    assert_sums(Plan(network, lanes=min(lanes, word_steps), word_steps=word_steps), seed)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if any(
    not each.plain for layer in case.network.layers for each in [getattr(layer, "op", layer)])])
def test_programs_give_the_sums_of_windows_of_any_shape(name):
    options = CASES[name].options
    plan = Plan(CASES[name].network, lanes=options["lanes"], word_steps=options["word_steps"])
    assert_sums(plan, 1)


def assert_sums(plan, seed):
    """What the programs of a plan give at one step of an image is what golden sums."""
    network = plan.network
    active, step = encode(images(network, 1, seed), network), network.steps // 2
    passes = iter(plan.passes)
    for stage in network.stages:
        read = planes(plan, active[0, step]) if stage.index == 1 else active[0, step]
        flat = active.reshape(-1, *active.shape[2:])
        for pool in stage.pools:
            flat = pooled(flat, pool)
            if pool.kind == "max":
                each = next(passes)
                assert each.merging
                merged = walked(plan, each, placed(plan, read, each))
                read = pooled(read[None], pool)[0]
                assert np.array_equal(merged, read)
        each = next(passes)
        assert not each.merging and each.shape == stage.shape
        sums = weighted(flat, stage.layer, stage.top)
        sums = sums.reshape(*active.shape[:2], *sums.shape[1:])
        found = walked(plan, each, placed(plan, read, each))
        assert np.array_equal(found, sums[0, step]), f"layer {stage.index}"
        active, _ = fire(sums, stage.layer)
    assert next(passes, None) is None


@pytest.mark.parametrize("seed", range(12))
def test_configuration_writes_everything_once(seed):
    """All words of the weights, the table, mode and seed, within the indices of the chip."""
    network = draw(seed, rich=True)
    plan = Plan(network)
    table = exp_table(0.5, network.steps)
    writes = configuration(plan, table=table, mode="official").astype(int)
    spaces = [writes[writes[:, 0] == space]
              for space in (Space.WEIGHTS, table_space("maps"), Space.REGISTERS)]
    assert np.array_equal(spaces[0][:, 1], np.arange(plan.weight_image.size))
    assert np.array_equal(spaces[0][:, 2], plan.weight_image.ravel())
    assert np.array_equal(spaces[1][:, 2], table)
    registers = {index: value for _, index, value in spaces[2].tolist()}
    assert registers == {0: 2, 1: network.seed & 0xFFFF, 2: network.seed >> 16}
    assert sum(map(len, spaces)) == len(writes)


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
def test_scores_leave_in_class_order(lanes):
    """Group of lanes by group, step by step, class by class; each exactly once."""
    network = draw(3)
    output = score_output(classes=network.classes, steps=network.steps, lanes=lanes, bits=16)
    numbers = np.arange(network.steps * network.classes).reshape(1, network.steps, -1)
    words = score_words(output, numbers)
    assert np.array_equal(score_arrays(output, words), numbers)
    want = [(step, c) for first in range(0, network.classes, lanes)
            for step in range(network.steps)
            for c in range(first, min(first + lanes, network.classes))]
    assert [divmod(n, network.classes) for n in words[0].tolist()] == want


def test_channel_strides():
    """A power of two below 16, a multiple of 16 above, so that no visit crosses a word."""
    assert [channel_stride(n) for n in (1, 2, 3, 5, 8, 9, 16, 17, 32, 33)] == [
        1, 2, 4, 8, 8, 16, 16, 32, 32, 48]
    assert [aligned(n) for n in (0, 1, 16, 17)] == [0, 16, 16, 32]


@pytest.mark.parametrize("options, rule", [
    ({"lanes": 3}, "lanes must be 1, 2, 4, 8 or 16, not 3"),
    ({"lanes": 0}, "lanes must be 1, 2, 4, 8 or 16, not 0"),
    ({"word_steps": 12}, "steps of a word must be 4, 8 or 16, not 12"),
    ({"lanes": 8, "word_steps": 4}, "lanes must not be more than the 4 steps of a word"),
])
def test_refuses_options(options, rule):
    with pytest.raises(BadInput, match=rule):
        Plan(draw(3), **options)


def dense(inputs, outputs):
    """A network of one dense layer."""
    weights = np.ones((outputs, inputs), dtype=np.int64)
    return Network((inputs, 1, 1), 4, (Layer(weights, 2, QUIET),), name="big")


def test_says_what_does_not_fit_and_by_how_much():
    """Eight groups of four classes, a row an input, 16 set aside for the threshold."""
    assert Plan(dense(2032, 32)).weight_rows == 8 * 2032 + 16 <= SPRAM_WORDS
    with pytest.raises(BadInput, match="big: does not fit: weight memory, rows needs 16400, 16 "
                                       "more than the 16384 there are"):
        Plan(dense(2048, 32))
    wide = Network((1, 200, 200), 4, (
        Layer(np.ones((1, 1, 7, 7), dtype=np.int64), 2, Neuron(np.int64(1), np.int64(0)),
              stride=64), Layer(np.ones((1, 16), dtype=np.int64), 2, QUIET)), name="wide")
    with pytest.raises(BadInput, match=r"wide: does not fit: train memory 0 \(input .* 40000, "):
        Plan(wide)


@pytest.mark.parametrize("pools, greatest, trains, message", [
    ((Pool("sum", 3, 1, 1),), None, 1, "layer 1: padding of a sum pooling: no gateware"),
    ((Pool("sum", 5, 2, 0, True),), None, 1, r"layer 1: windows beyond the map \(ceil\) of a sum"),
    ((), Greatest(2, 2), 2, "before the neurons of layer 1 takes sums .* one train a cycle: --tr"),
])
def test_refuses_what_no_gateware_computes(pools, greatest, trains, message):
    """The model runs it, the planner names the layer and the operation."""
    layer = Layer(np.ones((2, 1, 3, 3), int), 4, Neuron(np.int64(3), np.int64(0)),
                  greatest=greatest)
    shape = (1, 12, 12)
    for each in (*pools, layer):
        shape = each.output(shape)
    last = Layer(np.ones((2, int(np.prod(shape))), int), 4, QUIET)
    with pytest.raises(BadInput, match=message):
        Plan(Network((1, 12, 12), 4, (*pools, layer, last)), trains=trains)


def test_refuses_sums_of_bits_out_of_a_walk_buffer():
    network = draw(3, encoder="current")
    with pytest.raises(BadInput, match="encoder current takes sums .* one train a cycle: --trains"):
        Plan(network, trains=2)


def test_refuses_the_greatest_sum_of_a_read_out():
    last = Layer(np.ones((2, 1, 4, 4), int), 4, QUIET, greatest=Greatest(9, 1))
    with pytest.raises(BadInput, match="before the neurons of layer 1: a read-out takes every sum"):
        Plan(Network((1, 12, 12), 4, (last,)))


def test_as_many_steps_as_golden():
    """A plan holds the longest run, or names the memory that does not."""
    network = Network((4, 1, 1), MOST_STEPS, (Layer(np.ones((2, 4), int), 4, QUIET),))
    assert Plan(network).chunks == 64
    with pytest.raises(BadInput, match="does not fit: "):
        Plan(network.replace(shape=(1024, 1, 1), layers=(
            Layer(np.ones((2, 1024), int), 4, QUIET),)))


def test_as_many_passes_as_a_byte_counts():
    """More would be numbered wrongly in simulation and on the wire."""
    assert len(Plan(deep(248, 7)).passes) == 250
    with pytest.raises(BadInput, match="^deep 249: does not fit: 251 weighted layers and max "
                                       "poolings, and the hardware numbers 250$"):
        Plan(deep(249, 7))
