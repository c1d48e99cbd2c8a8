"""Explanations by name: each by hand on a network of two sides, planted faults, and refusals."""

import numpy as np
import pytest

from golden.explain import explain, methods
from golden.explain.methods import METHODS, checked, named, register
from golden.explain.methods import zplus as zplus_file
from golden.explain.methods.base import Explanation, Method, Question
from golden.explain.methods.contribution import Contributions
from golden.explain.methods.count import Count
from golden.explain.methods.occlusion import squares
from golden.explain.methods.sam import last_spike_map
from golden.explain.methods.zplus import below
from golden.formats import exp_table
from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron, Pool, load
from golden.run import run
from golden.sam import activation_map
from tests.helpers.two_sided import pictures, two_sided

# Options, and what is at the one pixel that spikes: three times in the first picture, at steps 0
# and 2 in the second. Everywhere else it is 0. Probabilities of the answers are 27/28 and 9/10.
BY_HAND = {
    "sam": ({"gamma": 0.0}, 0 + 1 + 2, 0 + 1),
    "sam-inclusive": ({"gamma": 0.0}, 1 + 2 + 3, 1 + 2),
    "sam-official": ({"gamma": 0.0}, 1 + 2 + 3, 1 + (2 + 1)),
    "sam-last": ({"gamma": 0.0}, 0 + 1 + 1, 0 + 1),
    "contribution": ({}, 3, 2),
    "zplus": ({"layer": 0}, 3 / 2, 2 / 2),
    "zplus-sam": ({"layer": 0, "gamma": 0.0}, 3, 1),
    "count": ({}, 3, 2),
    "attribution": ({"decay": 0.5}, 1 / 8 + 1 / 4 + 1 / 2, 1 / 8 + 1 / 2),
    "tsa": ({"decay": 0.5}, 27 / 28 * (1 / 64 + 1 / 16 + 1 / 4), 9 / 10 * (1 / 64 + 1 / 4)),
    "saliency": ({}, 3, 2),
    "causal": ({}, 3, 2),
    "occlusion": ({"window": 1}, 3, 2),
    "brightness": ({}, 1, 2 / 3),
}
ANYWHERE = {"centre", "random"}


def summed(name, picture, **options):
    return explain(picture, two_sided(), name, **options).heat.sum(axis=0)


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name):
    options, first, second = BY_HAND[name]
    want = np.zeros((2, 2, 4))
    want[0, 0, 0], want[1, 1, 3] = first, second
    found = [summed(name, picture, **options) for picture in pictures()]
    assert np.allclose(found, want)


def test_every_method_is_by_hand():
    assert METHODS.keys() == BY_HAND.keys() | ANYWHERE


@pytest.mark.parametrize("name", [name for name in BY_HAND if named(name).classed])
def test_of_the_other_class_it_is_not_there(name):
    """The class that was not answered got nothing of the spikes; by z+ it got the mean less."""
    options, first, _ = BY_HAND[name]
    found = summed(name, pictures()[0], output_neuron=1, **options)
    want = {"zplus": -first, "contribution": -first}.get(name, 0)
    assert found[0, 0] == pytest.approx(want) and np.count_nonzero(found) == bool(want)


@pytest.mark.parametrize("name", [name for name in BY_HAND if named(name).classed])
def test_against_another_class(name):
    """One class less the other, whichever way round."""
    options, *_ = BY_HAND[name]
    ahead, behind = (summed(name, pictures()[0], output_neuron=a, versus=1 - a, **options)
                     for a in (0, 1))
    assert ahead[0, 0] > 0
    if name == "tsa":       # each class by its own confidence
        assert behind[0, 0] == pytest.approx(-ahead[0, 0])
    assert np.allclose(ahead, -behind)


def planted_object(monkeypatch):
    """The other class is explained."""
    right = methods.class_of
    monkeypatch.setattr(methods, "class_of", lambda *args: 1 - right(*args))
    return "contribution"


def planted_sign(monkeypatch):
    """The other class less this one."""
    from golden.explain.methods import contribution
    right = contribution.difference
    monkeypatch.setattr(contribution, "difference", lambda maps, a, b: right(maps, b, a))
    return "contribution"


def planted_count(monkeypatch):
    """A count that is negated."""
    right = Count.explain
    monkeypatch.setattr(Count, "explain", lambda self, asked: negated(right(self, asked)))
    return "count"


def negated(found):
    return Explanation(found.map, -found.heat, found.unit, found.title, found.lines)


def planted_mean(monkeypatch):
    """The mean of all weights is not taken off."""
    monkeypatch.setattr(zplus_file, "start_of_class", lambda counts, network, target, versus: (
        zplus_file.readout_weights(network)[target] * counts))
    return "zplus"


