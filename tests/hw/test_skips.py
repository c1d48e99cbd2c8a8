"""Layers that sum what several layers spike: the RTL gives golden's arrays."""

from dataclasses import replace

import numpy as np
import pytest

from flow.estimate.cycles import image_cycles, most_cycles, planes_of, trains_of
from flow.estimate.memories import efforts
from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron, Pool, Skip
from golden.network.gates import gate
from golden.network.ops import Recurrent
from golden.neurons.cuba import Cuba
from golden.run import run
from hw.plan import skips
from hw.plan.planner import Plan
from sim.rtl import Simulation
from verify.networks import images

LIF = Neuron(threshold=np.int64(12), leak=np.int64(1 << 13), reset="subtract")
SLOW = replace(LIF, threshold=np.int64(60))         # of many inputs
READOUT = replace(LIF, reset="none")


def weights(rng, *shape):
    return rng.integers(-6, 9, shape)


def conv(rng, out, into, kernel=3, neuron=LIF, **place):
    return Layer(weights(rng, out, into, kernel, kernel), 5, neuron,
                 **{"padding": kernel // 2, **place})


def identity(source, channels, weight=11):
    return Skip(source, np.full((channels, 1, 1, 1), weight), groups=channels)


def network(layers, shape, steps, encoder="frames", **options):
    return Network(shape=shape, steps=steps, layers=tuple(layers), encoder=encoder, name="skipping",
                   **options)


def block(steps=7, channels=4, encoder="frames", **options):
    """conv, conv, conv with the first's spikes, read-out: the copy is of layer 1."""
    rng = np.random.default_rng(channels)
    return network([
        conv(rng, channels, 2), conv(rng, channels, channels),
        conv(rng, channels, channels, skips=(identity(1, channels),)), Pool("sum", 2, 2),
        Layer(weights(rng, 5, channels * 4), 5, READOUT)], (2, 5, 5), steps, encoder, **options)


def longer(steps=6):
    """A skip over two layers, which needs no copy, and one from the input, which does."""
    rng = np.random.default_rng(1)
    return network([
        conv(rng, 3, 1), conv(rng, 5, 3), conv(rng, 3, 5),
        conv(rng, 6, 3, skips=(Skip(1, weights(rng, 6, 3, 1, 1)), Skip(
            0, weights(rng, 6, 1, 3, 3), padding=1))),
        Layer(weights(rng, 5, 6 * 25), 5, READOUT)], (1, 5, 5), steps)


def strided(steps=6):
    """A block that halves its map, with a projection; a pool before its second convolution."""
    rng = np.random.default_rng(2)
    return network([
        conv(rng, 4, 2), conv(rng, 6, 4, stride=2),
        conv(rng, 6, 6, skips=(Skip(1, weights(rng, 6, 4, 1, 1), stride=2),)),
        Pool("max", 2, 1),
        conv(rng, 7, 6, 2, SLOW, padding=0, skips=(
            Skip(1, weights(rng, 7, 4, 4, 4), stride=3), Skip(3, weights(rng, 7, 6, 3, 3)))),
        Layer(weights(rng, 5, 7), 5, READOUT)], (2, 6, 6), steps)


def padded(steps=5):
    """A skip that is padded more than the layer's own weights."""
    rng = np.random.default_rng(4)
    return network([
        conv(rng, 3, 2), conv(rng, 3, 3),
        conv(rng, 4, 3, neuron=SLOW, skips=(
            Skip(1, weights(rng, 4, 3, 5, 5), padding=2),
            Skip(1, weights(rng, 4, 3, 3, 5), padding=(2, 4), dilation=(2, 2)))),
        Layer(weights(rng, 5, 100), 5, READOUT)], (2, 5, 5), steps)


def parallel(steps=6):
    """Two layers behind one, and one that sums both, without the one before it as its own."""
    rng = np.random.default_rng(5)
    return network([
        conv(rng, 4, 1), conv(rng, 3, 4), conv(rng, 20, 4, behind=1),
        conv(rng, 5, 3, behind=2, skips=(Skip(3, weights(rng, 5, 20, 3, 3), padding=1),)),
        Layer(weights(rng, 5, 5 * 16), 5, READOUT, skips=(Skip(2, weights(rng, 5, 48)),))],
        (1, 4, 4), steps)


def dense(steps=9, sizes=(6, 17, 9, 7), readout="membrane", neuron=LIF):
    """Dense layers, each of which reads all before it."""
    rng, layers = np.random.default_rng(steps), []
    for n, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False)):
        last = n == len(sizes) - 2 and readout == "membrane"
        skips = tuple(Skip(k, weights(rng, outputs, sizes[k])) for k in range(n))
        layers.append(Layer(weights(rng, outputs, inputs), 5, READOUT if last else neuron,
                            skips=skips))
    return network(layers, (sizes[0], 1, 1), steps, readout=readout)


