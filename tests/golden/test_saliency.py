"""Deleting spikes and silencing neurons: the tutorial, by hand, and exactly as in full runs."""

import time

import numpy as np
import pytest

from golden.explain.perturb import Base, NetworkModel
from golden.explain.saliency import CausalImportance, TemporalSaliency
from golden.network import Layer, Network, Neuron, Pool, load
from golden.run import run
from golden.stages import forward

TUTORIAL_2 = """
from golden.explain.saliency import TemporalSaliency
sal = TemporalSaliency(run_fn=my_model)
result = sal.explain(input_spikes, output_neuron=0)
print(result.summary())
# Total spikes tested: 640
# Significant spikes: 45 (7.0%)
# Max saliency: 0.234 at (t=42, neuron=17)
# Mean saliency: 0.018
# Visualise as heatmap
saliency_map = result.saliency_map() # shape: (100, 64)
"""

TUTORIAL_3 = """
from golden.explain.saliency import CausalImportance
ci = CausalImportance(run_fn=my_model)
result = ci.explain(input_spikes, output_neuron=0)
# Per-neuron importance scores
importance = result.importance_map() # shape: (n_neurons,)
critical = np.argsort(importance)[-5:]
print(f"Top 5 critical neurons: {critical}")
print(f"Their importance scores: {importance[critical]}")
# Robustness: how many neurons can be silenced before accuracy drops 5%
print(f"Robustness: can silence {result.robustness_count(threshold=0.05)} neurons")
"""

STUB = """
def my_model(spikes):
    \"\"\"Your SNN forward pass — returns output spike counts.\"\"\"
    return np.random.rand(10) # replace with actual model
"""

READOUT = Neuron(np.int64(0), np.int64(2**12), reset="none")


@pytest.fixture(scope="module")
def fashion():
    return load("models/fashion_small.npz")


@pytest.fixture(scope="module")
def image(fashion):
    """The image of the first fifty with the most nearly 3,500 input spikes, run."""
    images = np.load("models/fashion_sample.npz")["images"][:50]
    counts = run(images, fashion, taps=(), keep=False).counts[:, 0]
    chosen = np.abs(counts - 3500).argmin()
    return run(images[chosen:chosen + 1], fashion)


def tutorial_input():
    rng = np.random.default_rng(42)
    return (rng.random((100, 64)) < 0.1).astype(float)


def dense_model():
    """64 inputs, 32 and 10 neurons of 100 steps, and how its output counts spikes."""
    rng = np.random.default_rng(7)
    neuron = Neuron(np.int64(20), np.int64(2**13))
    return NetworkModel(Network((64, 1, 1), 100, tuple(
        Layer(rng.integers(-8, 8, shape), 4, neuron) for shape in ((32, 64), (10, 32))),
        readout="count"))


# --- the tutorial and by hand ---------------------------------------------------------------------


@pytest.mark.parametrize("real", [False, True])
def test_tutorial_word_for_word(real, capsys):
    names = {"np": np, "input_spikes": tutorial_input()}
    spikes = int(names["input_spikes"].sum())
    if real:
        names["my_model"] = dense_model()
    else:
        exec(STUB, names)
    exec(TUTORIAL_2, names)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Total spikes tested: {spikes}"
    assert [line.split(":")[0] for line in lines[1:]] == [
        "Significant spikes", "Max saliency", "Mean saliency",
        "Forward runs replaced" if real else "Forward runs made"]
    assert lines[4].endswith(f": {spikes + 1}")
    assert names["saliency_map"].shape == (100, 64)
    exec(TUTORIAL_3, names)
    lines = capsys.readouterr().out.splitlines()
    assert names["importance"].shape == (64,)
    assert lines[0].startswith("Top 5 critical neurons: [")
    assert lines[-1].startswith("Robustness: can silence ")


