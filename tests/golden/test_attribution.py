"""Spike attribution: the tutorial, by hand, its identities, and the integer traces."""

import numpy as np
import pytest

from golden.attribution import SpikeAttributor
from golden.explain.paths import dense_paths, network_paths
from golden.explain.traces import (
    attribute,
    attribution_bits,
    decay_table,
    quantised,
    trace_bits,
    traces,
)
from golden.formats import SCORE_FRAC, TABLE_FRAC, exp_table
from golden.network import Layer, Network, Neuron, Pool, load
from golden.run import run
from golden.sam import scores as sam_scores
from golden.synapses import pooled, weighted, windows

TUTORIAL_1 = """
import numpy as np
from golden.attribution import SpikeAttributor
attr = SpikeAttributor(decay=0.9)
# Input: 100 timesteps, 64 neurons
rng = np.random.default_rng(42)
input_spikes = (rng.random((100, 64)) < 0.1).astype(float)
# Weights: 2-layer network
weights = [
rng.standard_normal((64, 32)).astype(np.float32) * 0.3,
rng.standard_normal((32, 10)).astype(np.float32) * 0.3,
]
result = attr.attribute(input_spikes, weights, output_neuron=0)
# Top 5 most important input spikes
print("Most important spikes for output neuron 0:")
for t, n, score in result.top_k(5):
    print(f" t={t:>3d}, input neuron={n:>2d}: importance={score:.4f}")
# Temporal profile: which timesteps matter most
temporal_importance = result.temporal_profile()
peak_time = np.argmax(temporal_importance)
print(f"Peak importance at t={peak_time}")
"""

TUTORIAL_4 = """
# After training an MNIST SNN:
# 1. Run a test digit through the network
# 2. Attribute: which input pixels (spikes) drove the classification
# 3. Visualise: overlay importance on the original digit image
from golden.attribution import SpikeAttributor
attr = SpikeAttributor(decay=0.95)
# test_spikes: (25, 784) — 25 timesteps, 784 input pixels
result = attr.attribute(test_spikes, model_weights, output_neuron=predicted_class)
# Reshape importance to 28x28 image
pixel_importance = result.spatial_importance() # sum over time
importance_image = pixel_importance.reshape(28, 28)
# Now visualise with matplotlib — high-importance pixels show where
# the network "looked" to make its decision
"""


@pytest.fixture(scope="module")
def fashion():
    return load("models/fashion_small.npz")


@pytest.fixture(scope="module")
def images():
    return np.load("models/fashion_sample.npz")["images"]


def layer(rng, shape, **options):
    neuron = Neuron(np.int64(8), np.int64(4096), delay=options.pop("delay", 0))
    weights = rng.integers(-8, 8, shape)
    return Layer(weights, 4, options.pop("neuron", neuron), **options)


READOUT = Neuron(np.int64(0), np.int64(0), reset="none")


def small(rng, *, steps=6, delay=0, kind="sum"):
    """Grouped and strided convolutions, two pools in a row, a dense layer and a read-out."""
    return Network((2, 11, 9), steps, (
        layer(rng, (4, 2, 3, 3), padding=1, delay=delay), Pool(kind, 3, 2, 1), Pool("sum", 2, 1),
        layer(rng, (6, 2, 2, 2), stride=2, groups=2),
        layer(rng, (5, 6 * 2 * 2), delay=delay),
        layer(rng, (3, 5), neuron=READOUT)))


def outputs(scores_by_step, decay):
    """O(T) of O(0) = 0, O(t+1) = decay (O(t) + x(t))."""
    found = 0.0
    for x in scores_by_step:
        found = decay * (found + x)
    return found


# --- the tutorial and by hand ---------------------------------------------------------------------


