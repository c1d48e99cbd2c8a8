"""Every operation that a torch model may hold: float network and integers against torch.

Needs the ``train`` extra and fails without it. Weights are quarters, biases sixteenths and averages
over 2 or 4, so that each sum is exact and spikes must be equal to the last.
"""

import numpy as np
import pytest
import snntorch as snn
import torch
from torch import nn

from golden.importers.float_network import load
from golden.importers.quantise import quantise_with_report
from golden.importers.torch import agreement_of, trace
from golden.io.errors import BadInput
from golden.network import load as load_integers
from hw.plan import planner

pytestmark = pytest.mark.slow
STEPS = 5


def held(**options):
    return snn.Leaky(**{"beta": 0.5, "init_hidden": True, **options})


class Normalised(nn.Module):
    """An input normalised in forward, as torchvision does outside of it."""

    def __init__(self, net, mean, std):
        super().__init__()
        self.net = net
        self.register_buffer("mean", torch.tensor(mean).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, -1, 1, 1))

    def forward(self, x):
        return self.net((x - self.mean) / self.std)


def conv(rng, *middle, shape=(2, 11, 9), **options):
    """Convolution, what may follow it, a neuron, and a dense layer."""
    options = {"kernel_size": 3, "bias": bool(rng.integers(2)), **options}
    return nn.Sequential(nn.Conv2d(shape[0], 4, **options), *middle, held(), nn.Flatten(),
                         nn.LazyLinear(5), held()), shape


def conv1d(rng, *middle, **options):
    net = nn.Sequential(nn.Conv1d(3, 4, **options), *middle, held(), nn.AvgPool1d(2), nn.Flatten(),
                        nn.LazyLinear(5), held())
    return net, (3, 20)


def norm(channels):
    module = nn.BatchNorm2d(channels, eps=0.0)
    module.running_mean = torch.tensor([-1.0, 0, 2, 1])[:channels]
    module.running_var = torch.tensor([0.25, 1, 4, 1])[:channels]
    return module


