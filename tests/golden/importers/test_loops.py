"""Loops from NIR graphs and snnTorch: read as their producers run them."""

from dataclasses import replace

import nir
import numpy as np
import pytest
import snntorch as snn
import torch
from torch import nn

from golden.importers import fidelity, float_run
from golden.importers.nir import from_nir, main
from golden.importers.nir_export import write_nir
from golden.importers.quantise import quantise_with_report
from golden.importers.torch import agreement_of, trace
from golden.io.errors import BadInput
from golden.network import load
from golden.run import run
from tests.helpers.exits import exit_code
from verify.graphs import real_of
from verify.nir_graphs import graph_of, lif

T, N, H, O, DT = 60, 12, 10, 4, 1e-4
HOW = {"reset": "zero", "dt": DT, "steps": T, "encoder": "frames"}


def frames(count=6, share=0.3):
    return (np.random.default_rng(0).random((count, T, N)) < share).astype(np.uint8)


def looped(*, bias=True, nested=False, gain=1.0, back=None, end="lif2", neuron=None):
    """12 - 10 (loop) - 4 of LIF; inputs count ``gain`` of what the weights give."""
    rng = np.random.default_rng(1)
    def weights(*shape, size=0.5):
        return (rng.normal(0, size, shape) / gain).astype(np.float32)
    first = nir.Affine(weights(H, N), weights(H, size=0.05))
    back = back or nir.Affine(weights(H, H), weights(H, size=0.3) * bias)
    own = neuron or lif((H,), beta=.9, threshold=1, r=None if gain == 1 else 1)
    nodes = {"fc1": first, "lif1.lif": own, "lif1.w_rec": back,
             "fc2": nir.Linear(weights(O, H, size=0.6)),
             "lif2": lif((O,), beta=.9, threshold=1, r=None if gain == 1 else 1)}
    edges = [("input", "fc1"), ("fc1", "lif1.lif"), ("lif1.lif", "lif1.w_rec"),
             ("lif1.w_rec", "lif1.lif"), ("lif1.lif", "fc2"), ("fc2", "lif2"), (end, "output")]
    if nested:
        one = graph_of({"lif": nodes.pop("lif1.lif"), "w_rec": nodes.pop("lif1.w_rec")},
                       [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
                       (H,), (H,))
        nodes["lif1"] = one
        edges = [("input", "fc1"), ("fc1", "lif1"), ("lif1", "fc2"), ("fc2", "lif2"),
                 ("lif2", "output")]
    return graph_of(nodes, edges, (N,), (O,))


def ours(network, images):
    """(N, T, O) spikes of the last layer of a real network."""
    return float_run.run(images[..., None, None], network).spikes[-1].reshape(*images.shape[:2], O)


def faults(network):
    """The network with one thing wrong about its loop, by name."""
    first, loop = network.layers[0], network.layers[0].recurrent
    other = {"weights": "spikes", "spikes": "weights"}[loop.cut]
    for name, changed in (("transposed", replace(loop, weights=loop.weights.T)),
                          ("cut", replace(loop, cut=other)), ("none", None)):
        yield name, network.replace(layers=(replace(first, recurrent=changed),
                                            *network.layers[1:]))


def stepped(module, images, dtype):
    """(N, T, O) of a module that takes a step and a state."""
    state, found = None, []
    for t in range(T):
        spikes, state = module(torch.as_tensor(images[:, t].astype(dtype)), state)
        found.append(spikes.detach().numpy())
    return np.stack(found, axis=1)


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
@pytest.mark.filterwarnings("ignore")
def test_as_norse_runs_it(nested):
    """Equal on every spike; a transposed loop, another cut and no loop are not."""
    from norse.torch.utils.import_nir import from_nir as norse
    graph, images = looped(nested=nested, gain=0.1), frames()
    wanted = stepped(norse(graph, dt=DT, ignore_warnings=True).double(), images, np.float64)
    network = from_nir(graph, **HOW)
    assert 0.02 < wanted.mean() < 0.5 and network.layers[0].recurrent.cut == "weights"
    assert np.array_equal(ours(network, images), wanted)
    for name, wrong in faults(network):
        assert not np.array_equal(ours(wrong, images), wanted), name


@pytest.mark.filterwarnings("ignore")
def test_as_spikingjelly_runs_it():
    from spikingjelly.activation_based import nir_exchange
    graph, images = looped(), frames()
    wanted = stepped(nir_exchange.import_from_nir(graph, dt=DT), images, np.float32)
    network = from_nir(graph, **{**HOW, "compare": "ge"})
    assert 0.02 < wanted.mean() < 0.5
    assert np.array_equal(ours(network, images), wanted)


def test_the_cut_is_told():
    """By an option, by the producer, and not at all where there is no bias."""
    for options, cut, words in ((HOW, "weights", "is not added in the first step"),
                                ({**HOW, "cut": "spikes"}, "spikes", "is added in the first step"),
                                ({"producer": "snntorch", "steps": T}, "spikes", "is added")):
        layer = from_nir(looped(), **options).layers[0]
        assert layer.recurrent.cut == cut
        assert any(words in note for note in layer.notes)
    notes = from_nir(looped(bias=False), **HOW).layers[0].notes
    assert any("lif1.w_rec leads back to it" in note for note in notes)
    assert not any("--cut" in note for note in notes)
    with pytest.raises(BadInput, match="cut: must be one of weights, spikes, not membrane"):
        from_nir(looped(), **{**HOW, "cut": "membrane"})


def conv_loop(**changes):
    kernel = nir.Conv2d(**{"input_shape": (4, 4), "weight": np.ones((2, 2, 3, 3), np.float32),
                           "stride": 1, "padding": 1, "dilation": 1, "groups": 1,
                           "bias": np.zeros(2, np.float32), **changes})
    first = nir.Conv2d((4, 4), np.ones((2, 1, 3, 3), np.float32), 1, 1, 1, 1, np.zeros(2))
    return graph_of({"c": first, "n": lif((2, 4, 4)), "back": kernel,
                     "flat": nir.Flatten({"input": np.array([2, 4, 4])}, 0, -1),
                     "fc": nir.Linear(np.ones((3, 32), np.float32))},
                    [("input", "c"), ("c", "n"), ("n", "back"), ("back", "n"), ("n", "flat"),
                     ("flat", "fc"), ("fc", "output")], (1, 4, 4), (3,))


def test_a_scale_is_one_to_one():
    scale = np.linspace(-1, 1, H)
    loop = from_nir(looped(back=nir.Scale(scale)), **HOW).layers[0].recurrent
    assert loop.one_to_one and np.array_equal(np.diag(loop.weights), scale)


def test_a_convolution_may_lead_back():
    layer = from_nir(conv_loop(), **HOW).layers[0]
    assert layer.recurrent.weights.shape == (2, 2, 3, 3)


@pytest.mark.parametrize("graph, message", [
    (lambda: looped(neuron=nir.Affine(np.ones((H, H)), np.zeros(H))),
     "node 'lif1.w_rec': closes a loop without a spiking neuron: it leads from 'lif1.lif'"),
    (lambda: looped(neuron=graph_of({"lif": lif((H,))}, None, (H,), (H,))),
     "node 'lif1.w_rec': leads from the graph 'lif1.lif' back to it; put it beside the neuron"),
    (lambda: looped(back=nir.Linear(np.ones((H, H + 1)))), "lead from 10 outputs to 10"),
    (lambda: looped(back=nir.Linear(np.ones((H + 1, H)))), "lead from 10 outputs to 10"),
    (lambda: looped(back=nir.Delay(np.ones(H))), "node 'lif1.w_rec': feeds itself through others"),
    (lambda: looped(back=nir.Scale(np.ones((H, H)))), "scale must be one number a channel"),
    (lambda: conv_loop(stride=2), "node 'back' .*must keep the size of its map"),
    (lambda: conv_loop(padding=0), "node 'back' .*must keep the size of its map"),
    (lambda: conv_loop(weight=np.ones((2, 2, 2, 2), np.float32)), "must keep the size of its map"),
])
def test_refused(graph, message):
    with pytest.raises(BadInput, match=message) as caught:
        from_nir(graph(), **HOW)
    assert "\n" not in str(caught.value)


def test_several_spikes_are_refused():
    with pytest.raises(BadInput, match="node 'lif1.w_rec': leads back to a neuron that fires "
                       "several spikes"):
        from_nir(looped(), producer="sinabs", gain="one", steps=T, allow_different=True)


@pytest.mark.parametrize("per_channel", [False, True])
def test_quantised(per_channel):
    """Weights and loop share a scale, and what is told of the rounding holds them both."""
    network, images = from_nir(looped(), **HOW), frames()[..., None, None]
    made, reasons = quantise_with_report(network, bits=8, per_channel=per_channel)
    real, whole = network.layers[0], made.layers[0]
    unit = np.abs(np.hstack([real.weights, real.recurrent.weights])).max(
        axis=1 if per_channel else None, keepdims=True) / 127
    for a, b in ((real, whole), (real.recurrent, whole.recurrent)):
        apart = np.abs(a.weights - b.weights * unit)
        # The largest may be cut a little, by the scale with the least error.
        assert (apart <= 0.51 * unit).mean() > 0.98 and apart.max() < 30 * unit.max()
    assert whole.recurrent.cut == "weights" and reasons[0]
    unit = whole.scale if not per_channel else None
    if unit:
        assert np.allclose(whole.recurrent.bias * unit, real.recurrent.bias, atol=unit)
    equal = run(images, made).spikes[1] == float_run.run(images, network).spikes[0]
    assert equal.mean() > 0.95
    report = fidelity.compare(network, made, reasons, images)
    assert report.lines[0].agreement == equal.mean()


def test_an_exact_loop_is_exact():
    """Whole numbers stay what they are, behind an average too, whose share the loop has not."""
    neuron = lif((2, 2, 2), beta=.75, threshold=2)
    rng = np.random.default_rng(2)
    nodes = {"pool": nir.AvgPool2d(2, 2, 0),
             "c": nir.Conv2d((2, 2), rng.integers(-3, 4, (2, 1, 1, 1)).astype(np.float32), 1, 0, 1,
                             1, np.zeros(2)),
             "n": neuron,
             "back": nir.Conv2d((2, 2), rng.integers(-3, 4, (2, 2, 1, 1)).astype(np.float32), 1, 0,
                                1, 1, np.ones(2, np.float32)),
             "flat": nir.Flatten({"input": np.array([2, 2, 2])}, 0, -1),
             "fc": nir.Linear(rng.integers(-3, 4, (3, 8)).astype(np.float32))}
    graph = graph_of(nodes, [("input", "pool"), ("pool", "c"), ("c", "n"), ("n", "back"),
                             ("back", "n"), ("n", "flat"), ("flat", "fc"), ("fc", "output")],
                     (1, 4, 4), (3,))
    network = from_nir(graph, **{**HOW, "steps": 6})
    made, reasons = quantise_with_report(network, bits=8, membrane_bits=32)
    assert reasons[0] == ()
    images = rng.integers(0, 2, (20, 6, 1, 4, 4)).astype(np.uint8)
    assert np.array_equal(run(images, made).spikes[1], float_run.run(images, network).spikes[0])
    whole, wanted = made.layers[1], network.layers[1]
    assert np.array_equal(whole.recurrent.weights * (whole.scale * 2**whole.frac),
                          wanted.recurrent.weights)
    assert np.array_equal(whole.weights * (whole.scale * 2**whole.frac) * 4, wanted.weights)


def test_command(tmp_path, capsys):
    """A file with a loop becomes a network with one, and the report says where it is cut."""
    path, out, images = (tmp_path / name for name in ("loop.nir", "net.npz", "images.npy"))
    nir.write(path, looped())
    np.save(images, frames()[..., None, None])
    assert exit_code(main, path, "--reset", "zero", "--steps", T, "--encoder", "frames", "--cut",
                     "spikes", "--calibrate", images, "--out", out) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert load(out).layers[0].recurrent.cut == "spikes" and "equal spikes" in text


@pytest.mark.parametrize("cut", ["weights", "spikes"])
@pytest.mark.parametrize("graph", [looped, conv_loop])
def test_written_and_read_back(graph, cut, tmp_path):
    """This project's own files keep a loop to the last bit, and where it is cut."""
    network = from_nir(graph(), **{**HOW, "cut": cut})
    loop = network.layers[0].recurrent
    network = network.replace(layers=(replace(network.layers[0], recurrent=replace(
        loop, bias=np.linspace(-1, 1, len(loop.weights)))), *network.layers[1:]))
    write_nir(network, tmp_path / "loop.nir")
    again = from_nir(tmp_path / "loop.nir").layers[0].recurrent
    wanted = network.layers[0].recurrent
    assert again.cut == cut and np.array_equal(again.weights, wanted.weights)
    assert np.array_equal(again.bias, wanted.bias)
    made = quantise_with_report(network)[0]
    write_nir(made, tmp_path / "whole.nir")
    again = quantise_with_report(from_nir(tmp_path / "whole.nir"), membrane_bits=32)[0]
    images = (np.random.default_rng(3).random((3, T, *made.shape)) < 0.3).astype(np.uint8)
    assert np.array_equal(run(images, again).spikes[1], run(images, made).spikes[1])


# --- snnTorch -------------------------------------------------------------------------------------


class Held(nn.Module):
    """12 - 9 (loop) - 4, called once a step, whose neurons keep their states."""

    def __init__(self, neuron):
        super().__init__()
        torch.manual_seed(0)
        self.fc1, self.r, self.fc2 = nn.Linear(12, 9), neuron, nn.Linear(9, 4)
        self.out = snn.Leaky(.9, init_hidden=True)
        with torch.no_grad():
            self.fc1.weight *= 3
            self.fc2.weight *= 2
            if neuron.all_to_all:
                neuron.recurrent.weight.copy_(torch.randn(9, 9) * .5)
                neuron.recurrent.bias.copy_(torch.randn(9) * .3)

    def forward(self, x):
        return self.out(self.fc2(self.r(self.fc1(x))))


class Given(Held):
    """The same with its own loop, which hands on the states."""

    def forward(self, x):
        states, found = self.r.reset_mem(), []
        self.out.reset_mem()
        for t in range(len(x)):
            states = self.r(self.fc1(x[t]), *states)
            found.append(self.out(self.fc2(states[0])))
        return torch.stack(found)


class Swapped(Given):
    """The states in the wrong order."""

    def forward(self, x):
        (spikes, membrane), found = self.r.reset_mem(), []
        for t in range(len(x)):
            spikes, membrane = self.r(self.fc1(x[t]), membrane, spikes)
            found.append(self.fc2(spikes))
        return torch.stack(found)


def rleaky(one_to_one, held, current=False, **options):
    if one_to_one:
        options |= {"all_to_all": False, "V": torch.linspace(-1.5, 1.5, 9)}
    else:
        options |= {"linear_features": 9}
    if current:
        return snn.RSynaptic(.7, .8, init_hidden=held, **options)
    return snn.RLeaky(.8, init_hidden=held, **options)


@pytest.mark.parametrize("options", [
    {}, {"reset_mechanism": "zero", "reset_delay": False}, {"reset_delay": False},
    {"threshold": 0.7}, {"reset_mechanism": "zero"}, {"current": True},
    {"current": True, "reset_mechanism": "zero"}])
@pytest.mark.parametrize("model", [Held, Given])
@pytest.mark.parametrize("one_to_one", [False, True])
def test_rleaky(model, one_to_one, options):
    """Every spike is snnTorch's, and of a network with a fault not."""
    module = model(rleaky(one_to_one, model is Held, **options))
    network = trace(module, (12,), steps=20, encoder="frames")
    assert network.notes["agreement"].endswith("100 % of spikes")
    assert network.layers[0].recurrent.cut == "spikes"
    for name, wrong in faults(network):
        if one_to_one and name != "none":       # a diagonal without a bias
            continue
        if one_to_one and network.layers[0].neuron.reset == "clear" and not options.get("current"):
            continue                # what a spike adds a step later is lost in the reset
        found = agreement_of(module, wrong)
        assert found.equal < found.total, name


def test_rleaky_convolution():
    module = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), snn.RLeaky(
            .8, conv2d_channels=3, kernel_size=3, init_hidden=True), nn.Flatten(),
        nn.Linear(75, 4), snn.Leaky(.9, init_hidden=True))
    network = trace(module, (1, 5, 5), steps=12, encoder="frames")
    assert network.notes["agreement"].endswith("100 % of spikes")
    assert network.layers[0].recurrent.weights.shape == (3, 3, 3, 3)


