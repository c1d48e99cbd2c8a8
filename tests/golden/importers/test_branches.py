"""Branches that meet, out of NIR graphs and into them."""

from dataclasses import replace

import nir
import numpy as np
import pytest

from golden.importers import float_run
from golden.importers.branches import meetings
from golden.importers.nir import from_nir
from golden.importers.nir_export import real, write_nir
from golden.importers.quantise import quantise_with_report
from golden.io.errors import BadInput
from golden.run import run
from tests.golden.test_branches import STEPS, block, dense, unleaking

RULES = {"reset": "subtract", "dt": 1.0, "encoder": "frames", "steps": STEPS}


def lif(shape, threshold=2.0):
    """Neurons that keep three quarters."""
    full = lambda value: np.full(shape, float(value))
    return nir.LIF(tau=full(4), r=full(4), v_leak=full(0), v_threshold=full(threshold),
                   v_reset=full(0))


def conv(rng, out, into, kernel=3, stride=1, padding=1, size=6):
    return nir.Conv2d((size, size), rng.integers(-2, 3, (out, into, kernel, kernel)).astype(float),
                      stride, padding, 1, 1, rng.integers(-1, 2, out).astype(float))


def graph(nodes, edges, shape=(2, 6, 6), classes=3):
    nodes = {"input": nir.Input(np.array(shape)), **nodes,
             "output": nir.Output(np.array([classes]))}
    return nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)


def residual(rng, *more, **changed):
    """conv, LIF a; conv, LIF b; conv + a, LIF c; all of c to the classes."""
    nodes = {"w1": conv(rng, 4, 2), "a": lif((4, 6, 6)), "w2": conv(rng, 4, 4), "b": lif((4, 6, 6)),
             "w3": conv(rng, 4, 4), "c": lif((4, 6, 6)), "flat": nir.Flatten(None, 0, -1),
             "w4": nir.Affine(rng.integers(-2, 3, (3, 144)).astype(float), np.zeros(3))}
    edges = [("input", "w1"), ("w1", "a"), ("a", "w2"), ("w2", "b"), ("b", "w3"), ("w3", "c"),
             ("c", "flat"), ("flat", "w4"), ("w4", "output"), *more]
    return graph(nodes | changed, edges)


def frames(rng, shape=(2, 6, 6), count=3):
    return (rng.random((count, STEPS, *shape)) < .4).astype(np.uint8)


def by_hand(graph, images):
    """{neuron: (N, T, ...) spikes} of a NIR graph without poolings, node by node in float64."""
    def weigh(node, maps):
        if isinstance(node, nir.Flatten):
            return maps.reshape(len(maps), -1)
        if isinstance(node, nir.Scale):
            return maps * node.scale
        if isinstance(node, (nir.Affine, nir.Linear)):
            return maps @ node.weight.T + getattr(node, "bias", 0)
        (high, wide), (p, _) = node.weight.shape[2:], np.broadcast_to(node.padding, 2)
        (s, _) = np.broadcast_to(node.stride, 2)
        maps = np.pad(maps, ((0, 0), (0, 0), (p, p), (p, p)))
        rows = range(0, maps.shape[2] - high + 1, s)
        columns = range(0, maps.shape[3] - wide + 1, s)
        found = np.stack([np.stack([np.tensordot(
            maps[:, :, y:y + high, x:x + wide], node.weight, ((1, 2, 3), (1, 2, 3)))
            for x in columns], -1) for y in rows], -2)
        return found + node.bias[:, None, None]

    neurons = {name for name, node in graph.nodes.items() if isinstance(node, nir.LIF)}
    membranes, found = dict.fromkeys(neurons, 0.0), {name: [] for name in neurons}
    fired = dict.fromkeys(neurons, 0.0)
    for t in range(STEPS):
        values = {"input": images[:, t].astype(float)}

        def value(name, t=t, values=values):
            if name not in values:
                came = sum(value(start) for start, end in graph.edges if end == name)
                node = graph.nodes[name]
                if name in neurons:
                    membranes[name] = .75 * membranes[name] - 2.0 * fired[name] + came
                    fired[name] = values[name] = (membranes[name] > 2.0).astype(float)
                    found[name].append(values[name])
                else:
                    values[name] = came if name == "output" else weigh(node, came)
            return values[name]
        value("output")
    return {name: np.stack(each, axis=1) for name, each in found.items()}


def same(network, images, wanted, order):
    """Whether the layers spike as the neurons of ``order`` do."""
    found = float_run.run(images, network).spikes
    return [bool(np.array_equal(found[n], wanted[name])) for n, name in enumerate(order)]