def test_saliency_by_hand():
    found = TemporalSaliency(lambda s: np.array([2 * s[0, 0] + s[1, 1], 7.0])).explain(
        [[1, 0], [0, 1]], 0)
    assert found.saliency_map().tolist() == [[2, 0], [0, 1]]
    assert found.summary().splitlines() == [
        "Total spikes tested: 2", "Significant spikes: 2 (100.0%)",
        "Max saliency: 2.000 at (t=0, neuron=0)", "Mean saliency: 1.500", "Forward runs made: 3"]


def test_importance_by_hand():
    found = CausalImportance(lambda s: np.array([2. * s[0, 0] + s[1, 0] - s[1, 1]])).explain(
        [[1, 0], [1, 1]], 0)
    assert found.importance_map().tolist() == [3, -1]
    assert found.robustness_count(threshold=0) == 1
    assert found.robustness_count(threshold=10) == 2
    assert "Max importance: 3.000 at neuron=0" in found.summary()


def test_robustness_counts_neurons_silent_at_once():
    """Each of four equal neurons costs a quarter; alone all pass at .3, together only one."""
    found = CausalImportance(lambda s: s.sum(axis=0, keepdims=True).sum(axis=1, dtype=float)
                             ).explain(np.ones((1, 4)), 0)
    assert [found.robustness_count(x) for x in (0, 0.3, 0.5, 0.75, 1)] == [0, 1, 2, 3, 4]


def test_groups_are_silenced_together():
    """An OR of two neurons: neither is missed alone, both are together."""
    model = CausalImportance(lambda s: np.array([float(s[0, :2].any())]))
    assert model.explain([[1, 1, 1]], 0).importance_map().tolist() == [0, 0, 0]
    found = model.explain([[1, 1, 1]], 0, groups=[[0, 1], [2]])
    assert found.importance_map().tolist() == [1, 0]
    assert found.robustness_count(0.05) == 1


def test_no_spikes_and_no_change():
    found = TemporalSaliency(lambda s: np.zeros(2)).explain(np.zeros((3, 2)), 1)
    assert not found.saliency_map().any() and found.runs == 1
    assert found.summary().startswith("Total spikes tested: 0")
    found = TemporalSaliency(lambda s: np.zeros(2)).explain(np.ones((3, 2)), 1)
    assert "Significant spikes: 0 (0.0%)" in found.summary()


def test_batches_give_the_same_and_progress_is_told():
    spikes = tutorial_input()[:12, :9]
    weights = np.random.default_rng(0).standard_normal((9, 3))
    calls = []

    def progress(starts):
        for start in starts:
            calls.append(start)
            yield start

    def model(trains):
        return np.tanh(trains @ weights).sum(axis=-2)

    a = TemporalSaliency(model).explain(spikes, 2)
    b = TemporalSaliency(model, batch=4, progress=progress).explain(spikes, 2)
    assert np.allclose(a.saliency_map(), b.saliency_map(), atol=1e-12)
    assert calls == list(range(0, int(spikes.sum()), 4))
    a, b = (CausalImportance(model, batch=size).explain(spikes, 1) for size in (None, 4))
    assert np.allclose(a.importance_map(), b.importance_map(), atol=1e-12)
    assert a.robustness_count(0.5) == b.robustness_count(0.5)


# --- networks: exactly as in full runs ------------------------------------------------------------