def test_tutorial_word_for_word(capsys):
    names = {}
    exec(TUTORIAL_1, names)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Most important spikes for output neuron 0:" and len(lines) == 7
    # The largest score is a spike of the largest path weight near the end.
    scores, path = names["result"].scores, names["weights"][0] @ names["weights"][1][:, 0]
    t, n, score = names["result"].top_k(1)[0]
    assert lines[1] == f" t={t:>3d}, input neuron={n:>2d}: importance={score:.4f}"
    assert score == pytest.approx(path[n] * 0.9 ** (100 - t), rel=1e-5)
    assert abs(score) == np.abs(scores).max() and t > 80
    assert lines[-1] == f"Peak importance at t={scores.sum(axis=1).argmax()}"


def test_tutorial_example_on_a_real_network(fashion, images):
    found = run(images[:1], fashion)
    names = {"test_spikes": found.spikes_input[0].reshape(16, 784), "model_weights": fashion,
             "predicted_class": found.pred[0]}
    exec(TUTORIAL_4, names)
    assert names["importance_image"].shape == (28, 28)
    assert np.array_equal(names["importance_image"],
                          names["result"].spatial_importance((28, 28)))


def test_by_hand():
    found = SpikeAttributor(0.5).attribute([[1, 1], [0, 1]], [[[2], [-1]]], 0)
    assert found.scores.tolist() == [[0.5, -0.25], [0, -0.5]]
    assert found.total == -0.25
    assert found.top_k(2) == [(0, 0, 0.5), (1, 1, -0.5)]  # equals: the earlier first
    assert len(found.top_k(9)) == 3
    assert found.temporal_profile().tolist() == [0.25, -0.5]
    assert found.spatial_importance().tolist() == [0.5, -0.75]
    assert found.spatial_importance((2, 1)).shape == (2, 1)
    assert found.summary().splitlines() == [
        "Attribution of 3 spikes to output neuron 0 (decay 0.5)",
        "Sum of scores: -0.2500 (for: 0.5000, against: -0.7500)",
        "Largest: 0.5000 at (t=0, neuron=0)", "Peak step: t=1"]


def test_paths_by_hand():
    weights = [np.array([[1, 2], [3, 4]]), np.array([[1], [-1]])]
    assert dense_paths(weights, 0).tolist() == [-1, -1]
    assert dense_paths(weights, 0, [[[0, 1], [1, 0]]]).tolist() == [[-2, -4], [1, 3]]


def test_signs_and_other_outputs_differ():
    weights = [np.eye(3), np.array([[1, 0], [0, -2], [0, 0]])]
    attributor = SpikeAttributor(0.5)
    assert attributor.attribute([[1, 1, 1]], weights, 0).scores.tolist() == [[0.5, 0, 0]]
    assert attributor.attribute([[1, 1, 1]], weights, 1).scores.tolist() == [[0, -1, 0]]
    assert attributor.last.output_neuron == 1


def test_no_spikes():
    found = SpikeAttributor(0.9).attribute(np.zeros((4, 3)), np.ones((3, 2)), 1)
    assert found.total == 0 and found.top_k(3) == [] and "0 spikes" in found.summary()


