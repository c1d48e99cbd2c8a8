"""The torch twin: golden's integers forward, and the chosen rule backward."""

import numpy as np
import pytest
import torch

from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron, Recurrent, load
from golden.run import run
from tests.helpers.lecture import DECONV, GRADIENT, GUIDED, R, X
from train.core.twin import Fire, Twin
from verify.networks import draw, images

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("rule", "wanted"), [
    ("gradient", GRADIENT), ("deconv", DECONV), ("guided", GUIDED)])
def test_rules_of_the_lecture(rule, wanted):
    current = torch.tensor(X, requires_grad=True)
    zero = torch.zeros(())
    Fire.apply(current, zero, zero, rule, "spike").backward(torch.tensor(R))
    assert current.grad.tolist() == wanted


def test_surrogate_by_hand():
    """Threshold 2: .3 max(0, 1 - |u/2 - 1|) / 2 at u = 1, 2, 3, 5 is .075, .15, .075, 0."""
    membrane = torch.tensor([1.0, 2, 3, 5], requires_grad=True)
    two = torch.tensor(2.0)
    Fire.apply(membrane, two, two, "gradient", "surrogate").sum().backward()
    assert membrane.grad.tolist() == pytest.approx([0.075, 0.15, 0.075, 0])


@pytest.mark.parametrize("seed", range(40))
def test_forward_equals_golden(seed):
    """Any order, pool, group, norm, bias, delay and width: spikes of every layer, and scores."""
    network = draw(seed, rich=True, steps=(3, 7))
    if network.readout == "first":
        with pytest.raises(BadInput, match="readout first has no gradient"):
            Twin(network)
        network = network.replace(readout="count")
    wanted = run(images(network, 4), network)
    seen = {}
    with torch.no_grad():
        scores = Twin(network)(torch.from_numpy(wanted.spikes_input), seen)
    assert np.array_equal(scores, wanted.logits)
    for tap, spikes in wanted.spikes.items():
        assert np.array_equal(seen[tap], spikes)


def test_forward_equals_golden_on_real_images():
    network = load("models/fashion.npz")
    with np.load("models/fashion_sample.npz") as sample:
        wanted = run(sample["images"][:3], network)
    with torch.no_grad():
        assert np.array_equal(Twin(network)(torch.from_numpy(wanted.spikes_input)), wanted.logits)


def test_gradient_by_hand():
    """One input, weight 3, threshold 4, leak 0, T 2, read out by weight 2; spikes 0 1.

    Membranes 3 and 6; slopes .3 (1 - 1/4)/4 and .3 (1 - 1/2)/4 = .05625 and .0375. The read-out
    keeps all, so dy/ds = 2; dI is 2 (.05625 + .0375) in step 0, 2 (.0375) in step 1, times 3.
    """
    hidden = Layer(np.array([[3]]), 4, Neuron(np.int64(4), np.int64(0)))
    out = Layer(np.array([[2]]), 4, Neuron(np.int64(0), np.int64(0), reset="none"))
    network = Network((1, 1, 1), 2, (hidden, out))
    spikes = torch.ones(1, 2, 1, 1, 1, dtype=torch.float64, requires_grad=True)
    Twin(network)(spikes).sum().backward()
    assert spikes.grad.flatten().tolist() == pytest.approx([0.5625, 0.225])


def test_refuses_a_rule_that_it_does_not_have():
    with pytest.raises(BadInput, match="rule must be one of gradient, deconv, guided"):
        Twin(draw(0, plain=True), "lrp")


def test_loops_are_refused():
    layer = Layer(np.ones((2, 3), int), 4, Neuron(np.int64(1), np.int64(0)),
                  recurrent=Recurrent(np.ones((2, 2), int)))
    network = Network((3, 1, 1), 4, (layer,), readout="count")
    with pytest.raises(BadInput, match="layer 1 reads its own spikes, which a twin does not"):
        Twin(network)