def test_graded_spikes_come_back_graded():
    neuron = rleaky(False, True)
    neuron.graded_spikes_factor = torch.tensor(0.5)
    network = trace(Held(neuron), (12,), steps=20, encoder="frames")
    assert network.notes["agreement"].endswith("100 % of spikes")


@pytest.mark.parametrize("module, message", [
    (Held(rleaky(False, True, reset_mechanism="none")), r"module r \(RLeaky\): reads its own"),
    (Held(rleaky(False, True, True, reset_delay=False)),
     r"module r \(RSynaptic\): reset_delay=False fails or does nothing"),
    (Swapped(rleaky(False, False)), "what stands before it is another in step 1"),
])
def test_rleaky_refused(module, message):
    with pytest.raises(BadInput, match=message):
        trace(module, (12,), steps=20, encoder="frames")


@pytest.mark.parametrize("one_to_one", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_rleaky_by_its_own_graph(one_to_one):
    """The export of snnTorch, read by its rules, is the network that the module itself gives."""
    from snntorch.export_nir import export_to_nir
    module = Held(rleaky(one_to_one, True))
    for neuron, count in ((module.r, 9), (module.out, 4)):
        neuron.beta.data, neuron.threshold.data = (
            each.expand(count).clone() for each in (neuron.beta, neuron.threshold))
    graph = export_to_nir(nn.Sequential(module.fc1, module.r, module.fc2, module.out),
                          torch.zeros(1, 12), ignore_dims=[0])
    network = from_nir(graph, producer="snntorch", steps=20, encoder="frames")
    wanted = trace(module, (12,), steps=20, encoder="frames")
    images = frames()[:, :20, :, None, None]
    found = [float_run.run(images, each) for each in (network, wanted)]
    assert 0.01 < found[0].spikes[0].mean() < 0.6
    assert network.layers[0].recurrent.one_to_one is one_to_one
    assert all(map(np.array_equal, found[0].spikes, found[1].spikes))


class ByHand(nn.Module):
    """A loop that the model's own forward makes: Leaky of fc1(x) + back(its spikes)."""

    def __init__(self, first=None, back=None, steps=20, turned=False, **options):
        super().__init__()
        torch.manual_seed(1)
        self.turned = turned
        self.fc1, self.back = first or nn.Linear(12, 9), back or nn.Linear(9, 9)
        self.lif, self.fc2, self.steps = snn.Leaky(.8, **options), nn.LazyLinear(4), steps
        self.fc2(torch.zeros(1, 9 if back is None else 75))
        with torch.no_grad():
            self.fc1.weight *= 3
            self.back.weight *= 2
            self.fc2.weight *= 2

    def forward(self, x):
        membrane, found = self.lif.reset_mem(), []
        spikes = torch.zeros_like(self.fc1(x[0]))
        for t in range(self.steps):
            parts = [self.fc1(x[t]), self.back(spikes)][::-1 if self.turned else 1]
            spikes, membrane = self.lif(parts[0] + parts[1], membrane)
            found.append(self.fc2(spikes.flatten(1)))
        return torch.stack(found)


@pytest.mark.parametrize("options", [{}, {"reset_mechanism": "zero"}, {"reset_delay": False},
                                     {"turned": True}])
def test_a_loop_by_hand(options):
    module = ByHand(**options)
    network = trace(module, (12,), steps=20, encoder="frames")
    assert network.notes["agreement"].endswith("100 % of spikes")
    for name, wrong in faults(network):
        found = agreement_of(module, wrong)
        assert found.equal < found.total, name


def test_a_loop_by_hand_of_maps():
    module = ByHand(nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1))
    network = trace(module, (1, 5, 5), steps=20, encoder="frames")
    assert network.notes["agreement"].endswith("100 % of spikes")
    assert network.layers[0].recurrent.weights.shape == (3, 3, 3, 3)