def planted_age(monkeypatch):
    """The number of layers on the way is one too small."""
    from golden.explain.methods import tsa
    right = tsa.behind
    monkeypatch.setattr(tsa, "behind", lambda *args: right(*args) - 1)
    return "tsa"


@pytest.mark.parametrize("plant", [planted_object, planted_sign, planted_count, planted_mean,
                                   planted_age])
def test_a_planted_fault_is_seen(plant, monkeypatch):
    name = plant(monkeypatch)
    with pytest.raises(AssertionError):
        test_by_hand(name)


# --- SAM's definitions ----------------------------------------------------------------------------


def test_the_last_spike_alone_decays():
    """Of two spikes in all it is "paper"; of more it is less, but where gamma forgets the rest."""
    spikes = (np.random.default_rng(0).random((9, 3, 4, 5)) < 0.4).astype(np.uint8)
    two = spikes * (spikes.cumsum(axis=0) <= 2)
    table = exp_table(0.5, 9)
    assert np.array_equal(last_spike_map(two, table), activation_map(two[None], gamma=0.5)[0])
    last, paper = last_spike_map(spikes, table), activation_map(spikes[None], gamma=0.5)[0]
    assert (last <= paper).all() and (last < paper).any()
    forgotten = exp_table(20.0, 9)
    assert not last_spike_map(spikes, forgotten).any()


@pytest.mark.parametrize("name, mode", [("sam", "paper"), ("sam-inclusive", "inclusive"),
                                        ("sam-official", "official")])
def test_sam_is_the_chip_s(name, mode):
    network, image = load("digits"), np.load("models/digits_sample.npz")["images"][:1, None]
    want = run(image, network, mode=mode, gamma=0.3).maps[2][0]
    assert np.array_equal(explain(image[0], network, name, gamma=0.3).map, want) and want.any()


# --- z+ -------------------------------------------------------------------------------------------


def test_zplus_by_hand():
    """The example of ``below``: n = 2, 1 and weights 1, 3 and -1, 1."""
    stage = Network((2, 1, 1), 2, (
        Layer(np.array([[1, 3], [-1, 1]]), 4, Neuron(np.int64(9), np.int64(0))),
        Layer(np.ones((2, 2), int), 4, Neuron(np.int64(0), np.int64(0), reset="none"))),
        encoder="frames").stages[0]
    trains = np.array([[1, 1], [1, 0]], np.uint8).reshape(2, 2, 1, 1)
    found = below(trains, stage, np.array([10.0, 4.0]).reshape(2, 1, 1))
    assert found.ravel().tolist() == [4, 10]


def test_zplus_loses_what_nobody_caused():
    """A neuron whose only active input is inhibiting hands nothing on."""
    stage = Network((2, 1, 1), 2, (
        Layer(np.array([[-1, 3], [1, 1]]), 4, Neuron(np.int64(9), np.int64(0))),
        Layer(np.ones((2, 2), int), 4, Neuron(np.int64(0), np.int64(0), reset="none"))),
        encoder="frames").stages[0]
    trains = np.array([[1, 0], [1, 0]], np.uint8).reshape(2, 2, 1, 1)
    assert below(trains, stage, np.array([10.0, 4.0]).reshape(2, 1, 1)).ravel().tolist() == [4, 0]


@pytest.mark.parametrize("kind", ["avg", "sum", "max"])
def test_zplus_through_pools(kind):
    """A pool's relevance goes to its places by their spikes, and none of it is lost."""
    stage = Network((1, 2, 4), 3, (
        Pool(kind, 2, 2), Layer(np.ones((1, 2), int), 4, Neuron(np.int64(9), np.int64(0))),
        Layer(np.ones((2, 1), int), 4, Neuron(np.int64(0), np.int64(0), reset="none"))),
        encoder="frames").stages[0]
    trains = np.zeros((3, 1, 2, 4), np.uint8)
    trains[:, 0, 0, 0] = trains[0, 0, 1, 1] = trains[0, 0, 1, 3] = 1
    found = below(trains, stage, np.full((1, 1, 1), 20.0))[0]
    left, right = (16, 4) if kind != "max" else (15, 5)     # counts 4 : 1, with an OR 3 : 1
    assert found.sum() == pytest.approx(20)
    assert found[0, 0] == pytest.approx(left * 3 / 4) and found[1, 1] == pytest.approx(left / 4)
    assert found[1, 3] == pytest.approx(right) and np.count_nonzero(found) == 3