# --- identities -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_linear_scores_sum_to_the_leaky_linear_output(seed):
    rng = np.random.default_rng(seed)
    sizes, decay = rng.integers(1, 9, rng.integers(2, 6)), rng.random()
    spikes = rng.integers(0, 2, (20, sizes[0]))
    weights = [rng.standard_normal(pair) for pair in zip(sizes, sizes[1:], strict=False)]
    k = rng.integers(sizes[-1])
    current = spikes.astype(float)
    for matrix in weights:
        current = current @ matrix
    found = SpikeAttributor(decay).attribute(spikes, weights, k)
    assert found.total == pytest.approx(outputs(current[:, k], decay), abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_active_scores_sum_to_the_gated_output(seed):
    rng = np.random.default_rng(seed)
    sizes, decay = rng.integers(1, 9, rng.integers(2, 6)), rng.random()
    spikes = rng.integers(0, 2, (20, sizes[0]))
    hidden = [rng.integers(0, 2, (20, n)) for n in sizes[1:-1]]
    weights = [rng.standard_normal(pair) for pair in zip(sizes, sizes[1:], strict=False)]
    k = rng.integers(sizes[-1])
    current = spikes.astype(float)
    for matrix, gate in zip(weights, [*hidden, 1], strict=True):
        current = current @ matrix * gate
    found = SpikeAttributor(decay).attribute(spikes, weights, k, paths="active", hidden=hidden)
    assert found.total == pytest.approx(outputs(current[:, k], decay), abs=1e-12)


def test_last_layer_scores_sum_to_the_real_logits(fashion, images):
    """One matrix is left there, and as decay goes to the read-out's L = 1 the sum is the logit."""
    found = run(images[:3], fashion)
    for n in range(3):
        for k in range(10):
            total = SpikeAttributor(1 - 1e-9).attribute(found.spikes[3][n], fashion, k,
                                                        layer=3).total
            assert round(total) == found.logits[n, k]


def gated(network, activations):
    """Class currents (T, K) of the chain in which hidden neurons hand on currents when firing."""
    current = activations[0].astype(float)
    for stage, real in zip(network.stages, activations, strict=True):
        spikes = real
        for pool in stage.pools:
            counts, before = pooled(current, pool), pooled(spikes, pool)
            if pool.kind == "max":
                one = Pool("sum", pool.kernel, pool.stride, pool.padding)
                counts = sums(current, one) * before / np.maximum(sums(spikes, one), 1)
            else:
                counts = sums(current, pool)
            current, spikes = counts, before
        current = forward_weights(current, stage.layer)
        if stage.index < len(network.stages):
            current = current * activations[stage.index]
    return current[..., 0, 0]


def sums(values, pool):
    """Sum pooling of real numbers."""
    return windows(values, pool.kernel, pool.stride, pool.padding).sum(
        axis=(4, 5)).transpose(0, 3, 1, 2)


def forward_weights(values, layer):
    """A layer's weighted sums of real numbers, from those of whole numbers, bit by bit."""
    if layer.dense:
        return (values.reshape(len(values), -1) @ layer.weights.T)[..., None, None]
    kernel, found = layer.kernel, []
    padded = np.pad(values, ((0, 0), (0, 0), (layer.padding,) * 2, (layer.padding,) * 2))
    for part, weights in zip(np.split(padded, layer.groups, axis=1),
                             np.split(layer.weights, layer.groups), strict=True):
        view = np.lib.stride_tricks.sliding_window_view(part, (kernel, kernel), axis=(2, 3))
        found.append(np.einsum("nchwij,ocij->nohw",
                               view[:, :, ::layer.stride, ::layer.stride], weights))
    return np.concatenate(found, axis=1)


@pytest.mark.parametrize("kind", ["sum", "max"])
@pytest.mark.parametrize("seed", range(3))
def test_convolutions_sum_to_the_linear_and_the_gated_output(seed, kind):
    rng = np.random.default_rng(seed)
    network = small(rng, kind=kind)
    summing = network.replace(layers=tuple(
        Pool("sum", part.kernel, part.stride, part.padding) if isinstance(part, Pool) else part
        for part in network.layers))
    spikes = rng.integers(0, 2, (6, 2, 11, 9))
    hidden = [rng.integers(0, 2, (6, *stage.shape)) for stage in network.stages[:-1]]
    attributor = SpikeAttributor(0.8)
    for k in range(3):
        active = attributor.attribute(spikes, network, k, paths="active", hidden=hidden)
        wanted = outputs(gated(network, [spikes, *hidden])[:, k], 0.8)
        assert active.total == pytest.approx(wanted, rel=1e-9, abs=1e-6)
        if kind == "max":  # a max pool hands on each spike, as a sum does
            assert np.array_equal(network_paths(network, k), network_paths(summing, k))
        else:
            current = spikes
            for stage in network.stages:
                for pool in stage.pools:
                    current = pooled(current, pool)
                current = weighted(current, stage.layer, 10**6)
            linear = attributor.attribute(spikes, network, k)
            assert linear.total == pytest.approx(outputs(current[:, k, 0, 0], 0.8), rel=1e-9)


@pytest.mark.parametrize("options, shape, weights", [
    ({}, (3, 7, 6), (4, 3, 3, 3)), ({"stride": 2, "padding": 1}, (3, 7, 6), (4, 3, 3, 3)),
    ({"stride": 3, "padding": 1}, (2, 8, 9), (4, 2, 2, 2)),
    ({"groups": 2, "padding": 2, "stride": 2}, (4, 7, 7), (6, 2, 5, 5)), ({}, (2, 3, 4), (5, 24))])
def test_transposed_is_the_adjoint(options, shape, weights):
    rng = np.random.default_rng(1)
    part = layer(rng, weights, **options)
    a = rng.integers(0, 2, (2, *shape))
    forward = weighted(a, part, 1)
    b = rng.integers(-9, 9, forward.shape)
    assert (forward * b).sum() == (a * part.op.adjoint(b, shape)).sum()


def test_dense_network_equals_matrices():
    """Column k of the product, in (c, y, x) order; and the same active paths."""
    rng = np.random.default_rng(3)
    network = Network((2, 3, 2), 5, (layer(rng, (7, 12)), layer(rng, (4, 7), neuron=READOUT)))
    chain = [stage.layer.weights.T for stage in network.stages]
    spikes, hidden = rng.integers(0, 2, (5, 2, 3, 2)), rng.integers(0, 2, (5, 7))
    assert np.array_equal(network_paths(network, 2), dense_paths(chain, 2))
    assert np.array_equal(network_paths(network, 2, layer=1), chain[1][:, 2])
    a = SpikeAttributor(0.9).attribute(spikes, network, 2, paths="active", hidden=[hidden])
    b = SpikeAttributor(0.9).attribute(spikes.reshape(5, 12), chain, 2, paths="active",
                                       hidden=[hidden])
    assert np.array_equal(a.scores, b.scores)


def test_one_layer_has_no_gates():
    """Without hidden neurons between, active paths are linear ones."""
    rng = np.random.default_rng(4)
    network = Network((2, 3, 2), 5, (layer(rng, (7, 12)), layer(rng, (4, 7), neuron=READOUT)))
    spikes, attributor = rng.integers(0, 2, (5, 7)), SpikeAttributor(0.9)
    linear = attributor.attribute(spikes, network, 1, layer=1).scores
    for weights, place in (network, {"layer": 1}), ([network.stages[1].layer.weights.T], {}):
        active = attributor.attribute(spikes, weights, 1, paths="active", hidden=[], **place)
        assert np.array_equal(active.scores, linear)


def test_gates_follow_delays():
    """A hidden spike that leaves one step late opens the path of the step before."""
    rng = np.random.default_rng(5)
    network = Network((3, 1, 1), 4, (layer(rng, (2, 3), delay=1), layer(rng, (2, 2), delay=1),
                                     layer(rng, (2, 2), neuron=READOUT)))
    spikes = [np.ones((4, 3)), np.array([[0, 0], [1, 0], [0, 1], [1, 1]]), np.ones((4, 2))]
    w1, w2, w3 = (stage.layer.weights.T for stage in network.stages)
    found = network_paths(network, 1, spikes=spikes)
    for t, gate in enumerate([[1, 0], [0, 1]]):
        assert np.array_equal(found[t], w1 @ (gate * (w2 @ w3[:, 1])))
    assert not found[2:].any()


def test_norm_gives_paths_of_each_step():
    rng = np.random.default_rng(6)
    gain = rng.integers(1, 9, (4, 5))
    first = layer(rng, (5, 3), norm=(gain, np.zeros((4, 5), int), 2))
    network = Network((3, 1, 1), 4, (first, layer(rng, (2, 5), neuron=READOUT)))
    w1, w2 = (stage.layer.weights.T for stage in network.stages)
    found = network_paths(network, 0)
    for t in range(4):
        assert np.allclose(found[t], (w1 * gain[t] / 4) @ w2[:, 0])
    assert SpikeAttributor(0.5).attribute(np.ones((4, 3)), network, 0).scores.shape == (4, 3)
    with pytest.raises(ValueError, match="input_spikes has 3 steps where the network has 4"):
        SpikeAttributor(0.5).attribute(np.ones((3, 3)), network, 0)


def test_active_paths_know_the_class_and_linear_ones_hardly(fashion, images):
    """On 20 real images the class with the largest sum of active scores is the prediction, mostly.

    What it shows: linear path weights are the same for every image, so the hardware's traces say
    more the nearer the layer is to the output.
    """
    found = run(images[:20], fashion)
    agree = {"linear": 0, "active": 0}
    for n in range(20):
        hidden = [found.spikes[tap][n] for tap in (1, 2, 3)]
        for paths in agree:
            sums = [SpikeAttributor(0.9).attribute(
                found.spikes_input[n], fashion, k, paths=paths,
                hidden=hidden if paths == "active" else None).total for k in range(10)]
            agree[paths] += np.argmax(sums) == found.pred[n]
    assert agree["active"] >= 14 > agree["linear"]


# --- integer traces -------------------------------------------------------------------------------


def word_by_word(trains, table, steps, word=16):
    """The traces as the hardware sees them: one neuron at a time, a word of steps at a time."""
    found = []
    for train in trains:
        kept = since = 0                                   # A, steps since the last spike
        for start in range(0, steps, word):
            bits = [t for t in range(min(word, steps - start)) if train[start + t]]
            at = 0                                         # step of the last event in the word
            for t in bits:
                since += t - at
                kept = 256 + ((int(table[since]) * kept + (1 << 14)) >> 15)
                since, at = 0, t
            since += min(word, steps - start) - at
        found.append((int(table[since]) * kept + (1 << 14)) >> 15)
    return found


@pytest.mark.parametrize("steps", [1, 4, 16, 17, 40])
@pytest.mark.parametrize("rate", [0.05, 0.5, 1.0])
@pytest.mark.parametrize("decay", [0, 0.3, 0.9, 0.999])
def test_traces_word_by_word(steps, rate, decay):
    spikes = np.random.default_rng(steps).random((steps, 30)) < rate
    table = decay_table(decay, steps)
    assert traces(spikes, table).tolist() == word_by_word(spikes.T, table, steps)


def test_traces_by_hand():
    assert decay_table(0.5, 2).tolist() == [32768, 16384, 8192]
    spikes = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 0], [1, 0, 1]])
    assert traces(spikes, decay_table(0.5, 4)).tolist() == [176, 0, 128]
    assert traces(np.ones((3, 1)), np.full(4, 2**15)).tolist() == [3 * 256]  # nothing fades


