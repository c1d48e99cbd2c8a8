"""The experiments' shared parts, by hand and against golden; one experiment from end to end."""

import json
import sys
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from golden.explain.metrics import localisation_error
from golden.io.errors import BadInput
from golden.io.evidence import digest
from golden.network import Layer, Network, Neuron, Pool, load
from golden.run import run
from golden.sam import activation_map
from train import experiments
from train.core import sets
from train.paper import fig5a, fixedpoint, formats, maps, moving, report, stimuli, summary, work
from train.paper.subjects import RETRAINED, SUBJECTS, TRAINED

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def network():
    return load("models/fashion_small.npz")


@pytest.fixture(scope="module")
def images():
    with np.load("models/fashion_sample.npz") as sample:
        return sample["images"][:6, None]


# --- maps -----------------------------------------------------------------------------------------


def strided(size, *layers):
    """A network of size x size input with 3 x 3 convolutions of these strides, pools as Pool."""
    quiet = Neuron(np.int64(0), np.int64(0), reset="none")
    made = [one if isinstance(one, Pool) else Layer(
        np.ones((1, 1, 3, 3), np.int8), 4, Neuron(np.int64(1), np.int64(0)), stride=one, padding=1)
        for one in layers]
    side = size
    for one in layers:
        side = side // one.kernel if isinstance(one, Pool) else -(-side // one)
    return Network((1, size, size), 4, (*made, Layer(np.ones((2, side**2), np.int8), 4, quiet)))


def test_geometry_by_hand():
    network = strided(16, 1, 2, Pool("avg", 2, 2), 2)
    assert [maps.geometry(network, tap) for tap in (1, 2, 3)] == [(1, 0), (2, 0), (8, 1)]


def test_shrunk_by_hand():
    """Stride 2: pixel n of the map is centred on input pixel 2n; the last takes what is left."""
    values = np.arange(16.0).reshape(1, 4, 4)
    assert maps.shrunk(values, strided(4, 2), 1).tolist() == [[[0, 2], [8, 10]]]
    assert np.array_equal(maps.shrunk(values, strided(4, 1), 1), values)


def test_a_mask_survives_the_way_down_and_up():
    """Pixel n of pitch 4 takes input pixels 4n - 2 to 4n + 1: such a mask comes back as it was."""
    mask = np.zeros((1, 32, 32), bool)
    mask[0, 10:26, 6:22] = True
    network = strided(32, 2, 2)
    back = maps.enlarged(maps.masks_at(mask, network, 2).astype(float), network, 2)
    assert np.array_equal(back, mask)


def test_running_by_hand():
    rate = np.array([1.0, 0, 2, 1]).reshape(1, 4, 1, 1)
    flat = lambda kind, value=None: maps.running(rate, kind, value).ravel().tolist()
    assert flat("now") == [1, 0, 2, 1]
    assert flat("count") == [1, 1, 3, 4]
    assert flat("window", 2) == [1, 1, 2, 3]
    assert flat("trace", np.log(2)) == [1, 0.5, 2.25, 2.125]


def test_sam_inclusive_is_paper_plus_the_spikes(network, images):
    spikes = run(images, network).spikes[2]
    assert np.array_equal(maps.sam(spikes, mode="inclusive"), maps.sam(spikes) + maps.rates(spikes))


def test_sams_are_goldens(network, images):
    spikes = run(images, network).spikes[2]
    for gamma, found in maps.sams(spikes, (0, 0.1, 0.5, 2.0)).items():
        assert np.array_equal(found * 2**8, activation_map(spikes, gamma=gamma)), gamma


def test_shuffled_keeps_the_weights(network):
    found = maps.shuffled(network, 1, (2,))
    for before, after, index in zip(network.stages, found.stages, (1, 2, 3, 4), strict=True):
        same = np.array_equal(before.layer.weights, after.layer.weights)
        assert same == (index != 2)
        assert np.array_equal(np.sort(before.layer.weights, None),
                              np.sort(after.layer.weights, None))