class Late(ByHand):
    """The spikes of two steps before."""

    def forward(self, x):
        membrane, found = self.lif.reset_mem(), []
        spikes = before = torch.zeros_like(self.fc1(x[0]))
        for t in range(self.steps):
            now, membrane = self.lif(self.fc1(x[t]) + self.back(before), membrane)
            before, spikes = spikes, now
            found.append(self.fc2(now))
        return torch.stack(found)


class Begun(ByHand):
    """Spikes before the first step."""

    def forward(self, x):
        membrane, found = self.lif.reset_mem(), []
        spikes = torch.ones_like(self.fc1(x[0]))
        for t in range(self.steps):
            spikes, membrane = self.lif(self.fc1(x[t]) + self.back(spikes), membrane)
            found.append(self.fc2(spikes))
        return torch.stack(found)


class OfMembranes(ByHand):
    """Membranes that go back."""

    def forward(self, x):
        membrane, found = self.lif.reset_mem(), []
        last = torch.zeros_like(self.fc1(x[0]))
        for t in range(self.steps):
            spikes, membrane = self.lif(self.fc1(x[t]) + self.back(last), membrane)
            last = membrane
            found.append(self.fc2(spikes))
        return torch.stack(found)


@pytest.mark.parametrize("model, message", [
    (Late, "function add.*joins values of several steps"),
    (Begun, r"lif \(Leaky\): what stands before it is another in step 1 than in step 0"),
    (OfMembranes, r"module back \(Linear\): reads the membranes"),
])
def test_a_loop_by_hand_refused(model, message):
    with pytest.raises(BadInput, match=message):
        trace(model(), (12,), steps=20, encoder="frames")


