"""The walk over an nn.Sequential needs modules that look like torch's, and no torch."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import golden
from golden.importers.quantise import quantise_with_report
from golden.io.errors import BadInput


class Module(SimpleNamespace):
    """A bag of attributes; subclasses give the class name that the walk goes by."""


def module(kind, **attributes):
    return type(kind, (Module,), {})(**attributes)


class Sequential(list):
    def named_children(self):
        return ((str(n), part) for n, part in enumerate(self))


def conv(weights, **changes):
    return module("Conv2d", **{
        "weight": np.asarray(weights, dtype=np.float32), "bias": None, "stride": (1, 1),
        "padding": (0, 0), "dilation": (1, 1), "groups": 1, "padding_mode": "zeros", **changes})


def leaky(**changes):
    return module("Leaky", **{
        "beta": 0.5, "threshold": 1.0, "reset_mechanism_val": 0, "reset_delay": True,
        "inhibition": False, "state_quant": False, "graded_spikes_factor": 1.0, **changes})


def linear(weights, bias=None):
    return module("Linear", weight=np.asarray(weights, dtype=np.float32), bias=bias)


FLATTEN = module("Flatten", start_dim=1, end_dim=-1)


def net(*middle):
    return Sequential([conv(np.ones((2, 1, 3, 3))), *middle, FLATTEN, linear(np.ones((3, 8)))])


def test_walks_without_torch():
    """Nothing of it, nor golden as a whole, imports torch."""
    made, reasons = quantise_with_report(
        golden.from_snntorch(net(leaky()), shape=(1, 4, 4), steps=4)
    )
    assert [stage.shape for stage in made.stages] == [(2, 2, 2), (3, 1, 1)] and not any(reasons)
    code = ("import sys, golden, golden.nir, golden.importers.snntorch, golden.quantise; "
            "golden.from_snntorch; sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_nested_sequentials_keep_their_names():
    """Names in messages are those that torch prints."""
    inner = type("Sequential", (Sequential,), {})([leaky(inhibition=True)])
    with pytest.raises(BadInput, match=r"^module 1\.0 \(Leaky\): inhibition"):
        golden.from_snntorch(net(inner), shape=(1, 4, 4), steps=4)


def test_batch_norm_is_folded():
    """Y = g (x - mean) / sqrt(var + eps) + b, into weights and bias."""
    norm = module("BatchNorm2d", running_mean=[1.0, 2], running_var=[3.0, 0], eps=1.0,
                  weight=np.array([4.0, 1]), bias=np.array([0.0, 5]))
    layer = golden.from_snntorch(net(norm, leaky()), shape=(1, 4, 4), steps=4).layers[0]
    assert layer.weights[:, 0, 0, 0].tolist() == [2, 1] and layer.bias.tolist() == [-2, 3]


def test_spikes_of_other_heights_go_into_the_next_weights():
    """graded_spikes_factor f is weights times f behind it."""
    network = golden.from_snntorch(net(leaky(graded_spikes_factor=3.0)), shape=(1, 4, 4), steps=4)
    assert (network.layers[1].weights == 3).all()


@pytest.mark.parametrize("part, message", [
    (conv(np.ones((2, 2, 3, 3)), padding_mode="circular", padding=1), "by zeros"),
    (leaky(beta=np.array([[0.5, 0.25]] * 2)), "differs within a channel"),
    (leaky(beta=np.ones(3)), "does not fit an output of 2 x 2 x 2"),
    (leaky(reset_mechanism_val=2), "only the last layer may accumulate"),
    (module("Leaky", beta=0.5), "no attribute"),
    (module("GRU"), "is not supported"),
    (module("AdaptiveAvgPool2d", output_size=(2, 2)), "one pixel"),
    (module("ModuleList", __iter__=None), "not iterable"),
])
def test_refuses(part, message):
    """One line with the module's name."""
    with pytest.raises(BadInput, match=f"module 1 .*({message})"):
        golden.from_snntorch(net(part, leaky()), shape=(1, 4, 4), steps=4)


@pytest.mark.parametrize("options, message", [
    ({"shape": (4, 4)}, r"shape must be \(C, H, W\)"), ({"steps": 300}, "steps must be 1 to 255"),
    ({"encoder": "poisson"}, "encoder must be one of"), ({"readout": "count"}, "readout"),
])
def test_refuses_options(options, message):
    """Options out of range."""
    with pytest.raises(BadInput, match=message):
        golden.from_snntorch(net(leaky()), **{"shape": (1, 4, 4), "steps": 4, **options})