@pytest.mark.parametrize("name", ["zplus", "zplus-sam"])
def test_conservation_is_told_layer_by_layer(name):
    """To layer 2 nothing is lost on real networks; at the input it falls apart, which is said."""
    network, images = load("scenes"), np.load("models/scenes_sample.npz")["images"][:1, None]
    result = run(images, network)
    found = explain(images[0], network, name, result=result, layer=0)
    assert [line.partition(":")[0] for line in found.lines] == [
        "layer 5", "layer 4", "layer 3", "layer 2", "layer 1", "the input",
        "at the input the rule falls apart"]
    assert all(line.endswith("lost on the way 0.0000") for line in found.lines[1:4])
    assert not found.lines[5].endswith(" 0.0000")
    deeper = explain(images[0], network, name, result=result, layer=2)
    start = float(deeper.lines[0].split()[-1])
    assert deeper.heat.sum() == pytest.approx(start, abs=1e-3)
    if name == "zplus":
        assert deeper.claim == pytest.approx(start, abs=1e-3)


# --- the rest -------------------------------------------------------------------------------------


def test_squares_cover_every_pixel():
    for shape, window in (((7, 9), 3), ((4, 4), 4), ((5, 5), 1)):
        seen = np.zeros(shape, int)
        for y, x in squares(shape, window):
            seen[y:y + window, x:x + window] += 1
            assert y + window <= shape[0] and x + window <= shape[1]
        assert seen.all()


def test_controls_know_no_network():
    first, second = (explain(picture, two_sided(), "random").heat for picture in pictures())
    assert not np.array_equal(first, second)
    assert np.array_equal(first, explain(pictures()[0], two_sided(), "random").heat)
    centre = explain(pictures()[0], two_sided(), "centre").heat[0]
    assert centre[0, 0] == 0 < centre[0, 1] and np.array_equal(centre, centre[::-1, ::-1])


@pytest.mark.parametrize("question, message", [
    ({"method": "gradcam"}, "--method: must be one of sam, sam-inclusive"),
    ({"engine": "chip"}, "--engine: must be golden or rtl, not chip"),
    ({"method": "tsa", "engine": "rtl"}, "--engine: the chip does not answer tsa"),
    ({"method": "sam-last", "engine": "rtl"}, "--engine: the chip does not answer sam-last"),
    ({"method": "saliency", "engine": "rtl", "versus": 0}, "--versus: of saliency is for --engine"),
    ({"method": "count", "versus": 1}, "--versus: count knows no class"),
    ({"method": "tsa", "versus": 2}, "--versus: must be 0 to 1, not 2"),
    ({"method": "tsa", "alone": True}, "--alone: is of --method contribution"),
    ({"method": "occlusion", "layer": 1}, "--layer: occlusion is about the input, layer 0, not 1"),
    ({"method": "occlusion", "window": 3}, "--window: must be at most 2"),
    ({"method": "occlusion", "window": 0}, "--window must be at least 1"),
    ({"method": "tsa", "window": 1}, "--window: is of --method occlusion"),
    ({"method": "centre", "layer": 1}, "--layer: centre is about the input"),
    ({"method": "zplus", "layer": 2}, "--layer must be 0 to 1, not 2"),
    ({"method": "count", "layer": 2}, "--layer: layer 2 is no spiking layer"),
    ({"method": "attribution", "paths": "some"}, "--paths: must be one of linear, active"),
    ({"mode": "last"}, "--mode: must be one of paper, inclusive, official, not last"),
])
def test_refused_in_one_line(question, message):
    with pytest.raises(BadInput) as error:
        checked(Question(**question), two_sided())
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


@pytest.mark.parametrize("name, method, message", [
    ("fashion-bntt", "zplus", "layer 3 scales each step by itself (BNTT), and the z+ rule is of "
     "sums over counts: explain --layer 3 or a deeper one"),
    ("digits-latency", "zplus", "its scores are no sums over spikes"),
])
def test_networks_that_do_not_fit(name, method, message):
    with pytest.raises(BadInput, match="--method zplus") as error:
        checked(Question(method=method, layer=1), load(name))
    assert message in str(error.value)


def test_a_class_against_itself():
    with pytest.raises(BadInput, match="must be another class than the one explained, 0"):
        explain(pictures()[0], two_sided(), "tsa", versus=0)


def test_a_method_from_outside(monkeypatch):
    """One class, and its registration: command, table and help know it then."""
    monkeypatch.setattr(methods, "METHODS", dict(METHODS))

    class Ones(Method):
        """One everywhere."""

        name, says, classed, signed = "ones", "nothing", False, False

        def explain(self, asked):
            heat = np.ones((1, 2, 4))
            return Explanation(heat, heat, "ones", "Ones", [])

    method = Ones()
    register(method)
    register(method)
    assert explain(pictures()[0], two_sided(), "ones").heat.sum() == 8
    with pytest.raises(BadInput, match="sam: is the name of another method"):
        other = Ones()
        other.name = "sam"
        register(other)


def test_every_method_says_what_it_is():
    for name, method in METHODS.items():
        assert method.name == name and method.says and method.cost, name
    assert isinstance(METHODS["contribution"], Contributions)
