"""Torch models as they are: what forward does is read, and checked against what it gives.

Needs the ``train`` extra and fails without it. Weights are quarters and leaks halves, so that a
network that was read rightly is exact and one that was not differs plainly.
"""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import snntorch as snn
import torch
import torch.nn.functional as F
from torch import nn

from golden import from_snntorch
from golden.importers.quantise import quantise_with_report
from golden.importers.torch import agreement_of, read, trace
from golden.io.errors import BadInput
from golden.run import run

pytestmark = pytest.mark.slow
SHAPE, STEPS = (1, 8, 8), 6


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(11)


def leaky(beta=0.5, **options):
    return snn.Leaky(beta=beta, **options)


def held(beta=0.5, **options):
    return leaky(beta, init_hidden=True, **options)


@torch.no_grad()
def coarse(net):
    """Weights to quarters and biases to sixteenths, large enough that about half fires."""
    for values in net.parameters():
        if values.ndim > 1:
            values.copy_(torch.clamp(torch.round(values * 24), -16, 16) / 4)
        elif values.ndim == 1:
            values.copy_(torch.round(values * 16) / 16)
    return net


class Image(nn.Module):
    """One image in every step, explicit states, spikes and membranes recorded."""

    def __init__(self, steps=STEPS):
        super().__init__()
        self.steps = steps
        self.fc1, self.lif1 = nn.Linear(64, 16), leaky()
        self.fc2, self.lif2 = nn.Linear(16, 10), leaky()

    def forward(self, x):
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spikes, membranes = [], []
        for _ in range(self.steps):
            spk1, mem1 = self.lif1(self.fc1(x), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spikes.append(spk2)
            membranes.append(mem2)
        return torch.stack(spikes, dim=0), torch.stack(membranes, dim=0)


class Frames(nn.Module):
    """All steps at once, functional pooling, one neuron and one pool at two places each."""

    def __init__(self, first=True):
        super().__init__()
        self.first = first
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.lif, self.pool, self.fc = leaky(), nn.AvgPool2d(2), nn.Linear(16, 10)

    def forward(self, x):
        if not self.first:
            x = x.permute(1, 0, 2, 3, 4)
        a = b = c = None
        total = 0
        for frame in x:
            spk, a = self.lif(self.conv1(frame), torch.zeros(1) if a is None else a)
            spk, b = self.lif(self.conv2(self.pool(spk)), torch.zeros(1) if b is None else b)
            spk = F.dropout(torch.flatten(F.max_pool2d(spk, 2), 1), 0.5, training=self.training)
            spk, c = self.lif(self.fc(spk), torch.zeros(1) if c is None else c)
            total = total + spk
        return total


class Order(nn.Module):
    """Runs in another order than it is defined in."""

    def __init__(self):
        super().__init__()
        self.flat = nn.Flatten()
        self.second, self.spike2 = nn.Linear(64, 64), held()
        self.first, self.spike1 = nn.Linear(64, 64), held()
        self.out, self.spike3 = nn.Linear(64, 10), held()

    def forward(self, x):
        x = self.spike1(self.first(self.flat(x)))
        return self.spike3(self.out(self.spike2(self.second(x))))


class Again(nn.Module):
    """Its last layer has no neuron; what it gives is summed by forward."""

    def __init__(self):
        super().__init__()
        self.fc1, self.lif1, self.fc2 = nn.Linear(64, 16), leaky(), nn.Linear(16, 10)

    def forward(self, x):
        mem, found = self.lif1.reset_mem(), torch.zeros(x.size(1), 10)
        for t in range(x.size(0)):
            spk, mem = self.lif1(self.fc1(x[t].view(x.size(1), -1)), mem)
            found += self.fc2(spk)
        return F.log_softmax(found / x.size(0), dim=1)


def shared_pool():
    pool = nn.AvgPool2d(3, 1, 1)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), held(), pool,
                         nn.Conv2d(4, 4, 3, padding=1), held(), pool, nn.Flatten(),
                         nn.Linear(256, 10), held())


