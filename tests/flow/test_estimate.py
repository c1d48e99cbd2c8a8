"""The memory plan adds up to the plan, and the cycles lie around those of the simulated RTL."""

import re
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import verilog

from boards.platform.device import ICE40UP5K
from flow import build, design
from flow.estimate.fits import SIZES, board_named, cost
from flow.estimate.memories import (
    ebrs,
    efforts,
    memory_plan,
    shortages,
    too_many,
)
from flow.report import costs, markdown
from flow.yosys import yosys
from golden.importers.quantise import quantise
from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron, load
from hw.accelerator import Accelerator
from hw.plan.buffers import SPRAM_WORDS
from hw.plan.planner import Plan
from hw.plan.widths import product_blocks
from tests.helpers.leaky_chip import beta9
from verify.networks import draw

pytestmark = pytest.mark.slow

DSPS, EBRS = (ICE40UP5K.limits[kind] for kind in ("dsp", "ebr"))
ACCUMULATE = Neuron(np.int64(0), np.int64(0), reset="none")


def dense(inputs, hidden, *, bits=4):
    """inputs-hidden-10 with all weights 1."""
    return Network((1, inputs, 1), 16, (
        Layer(np.ones((hidden, inputs), np.int64), bits, Neuron(np.int64(3), np.int64(4096))),
        Layer(np.ones((10, hidden), np.int64), bits, ACCUMULATE)), name="wide")


def test_ebrs_by_hand():
    """An EBR holds 256 x 16, 512 x 8, 1024 x 4 or 2048 x 2 bits."""
    assert [ebrs(*size) for size in ((256, 16), (257, 16), (16, 20), (1024, 20), (2048, 2))] == [
        1, 2, 2, 5, 1]


def test_memory_plan_by_hand():
    """784-128-10, 8 lanes of 4 bits: 16 groups of 784 rows, 2 of 128, 16 rows for a threshold."""
    found = {store.what: store for store in memory_plan(Plan(dense(784, 128), lanes=8),
                                                        map_width=12)}
    weights = found["weights and thresholds"]
    assert (weights.depth, weights.width, weights.blocks) == (16 * 784 + 2 * 128 + 2 * 16, 32, 2)
    assert found["trains of the input and even passes"].bits == 784 * 16
    assert found["bitmap of trains with spikes"].depth == (784 + 128) // 16
    assert (found["SAM map of a pixel"].depth, found["SAM map of a pixel"].width) == (16, 12)


@pytest.mark.parametrize("seed", range(8))
def test_memory_plan_agrees_with_usage(seed):
    plan = Plan(draw(seed, rich=True))
    stores = [store for store in memory_plan(plan) if store.kind == "SPRAM"]
    assert [store.depth for store in stores] == [used for _, used, _ in plan.usage]


def test_cycles_by_hand():
    """784-128-10 at 8 lanes: 16 walks of 49 visits and an end, 2 of 8 visits; 16 steps to drain."""
    first, second = efforts(Plan(dense(784, 128), lanes=8))
    assert (first.walks, first.visits, second.walks, second.visits) == (16, 49, 2, 8)
    headers = Plan(dense(784, 128), lanes=8).header
    assert (first.quiet, first.busy) == (16 * 50 + headers, 16 * 785 + headers)
    assert (second.quiet, second.busy) == (2 * 16 + headers, 2 * 129 + headers)


def refused(network, folder, capsys, *options):
    """What hw.build prints for a network that must not fit; nothing may be written."""
    network.save(folder / "net.npz")
    out = folder / "out"
    with pytest.raises(SystemExit) as stop:
        build.main(["ice40", "--network", str(folder / "net.npz"), "--out", str(out), *options])
    assert stop.value.code == 2
    assert not out.exists() and [path.name for path in Path(folder).iterdir()] == ["net.npz"]
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert len(lines) == 1 and "wrote" not in said.out
    return lines[0]


def test_too_many_weights_is_told(tmp_path, capsys):
    """256 outputs at 4 lanes: 64 groups of 784 rows, 3 of 256, and 16 rows for a threshold each."""
    rows = 64 * 784 + 3 * 256 + 2 * 16
    assert refused(dense(784, 256), tmp_path, capsys) == (
        f"error: wide: does not fit: weight memory, rows needs {rows}, {rows - SPRAM_WORDS} more "
        f"than the {SPRAM_WORDS} there are")