def test_traces_are_the_A_of_sam():
    """A at the last spike is SAM's inclusive score there; the end is one more decay."""
    steps, rng = 30, np.random.default_rng(0)
    spikes = (rng.random((steps, 50)) < 0.3).astype(np.uint8)
    spikes[0] = 1
    gamma = -np.log(0.9)
    table = decay_table(0.9, steps)
    assert np.array_equal(table, exp_table(gamma, steps + 1))
    last = steps - 1 - spikes[::-1].argmax(axis=0)
    kept = sam_scores(spikes[None], table, "inclusive")[0][last, np.arange(50)]
    assert np.array_equal(traces(spikes, table), (table[steps - last] * kept + 2**14) >> 15)


def bound(decay, steps, frac=SCORE_FRAC):
    """The error bound of the docstring of traces, for up to ``steps`` spikes, in units."""
    a = sum(decay**d for d in range(steps))
    c = decay_table(decay, steps)[1] / 2**TABLE_FRAC
    return (0.5 + a * 2.0**(frac - TABLE_FRAC - 1)) * sum(c**m for m in range(steps))


@pytest.mark.parametrize("decay", [0.0, 0.1, 0.5, 0.8, 0.9, 0.95, 0.99, 0.9999])
@pytest.mark.parametrize("steps", [1, 2, 16, 64, 255])
def test_traces_keep_the_error_bound(decay, steps):
    """Induction: a spike multiplies an error by at most c, and adds 1/2 for the rounding of the
    product and a 2**(frac - 16) for that of the table, at most 2**-16 times a trace of a.
    """
    rng = np.random.default_rng(steps)
    spikes = rng.random((steps, 400)) < np.linspace(0, 1, 400)
    exact = ((decay ** (steps - np.arange(steps)))[:, None] * spikes).sum(axis=0)
    found = traces(spikes, decay_table(decay, steps))
    assert np.abs(found - exact * 256).max() <= bound(decay, steps)
    assert found.max() < 2**trace_bits(steps)