class Listed(Image):
    """Returns a list with the spikes of each step."""

    def forward(self, x):
        spikes, membranes = super().forward(x)
        return list(spikes), membranes


MODELS = {
    "list": (Listed, "current", 2),
    "image": (Image, "current", 2), "frames": (Frames, "frames", 3),
    "batch first": (lambda: Frames(False), "frames", 3), "order": (Order, "frames", 3),
    "no last neuron": (Again, "frames", 2), "shared pool": (shared_pool, "frames", 3),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_read_as_it_runs(name):
    """All spikes and classes of torch, of the float network, and of integers that are exact."""
    make, encoder, layers = MODELS[name]
    net = coarse(make())
    before = {key: values.clone() for key, values in net.state_dict().items()}
    network = trace(net, SHAPE, steps=STEPS)
    assert network.encoder == encoder and len(network.stages) == layers
    made, _ = quantise_with_report(network, membrane_bits=32)
    found = agreement_of(net, network, integers=made)
    assert found.same and found.total > 0
    assert network.notes["agreement"] == "; ".join(found.lines()[:-1])
    if name == "shared pool":   # ninths at a threshold, which float32 rounds
        assert found.parting.rounding and "within float32 rounding" in network.notes["agreement"]
    else:
        assert found.lines() == [
            "torch = float network on 8 of 8 predictions, 100 % of spikes",
            "torch = integers on 8 of 8 predictions, 100 % of spikes"]
    assert net.training and not any(module._forward_hooks for module in net.modules())
    assert all((before[key] == values).all() for key, values in net.state_dict().items())


def test_shared_objects_keep_all_their_places():
    """One pooling object at two places is two poolings."""
    network = trace(coarse(shared_pool()), SHAPE, steps=STEPS)
    assert [type(layer).__name__ for layer in network.layers].count("Pool") == 2


def test_halving_pools_that_are_one_object():
    pool = nn.AvgPool2d(2)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), held(), pool,
                        nn.Conv2d(4, 4, 3, padding=1), held(), pool, nn.Flatten(),
                        nn.Linear(16, 10), held())
    assert len(from_snntorch(coarse(net), shape=SHAPE, steps=STEPS).layers) == 5


def test_integers_give_the_spikes_of_torch():
    """Through to golden.run, on frames that torch sees too."""
    net = coarse(Order())
    network = trace(net, SHAPE, steps=STEPS)
    made, reasons = quantise_with_report(network, membrane_bits=32)
    assert not any(reasons)
    frames = (np.random.default_rng(4).random((16, STEPS, *SHAPE)) < 0.4).astype(np.uint8)
    net.eval()
    for neuron in (net.spike1, net.spike2, net.spike3):
        neuron.reset_mem()
    with torch.no_grad():
        wanted = np.stack([net(torch.tensor(frames[:, t]).float()).numpy()
                           for t in range(STEPS)], axis=1)
    assert wanted.any() and np.array_equal(run(frames, made).spikes[3][..., 0, 0], wanted)


@pytest.mark.parametrize("sample", [(STEPS, 3, 1, 8, 8), (STEPS, 3, 64)])
def test_a_sample_fixes_the_sizes(sample):
    """A forward that writes its batch as a number takes no other."""
    class Fixed(Again):
        def forward(self, x):
            return super().forward(x.reshape(x.size(0), 3, 64))

    network = trace(coarse(Fixed()), SHAPE, sample=torch.zeros(sample))
    assert network.steps == STEPS and network.notes["agreement"].startswith(
        "torch = float network on 8 of 8")


# --- what is refused ------------------------------------------------------------------------------


def net_of(*middle, size=16):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), *middle, nn.Linear(size, 4), held())


class Recurrent(Image):
    def forward(self, x):
        mem, spk, found = self.lif1.init_leaky(), torch.zeros(1, 16), []
        for _ in range(self.steps):
            spk, mem = self.lif1(self.fc1(x) + spk, mem)
            found.append(spk)
        return torch.stack(found)


