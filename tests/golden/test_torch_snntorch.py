"""snnTorch modules against golden: an nn.Sequential is walked, a NIR file of it is read.

Needs the ``train`` extra and fails without it.
"""

import warnings

import nir
import numpy as np
import pytest
import snntorch as snn
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from snntorch.export_nir import export_to_nir
from torch import nn

import golden
from golden.encode import encode
from golden.importers import float_run
from golden.importers.quantise import quantise_with_report
from golden.run import run
from tests.helpers.float_networks import images_for

pytestmark = pytest.mark.slow


def leaky(**options):
    return snn.Leaky(init_hidden=True, **options)


def whole(module, rng):
    """Small whole weights, and batch norms whose gains are powers of two."""
    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
        module.eps = 0.0

        def draw(values):
            return torch.tensor(rng.choice(values, module.num_features)).float()

        module.running_mean, module.running_var = draw([-1.0, 0, 2]), draw([0.25, 1, 4])
        if module.weight is not None:
            module.weight.data = draw([1.0, 2])
        if module.bias is not None:
            module.bias.data = draw([-2.0, 0, 1])
    elif hasattr(module, "weight"):
        for values in (module.weight, module.bias):
            if values is not None:
                values.data = torch.tensor(rng.integers(-3, 4, values.shape)).float()


@torch.no_grad()
def simulate(net, frames):
    """(spikes of each Leaky (N, T, ...), its last membranes) over frames (N, T, C, H, W)."""
    net.eval()
    found = {}
    for t in range(frames.shape[1]):
        x = torch.tensor(frames[:, t]).float()
        for name, module in net.named_children():
            if isinstance(module, nn.ModuleList):
                x = module[t](x)
            elif isinstance(module, snn.Leaky):
                if not t:
                    module.reset_mem()
                found_here = module(x)
                x, membrane = found_here if module.output else (found_here, module.mem)
                found.setdefault(name, []).append(x)
            else:
                x = module(x)
    spikes = [torch.stack(parts, 1).numpy() for parts in found.values()]
    return spikes, membrane.numpy()