def test_traces_of_real_images_against_the_float_rule(fashion, images):
    """Worst error on 20 images at decay .9, in units of 2**-8: below the bound of 4.4."""
    found = run(images[:20], fashion)
    spikes = found.spikes_input.reshape(20, 16, -1).transpose(1, 0, 2)
    exact = (0.9 ** (16 - np.arange(16))[:, None, None] * spikes).sum(axis=0)
    errors = np.abs(traces(spikes, decay_table(0.9, 16)) - 256 * exact)
    assert errors.max() < min(2.5, bound(0.9, 16)) and bound(0.9, 16) < 4.4


def test_weighed_traces_against_the_float_scores(fashion, images):
    """|error| <= B |w| + trace / 2 in units: of the trace, and of rounding the path weight."""
    found = run(images[:1], fashion)
    paths = np.stack([network_paths(fashion, k) for k in range(10)], axis=1)
    weights, shift = quantised(paths, 8)
    trains = found.spikes_input[0].reshape(16, -1)
    trace = traces(trains, decay_table(0.9, 16))
    products = attribute(trace, weights)
    assert products.shape == (784, 10)
    assert np.array_equal(attribute(trace, weights[:, 3]), products[:, 3])
    for k in range(10):
        exact = SpikeAttributor(0.9).attribute(trains, fashion, k).spatial_importance()
        error = np.abs(products[:, k] * 2.0**(shift - SCORE_FRAC) - exact)
        exact_trace = exact / np.where(paths[:, k], paths[:, k], 1) * 256
        limit = bound(0.9, 16) * np.abs(weights[:, k]) + exact_trace / 2
        assert (error * 2.0**(SCORE_FRAC - shift) <= limit + 1e-6).all()