class Twice(nn.Module):
    """One neuron with one hidden membrane at two places."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.lif = nn.Linear(64, 16), nn.Linear(16, 16), held()

    def forward(self, x):
        return self.lif(self.fc2(self.lif(self.fc1(x))))


class Anew(Image):
    """Explicit states that start in every call, which is one step."""

    def forward(self, x):
        return self.lif1(self.fc1(x), self.lif1.init_leaky())[0]


class Membranes(Image):
    def forward(self, x):
        return super().forward(x)[1]


class Changing(Image):
    """Other weights in the second half of the run."""

    def forward(self, x):
        mem, found = self.lif1.init_leaky(), []
        for t in range(self.steps):
            spk, mem = self.lif1(self.fc1(x if t < 3 else x * 2), mem)
            found.append(spk)
        return torch.stack(found)


class Choosing(Order):
    """A bright image takes another way."""

    def forward(self, x):
        return super().forward(x) if x.sum() > 22 else super().forward(0.5 * x)


REFUSED = {
    "control by data": (Choosing, "function __bool__: .*control by data"),
    "recurrence": (Recurrent, "reads in step 1 what module lif1 .* gave as its call 0; recurrent"),
    "alpha": (lambda: net_of(snn.Alpha(alpha=0.6, beta=0.5, init_hidden=True,
                                       reset_mechanism="subtract")),
              r"module 2 \(Alpha\): reset_mechanism=.subtract. sets a trace"),
    "slstm": (lambda: net_of(snn.SLSTM(16, 16, init_hidden=True)),
              r"module 2 \(SLSTM\): recurrent"),
    "relu": (lambda: net_of(nn.ReLU()), r"module 2 \(ReLU\): is not supported"),
    "gru": (lambda: net_of(nn.GRU(16, 16)), r"module 2 \(GRU\)"),
    "twice": (Twice, r"module lif \(Leaky\): reads in step .* one membrane for two places"),
    "anew": (Anew, "starts anew in every call"),
    "membranes": (Membranes, "returns its membranes first"),
    "changing": (Changing, "what stands before it is another in step 3"),
    "lapicque to zero": (lambda: net_of(snn.Lapicque(beta=0.5, init_hidden=True,
                                                     reset_mechanism="zero")), "Lapicque"),
    "sizes": (lambda: net_of(held(), size=5), "module 3: fails .* shapes cannot be multiplied"),
    "nothing": (nn.Identity, "no layers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name):
    """One line that names the module or function, and the rule."""
    make, message = REFUSED[name]
    with pytest.raises(BadInput, match=message) as caught:
        trace(make(), SHAPE, steps=STEPS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options, message", [
    ({"shape": (1, 1, 8, 8)}, r"shape must be \(C, H, W\)"), ({"steps": 0}, "steps must be"),
    ({"encoder": "poisson"}, "encoder must be one of"), ({"readout": "membrane"}, "readout"),
    ({"sample": torch.zeros(3, 9, 9)}, "sample: must be"),
])
def test_refuses_options(options, message):
    with pytest.raises(BadInput, match=message):
        trace(coarse(Order()), **{"shape": SHAPE, "steps": 4, **options})


def test_one_image_in_every_step_is_a_current():
    with pytest.raises(BadInput, match='which is encoder "current", not bernoulli'):
        trace(Image(), SHAPE, encoder="bernoulli")
    with pytest.raises(BadInput, match="its forward makes 6 steps, not 7"):
        trace(Image(), SHAPE, steps=7)


def test_no_torch_is_no_model():
    code = ("import sys, golden, golden.nir, golden.importers.torch, golden.quantise; "
            "golden.from_snntorch; assert 'torch' not in sys.modules; "
            "from golden.importers.torch import trace; trace(3, (1, 8, 8))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].endswith("model: must be a torch.nn.Module")


# --- what a trace cannot see ----------------------------------------------------------------------


def hooked():
    """A hook that changes weights whenever they were used."""
    net = coarse(Order())

    def change(module, args, output):
        module.weight.data.neg_()

    net.second.register_forward_hook(change)
    return net


def dimmed():
    """A hook that changes what a layer gives, and is no module or function of forward."""
    net = coarse(Order())
    net.first.register_forward_hook(lambda module, args, output: output - 3)
    return net


@pytest.mark.parametrize("make", [hooked, dimmed])
def test_what_no_trace_sees_is_caught(make):
    """The import fails and says where; ``allow_different`` takes it all the same."""
    with pytest.raises(BadInput, match=r"they part in layer \d \(module .*\) at step \d") as caught:
        trace(make(), SHAPE, steps=STEPS)
    assert "100 % of spikes" not in str(caught.value)
    network = trace(make(), SHAPE, steps=STEPS, allow_different=True)
    assert network.notes["agreement"].startswith("torch = float network on")


def test_classes_that_are_scored_in_another_way_are_caught():
    """A hook on the whole model: all spikes are equal, the classes are not."""
    net = coarse(Order())

    def change(module, args, output):
        output.data.neg_()

    net.register_forward_hook(change)
    with pytest.raises(BadInput, match="scores its classes in another way"):
        trace(net, SHAPE, steps=STEPS)


def test_parametrised_weights_are_those_that_are_used():
    """A parametrisation is no difference: the weights of a forward are read."""
    class Half(nn.Module):
        def forward(self, weight):
            return weight / 2

    net = coarse(Order())
    nn.utils.parametrize.register_parametrization(net.second, "weight", Half())
    network = trace(net, SHAPE, steps=STEPS)
    assert np.array_equal(network.stages[1].layer.weights, net.second.weight.detach().numpy())


def test_a_planted_difference_is_seen():
    """A float network with one weight changed parts where the weight is."""
    net = coarse(Order())
    network = trace(net, SHAPE, steps=STEPS)
    layers = list(network.layers)
    layers[1].weights[:] += 1
    found = agreement_of(net, network.replace(layers=tuple(layers)))
    assert not found.same and found.parting.layer == 2 and not found.parting.rounding
    with pytest.raises(BadInput, match="module second"):
        found.insist()


@pytest.mark.parametrize("field", ["threshold", "beta"])
def test_a_small_planted_difference_is_no_rounding(field):
    """A threshold or a leak off by a thousandth is told from float32."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 40), held(0.9), nn.Linear(40, 10), held(0.9))
    network = trace(net, SHAPE, steps=40)
    assert agreement_of(net, network).same
    layers = list(network.layers)
    neuron = layers[0].neuron
    layers[0] = replace(layers[0], neuron=replace(
        neuron, **{field: np.asarray(getattr(neuron, field)) * 0.999}))
    found = agreement_of(net, network.replace(layers=tuple(layers)))
    assert not found.same and found.parting.layer == 1 and not found.parting.rounding