def drawn(seed):
    """A random chain of up to three convolutions, pools of all kinds, a dense layer or none."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 4)), int(rng.integers(9, 20)), int(rng.integers(9, 20)))
    steps, layers, channels = int(rng.integers(1, 20)), [], shape[0]
    side = np.array(shape[1:])
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.5 and side.min() >= 4:
            kernel, stride = int(rng.integers(1, 4)), int(rng.integers(1, 4))
            padding = int(rng.integers(0, kernel // 2 + 1))
            layers.append(Pool(str(rng.choice(["sum", "avg", "max"])), kernel, stride, padding))
            side = (side + 2 * padding - kernel) // stride + 1
        kernel, stride = int(rng.integers(1, 4)), int(rng.integers(1, 5))
        kernel = min(kernel, int(side.min()))
        padding, out = int(rng.integers(0, kernel)), 2 * int(rng.integers(1, 4))
        groups = channels if out % channels == 0 and rng.random() < 0.4 else 1
        neuron = Neuron(np.int64(rng.integers(0, 12)), rng.integers(0, 2**14, out),
                        str(rng.choice(["subtract", "subtract_leaked", "zero"])),
                        str(rng.choice(["gt", "ge"])), int(rng.integers(0, 2)))
        norm = None
        if rng.random() < 0.3:
            norm = (rng.integers(1, 5, (steps, out)), rng.integers(-3, 4, (steps, out)), 1)
        layers.append(Layer(rng.integers(-8, 8, (out, channels // groups, kernel, kernel)), 4,
                            neuron, bias=rng.integers(-2, 4, out), stride=stride, padding=padding,
                            groups=groups, norm=norm))
        side, channels = (side + 2 * padding - kernel) // stride + 1, out
    readout = str(rng.choice(["membrane", "count", "first"]))
    last = READOUT if readout == "membrane" else Neuron(np.int64(5), np.int64(2**13))
    layers.append(Layer(rng.integers(-8, 8, (4, channels * int(side.prod()))), 4, last))
    return Network(shape, steps, tuple(layers), readout=readout, encoder="frames")


@pytest.mark.parametrize("seed", range(60))
def test_deletions_equal_full_runs(seed):
    """Any layer of a random network; spikes one by one, and whole neurons."""
    network, rng = drawn(seed), np.random.default_rng(seed)
    frames = (rng.random((1, network.steps, *network.shape)) < rng.choice([0.1, 0.5, 0.9]))
    active = frames.astype(np.int16)
    for layer in range(len(network.stages)):
        model = NetworkModel(network, layer, batch=7)
        spikes = active[0].reshape(network.steps, -1)
        places = np.argwhere(spikes)
        chosen = [(int(t), int(n)) for t, n in rng.permutation(places)[:12]]
        chosen += [(None, int(n)) for n in rng.permutation(spikes.shape[1])[:12]]
        if chosen:
            found = model.without_each(spikes, chosen)
            full = np.repeat(spikes[None], len(chosen), axis=0)
            for one, (t, n) in zip(full, chosen, strict=True):
                one[slice(None) if t is None else t, n] = 0
            assert np.array_equal(found, model(full)), f"layer {layer}"
        active, _ = forward(active, network.stages[layer], network.steps)


def test_patches_do_follow_changes():
    """Of the drawn networks enough keep to patches for the test above to mean something."""
    followed = 0
    for seed in range(60):
        network, rng = drawn(seed), np.random.default_rng(seed)
        model = NetworkModel(network)
        base = Base((rng.random((1, network.steps, *network.shape)) < 0.5).astype(np.int16), model)
        patches = []
        inner = base.followed

        def watched(patch, n, inner=inner, patches=patches):
            patches.append(inner(patch, n))
            return patches[-1]

        base.followed = watched
        base.without([(None, n) for n in range(5)])
        followed += any(patch is not None for patch in patches)
    assert followed >= 20


def test_model_gives_the_logits_of_a_run(fashion, image):
    for layer in range(4):
        spikes = image.spikes_input if layer == 0 else image.spikes[layer]
        trains = spikes[0].reshape(16, -1)
        assert np.array_equal(NetworkModel(fashion, layer)(trains), image.logits[0])
        assert np.array_equal(NetworkModel(fashion, layer)(trains[None]), image.logits)


def test_saliency_of_all_spikes_of_a_real_image(fashion, image):
    """About 3,500 spikes in well under 60 s; fifty of them against full runs."""
    model, k = NetworkModel(fashion), int(image.pred[0])
    trains = image.spikes_input[0].reshape(16, 784)
    start = time.perf_counter()
    found = TemporalSaliency(model).explain(trains, k)
    seconds = time.perf_counter() - start
    assert seconds < 60 and 3300 < found.runs < 3700 and found.replaced
    assert found.base == image.logits[0, k]
    places = np.random.default_rng(0).permutation(np.argwhere(trains))[:50]
    full = np.repeat(trains[None], 50, axis=0)
    full[np.arange(50), places[:, 0], places[:, 1]] = 0
    assert np.array_equal(found.base - model(full)[:, k],
                          found.saliency_map()[places[:, 0], places[:, 1]])
    assert (found.saliency_map()[trains == 0] == 0).all()


def test_importance_of_neurons_and_channels_of_a_real_layer(fashion, image):
    model, k = NetworkModel(fashion, 3), int(image.pred[0])
    trains = image.spikes[3][0].reshape(16, -1)
    neurons = CausalImportance(model).explain(trains, k)
    assert neurons.importance_map().shape == (1568,) and neurons.replaced
    # One accumulating read-out is linear: a neuron's importance is its spikes times its weight.
    weights = fashion.stages[3].layer.weights[k]
    assert np.array_equal(neurons.importance_map(), trains.sum(axis=0) * weights)
    channels = CausalImportance(model).explain(trains, k, groups=model.channels())
    assert np.array_equal(channels.importance_map(),
                          neurons.importance_map().reshape(32, 49).sum(axis=1))
    assert not channels.replaced and 0 <= channels.robustness_count(0.05) < 32
    assert CausalImportance(NetworkModel(fashion)).explain(
        image.spikes_input[0].reshape(16, 784), k).runs == 785


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [TemporalSaliency, CausalImportance])
@pytest.mark.parametrize("run_fn, batch, spikes, k, message", [
    (3, None, [[1]], 0, "run_fn must be a function of spikes, not int"),
    (lambda s: 1.0, None, [[1]], 0, r"run_fn must return outputs of one shape \(outputs,\)"),
    (lambda s: np.zeros((2, 2)), None, [[1]], 0, "run_fn must return outputs of one shape"),
    (lambda s: "x", None, [[1]], 0, "run_fn must be an array of numbers"),
    (lambda s: np.full(2, np.nan), None, [[1]], 0, "run_fn must be finite"),
    (lambda s: np.zeros(2), None, [[1]], 2, "output_neuron must be 0 to 1, not 2"),
    (lambda s: np.zeros(2), None, [[1]], -1, "output_neuron must be 0 to 1, not -1"),
    (lambda s: np.zeros(2), None, [[2]], 0, "input_spikes must hold only 0 and 1"),
    (lambda s: np.zeros(2), None, [1], 0, "input_spikes must be"),
    (lambda s: np.zeros(2), 0, [[1]], 0, "batch must be at least 1, not 0"),
    (lambda s: np.zeros(2), 4, [[1]], 0, r"run_fn must return \(1, outputs\) for a batch of 1"),
    (lambda s: np.zeros(2 + int(s.sum())), None, [[1]], 0, "run_fn must return 3 outputs"),
])
def test_says_which_argument_is_wrong(kind, run_fn, batch, spikes, k, message):
    with pytest.raises(ValueError, match=message):
        kind(run_fn, batch=batch).explain(spikes, k)


def test_says_what_else_is_wrong(fashion):
    ci = CausalImportance(lambda s: np.ones(2))
    for call, message in [
            (lambda: ci.explain([[1]], 0, groups=[]), "groups must hold at least one"),
            (lambda: ci.explain([[1]], 0, groups=[[1]]), r"groups\[0\] must be a list of neurons"),
            (lambda: ci.explain([[1]], 0).robustness_count(-1), "threshold must be a number of"),
            (lambda: NetworkModel(fashion, 4), "layer must be 0 to 3, not 4"),
            (lambda: NetworkModel(fashion, batch=0), "batch must be at least 1"),
            (lambda: NetworkModel(fashion)(np.zeros((15, 784))),
             r"input_spikes must be \(16, 784\) for this layer, not \(15, 784\)"),
            (lambda: TemporalSaliency(NetworkModel(fashion)).explain(np.zeros((16, 9)), 0),
             r"input_spikes must be \(16, 784\)")]:
        with pytest.raises(ValueError, match=message):
            call()