def test_quantised():
    weights, shift = quantised([300, -3, 1])
    assert (weights.tolist(), shift) == ([75, -1, 0], 2)
    assert quantised([0, 0])[1] == 0
    for values, bits in ([127], 8), ([-128], 8), ([0.3, -0.7], 4), ([1e9, 3], 16), ([255.7], 8):
        weights, shift = quantised(values, bits)
        assert -2**(bits - 1) <= weights.min() and weights.max() < 2**(bits - 1)
        assert np.abs(weights * 2.0**shift - values).max() <= 2.0**shift / 2
        assert np.abs(weights).max() > 2**(bits - 3)


def test_widths_hold_the_extremes():
    steps = 16
    full = traces(np.ones((steps, 1)), np.full(steps + 1, 2**15))
    assert full.tolist() == [steps << SCORE_FRAC] and full.max() < 2**trace_bits(steps)
    for weight in (-128, 127):
        product = int(attribute(full, np.array([weight]))[0])
        assert -2**(attribution_bits(steps, 8) - 1) <= product < 2**(attribution_bits(steps, 8) - 1)


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("change, message", [
    ({"decay": 1}, "decay must be at least 0 and below 1, not 1"),
    ({"decay": -0.1}, "decay must be at least 0 and below 1, not -0.1"),
    ({"decay": float("nan")}, "decay must be finite"),
    ({"decay": "x"}, "decay must be an array of numbers"),
    ({"input_spikes": np.ones(3)}, r"input_spikes must be \(steps, neurons\), not of shape \(3,\)"),
    ({"input_spikes": np.ones((0, 3))}, "input_spikes must be"),
    ({"input_spikes": [[0, 2, 0]]}, "input_spikes must hold only 0 and 1"),
    ({"input_spikes": [[0, -1, 0]]}, "input_spikes must hold only 0 and 1"),
    ({"input_spikes": [[0, 1]]}, r"input_spikes has 2 neurons where weights\[0\] takes 3"),
    ({"weights": [np.ones((3, 4)), np.ones((5, 2))]},
     r"weights\[1\] takes 5 inputs where weights\[0\] gives 4 outputs"),
    ({"weights": [np.ones((3, 4, 2))]}, r"weights\[0\] must be an \(in, out\) matrix"),
    ({"weights": []}, "weights must hold at least one matrix"),
    ({"weights": 3}, "weights must be a list"),
    ({"weights": [np.full((3, 2), np.nan)]}, r"weights\[0\] must be finite"),
    ({"output_neuron": 2}, "output_neuron must be 0 to 1, not 2"),
    ({"output_neuron": -1}, "output_neuron must be 0 to 1, not -1"),
    ({"output_neuron": 0.5}, "output_neuron must be a whole number, not 0.5"),
    ({"output_neuron": True}, "output_neuron must be a whole number"),
    ({"paths": "both"}, "paths must be one of linear, active, not both"),
    ({"paths": "active"}, "hidden must hold the hidden spikes"),
    ({"hidden": []}, 'hidden is for paths "active" only'),
    ({"paths": "active", "hidden": []}, "hidden must hold the spikes of 1 layers, not 0"),
    ({"paths": "active", "hidden": [np.full((1, 4), 3)]}, r"hidden\[0\] must hold only 0 and 1"),
    ({"paths": "active", "hidden": [np.ones((1, 5))]}, r"hidden\[0\] must be \(steps, 4\)"),
    ({"paths": "active", "hidden": [np.ones((2, 4))]},
     "input_spikes has 1 steps where hidden has 2"),
])
def test_says_which_argument_is_wrong(change, message):
    given = {"decay": 0.9, "input_spikes": [[0, 1, 0]], "output_neuron": 0,
             "weights": [np.ones((3, 4)), np.ones((4, 2))], **change}
    with pytest.raises(ValueError, match=message):
        SpikeAttributor(given.pop("decay")).attribute(**given)