def test_layouts_in_words():
    assert read(Image(), SHAPE).layout.words() == "called once with an image, its own loop"
    assert read(Frames(), SHAPE).layout.axis == 0 and read(Frames(False), SHAPE).layout.axis == 1
    assert read(Order(), SHAPE).layout.words() == "called once a step"


def test_a_loop_longer_than_is_tried_first_is_found():
    """A forward that takes 25 frames because it says so."""
    class Fixed(Frames):
        def forward(self, x):
            return super().forward(torch.stack([x[t] for t in range(25)]))

    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.lif = nn.Linear(64, 10), leaky()

        def forward(self, x):
            mem, found = self.lif.init_leaky(), []
            for t in range(25):
                spk, mem = self.lif(self.fc(x[t].flatten(1)), mem)
                found.append(spk)
            return torch.stack(found)

    assert trace(coarse(Loop()), SHAPE).steps == 25
    with pytest.raises(BadInput, match="its forward makes 25 steps, not 30"):
        trace(coarse(Loop()), SHAPE, steps=30)
    with pytest.raises(BadInput):
        trace(coarse(Fixed()), SHAPE)


def test_a_norm_for_each_step_is_read_from_a_loop():
    """BNTT: another batch norm in each step, in a class and in a Sequential."""
    class Normed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norms = nn.Conv2d(1, 4, 3), snn.BatchNormTT2d(4, STEPS)
            self.lif, self.fc = leaky(), nn.Linear(144, 10)

        def forward(self, x):
            mem, total = self.lif.init_leaky(), 0
            for t, frame in enumerate(x):
                spk, mem = self.lif(self.norms[t](self.conv(frame)), mem)
                total = total + self.fc(spk.flatten(1))
            return total

    net = coarse(Normed())
    for n, norm in enumerate(net.norms):
        norm.eps, norm.running_var = 0.0, torch.full((4,), 4.0**(n % 2))
        norm.weight.data.fill_(2.0)
    network = trace(net, SHAPE, steps=STEPS)
    gain = network.stages[0].layer.norm.gain
    assert gain.shape == (STEPS, 4) and gain[:2, 0].tolist() == [2.0, 1.0]