def mixed(steps=6):
    """A dense layer behind a map of 4 channels, with skips of vectors and of maps."""
    rng = np.random.default_rng(7)
    return network([
        conv(rng, 3, 2), Layer(weights(rng, 9, 75), 5, SLOW),
        Layer(weights(rng, 6, 9), 5, SLOW, skips=(Skip(1, weights(rng, 6, 3, 5, 5)),
                                                 Skip(0, weights(rng, 6, 50)))),
        Layer(weights(rng, 4, 6), 5, READOUT, skips=(Skip(1, weights(rng, 4, 75)),))],
        (2, 5, 5), steps)


def gated(steps=7):
    """SEW blocks whose spikes meet by AND, then by IAND."""
    rng = np.random.default_rng(9)
    return network([
        conv(rng, 4, 2), conv(rng, 4, 4), gate("and", 4, 1), conv(rng, 4, 4), gate("iand", 4, 1),
        Layer(weights(rng, 5, 64), 5, READOUT)], (2, 4, 4), steps)


NETWORKS = {
    "block": block(), "long": block(21, encoder="bernoulli"), "wide": block(5, 20),
    "biased": block(6, 4), "longer": longer(), "strided": strided(), "padded": padded(),
    "parallel": parallel(), "dense": dense(), "count": dense(20, readout="count"),
    "cuba": dense(7, (5, 8, 6, 4), neuron=Cuba(threshold=np.int64(20), leak=np.int64(9000),
                                               current_leak=np.int64(20000), reset="zero")),
    "mixed": mixed(), "gated": gated(),
}
NETWORKS["biased"] = NETWORKS["biased"].replace(layers=tuple(
    replace(layer, bias=np.arange(layer.channels) - 1) if layer.weighted else layer
    for layer in NETWORKS["biased"].layers))


def check(network, **options):
    some = images(network, 3, 1)
    want = run(some, network, taps=network.taps)
    got = Simulation(network, quick=True, **options).run(some)
    np.testing.assert_array_equal(got.scores, want.scores)
    np.testing.assert_array_equal(got.counts, want.counts)
    for tap in network.taps:
        np.testing.assert_array_equal(got.spikes[tap], want.spikes[tap])
        np.testing.assert_array_equal(got.maps[tap], want.maps[tap])
    return want


def foretold(plan, result):
    """(N,) cycles by flow.estimate.cycles."""
    trains = [trains_of(plan, planes_of(plan, result.spikes_input), of_input=True),
              *(trains_of(plan, result.spikes[tap]) for tap in plan.network.taps)]
    return image_cycles(plan, trains[:len(plan.network.stages)]).sum(axis=1)