def random_net(draw, rng, steps):
    """(Sequential, shape): convolutions with and without norms, pools, dense layers."""

    def pick(*values):
        return draw(st.sampled_from(values))

    resets = ["subtract", "zero"]

    def neuron(channels=1):
        beta = torch.tensor(rng.choice([0.5, 0.75], (channels, 1, 1))).float()
        threshold = torch.tensor(rng.choice([1.0, 2, 4], (channels, 1, 1))).float()
        if pick(False, True) or channels == 1:
            beta, threshold = pick(0.5, 0.75, 1.0), pick(1.0, 2.0, 5.0)
        return leaky(beta=beta, threshold=threshold, reset_mechanism=pick(*resets),
                     graded_spikes_factor=pick(1.0, 1.0, 2.0))

    channels, side = pick(1, 2), pick(6, 7, 8)
    shape, modules = (channels, side, side), []
    for _ in range(pick(1, 2)):
        kernel = pick(*range(1, min(side, 3) + 1))
        padding = pick(0, "same") if kernel != 2 else 0
        groups = pick(1, channels)
        modules.append(nn.Conv2d(channels, 2 * channels, kernel, padding=padding, groups=groups,
                                 bias=pick(False, True)))
        channels *= 2
        side = side if padding == "same" else side - kernel + 1
        modules += pick([], [nn.BatchNorm2d(channels)],
                        list([snn.BatchNormTT2d(channels, steps)]))
        modules += [neuron(channels), nn.Dropout(0.5)]
        if side >= 4:
            modules.append(pick(nn.AvgPool2d(2), nn.MaxPool2d(2)))
            side //= 2
    modules += [nn.Flatten(), nn.Linear(channels * side**2, 5)]
    modules.append(leaky(beta=0.75, reset_mechanism="none") if pick(False, True) else neuron())
    net = nn.Sequential(*modules)
    for module in net.modules():
        whole(module, rng)
    return net, shape


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_golden_equals_snntorch(data):
    """Spikes and membranes of snnTorch's own modules, reset and all."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    steps = data.draw(st.integers(1, 6))
    net, shape = random_net(data.draw, rng, steps)
    network = golden.from_snntorch(net, shape=shape, steps=steps)
    made, reasons = quantise_with_report(network, membrane_bits=32)
    assert not any(reasons), reasons
    images = images_for(network)
    got = run(images, made, mode="inclusive")
    wanted, membranes = simulate(net, encode(images, network))
    for tap in made.taps:
        spikes = wanted[tap - 1].reshape(got.spikes[tap].shape)
        assert np.array_equal(got.spikes[tap], spikes > 0), f"layer {tap}"
    if made.readout == "membrane":
        assert np.array_equal(got.logits * made.stages[-1].layer.scale, membranes)


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("strong", [False, True])
def test_reset_without_delay(reset, strong):
    """``reset_delay=False`` is exact in real numbers and in integers, however strong inputs are."""
    rng = np.random.default_rng(1)
    net = nn.Sequential(nn.Linear(12, 8, bias=False), leaky(
        beta=0.5, threshold=2.0, reset_mechanism=reset, reset_delay=False))
    net[0].weight.data = torch.tensor(
        rng.integers(-2, 6, (8, 12)) if strong else np.eye(8, 12) * 3).float()
    network = golden.from_snntorch(net, shape=(12,), steps=8, encoder="frames")
    images = images_for(network, count=20)
    wanted, _ = simulate_flat(net, images)
    assert np.array_equal(float_run.run(images, network).spikes[0][..., 0, 0], wanted)
    made, reasons = quantise_with_report(network)
    assert np.array_equal(run(images, made).spikes[1][..., 0, 0], wanted) and reasons == [()]
    held = strong and reset == "subtract"
    assert made.layers[0].model == ("cuba" if held else "lif")


def simulate_flat(net, frames):
    spikes, membranes = simulate(net, frames.reshape(*frames.shape[:2], -1))
    return spikes[0], membranes


def test_pooling_before_the_neuron_is_folded():
    """Convolution, average, Leaky: one larger strided convolution, exactly."""
    rng = np.random.default_rng(2)
    net = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.AvgPool2d(2), leaky(beta=0.5),
                        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))
    for module in net.modules():
        whole(module, rng)
    network = golden.from_snntorch(net, shape=(2, 8, 8), steps=5)
    made, reasons = quantise_with_report(network, membrane_bits=32)
    assert not any(reasons)
    assert made.layers[0].weights.shape == (3, 2, 4, 4) and made.layers[0].stride == 2
    images = images_for(network)
    wanted = simulate(net, encode(images, network))[0]
    assert np.array_equal(run(images, made).spikes[1], wanted[0])


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_global_pooling_of_a_map_that_is_not_square(factor):
    """Exact: each of the 6 x 4 pixels has a 24th of the weight."""
    rng = np.random.default_rng(4)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3), leaky(beta=0.5, graded_spikes_factor=factor), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(3, 4, bias=False), leaky(beta=0.75, reset_mechanism="none"))
    for module in net.modules():
        whole(module, rng)
    network = golden.from_snntorch(net, shape=(1, 8, 6), steps=5)
    made, reasons = quantise_with_report(network, membrane_bits=32)
    assert not any(reasons) and made.layers[1].weights.shape == (4, 3 * 6 * 4)
    images = images_for(network)
    _, membranes = simulate(net, encode(images, network))
    got = run(images, made).logits * made.stages[-1].layer.scale
    assert membranes.any() and np.allclose(got, membranes, rtol=1e-6)


@pytest.mark.parametrize("module", [leaky(beta=0.5), nn.Conv2d(3, 3, 1), nn.AvgPool2d(1)])
def test_global_pooling_of_a_map_that_is_not_square_needs_a_dense_layer(module):
    net = nn.Sequential(nn.Conv2d(1, 3, 3), leaky(beta=0.5), nn.AdaptiveAvgPool2d(1), module,
                        nn.Flatten(), nn.Linear(3, 4))
    message = r"module 3 .*: a dense layer must follow the global pooling of .* \(6 x 4\)$"
    with pytest.raises(golden.io.errors.BadInput, match=message):
        golden.from_snntorch(net, shape=(1, 8, 6), steps=4)
    with pytest.raises(golden.io.errors.BadInput, match="a dense layer must follow"):
        golden.from_snntorch(net[:3], shape=(1, 8, 6), steps=4)


@pytest.mark.parametrize("module, message", [
    (nn.ReLU(), "is not supported"),
    (nn.Conv2d(4, 4, 3, padding=1), "with no neuron between"),
    (nn.AvgPool2d(3, padding=1, count_include_pad=False), "count_include_pad"),
    (nn.BatchNorm2d(4, track_running_stats=False), "running statistics"),
    (nn.Linear(6, 2), "needs a Flatten"),
    (snn.Alpha(alpha=0.6, beta=0.5, init_hidden=True, reset_mechanism="subtract"), "sets a trace"),
    (snn.RLeaky(beta=0.5, V=torch.rand(6, 6), all_to_all=False, init_hidden=True),
     "V must be one number or one a channel; it differs within a channel"),
    (leaky(beta=0.5, state_quant=lambda x: x), "state_quant"),
    (leaky(beta=torch.rand(6, 6)), "differs within a channel"),
    (leaky(beta=0.5, threshold=float("nan")), "finite"),
])
def test_refuses(module, message):
    """Names the module and the rule."""
    before = nn.Sequential(nn.Conv2d(1, 4, 3), module, nn.Flatten())
    try:
        size = before(torch.zeros(1, 1, 8, 8)).shape[1]
    except RuntimeError:
        size = 144
    net = nn.Sequential(*before, nn.Linear(size, 2))
    with pytest.raises(golden.io.errors.BadInput, match=f"module 1 .*{message}") as caught:
        golden.from_snntorch(net, shape=(1, 8, 8), steps=4)
    assert "\n" not in str(caught.value)


def test_nir_as_snntorch_writes_it(tmp_path):
    """An exported file, through HDF5, equals the network that it was exported from."""
    rng = np.random.default_rng(3)

    def full(value, *shape):
        return torch.full(shape, value)

    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        snn.Leaky(beta=full(0.75, 4, 8, 8), threshold=full(2.0, 4, 8, 8), init_hidden=True),
        nn.AvgPool2d(2), nn.Conv2d(4, 4, 3, stride=2),
        snn.Leaky(beta=full(0.5, 4, 1, 1), threshold=full(3.0, 4, 1, 1), init_hidden=True),
        nn.Flatten(), nn.Linear(4, 5),
        snn.Leaky(beta=full(0.9, 5), threshold=full(1.0, 5), init_hidden=True, output=True))
    for module in net.modules():
        whole(module, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # nirtorch's, of what snnTorch calls
        graph = export_to_nir(net, torch.zeros(1, 1, 8, 8), ignore_dims=[0])
    nir.write(tmp_path / "net.nir", graph)
    walked = golden.from_snntorch(net, shape=(1, 8, 8), steps=6)
    for source in (tmp_path / "net.nir", graph):
        network = golden.from_nir(source, reset="subtract", steps=6)
        for a, b in zip(network.stages, walked.stages, strict=True):
            assert np.array_equal(a.layer.weights, b.layer.weights)
            assert a.layer.neuron.beta == b.layer.neuron.beta in (0.75, 0.5, 0.9)
            assert a.layer.neuron.threshold == b.layer.neuron.threshold
        made, _ = quantise_with_report(network, membrane_bits=32)
        images = images_for(network)
        wanted, _ = simulate(net, encode(images, network))
        got = run(images, made, mode="inclusive")
        for tap in (1, 2):
            assert np.array_equal(got.spikes[tap], wanted[tap - 1].reshape(got.spikes[tap].shape))