class Merged(nn.Module):
    """Convolves all steps at once, outside of the loop."""

    def __init__(self):
        super().__init__()
        self.conv, self.lif, self.fc = nn.Conv2d(1, 4, 3), leaky(), nn.Linear(144, 10)

    def forward(self, x):
        maps = self.conv(x.flatten(0, 1)).view(*x.shape[:2], 4, 6, 6)
        mem, total = self.lif.reset_mem(), 0
        for each in maps:
            spk, mem = self.lif(each, mem)
            total = total + self.fc(spk.flatten(1))
        return total


class Constant(Image):
    """A neuron that is fed by nothing."""

    def forward(self, x):
        mem, found = self.lif1.reset_mem(), []
        for _ in range(self.steps):
            spk, mem = self.lif1(torch.ones(2, 16), mem)
            found.append(spk + 0 * x.sum())
        return torch.stack(found)


class Random(Order):
    def forward(self, x):
        return self.spike3(self.out(F.dropout(self.flat(x))))


class Clamped(Image):
    """Changes a membrane between two steps."""

    def forward(self, x):
        mem, found = self.lif1.reset_mem(), []
        for _ in range(self.steps):
            spk, mem = self.lif1(self.fc1(x), mem)
            mem = mem.clamp(min=0)
            found.append(spk)
        return torch.stack(found)


class Late(Frames):
    """The second layer reads what the first gave a step before."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(64, 16), nn.Linear(16, 10)
        self.lif1, self.lif2 = leaky(), leaky()

    def forward(self, x):
        mem1, mem2, found = self.lif1.reset_mem(), self.lif2.reset_mem(), []
        spk1 = torch.zeros(x.size(1), 16)
        for frame in x:
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spk1, mem1 = self.lif1(self.fc1(frame.flatten(1)), mem1)
            found.append(spk2)
        return torch.stack(found)


@pytest.mark.parametrize("make, message", [
    (Merged, "function flatten.*: takes all steps at once; it must be in the loop"),
    (Clamped, r"module lif1 \(Leaky\): its membrane does not come from its own step before"),
    (Late, r"module fc2 \(Linear\): takes values that do not come .*delays"),
    (lambda: Constant(), r"module lif1 \(Leaky\): takes values that do not come"),
    (lambda: nn.Sequential(snn.LeakyParallel(input_size=64, hidden_size=10)),
     r"module 0 \(LeakyParallel\): is not supported"),
    (lambda: Random(), "function dropout: drops values by chance"),
    (lambda: torch.jit.script(nn.Sequential(nn.Linear(64, 10))), "is a ScriptModule"),
])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_refuses_what_is_no_loop_over_steps(make, message):
    """By the name of the part that is at fault."""
    with pytest.raises(BadInput, match=message) as caught:
        trace(make(), SHAPE, steps=STEPS)
    assert "several layers first" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_wrapped_models_are_read_as_what_they_wrap():
    net = coarse(Order())
    assert len(trace(nn.DataParallel(net), SHAPE, steps=4).stages) == 3
    compiled = torch.compile(net)
    assert len(trace(compiled, SHAPE, steps=4).stages) == 3