def test_size_is_found():
    """The fastest that fits: 784-128-10 in four bits has too many rows for 4 lanes."""
    assert design.engine_size(dense(784, 128), None, None)[:2] == (8, 8)
    assert design.engine_size(dense(784, 128), None, 16)[:2] == (4, 16)     # none fits
    small, board = dense(64, 16), board_named("icebreaker")
    taken = cost(small, board, design.engine_size(small))
    assert taken.sure and all(other.cycles >= taken.cycles for size in SIZES
                              if (other := cost(small, board, size)).sure)
    assert design.engine_size(dense(784, 128), 8, 16)[:2] == (8, 16)


@pytest.mark.parametrize("bits, lanes", [(4, 4), (8, 2)])
def test_two_lanes_where_logic_cells_are_short(bits, lanes):
    """Beta .9 on 23 bits of membrane and more: four lanes of 8-bit weights do not fit the UP5K."""
    network = quantise(beta9(), bits=bits)
    assert design.engine_size(network, None, None)[:2] == (lanes, 16)
    assert design.engine_size(network, 4, None)[:2] == (4, 16)
    assert design.engine_size(dense(784, 128, bits=8), None, None)[:2] == (4, 16)


def test_too_many_trains_are_told(tmp_path, capsys):
    network = Network((3, 96, 96), 16, (
        Layer(np.ones((10, 3, 1, 1), np.int64), 4, Neuron(np.int64(3), np.int64(4096))),
        Layer(np.ones((2, 10 * 96 * 96), np.int64), 4, ACCUMULATE)), name="large")
    message = refused(network, tmp_path, capsys)
    assert "train memory 0 (input and even layers), words needs 36864, 20480 more than" in message


def test_too_wide_rows_are_told(tmp_path, capsys):
    """8 lanes of 8 bits take 4 SPRAMs beside each other, and trains the other 2."""
    message = refused(dense(64, 16, bits=8), tmp_path, capsys, "--lanes", "8")
    assert "does not fit: 6 blocks of SPRAM, 2 more than the 4 there are" in message


def leaky(leak, *, frac=8):
    """A dense network of 20 inputs whose hidden layer drops ``leak`` of 2**16 in a step."""
    neuron = Neuron(np.int64(700), np.int64(leak) if np.ndim(leak) == 0 else np.array(leak))
    return Network((1, 20, 1), 16, (
        Layer(np.full((8, 20), 7), 4, neuron, frac=frac),
        Layer(np.ones((10, 8), np.int64), 4, ACCUMULATE)), name="leaky")


@pytest.mark.parametrize("leak", [1 << 12, 6554, 3277])
def test_a_leak_of_a_pass_takes_no_multiplier(leak):
    plan = Plan(leaky(leak))
    assert plan.membrane_bits > 16 and plan.products == ()
    assert Accelerator(leaky(leak), attribution=1).products == (("SAM", 1), ("traces", 1))


def test_leaks_of_channels_are_counted(tmp_path, capsys):
    """Two a lane where membranes are wider than 16 bits: 8 for 4 lanes, and 1 of SAM."""
    network = leaky([6554, 3277] * 4)
    assert Plan(network).kept["leak"].bits == 13
    assert Plan(network).products == (("leaks of channels", 8),)
    assert Plan(leaky([6554, 3277] * 4, frac=2), lanes=2).products == (("leaks of channels", 2),)
    assert design.engine_size(network, None, None)[:2] == (2, 16)
    assert design.engine_size(network, None, None, sam=False)[:2] == (4, 16)
    message = refused(conv_leaky(), tmp_path, capsys, "--lanes", "4")
    assert message == (
        f"error: conv: does not fit: 9 multipliers (DSP), 1 more than the {DSPS} there are (leaks "
        "of channels 8, SAM 1); fewer --lanes take fewer")


def conv_leaky():
    """A convolution with a map, two leaks, and membranes of more than 16 bits."""
    neuron = Neuron(np.int64(700), np.array([6554, 3277] * 4))
    return Network((1, 4, 4), 16, (
        Layer(np.full((8, 1, 3, 3), 7), 4, neuron, frac=8),
        Layer(np.ones((10, 32), np.int64), 4, ACCUMULATE)), name="conv")


@pytest.mark.rotated
@pytest.mark.parametrize("widths, count", [
    ((16, 13), 1), ((17, 16), 1), ((18, 16), 2), ((23, 14), 2), ((24, 18), 3), ((6, 4), 0),
    ((7, 4), 1), ((33, 16), 2)])
