"""The compiled kernel gives the arrays of the NumPy model, in every bit and of the same type."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest

import golden.kernel
from golden.network import Layer, Network, Neuron, Pool
from golden.run import run_batched
from tests.helpers.compiled import differing
from verify.drawn.__main__ import array
from verify.drawn.cases import case_of
from verify.networks import draw, images

ROWS, _, _ = array()
PART = 12       # of the rows one is taken
FAULTY = [*range(0, 6 * PART, PART), *(         # those that a fault in the kernel is shown
    n for key, value in (("encoder", "bernoulli"), ("delay", 1))
    for n in [n for n, row in enumerate(ROWS) if row["model"] == "lif" and row[key] == value][:3])]


@cache
def case(row):
    """A network of the covering array, its pictures, and one of its modes and gammas."""
    found = case_of(ROWS[row], row, f"pair {row}")
    settings = found.runs[row // PART % len(found.runs)]
    return found.network, found.images, {key: settings[key] for key in ("mode", "gamma")}


def stages(network):
    """(stages that the kernel computes, all)."""
    return len(golden.kernel.Compiled(network).stages), len(network.stages)


@pytest.fixture(autouse=True, scope="module")
def compiler():
    assert golden.kernel.library(), "there is a compiler where the tests run"


@pytest.mark.parametrize("row", range(0, len(ROWS), PART))
def test_pairs_of_features(row):
    """Networks of the covering array: all orders, groups, poolings, norms, encoders, read-outs."""
    network, given, settings = case(row)
    assert differing(network, given, **settings) == []


@pytest.mark.parametrize("seed", range(12))
def test_drawn(seed):
    network = draw(seed, rich=True, steps=(1, 2, 16, 33, 64), encoder="bernoulli", kernels=7)
    assert differing(network, images(network, 5, seed)) == []
    assert differing(network, images(network, 5, seed), map_bits=9, gamma=0.0, keep=False) == []


def test_most_stages_are_the_kernels():
    """Or all would be compared with itself."""
    found = np.sum([stages(case(row)[0]) for row in range(0, len(ROWS), PART)
                    if ROWS[row]["greatest"] == "none"], axis=0)
    assert found[0] > 0.5 * found[1]


@pytest.mark.parametrize("steps", [1, 63, 64, 65, 255])
def test_any_number_of_steps(steps):
    """Up to 64 steps are a word; more run in NumPy."""
    network = draw(3, steps=(steps,), encoder="bernoulli")
    assert stages(network)[0] == (len(network.stages) if steps <= 64 else 0)
    assert differing(network, images(network, 3, 1)) == []


def layer(weights, threshold=3, **options):
    return Layer(np.array(weights), 8, Neuron(np.int64(threshold), np.int64(1 << 12),
                                              **options.pop("neuron", {})), **options)


def test_sums_of_more_than_16_bits():
    """As many inputs of the largest weight as overflow 16 bits, and a few less."""
    rng = np.random.default_rng(1)
    for inputs in (255, 257, 600):
        network = Network((1, 1, inputs), 4, (
            layer(np.full((3, inputs), 127), 20_000),
            layer([[1, -2, 3]], 0, neuron={"reset": "none"})), encoder="bernoulli")
        given = rng.integers(200, 256, (4, 1, 1, inputs), dtype=np.uint8)
        assert differing(network, given) == [] and stages(network) == (2, 2)


def test_a_stage_of_more_than_32_bits_runs_in_numpy():
    first = layer(np.full((2, 1, 1, 1), 127), 2**26, frac=20)
    network = Network((1, 4, 4), 16, (
        first, Pool("max", 2, 2), layer([[1, -2, 3, 4, 5, 6, 7, 8]], 0, neuron={
            "reset": "none"})), encoder="bernoulli")
    assert stages(network) == (1, 2)
    assert differing(network, np.full((2, 1, 4, 4), 250, np.uint8)) == []


def test_a_threshold_of_0_spikes_without_an_input():
    """A walk of no spikes may not be skipped."""
    network = Network((1, 3, 3), 5, (
        layer(np.ones((2, 1, 2, 2), int), 0, neuron={"compare": "ge"}),
        layer(np.ones((2, 8), int), 0, neuron={"reset": "none"})), encoder="bernoulli")
    black = np.zeros((2, 1, 3, 3), np.uint8)
    assert differing(network, black) == []
    assert run_batched(black, network, kernel="compiled").counts[0, 1] > 0



@pytest.mark.slow
@pytest.mark.rotated
@pytest.mark.parametrize("old, new", [
    ("(v * leak[o]) >> 16", "(v * leak[o]) >> 15"), ("-(v > limit[o])", "-(v >= limit[o])"),
    ("last < 0 ? 256", "last < 0 ? 255"), ("drawn[t] < level", "drawn[t] <= level"),
    ("to[o] += row[o]", "to[o] -= row[o]"),
    ("[n] += ((const", "[n] -= ((const"), ("if (mode == 0) sums[t] -= 256;", ""),
    ("at = t + delay", "at = t")])
def test_a_fault_in_the_kernel_is_seen(old, new, tmp_path, monkeypatch):
    text = golden.kernel.SOURCE.read_text()
    assert text.count(old) == 1
    (tmp_path / "kernel.cpp").write_text(text.replace(old, new))
    monkeypatch.setattr(golden.kernel, "SOURCE", tmp_path / "kernel.cpp")
    golden.kernel.library.cache_clear()
    try:
        wrong = [differing(network, given[:4], **settings) for network, given, settings in map(
            case, FAULTY)]
    finally:
        golden.kernel.library.cache_clear()
    assert any(wrong)


def test_without_a_compiler_numpy_runs(tmp_path):
    """And a kernel that cannot be loaded is none."""
    code = ("from golden.kernel import library; from verify.networks import draw, images; "
            "from golden.run import run_batched; n = draw(1); print(library()); "
            "print(len(run_batched(images(n, 2, 1), n, kernel='compiled').pred))")
    done = subprocess.run([sys.executable, "-c", code], env={"PATH": str(tmp_path)}, text=True,
                          capture_output=True, check=True)
    assert done.stdout.split() == ["None", "2"]