def test_untrained_spikes_as_much(network, images):
    """Not more than the trained one in any layer, and more if its threshold were one less."""
    found = maps.untrained(network, images, 1)
    counts = lambda one: run(images, one, taps=()).counts.sum(axis=0)
    wanted, given = counts(network), counts(found)
    assert given[0] == wanted[0] and np.all(given <= wanted) and given.all()
    for index in network.taps:
        level = int(found.stages[index - 1].layer.neuron.threshold)
        lower = maps.rewoven(found, lambda layer, one=level - 1: maps.raised(layer, one), (index,))
        assert level == 1 or counts(lower)[index] > wanted[index], index
    assert not np.array_equal(found.stages[0].layer.weights, network.stages[0].layer.weights)


def test_a_layer_behind_the_tap_changes_nothing(network, images):
    wanted = run(images, network, taps=(2,)).maps[2]
    assert np.array_equal(run(images, maps.shuffled(network, 1, (3, 4)), taps=(2,)).maps[2], wanted)
    assert not np.array_equal(run(images, maps.shuffled(network, 1, (1,)), taps=(2,)).maps[2],
                              wanted)


# --- formats and errors ---------------------------------------------------------------------------


@pytest.mark.parametrize("gamma", [0, 0.1, 0.5, 2])
def test_integer_sam_is_golden_at_its_format(network, images, gamma):
    spikes = run(images, network).spikes[3]
    found = formats.integer_sam(spikes, gamma=gamma, table_frac=15, score_frac=8)
    assert np.array_equal(found * 2**8, activation_map(spikes, gamma=gamma))


@pytest.mark.parametrize("mode", ["paper", "inclusive", "official"])
def test_exact_is_the_papers_sum(mode):
    """Spikes at t = 0, 1, 3 of one neuron, exp(-gamma) = 1/2."""
    spikes = np.array([1, 1, 0, 1], np.uint8).reshape(1, 4, 1, 1, 1)
    found = fixedpoint.exact(spikes, np.log(2), mode).ravel()
    paper = np.array([0, 0.5, 0, 0.125 + 0.25])
    ghost = np.array([0, 0, 0, 1 / 8])       # one silent step by t = 3
    fired = np.array([1, 1, 0, 1])
    assert np.allclose(found, paper + (mode != "paper") * fired + (mode == "official") * ghost)


def test_errors_are_goldens():
    chance = np.random.default_rng(0)
    shown, reference = chance.random((3, 4, 5, 5)), chance.random((3, 5, 5))
    found = fig5a.errors(shown, reference, 1e-3)
    wanted = [localisation_error(a, b, eps=1e-3) for a, b in zip(shown, reference, strict=True)]
    assert np.allclose(found, wanted)
    assert np.isnan(fig5a.errors(shown, 0 * reference, 1e-3)).all(), "no reference, no error"


# --- stimuli --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed():
    """Fashion-MNIST's pictures, installed as the README's commands install them."""
    from train import data
    try:
        return data.find()
    except FileNotFoundError:
        assert data.install(), "apt-get install dataset-fashion-mnist"
        return data.find()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("kind", stimuli.KINDS)
def test_stimuli_and_their_masks(kind):
    from train import scenes
    network = strided(64, 2).replace(encoder="frames", steps=12)
    made = scenes.make("test", 3)
    spikes, masks = stimuli.stimuli(kind, np.arange(2), network)
    assert spikes.shape == (2, 12, 1, 64, 64) and masks.shape == (2, 12, 64, 64)
    assert set(np.unique(spikes)) == {0, 1}
    sizes = masks.sum(axis=(2, 3))
    if kind == "appear":
        assert not sizes[:, :6].any() and (sizes[:, 6:] == made.masks[:2, 0].sum((1, 2))[:, None]
                                           ).all()
    elif kind == "switch":
        assert np.array_equal(masks[:, 5], made.masks[:2, 0])
        assert np.array_equal(masks[:, 6], made.masks[1:, 0])
    else:
        assert (sizes == made.masks[:2, 0].sum((1, 2))[:, None]).all(), "nothing leaves the picture"
    assert (masks[:, 0] != masks[:, -1]).any()


def test_moved_by_hand():
    assert stimuli.moved(np.array([[1, 2], [3, 4]]), 1, -1).tolist() == [[0, 0], [2, 0]]


# --- work, reports, commands ----------------------------------------------------------------------