CASES = {
    "max of currents": lambda rng: conv(rng, nn.MaxPool2d(2), padding=1),
    "max of currents, overlapping, padded": lambda rng: conv(rng, nn.MaxPool2d(3, 2, 1)),
    "max of currents, not square": lambda rng: conv(rng, nn.MaxPool2d((3, 2), (1, 2))),
    "max of currents, ceil": lambda rng: conv(rng, nn.MaxPool2d(2, ceil_mode=True)),
    "max of currents, then norm": lambda rng: conv(rng, nn.MaxPool2d(2), norm(4)),
    "norm, then max of currents": lambda rng: conv(rng, norm(4), nn.MaxPool2d(2)),
    "kernel of 11": lambda rng: conv(rng, kernel_size=11, padding=3),
    "kernel of 9 x 2": lambda rng: conv(rng, kernel_size=(9, 2), stride=(1, 3)),
    "kernel of 3 x 5": lambda rng: conv(rng, kernel_size=(3, 5), padding=(1, 2)),
    "kernel of 1 x 4": lambda rng: conv(rng, kernel_size=(1, 4), padding=(0, 3)),
    "dilation 2": lambda rng: conv(rng, dilation=2, padding=2),
    "dilation 4": lambda rng: conv(rng, dilation=4, padding=3),
    "dilation by axis": lambda rng: conv(rng, dilation=(3, 1), stride=2),
    "padding by axis": lambda rng: conv(rng, padding=(2, 1)),
    "same": lambda rng: conv(rng, padding="same", kernel_size=(5, 3)),
    "groups": lambda rng: conv(rng, nn.MaxPool2d(2), groups=2, dilation=2),
    "average of currents": lambda rng: conv(rng, nn.AvgPool2d((2, 1)), kernel_size=(3, 4)),
    "average of currents, wide": lambda rng: conv(rng, nn.AvgPool2d(4), kernel_size=6),
    "row": lambda rng: conv1d(rng, kernel_size=5, padding=2),
    "row, padded": lambda rng: (nn.Sequential(
        nn.Conv1d(3, 4, 7, 2, padding=3), held(), nn.Flatten(), nn.LazyLinear(5), held()),
        (3, 20)),
    "row, unpadded": lambda rng: conv1d(rng, kernel_size=4, stride=2),
    "row, dilated": lambda rng: conv1d(rng, kernel_size=3, dilation=4),
    "row, max of currents": lambda rng: conv1d(rng, nn.MaxPool1d(2), kernel_size=3),
    "two convolutions": lambda rng: conv(rng, nn.Conv2d(4, 3, (2, 3), stride=2), padding=1),
    "two convolutions, groups": lambda rng: conv(rng, nn.Conv2d(4, 6, 2, groups=2), groups=2,
                                                 stride=2, padding=1),
    "convolution and dense": lambda rng: (nn.Sequential(
        nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.Flatten(), nn.LazyLinear(6), held(),
        nn.LazyLinear(5), held()), (2, 7, 6)),
    "three dense layers": lambda rng: (nn.Sequential(
        nn.Linear(12, 9), nn.Linear(9, 8), nn.Linear(8, 6), held(), nn.Linear(6, 5), held()),
        (12,)),
    "max of spikes, ceil": lambda rng: (nn.Sequential(
        nn.Conv2d(1, 3, 3), held(), nn.MaxPool2d(2, ceil_mode=True), nn.Flatten(),
        nn.LazyLinear(5), held()), (1, 9, 8)),
    "average of spikes, not square": lambda rng: (nn.Sequential(
        nn.Conv2d(1, 3, 3), held(), nn.AvgPool2d((2, 4), (1, 2)), nn.Flatten(),
        nn.LazyLinear(5), held()), (1, 9, 8)),
    "average to 2 x 2": lambda rng: (nn.Sequential(
        nn.Conv2d(1, 3, 3), held(), nn.AdaptiveAvgPool2d((2, 2)), nn.Flatten(),
        nn.LazyLinear(5), held()), (1, 6, 10)),
    "normalised": lambda rng: (Normalised(conv(rng)[0], [0.5, 0.25], [0.5, 2.0]), (2, 11, 9)),
    "lapicque": lambda rng: (nn.Sequential(
        nn.Linear(12, 9), snn.Lapicque(R=1.0, C=4.0, time_step=2, init_hidden=True),
        nn.Linear(9, 5), held()), (12,)),
}
REFUSED = ()                            # by the planner
FOLDED = {"average of currents, wide", "two convolutions", "two convolutions, groups",
          "convolution and dense", "three dense layers"}    # products of weights: over 8 bits


