"""python -m sim.explain: pictures and raw maps of every method, and its one-line refusals."""

import numpy as np
import pytest
from PIL import Image

import golden.explain
import sam_snn
from apps.explain import draw, drawable, main
from apps.look import HEAT, SIGNED
from golden.attribution import SpikeAttributor
from golden.explain.contribution import step_contributions
from golden.explain.methods import METHODS
from golden.explain.paths import network_paths
from golden.explain.perturb import NetworkModel
from golden.explain.saliency import CausalImportance, TemporalSaliency
from golden.explain.traces import attribute, decay_table, quantised, traces
from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron, load
from golden.run import run

pytestmark = pytest.mark.slow

NETWORK, SAMPLE = "models/fashion_small.npz", "models/fashion_sample.npz"


@pytest.fixture(scope="module")
def expected():
    """The network, image 3 of the sample and its run."""
    network, images = load(NETWORK), np.load(SAMPLE)["images"]
    return network, images[3], run(images[3:4], network)


def explain(folder, *options, image=SAMPLE):
    main(["--network", NETWORK, "--image", str(image), "--index", "3",
          "--out", str(folder / "e.png"), *options])
    with Image.open(folder / "e.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert min(pixels.shape[:2]) > 300 and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100
    assert sorted(path.name for path in folder.glob("e.*")) == ["e.npz", "e.png"]
    return np.load(folder / "e.npz")


def test_sam(tmp_path, expected, capsys):
    network, image, result = expected
    found = explain(tmp_path, "--method", "sam", "--gamma", "0.5")
    assert np.array_equal(found["map"], result.maps[3][0]) and found["layer"] == 3
    assert found["frac"] == 8 and found["pred"] == result.pred[0]
    assert np.array_equal(found["logits"], result.logits[0])
    assert np.array_equal(found["image"][0], image)
    label = np.load(SAMPLE)["labels"][3]
    said = capsys.readouterr().out
    names = network.notes["classes"]
    assert f"predicted: {names[result.pred[0]]} ({result.pred[0]})" in said
    assert f"label: {names[label]} ({label})" in said and found["label"] == label


def test_attribution(tmp_path, expected):
    network, _, result = expected
    hidden = [result.spikes[tap][0] for tap in (1, 2, 3)]
    found = explain(tmp_path, "--method", "attribution", "--decay", "0.8", "--output-neuron", "2")
    wanted = SpikeAttributor(0.8).attribute(result.spikes_input[0], network, 2, paths="active",
                                            hidden=hidden)
    assert np.array_equal(found["map"], wanted.scores.reshape(16, 1, 28, 28))
    assert found["output_neuron"] == 2 and np.array_equal(found["heat"], found["map"][:, 0])
    found = explain(tmp_path, "--method", "attribution", "--paths", "linear", "--layer", "3")
    wanted = SpikeAttributor(0.9).attribute(result.spikes[3][0], network, result.pred[0], layer=3)
    assert np.array_equal(found["map"], wanted.scores.reshape(16, 32, 7, 7))
    assert np.allclose(found["heat"], found["map"].sum(axis=1))


def test_saliency_and_causal_importance(tmp_path, expected, capsys):
    network, _, result = expected
    k, model = result.pred[0], NetworkModel(network, 2)
    trains = result.spikes[2][0].reshape(16, -1)
    found = explain(tmp_path, "--method", "saliency", "--layer", "2")
    wanted = TemporalSaliency(model).explain(trains, k)
    assert np.array_equal(found["map"], wanted.saliency_map().reshape(16, 16, 14, 14))
    assert wanted.summary() in capsys.readouterr().out
    found = explain(tmp_path, "--method", "causal", "--layer", "2")
    wanted = CausalImportance(model).explain(trains, k)
    assert np.array_equal(found["map"], wanted.importance_map().reshape(16, 14, 14))


def test_png(tmp_path, expected, capsys):
    """The same pixels from a PNG file; nothing is known of a label then."""
    Image.fromarray(expected[1]).save(tmp_path / "image.png")
    found = explain(tmp_path, image=tmp_path / "image.png")
    assert np.array_equal(found["map"], expected[2].maps[3][0])
    assert "label" not in found.files and "label" not in capsys.readouterr().out


@pytest.fixture
def small(tmp_path):
    """A small network and an image for it, as files: options of the command."""
    rng = np.random.default_rng(0)
    neuron = Neuron(np.int64(6), np.int64(2**12))
    readout = Neuron(np.int64(0), np.int64(0), reset="none")
    Network((1, 8, 8), 8, (Layer(rng.integers(-4, 8, (4, 1, 3, 3)), 4, neuron, padding=1),
                           Layer(rng.integers(-8, 8, (3, 256)), 4, readout))
            ).save(tmp_path / "n.npz")
    np.save(tmp_path / "i.npy", rng.integers(0, 256, (1, 8, 8), dtype=np.uint8))
    return ["--network", str(tmp_path / "n.npz"), "--image", str(tmp_path / "i.npy")]


@pytest.mark.rotated
@pytest.mark.parametrize("options", [
    [], ["--method", "saliency"], ["--method", "saliency", "--layer", "1"], ["--method", "causal"],
    ["--method", "causal", "--layer", "1"]], ids=" ".join)
def test_rtl_gives_the_map_of_golden(tmp_path, small, options, capsys):
    found = []
    for engine in ("golden", "rtl"):
        main([*small, *options, "--engine", engine, "--out", str(tmp_path / f"{engine}.png")])
        found.append(np.load(tmp_path / f"{engine}.npz"))
    for key in ("map", "logits", "pred", "heat"):
        assert np.array_equal(found[0][key], found[1][key])
    assert found[0]["map"].any()
    assert not options or "runs on the chip: " in capsys.readouterr().out


def test_attribution_by_the_traces_of_the_chip(tmp_path, small):
    main([*small, "--method", "attribution", "--engine", "rtl", "--decay", "0.8",
          "--output-neuron", "2", "--out", str(tmp_path / "e.png")])
    found, network = np.load(tmp_path / "e.npz"), load(tmp_path / "n.npz")
    spikes = run(np.load(tmp_path / "i.npy")[None], network).spikes[1][0]
    weights, shift = quantised(network_paths(network, 2, layer=1))
    want = attribute(traces(spikes, decay_table(0.8, 8)).ravel(), weights)
    assert want.any() and np.array_equal(found["map"], want.reshape(4, 8, 8))
    # The traces are the attribution of golden, rounded: four neurons a pixel, |weights| up to 8.
    scores = SpikeAttributor(0.8).attribute(spikes, network, 2, layer=1).scores
    assert np.allclose(found["heat"][0], scores.reshape(8, 4, 8, 8).sum(axis=(0, 1)),
                       atol=4 * 8 * 4.4 / 256)
    assert shift <= 0 and found["layer"] == 1


def test_contribution(tmp_path, expected, capsys):
    """M of each step for all classes; drawn is the class less the other, by default the next."""
    network, _, result = expected
    steps = step_contributions(result.spikes[3][0], network)
    pred = result.pred[0]
    second = np.argsort(-result.logits[0], kind="stable")[1]
    found = explain(tmp_path, "--method", "contribution")
    assert np.array_equal(found["map"], steps) and found["layer"] == 3
    assert np.array_equal(found["heat"], steps[:, pred] - steps[:, second])
    said = capsys.readouterr().out
    assert "adds up: yes, on 1 of 1 images" in said and "biases, of no pixel: 0" in said
    found = explain(tmp_path, "--method", "contribution", "--class", "2", "--versus", "5")
    assert np.array_equal(found["heat"], steps[:, 2] - steps[:, 5]) and found["output_neuron"] == 2
    found = explain(tmp_path, "--method", "contribution", "--alone")
    assert np.array_equal(found["heat"], steps[:, pred])


@pytest.mark.parametrize("name", [name for name in METHODS if name not in (
    "sam", "attribution", "saliency", "causal", "contribution")])
def test_every_method_draws(name, tmp_path, expected):
    """Those without a test of their own: the file has what golden.explain gives."""
    network, image, result = expected
    found = explain(tmp_path, "--method", name)
    want = golden.explain.explain(image[None], network, name, result=result)
    assert np.array_equal(found["map"], want.map) and np.array_equal(found["heat"], want.heat)
    assert str(found["method"]) == name and want.heat.any()


def test_against_another_class(tmp_path, expected, capsys):
    """The map of one class less that of the other, which the title says."""
    network, image, result = expected
    found = explain(tmp_path, "--method", "tsa", "--class", "2", "--versus", "5")
    ahead, behind = (golden.explain.explain(image[None], network, "tsa", result=result,
                                            output_neuron=n) for n in (2, 5))
    assert np.allclose(found["heat"], ahead.heat - behind.heat) and found["heat"].any()
    assert "of the other class: Sum: " in capsys.readouterr().out


def test_a_layer_that_is_no_map_says_so(tmp_path, capsys):
    """A dense layer, by the method's own choice or by the user's, and in Python too."""
    for words in ([], ["--method", "count"], ["--method", "causal", "--layer", "1"]):
        with pytest.raises(SystemExit, match="^2$"):
            main(["--network", "dense784", *words, "--out", str(tmp_path / "e.png")])
        assert capsys.readouterr().err == (
            "error: --layer: layer 1 is 128 neurons at one pixel, which is no map; those with "
            "one: 0 (0 is the input; --method attribution has it)\n")
    why = sam_snn.compile("dense784").explain()
    assert why.heat.shape == (25, 1, 1)
    with pytest.raises(BadInput, match="no map"):
        why.save(tmp_path / "e.png")
    assert not list(tmp_path.iterdir())
    main(["--network", "dense784", "--method", "count", "--layer", "0", "--out",
          str(tmp_path / "e.png")])


def test_colours_are_clear_at_nothing():
    """Of both colour maps; they grow stronger away from it, and signed ones do so alike."""
    strengths = HEAT(np.linspace(0, 1, 9))[:, 3]
    assert strengths[0] == 0 and (np.diff(strengths) > 0).all()
    signed = SIGNED(np.linspace(0, 1, 9))
    assert signed[4, 3] == 0 and np.allclose(signed[:, 3], signed[::-1, 3])
    assert signed[0, 2] > signed[0, 0] and signed[-1, 0] > signed[-1, 2]    # blue, red


def test_contribution_that_does_not_add_up(tmp_path, expected, capsys, monkeypatch):
    """What the command says is looked at, and not a form of words."""
    monkeypatch.setattr("golden.explain.methods.contribution.step_contributions",
                        lambda spikes, network: step_contributions(spikes, network) + 1)
    explain(tmp_path, "--method", "contribution")
    assert "adds up: NO, on 0 of 1 images" in capsys.readouterr().out


def test_contribution_of_the_chip(tmp_path, small, capsys):
    found = []
    for engine in ("golden", "rtl"):
        main([*small, "--method", "contribution", "--engine", engine, "--class", "0",
              "--out", str(tmp_path / f"{engine}.png")])
        found.append(np.load(tmp_path / f"{engine}.npz"))
    golden, rtl = found
    assert np.array_equal(golden["map"].sum(axis=0), rtl["map"]) and rtl["map"].any()
    assert np.array_equal(golden["heat"].sum(axis=0)[None], rtl["heat"])
    assert np.array_equal(golden["logits"], rtl["logits"])
    assert capsys.readouterr().out.count("adds up: yes, on 1 of 1 images") == 2


@pytest.mark.parametrize("options, message", [
    (["--method", "contribution", "--layer", "1"],
     "--layer: contributions are those of the deepest spiking layer, 3, not of 1"),
    (["--method", "contribution", "--versus", "10"], "--versus: must be 0 to 9, not 10"),
    (["--method", "contribution", "--class", "2", "--versus", "2"],
     "--versus: must be another class than the one explained, 2"),
    (["--method", "contribution", "--versus", "2", "--alone"], "--alone: takes no --versus"),
    (["--versus", "2"], "--versus: sam knows no class, and so none to hold against another"),
    (["--alone"], "--alone: is of --method contribution"),
    (["--network", "digits-latency", "--image", "models/digits_sample.npz", "--method",
      "contribution"], "--method contribution: its scores are no sums over spikes: the read-out"),
    (["--engine", "rtl", "--method", "attribution", "--layer", "0"],
     "--layer: layer 0 is no spiking layer of this network"),
    (["--out", "x.jpg"], "--out x.jpg: must end in .png"),
    (["--network", "none.npz"], "none.npz: no such network file"),
    (["--network", SAMPLE], f"{SAMPLE}: "),
    (["--image", "none.png"], "none.png: no such file"),
    (["--image", "none.npz"], "none.npz: no such file"),
    (["--image", "models/README.md"], "images must be .npy, .npz, NIR data ("),
    (["--image", "models"], "models: holds no pictures ("),
    (["--index", "200"], "--index must be 0 to 199, not 200"),
    (["--output-neuron", "10", "--method", "causal"], "--output-neuron must be 0 to 9, not 10"),
    (["--layer", "4"], "--layer: layer 4 is no spiking layer of this network"),
    (["--layer", "4", "--method", "causal"], "--layer must be 0 to 3, not 4"),
    (["--gamma", "-1"], "--gamma: gamma must be a finite number of at least 0"),
    (["--decay", "1"], "decay must be at least 0 and below 1, not 1.0"),
    (["--decay", "nan"], "decay must be finite"),
])
def test_says_what_is_wrong_in_one_line(options, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--network", NETWORK, "--image", SAMPLE, "--out", str(tmp_path / "e.png"), *options])
    said = capsys.readouterr().err
    assert stopped.value.code == 2 and message in said
    assert said.startswith("error: ") and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["text", "half", "size"])
def test_damaged_png(damage, tmp_path, expected, capsys):
    path = tmp_path / "i.png"
    Image.fromarray(expected[1] if damage != "size" else expected[1][:20]).save(path)
    if damage != "size":
        path.write_bytes(b"text" if damage == "text" else path.read_bytes()[:200])
    with pytest.raises(SystemExit) as stopped:
        main(["--network", NETWORK, "--image", str(path), "--out", str(tmp_path / "e.png")])
    said = capsys.readouterr().err
    assert stopped.value.code == 2 and said.startswith(f"error: {path}: ")
    assert said.count("\n") == 1 and list(tmp_path.iterdir()) == [path]


def lit(channels):
    """An image whose channel c is bright in every ``channels``-th column from c on."""
    found = np.zeros((channels, 8, 10), np.uint8)
    for channel in range(channels):
        found[channel, :, channel::channels] = 200 - 10 * channel
    return found


@pytest.mark.parametrize("channels, left, right", [
    (1, 200, 200), (2, (200, 0, 0), (0, 190, 190)), (3, (200, 0, 0), (0, 190, 0)),
    (4, 50, 47.5)])
def test_channels(channels, left, right):
    """The first and second column of what lies under a map."""
    found = drawable(lit(channels))
    assert found.shape[:2] == (8, 10)
    assert np.array_equal(found[0, 0], left) and np.array_equal(found[0, 1], right)
    frames = (lit(channels)[None] > 0) * np.ones((5, 1, 1, 1), np.uint8)
    assert drawable(frames).max() == (255 if channels < 4 else 255 / channels)


@pytest.mark.rotated
@pytest.mark.parametrize("method", ["sam", "saliency", "zplus", "occlusion", "tsa", "count"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_networks_of_any_channels(method, channels, tmp_path):
    rng = np.random.default_rng(1)
    layer = {"bits": 4, "frac": 0, "bias": None, "stride": 1, "padding": 0, "groups": 1,
             "scale": 1.0, "norm": None}
    network = Network(shape=(channels, 8, 10), steps=3, name="channels", layers=(
        Layer(weights=rng.integers(0, 8, (2, channels, 1, 1)), **layer,
              neuron=Neuron(np.int64(4), np.int64(4096), "subtract", "gt", 0, np.int64(0))),
        Layer(weights=rng.integers(-8, 8, (3, 160)), **layer,
              neuron=Neuron(np.int64(0), np.int64(0), "none", "gt", 0, np.int64(0)))))
    network.save(tmp_path / "net.npz")
    np.save(tmp_path / "images.npy", lit(channels)[None])
    main(["--network", str(tmp_path / "net.npz"), "--image", str(tmp_path / "images.npy"),
          "--method", method, "--out", str(tmp_path / "e.png")])
    with Image.open(tmp_path / "e.png") as found:
        assert min(found.size) > 300


@pytest.mark.parametrize("method", METHODS)
def test_events(method):
    """Two channels of spike frames, as a camera of events has them, by every method."""
    rng = np.random.default_rng(2)
    network = Network((2, 8, 8), 4, encoder="frames", name="events", layers=(
        Layer(rng.integers(-3, 8, (3, 2, 3, 3)), 4, Neuron(np.int64(4), np.int64(4096)),
              padding=1),
        Layer(rng.integers(-8, 8, (3, 192)), 4, Neuron(np.int64(0), np.int64(0), reset="none"))))
    frames = (rng.random((4, 2, 8, 8)) < 0.3).astype(np.uint8)
    found = golden.explain.explain(frames, network, method)
    assert found.heat.shape[1:] == (8, 8) and np.isfinite(found.heat).all() and found.heat.any()
    figure = draw(frames, found, "events")
    assert [axes for axes in figure.axes if axes.get_title() == "input"]