def test_says_which_argument_of_a_network_is_wrong(fashion):
    attributor = SpikeAttributor(0.9)
    good = np.zeros((16, 784))
    for given, message in [
            ({"layer": 4}, "layer must be 0 to 3, not 4"), ({"layer": -1}, "layer must be 0 to 3"),
            ({"input_spikes": good[:, :9]}, "input_spikes must have 784 neurons"),
            ({"output_neuron": 10}, "output_neuron must be 0 to 9, not 10"),
            ({"paths": "active", "hidden": [good]}, "hidden must hold the spikes of 3 layers")]:
        with pytest.raises(ValueError, match=message):
            attributor.attribute(**{"input_spikes": good, "weights": fashion, "output_neuron": 0,
                                    **given})


def test_says_which_argument_of_the_traces_is_wrong():
    spikes, table = np.ones((4, 2)), decay_table(0.5, 4)
    for call, message in [
            (lambda: traces(spikes * 2, table), "spikes must be"),
            (lambda: traces(spikes, table[:4]), "table must have more than 4 entries"),
            (lambda: traces(spikes, table[::-1]), "table must fall"),
            (lambda: traces(spikes, table * 2), "table must fall"),
            (lambda: decay_table(1, 4), "decay must be"), (lambda: decay_table(0.5, 0), "steps"),
            (lambda: quantised([1], 1), "bits must be 2 to 16"),
            (lambda: quantised([np.inf]), "path_weights must be finite"),
            (lambda: attribute(np.ones(3), np.ones(2)), "weights must be one a trace"),
            (lambda: SpikeAttributor(0.5).attribute(spikes, np.ones((2, 1)), 0).top_k(0),
             "k must be at least 1"),
            (lambda: SpikeAttributor(0.5).attribute(
                spikes, np.ones((2, 1)), 0).spatial_importance((3, 3)), "shape must hold 2")]:
        with pytest.raises(ValueError, match=message):
            call()