GRAPHS = {
    "identity": lambda rng: (residual(rng, ("a", "c")), "abc"),
    "projected": lambda rng: (residual(rng, ("input", "skip"), ("skip", "c"),
                                       skip=conv(rng, 4, 2, 1, 1, 0)), "abc"),
    "two": lambda rng: (residual(rng, ("a", "c"), ("input", "skip"), ("skip", "c"),
                                 skip=conv(rng, 4, 2)), "abc"),
    # What meets before weights (SEW's ADD): one bias, and the weights once for each term.
    "added": lambda rng: (residual(rng, ("a", "w3")), "abc"),
    "scaled": lambda rng: (residual(rng, ("a", "half"), ("half", "c"),
                                    half=nir.Scale(np.full((4, 1, 1), .5))), "abc"),
    # One convolution, its bias with it, on two ways that meet again.
    "forked": lambda rng: (residual(rng, ("a", "pre"), ("pre", "one"), ("pre", "two"),
                                    ("one", "c"), ("two", "c"), pre=conv(rng, 4, 4, 1, 1, 0),
                                    one=conv(rng, 4, 4, 1, 1, 0), two=conv(rng, 4, 4, 1, 1, 0)),
                           "abc"),
    # A layer read twice, and none of them the one before.
    "parallel": lambda rng: (residual(rng, ("a", "w5"), ("w5", "d"), ("d", "w6"), ("w6", "c"),
                                      w5=conv(rng, 4, 4), d=lif((4, 6, 6)), w6=conv(rng, 4, 4)),
                             "abdc"),
    "readout": lambda rng: (residual(rng, ("a", "flat2"), ("flat2", "w5"), ("w5", "output"),
                                     flat2=nir.Flatten(None, 0, -1),
                                     w5=nir.Affine(rng.integers(-2, 3, (3, 144)).astype(float),
                                                   np.ones(3))), "abc"),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs(name):
    """The network spikes as the graph does, node by node; without one of the edges it does not."""
    rng = np.random.default_rng(3)
    given, order = GRAPHS[name](rng)
    images = frames(rng)
    network, wanted = from_nir(given, **RULES), by_hand(given, images)
    assert len(network.branched) >= 1
    assert all(same(network, images, wanted, order))
    assert all(.02 < spikes.mean() < .98 for spikes in wanted.values())
    chain = from_nir(residual(np.random.default_rng(3)), **RULES)
    assert not chain.branched
    assert not np.array_equal(float_run.run(images, chain).logits,
                              float_run.run(images, network).logits)


def test_planted_faults_are_seen():
    """A bias that counts twice, or not at all, is seen by ``test_graphs``."""
    rng = np.random.default_rng(3)
    given, order = GRAPHS["added"](rng)
    images = frames(rng)
    network, wanted = from_nir(given, **RULES), by_hand(given, images)
    for factor in (0, 2):
        layers = list(network.layers)
        layers[2] = replace(layers[2], bias=layers[2].bias * factor)
        assert not all(same(network.replace(layers=tuple(layers)), images, wanted, order))


def test_nested():
    """A block that is a graph within the graph is what it is unfolded."""
    rng = np.random.default_rng(5)
    inner = nir.NIRGraph(
        nodes={"input": nir.Input(np.array((4, 6, 6))), "w2": conv(rng, 4, 4), "b": lif((4, 6, 6)),
               "w3": conv(rng, 4, 4), "c": lif((4, 6, 6)), "output": nir.Output(
                   np.array((4, 6, 6)))},
        edges=[("input", "w2"), ("w2", "b"), ("b", "w3"), ("w3", "c"), ("input", "c"),
               ("c", "output")], type_check=False)
    outer = {"w1": conv(rng, 4, 2), "a": lif((4, 6, 6)), "block": inner,
             "flat": nir.Flatten(None, 0, -1), "w4": nir.Linear(np.ones((3, 144)))}
    edges = [("input", "w1"), ("w1", "a"), ("a", "block"), ("block", "flat"), ("flat", "w4"),
             ("w4", "output")]
    network = from_nir(graph(outer, edges), **RULES)
    names = {"input": "a", "output": "flat"}
    flat = graph({**{name: node for name, node in outer.items() if name != "block"},
                  **{name: node for name, node in inner.nodes.items() if name not in names}},
                 [("input", "w1"), ("w1", "a"), ("flat", "w4"), ("w4", "output"),
                  *((names.get(a, a), names.get(b, b)) for a, b in inner.edges)])
    images = frames(rng)
    assert all(same(network, images, by_hand(flat, images), "abc"))
    assert [stage.inputs for stage in network.stages] == [(0,), (1,), (2, 1), (3,)]


def test_an_average_is_a_skip():
    """An average pooling on a way that joins others is a depthwise convolution."""
    rng = np.random.default_rng(1)
    given = graph(
        {"w1": conv(rng, 4, 2), "a": lif((4, 6, 6)), "w2": conv(rng, 4, 4, 2, 2, 0),
         "pool": nir.AvgPool2d(np.array((2, 2)), np.array((2, 2)), np.array((0, 0))),
         "b": lif((4, 3, 3)), "flat": nir.Flatten(None, 0, -1), "w3": nir.Linear(np.ones((3, 36)))},
        [("input", "w1"), ("w1", "a"), ("a", "w2"), ("w2", "b"), ("a", "pool"), ("pool", "b"),
         ("b", "flat"), ("flat", "w3"), ("w3", "output")])
    network = from_nir(given, **RULES)
    skip, = network.layers[1].skips
    assert skip.weights.shape == (4, 1, 2, 2) and (skip.weights == .25).all() and skip.groups == 4
    assert (skip.stride, skip.source) == (2, 1)


@pytest.mark.parametrize("make", [dense, block])
@pytest.mark.parametrize("seed", range(3))
def test_written_and_read(make, seed, tmp_path):
    """A network with branches that is written as NIR and read again is the same network."""
    network, images = make(np.random.default_rng(seed))
    write_nir(network, tmp_path / "net.nir")
    again = from_nir(tmp_path / "net.nir")
    for one, other in zip(real(network).stages, again.stages, strict=True):
        assert one.inputs == other.inputs
        for a, b in zip((one.layer, *one.layer.skips), (other.layer, *other.layer.skips),
                        strict=True):
            assert np.array_equal(a.weights, b.weights)
    a, b = (float_run.run(images, each) for each in (real(network), again))
    assert np.array_equal(a.logits, b.logits)
    assert all(np.array_equal(x, y) for x, y in zip(a.spikes, b.spikes, strict=True))


def test_written_quantised_again(tmp_path):
    """And quantised it is the integers that were written."""
    network, images = block(np.random.default_rng(7))
    network = unleaking(network)
    write_nir(network, tmp_path / "net.nir")
    made, reasons = quantise_with_report(from_nir(tmp_path / "net.nir"), bits=4)
    assert not any(reasons)
    a, b = run(images, network), run(images, made)
    assert all(np.array_equal(a.spikes[tap], b.spikes[tap]) for tap in network.taps)


def refused(make):
    rng = np.random.default_rng(0)
    with pytest.raises(BadInput) as caught:
        from_nir(make(rng), **RULES)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("make", "says"), [
    (lambda rng: residual(rng, ("input", "c")),
     "node 'c' (LIF): sums 4 x 6 x 6 and 2 x 6 x 6; what meets must have one shape"),
    (lambda rng: residual(rng, ("a", "s"), ("s", "c"), s=conv(rng, 4, 4, 1, 2, 0)),
     "node 'c' (LIF): sums 4 x 6 x 6 and 4 x 3 x 3; what meets must have one shape"),
    (lambda rng: residual(rng, ("in2", "w1"), in2=nir.Input(np.array((2, 6, 6)))),
     "graph: must have one Input node, not 2"),
    (lambda rng: residual(rng, ("a", "out2"), out2=nir.Output(np.array((4, 6, 6)))),
     "graph: must have one Output node, not 2"),
    (lambda rng: residual(rng, ("a", "d"), d=lif((4, 6, 6))),
     "node 'd': is not on the way from the input to the output"),
    (lambda rng: residual(rng, ("a", "d"), ("d", "c"), d=nir.Delay(np.ones(4))),
     "node 'd' (Delay): is not supported"),
    (lambda rng: residual(rng, ("c", "w2")),
     "node 'c': feeds itself through others; a loop must go from one neuron"),
    (lambda rng: residual(rng, ("w2", "s"), ("s", "w2"), s=nir.Scale(np.ones((4, 1, 1)))),
     "node 's': closes a loop without a spiking neuron"),
    (lambda rng: residual(rng, ("c", "output")),
     "node 'output' (Output): sums a neuron's spikes and something else"),
    (lambda rng: residual(rng, *((edge, end) for n in range(8)
                                 for edge, end in (("a", f"s{n}"), (f"s{n}", "c"))),
                          **{f"s{n}": conv(rng, 4, 4, 1, 1, 0) for n in range(8)}),
     "node 'c': is reached on more than 8 ways from neurons"),
    (lambda rng: residual(rng, ("a", "n"), ("n", "s"), ("s", "c"), n=nir.CubaLIF(
        *(np.full((4, 6, 6), 1.5) for _ in range(3)), np.ones((4, 6, 6)), np.ones((4, 6, 6))),
        s=conv(rng, 4, 4)), "node 'n' (CubaLIF): v_leak must be 0"),
])
def test_refused(make, says):
    assert refused(make).startswith(says)


def test_many_ways_are_counted_and_not_walked():
    """A ladder of diamonds has 2**40 ways; it is refused at once. 900 nodes are one."""
    rungs = [(f"{n}", f"{n}{side}") for n in range(40) for side in "ab"]
    joins = [(f"{n}{side}", f"{n + 1}") for n in range(40) for side in "ab"]
    with pytest.raises(BadInput, match="is reached on more than 8 ways"):
        meetings([("in", "0"), *rungs, *joins, ("40", "end")], ["end"], "in")
    names = ["in", *map(str, range(900)), "end"]
    (found,) = meetings(list(zip(names, names[1:], strict=False)), ["end"], "in")
    assert len(found.ways[0][1]) == 900