def test_pieces_of_a_product_are_those_of_yosys(widths, count, tmp_path):
    assert product_blocks(*widths) == product_blocks(*widths[::-1]) == count
    a, b = (width - 1 for width in widths)
    (tmp_path / "dut.v").write_text(
        f"module dut(input signed [{a}:0] a, input signed [{b}:0] b, output signed [{a + b + 1}:0]"
        " y);\nassign y = a * b;\nendmodule\n")
    yosys(f"read_verilog dut.v; synth_ice40 -dsp -device u -top dut; "
          f"select -assert-count {count} t:SB_MAC16", tmp_path)


def test_too_many_says_nothing_of_enough():
    assert too_many([("x", DSPS)]) == [] and "1 more" in too_many([("x", DSPS + 1)])[0]


def test_block_rams_are_counted():
    plan = Plan(draw(3, rich=True))
    assert shortages(memory_plan(plan)) == []
    assert any("EBR" in text for text in shortages(memory_plan(plan, map_width=16 * EBRS)))


@pytest.mark.parametrize("options, stores", [
    ([], set()), (["--experiments"], {"marks of silent neurons"}),
    (["--traces", "1"], {"table of the traces"})])
def test_traces_and_experiments_are_built_on_demand(options, stores, tmp_path):
    """Nothing of them is there without; their memories are in the plan."""
    network = dense(64, 16)
    config = build.configured(["ice40", "--no-sam", *options])
    accelerator, _, _ = design.design(network, config)
    assert accelerator.experiments == ("--experiments" in options)
    assert accelerator.attribution == (1 if "--traces" in options else None)
    found = {store.what: store for store in design.memories(accelerator)}
    assert {"marks of silent neurons", "table of the traces"} & found.keys() == stores
    for store in stores:
        assert (found[store].depth, found[store].width) == (
            (64 // 16, 16) if options[0] == "--experiments" else (32, 16))


def test_contributions_are_built_on_demand():
    """Without the option there is no stream of them, and the read-out is cut as it was."""
    plain, asked = (design.design(load("fashion"), build.configured(["ice40", *options]))[0]
                    for options in ([], ["--contributions"]))
    assert "contributions" in asked.outputs and "contributions" not in plain.outputs
    assert (plain.plan.segments, asked.plan.segments) == (8, 16)
    with pytest.raises(BadInput, match="^fashion-bntt: contributions on the chip: norms over time"):
        design.design(load("fashion-bntt"), build.configured(["ice40", "--contributions"]))


def test_a_program_is_as_wide_as_it_is_built():
    """Of the small fashion network 30 bits, which is what stands in the Verilog."""
    accelerator = Accelerator(load("models/fashion_small.npz"), taps=())
    store, = (each for each in design.memories(accelerator) if each.what == "program of visits")
    text = verilog.convert(accelerator, emit_src=False)
    rows, = re.findall(r"reg \[(\d+):0\] \\program +\[(\d+):0\];", text)
    assert [int(n) + 1 for n in rows] == [store.width, store.depth] and store.width == 30


@pytest.mark.parametrize("options, message", [
    (["--traces", "2"], "--traces: layer 2 is no spiking layer of "),
    (["--baud", "0"], "--baud: baud must be at least 1, not 0"),
    (["--baud", "20000000"], "--baud: baud must be at most a quarter of the clock of 24000000 Hz")])
def test_refuses_options(options, message, tmp_path, capsys):
    assert refused(dense(64, 16), tmp_path, capsys, *options).startswith(f"error: {message}")


def test_report_states_the_plan():
    network = dense(784, 128)
    plan = Plan(network, lanes=8)
    used = ("lc", "ebr", "spram", "dsp")
    report = {
        "network": "n", "board": "b", "available": dict.fromkeys(used, 1),
        **dict.fromkeys(used, 1), "memories": [], "clock_mhz": 24.0, "fmax_mhz": 30.0,
        "timing_met": True, "unregistered": [], "widths": {}, "tools": {}, "options": {},
        **dict.fromkeys(("device", "digest", "lanes", "word_steps", "schedule", "taps", "sam_mode",
                         "gamma", "map_sums", "seed"), ""),
        **costs(plan, memory_plan(plan), 24e6)}
    text = markdown(report)
    assert "| weights and thresholds | 2 SPRAM | 12,832 | 32 | 410,624 | 524,288 | 768 |" in text
    assert "| layer 1 | 16 | 49 |" in text and "| all | | |" in text