def counted(subject, pictures, more):
    """A piece of work that leaves a trace of being done."""
    with open("done", "a") as file:
        file.write("x")
    return {"sum": pictures.images.sum(axis=(1, 2, 3)), "more": {"of": pictures.labels + more}}


def test_spread_joins_keeps_and_notices_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(work, "code", lambda module: "the same")
    subject, running = SUBJECTS[0], work.Run()
    wanted = sets.pictures(subject.pictures, "test", 7)
    for more, times in ((0, 3), (0, 3), (1, 6)):
        found = running.spread(counted, subject, 7, "test", size=3, more=more)
        assert found["sum"] == wanted.images.sum(axis=(1, 2, 3)).tolist()
        assert found["more"]["of"] == (wanted.labels + more).tolist()
        assert len((tmp_path / "done").read_text()) == times


def test_needs_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(BadInput, match=r"fig2 needs captum; pip install -e '.\[train\]'"):
        work.needs("captum", "fig2")


def test_without_the_extra(monkeypatch, capsys):
    for name in ("train.paper.work", "train.paper.report", "train.paper.summary"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("train.paper.summary")
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(SystemExit) as stopped:
        experiments.main(["fig5b"])
    assert stopped.value.code == 2
    assert "needs scipy.special; pip install -e '.[train]' installs it" in capsys.readouterr().err


def test_interval_by_hand():
    """1, 2, 3: standard error 1/sqrt 3, t of two degrees 4.3027; nan is left out."""
    found = report.interval([1, 2, 3, float("nan")])
    assert (found["mean"], found["n"]) == (2, 3)
    assert found["high"] - 2 == pytest.approx(4.3027 / np.sqrt(3), rel=1e-4)


def test_across_by_hand():
    """Networks' means 1, 2, 3 and pictures' means 1, 2, 3: two such intervals, squares added."""
    one = report.interval([1, 2, 3])
    assert report.across([[1, 2, 3]]) == one
    found = report.across([[0, 1, 2, np.nan], [1, 2, 3, 7], [2, 3, 4, 5]])
    assert (found["mean"], found["n"]) == (2, 3)
    assert found["high"] - 2 == pytest.approx(2**0.5 * (one["high"] - 2), rel=1e-4)


def test_what_chooses_is_not_scored():
    """The first half of few pictures chooses each family's member; the second half is compared."""
    scores = {name: [0.1, 0.1, 0.9, 0.9] for family in moving.METHODS.values() for name in family}
    scores |= {"gamma 0.5": [0.5, 0.5, 0.4, 0.6], "window 3": [0.6, 0.6, 0.2, 0.2],
               "trace 1": [0.2, 0.2, 0.3, 0.3]}
    names, found, gains = moving.settled(scores)
    assert (names["SAM"], names["window"], names["trace"], names["any rival"]) == (
        "gamma 0.5", "window 3", "trace 1", "window 3")
    assert found["SAM"].tolist() == [0.4, 0.6] and found["count"].tolist() == [0.9, 0.9]
    assert gains["any rival"] == pytest.approx([0.2, 0.4])
    assert gains["gamma 0"] == pytest.approx([-0.5, -0.3])


def test_judged():
    up, down, even = ({"mean": m, "low": m - 1, "high": m + 1, "n": 9} for m in (2, -2, 0))
    verdict = lambda **seen: report.judged("x", seen).verdict
    assert verdict(a=up, b=up) == report.HOLDS
    assert verdict(a=up, b=even) == verdict(a=up, b=up, c=down) == report.PART
    assert verdict(a=even, b=down) == verdict(a=up, b=down) == report.NOT
    assert verdict() == report.SIZE


@pytest.mark.parametrize("names", [
    ["SAM", "spike count", "SAM of the input", "centre"], ["one"], ["a", "b"] * 4,
    [f"fashion-conversion layer {n}" for n in range(9)], ["SNN Grad-CAM 3, alpha shared"] * 21])
@pytest.mark.parametrize("groups", [1, 3])
def test_names_and_legend_of_bars_stand_free(names, groups):
    """Slanted, two names are as far apart as their places times the sine of the slant."""
    found = [report.interval([1, 2, 3]) for _ in names]
    figure, axes = report.canvas(1, 1, width=1.2 + 0.7 * max(8, len(names)), height=3)
    report.bars(axes[0, 0], names, {f"group {n}": found for n in range(groups)})
    figure.draw_without_rendering()
    labels, legend = axes[0, 0].get_xticklabels(), axes[0, 0].get_legend()
    for left, right in pairwise(labels):
        if slant := left.get_rotation():
            places = axes[0, 0].transData.transform([(0, 0), (1, 0)])[:, 0]
            apart, high = np.ptp(places) * np.sin(np.radians(slant)), 7 * figure.dpi / 72
            assert apart > high
        else:
            assert left.get_window_extent().x1 < right.get_window_extent().x0
    assert (legend is None) == (groups == 1)
    assert groups == 1 or legend.get_window_extent().x0 >= axes[0, 0].bbox.x1


def test_an_experiment_and_the_summary(tmp_path, capsys):
    experiments.main(["fig5b", "--quick", "--out", str(tmp_path)])
    found = json.loads((tmp_path / "fig5b/results.json").read_text())
    assert found["quick"] and found["rows"] and found["claims"]
    made = found["stamp"]
    assert made["sources"] == digest("results/fig5b")
    assert made["command"] == f"python -m train.experiments fig5b --quick --out {tmp_path}"
    with Image.open(tmp_path / "fig5b/figure.png") as drawn:
        assert len(drawn.convert("RGB").getcolors(2**24)) > 2, "an empty figure"
    summary.write(tmp_path, ["fig5b"])
    page = (tmp_path / "README.md").read_text()
    for claim in found["claims"]:
        assert claim["what"] in page and f"**{claim['verdict']}**" in page
    assert "proves nothing" in page, "a quick run must say so"
    with pytest.raises(BadInput, match="fig2/results.json: missing; `python -m"):
        summary.write(tmp_path, ["fig5b", "fig2"])


@pytest.mark.parametrize(("given", "said"), [
    (["fig5b", "--jobs", "0"], "--jobs must be at least 1, not 0"),
    (["fig9"], "invalid choice")])
def test_bad_input(given, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        experiments.main(given)
    assert stopped.value.code == 2 and said in capsys.readouterr().err


def test_committed_results_are_whole():
    """Every experiment has full results, and the page is the one that they give."""
    found = summary.read("results", experiments.NAMES)
    assert not [name for name, one in found.items() if one["quick"]]
    assert all(one["rows"] and one["claims"] for one in found.values())
    with open("results/README.md") as page:
        assert page.read() == summary.page(found)
    digests = {subject.name: subject.network.digest for subject in (
        *SUBJECTS, *RETRAINED, *(one for members in TRAINED.values() for one in members))}
    for name, one in found.items():
        for subject, given in one["networks"].items():
            assert digests[subject] == given["digest"], f"{name} is of another {subject}"


VERDICTS = {f"H{n}": "not shown" for n in range(1, 10)}


@pytest.mark.parametrize(("verdicts", "said"), [
    ({"H2": "shown"}, "SAM is more faithful than a plain count"),
    ({"H2": "contradicted"}, "SAM is less faithful than a plain count"),
    ({}, "SAM was not shown to be more faithful than a plain count"),
    ({"H2": "undecided"}, "SAM was not shown to be more faithful (undecided) than a plain count"),
    ({"H3": "shown in part"}, "lies better on the single object in some settings only"),
    ({"H3": "shown and contradicted"}, "lies better on the single object in one setting and lies "
                                       "worse on the single object in another"),
    ({"H6": "shown"}, "lie the right way round in 90 % of the scenes"),
    ({"H5": "contradicted"}, "SAM does not localise better than all its controls"),
    ({"H9": "shown"}, "maps of a class hang on what was learnt more than the count does")])
def test_sentences_say_the_verdicts(verdicts, said):
    """Five, whatever the verdicts; a tie or an open question is no contradiction."""
    tests = [{"hypothesis": f"H{n}", "setting": "here", "mean": 0.4} for n in range(1, 10)]
    found = summary.sentences({"verdicts": VERDICTS | verdicts, "tests": tests})
    assert len(found) == 5 and any(said in sentence for sentence in found)
    assert all(sentence.endswith(".") for sentence in found)