@torch.no_grad()
def coarse(net, shape, rng):
    """Dry run for lazy layers, then weights in quarters and biases in sixteenths."""
    net.eval()(torch.zeros(2, *shape))
    for module in net.modules():
        if hasattr(module, "reset_mem"):
            module.reset_mem()
    for name, values in net.named_parameters():
        step, most = (4, 6) if values.ndim > 1 else (16, 9)
        if values.ndim == 1 and "weight" in name:
            values.copy_(torch.tensor(rng.choice([1.0, 2.0], values.shape)))
        else:
            values.copy_(torch.tensor(rng.integers(-most, most + 1, values.shape) / step))
    return net


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CASES)
def test_float_network_and_integers_equal_torch(name, seed, tmp_path):
    """All spikes and classes; files of both keep the operation."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, sorted(CASES).index(name)])
    net, shape = CASES[name](rng)
    network = trace(coarse(net, shape, rng), shape, steps=STEPS)
    made, reasons = quantise_with_report(network, membrane_bits=32)
    assert name in FOLDED or not any(reasons), reasons
    network.save(tmp_path / "float.npz")
    made.save(tmp_path / "net.npz")
    again = load_integers(tmp_path / "net.npz")
    assert again.digest == made.digest
    found = agreement_of(net, load(tmp_path / "float.npz"), integers=again, shape=shape)
    assert found.equal == found.total and found.predictions == found.images == 8
    assert name in FOLDED or found.integers == (8, found.total, found.total)
    layer = network.stages[0].layer
    assert ("greatest" in made.layers[0].save()[0]) is (layer.greatest is not None)


@pytest.mark.parametrize("name", CASES)
def test_hardware_refuses_what_it_does_not_compute(name):
    """One line that names the layer and the operation; the rest is planned as before."""
    rng = np.random.default_rng(0)
    net, shape = CASES[name](rng)
    made, _ = quantise_with_report(trace(coarse(net, shape, rng), shape, steps=STEPS,
                                         allow_different=True))
    beyond = [what for stage in made.stages for each in (*stage.pools, stage.layer.op)
              for what in each.beyond]
    assert bool(beyond) is (name in REFUSED)
    if beyond:
        with pytest.raises(BadInput, match="weighted layer .*no gateware computes that yet"):
            planner.Plan(made)
    else:
        planner.Plan(made)


@pytest.mark.parametrize("net, message", [
    (nn.Sequential(nn.Conv2d(2, 4, 3), nn.MaxPool2d(2), nn.MaxPool2d(2), held()),
     "module 2 .*follows max pooling of currents"),
    (nn.Sequential(nn.Conv2d(2, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 4, 1), held()),
     "module 2 .*max pooling in between needs one"),
    (nn.Sequential(nn.Conv2d(2, 4, 8), nn.Conv2d(4, 4, 5), held()),
     "module 1 .*kernel of 12, and at most 11"),
    (nn.Sequential(nn.Conv2d(2, 4, 3), nn.AvgPool2d(3, 2, 1), held()), "module 1 .*padded pooling"),
    (nn.Sequential(nn.Conv2d(2, 4, 3), held(), nn.AvgPool2d(2, ceil_mode=True)),
     "module 2 .*ceil_mode averages fewer values"),
    (nn.Sequential(nn.Conv2d(2, 4, 12)), "module 0 .*kernel must be 1 to 11, not 12"),
])
def test_refuses(net, message):
    with pytest.raises(BadInput, match=message):
        trace(nn.Sequential(*net, nn.Flatten(), nn.LazyLinear(5), held()), (2, 15, 15))


@pytest.mark.parametrize("encoder", ["bernoulli", "current", "ternary"])
def test_every_encoder(encoder):
    """Max pooling of currents behind pixels, signs and spikes alike."""
    rng = np.random.default_rng(1)
    net, shape = conv(rng, nn.MaxPool2d(2), padding=1)
    network = trace(coarse(net, shape, rng), shape, steps=STEPS, encoder=encoder, input_scale=1.0)
    made, reasons = quantise_with_report(network, membrane_bits=32)
    found = agreement_of(net, network, integers=made)
    assert not any(reasons) and found.integers == (8, found.total, found.total)


def test_a_normalised_input_with_padding_is_refused():
    """Zeros of the padding are no pixel of the mean."""
    net = Normalised(conv(np.random.default_rng(0), padding=1)[0], [0.5, 0.25], [0.5, 2.0])
    with pytest.raises(BadInput, match="module net.0 .*pads the input with zeros behind an offset"):
        trace(net, (2, 11, 9))


def test_negative_gains_do_not_pass_a_maximum():
    """-max(x) is not max(-x): behind the pooling it is refused, before it it is folded."""
    turned = norm(4)
    turned.weight.data[1] = -1
    before, shape = conv(np.random.default_rng(0), turned, nn.MaxPool2d(2))
    assert trace(before, shape).notes["agreement"].endswith("100 % of spikes")
    behind, shape = conv(np.random.default_rng(0), nn.MaxPool2d(2), turned)
    with pytest.raises(BadInput, match="a gain below 0 behind max pooling of currents"):
        trace(behind, shape)