def test_a_loop_by_hand_must_keep_the_map():
    module = ByHand(nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=2, dilation=2))
    with pytest.raises(BadInput, match=r"module back \(Conv2d\): a recurrent convolution must"):
        trace(module, (1, 5, 5), steps=20, encoder="frames")


# --- with a synaptic current ----------------------------------------------------------------------


def braille(nested=False, bias=False):
    """A graph of the form of the NIR paper's Braille readers: 12 - 24 (loop) - 5 of CubaLIF."""
    rng, hidden, classes = np.random.default_rng(5), 24, 5
    def cuba(count, syn, mem):
        full = lambda value: np.full(count, value, np.float32)
        return nir.CubaLIF(tau_syn=full(DT / (1 - syn)), tau_mem=full(DT / (1 - mem)), r=full(
            1 / (1 - mem)), v_leak=full(0), v_threshold=full(1), v_reset=full(0),
            w_in=full(1 / (1 - syn)))
    weights = lambda *shape: rng.normal(0, 1, shape).astype(np.float32)
    dense = lambda array: (nir.Affine(array, weights(len(array)) * .1) if bias
                           else nir.Linear(array))
    nodes = {"fc1": dense(weights(hidden, 12) * .5), "lif1.lif": cuba(hidden, .55, .85),
             "lif1.w_rec": dense(weights(hidden, hidden) * .4 - .1),
             "fc2": dense(weights(classes, hidden) * .2), "lif2": cuba(classes, .6, .9)}
    edges = [("input", "fc1"), ("fc1", "lif1.lif"), ("lif1.lif", "lif1.w_rec"),
             ("lif1.w_rec", "lif1.lif"), ("lif1.lif", "fc2"), ("fc2", "lif2"), ("lif2", "output")]
    if nested:
        nodes["lif1"] = graph_of(
            {"lif": nodes.pop("lif1.lif"), "w_rec": nodes.pop("lif1.w_rec")},
            [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
            (hidden,), (hidden,))
        edges = [("input", "fc1"), ("fc1", "lif1"), ("lif1", "fc2"), ("fc2", "lif2"),
                 ("lif2", "output")]
    return graph_of(nodes, edges, (12,), (classes,))


def last(network, images):
    """(N, T, classes) spikes of the last layer, and the (N, T, hidden) before it."""
    found = float_run.run(images[..., None, None], network).spikes
    return [each.reshape(*images.shape[:2], -1) for each in found[::-1]]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
@pytest.mark.filterwarnings("ignore")
def test_currents_as_norse_runs_them(nested, bias):
    from norse.torch.utils.import_nir import from_nir as norse
    graph, images = braille(nested, bias), frames(share=0.15)
    module = norse(graph, dt=DT, ignore_warnings=True).double()
    wanted = stepped(module, images, np.float64)
    network = from_nir(graph, **HOW)
    spikes, hidden = last(network, images)
    assert 0.005 < hidden.mean() < 0.5 and 0.005 < wanted.mean() < 0.5
    assert np.array_equal(spikes, wanted)
    for name, wrong in faults(network):
        if bias or name != "cut":
            assert not np.array_equal(last(wrong, images)[0], wanted), name


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_currents_as_spikingjelly_runs_them(bias):
    from spikingjelly.activation_based import nir_exchange
    graph, images = braille(bias=bias), frames(share=0.15)
    wanted = stepped(nir_exchange.import_from_nir(graph, dt=DT), images, np.float32)
    assert 0.005 < wanted.mean() < 0.5
    assert np.array_equal(last(from_nir(graph, **{**HOW, "compare": "ge"}), images)[0], wanted)


@pytest.mark.parametrize("reset", ["zero", "subtract", "subtract_now"])
def test_currents_in_integers(reset):
    """Against the real run of the same weights 99.8 % of a layer's spikes are equal, at 8 bits."""
    network = from_nir(braille(bias=True), **{**HOW, "reset": reset})
    made = quantise_with_report(network, bits=8, per_channel=True)[0]
    images = frames(12, 0.15)[..., None, None]
    result, same = run(images, made), float_run.run(images, real_of(made))
    assert 0.005 < same.spikes[0].mean() < 0.5
    assert (result.spikes[1] == same.spikes[0]).mean() >= 0.998
    assert result.spikes[1].any() and result.spikes[2].any()