@pytest.mark.slow
@pytest.mark.rotated
@pytest.mark.parametrize("lanes", [1, 2, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_skips_are_golden(name, lanes):
    want = check(NETWORKS[name], lanes=lanes)
    assert all(.02 < spikes.mean() < .95 for spikes in want.spikes.values())


@pytest.mark.slow
@pytest.mark.rotated
@pytest.mark.parametrize("options", [
    {"schedule": "chunks"}, {"schedule": "steps"}, {"word_steps": 4}, {"word_steps": 4, "lanes": 1},
    {"schedule": "chunks", "word_steps": 4}, {"trains": 2}, {"trains": 3, "lanes": 8},
    {"lanes": 16}], ids=str)
@pytest.mark.parametrize("name", ["long", "longer", "mixed", "count", "gated"])
def test_schedules_and_sizes(name, options):
    check(NETWORKS[name], **options)


@pytest.mark.slow
@pytest.mark.rotated
@pytest.mark.parametrize("options", [{}, {"schedule": "chunks"}, {"schedule": "steps"},
                                     {"trains": 2}], ids=str)
@pytest.mark.parametrize("name", ["strided", "parallel"])
def test_cycles_are_foretold(name, options):
    """What the estimate says of passes with skips, and of copies, is what they take."""
    network = NETWORKS[name]
    some = images(network, 3, 1)
    simulation = Simulation(network, quick=True, taps=(), **options)
    want = run(some, network, taps=network.taps)
    plan = simulation.accelerator.plan
    law = foretold(plan, want)
    np.testing.assert_allclose(simulation.run(some).cycles, law, rtol=.03)
    assert any(each.merging for each in plan.passes) and most_cycles(plan) > law.max()


@pytest.mark.slow
@pytest.mark.parametrize("source", [0, 1])
def test_with_a_loop(source):
    """A layer that reads itself and others, round after round."""
    rng = np.random.default_rng(3)
    made = dense(8, (6, 9, 8, 7))
    first, second, last = made.layers
    second = replace(second, recurrent=Recurrent(weights(rng, 8, 8)),
                     skips=(Skip(source, weights(rng, 8, (6, 9)[source])),))
    first = replace(first, recurrent=Recurrent(weights(rng, 9, 9)))
    check(made.replace(layers=(first, second, last)))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_skip_matters(name):
    """Without its skips the network does something else: these tests would see one missing."""
    made = NETWORKS[name]
    some = images(made, 3, 1)
    for stage in made.stages:
        for n in range(len(stage.skips)):
            silent = replace(stage.skips[n].skip, weights=0 * stage.skips[n].skip.weights)
            skips = (*stage.layer.skips[:n], silent, *stage.layer.skips[n + 1:])
            without = made.replace(layers=tuple(
                replace(layer, skips=skips) if layer is stage.layer else layer
                for layer in made.layers))
            assert not np.array_equal(run(some, made).scores, run(some, without).scores)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["base", "own", "rows"])
def test_planted_faults_are_seen(fault, monkeypatch):
    """A skip read from the wrong place, from the layer's own trains, or with other weights."""
    right = skips.term_of

    def wrong(*given):
        term, visits, row = right(*given)
        if fault == "base":
            term = replace(term, base=term.base + 4)
        if fault == "own":
            visits = [replace(visit, term=0) for visit in visits]
        if fault == "rows":
            visits = [replace(visit, row=visit.row - 4) for visit in visits]
        return term, visits, row
    monkeypatch.setattr("hw.plan.programs.term_of", wrong)
    made = block()
    some = images(made, 3, 1)
    got = Simulation(made, quick=True, taps=()).run(some)
    assert not np.array_equal(got.scores, run(some, made).scores)


def test_copies_are_made_where_they_are_needed():
    """What lies in the memory that a pass writes is copied once, whoever reads it; and named so."""
    assert [each.what for each in efforts(Plan(block()))] == [
        "layer 1", "layer 2", "layer 3, copy before", "layer 3", "layer 4"]
    assert efforts(Plan(strided()))[4].what == "layer 4, max pooling before"
    merges = lambda made: [each.inputs for each in made.passes if each.merging]
    assert merges(Plan(block())) == [(1,)]
    assert merges(Plan(longer())) == [(0,)]
    assert merges(Plan(dense(9, (6, 17, 9, 7)))) == [(0,), (1,)]
    assert merges(Plan(dense(9, (6, 5, 5, 5, 5)))) == [(0,), (1,), (3,)]
    for name in NETWORKS:
        for schedule in ("layers", "chunks", "steps"):
            plan = Plan(NETWORKS[name], schedule=schedule)
            for each in plan.passes:
                banks = {plan.buffers[read].bank for read in each.inputs}
                assert banks == {each.source} == {1 - plan.buffers[each.number].bank}


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["ternary", "current"])
def test_an_input_of_other_than_spikes_is_read_once(encoder):
    made = longer().replace(encoder=encoder)
    with pytest.raises(BadInput, match="weighted layer 4 reads the input beside layer 1, whose "
                                       f"encoder {encoder} gives other than spikes"):
        Plan(made)
    check(block(encoder=encoder))


def test_other_strides_are_refused_where_they_are_padded():
    made = strided()
    layers = list(made.layers)
    layers[2] = replace(layers[2], skips=(Skip(1, np.ones((6, 4, 3, 3), int), stride=2,
                                               padding=1),))
    with pytest.raises(BadInput, match="weighted layer 3: the skip from layer 1 is padded, and its "
                                       "map or its stride is another"):
        Plan(made.replace(layers=tuple(layers)))


def test_experiments_are_refused():
    with pytest.raises(BadInput, match="no experiments are run on the chip"):
        Simulation(block(), quick=True, experiments=True)
