"""Reference explanations: the lecture's numbers, the libraries, and where a library is silent."""

import numpy as np
import pytest
import snntorch
import torch
from captum import attr
from torch import nn

from golden.io.errors import BadInput
from golden.network import load
from golden.run import run
from tests.helpers.lecture import DECONV, GRADIENT, GUIDED, R, X
from train import reference
from train.core import explainers

METHODS = {"saliency": GRADIENT, "DeconvNet": DECONV, "guided backpropagation": GUIDED}


@pytest.fixture(scope="module")
def network():
    return load("models/fashion_small.npz")


@pytest.fixture(scope="module")
def net(network):
    torch.manual_seed(1)
    return reference.sequential(reference.shaped(network, name="drawn"))


@pytest.fixture(scope="module")
def pictures():
    with np.load("models/fashion_sample.npz") as sample:
        return sample["images"][:3, None], sample["labels"][:3]


class Weighed(nn.Module):
    """X through a ReLU, then each number times one of R: so R arrives backwards at the ReLU."""

    def __init__(self, neuron):
        super().__init__()
        self.neuron = neuron

    def forward(self, values):
        return (self.neuron(values) * torch.tensor(R)).flatten(1).sum(1, keepdim=True)


@pytest.mark.parametrize("method", METHODS)
def test_lecture_at_a_relu(method):
    found = explainers.backward(Weighed(nn.ReLU()), np.array([[X]], np.float32), [0], method)
    assert found[0, 0].tolist() == METHODS[method]


@pytest.mark.filterwarnings("ignore:Setting .* hooks on ReLU activations")
def test_captum_is_silent_at_a_spiking_neuron():
    """On snnTorch's Leaky its DeconvNet and guided backpropagation are the plain gradient."""
    net = Weighed(snntorch.Leaky(beta=0.5, threshold=1.0, init_hidden=True))
    values = torch.tensor([[X]])
    answers = []
    for kind in (attr.Saliency, attr.Deconvolution, attr.GuidedBackprop):
        net.neuron.reset_mem()
        options = {"abs": False} if kind is attr.Saliency else {}
        inputs = values.clone().requires_grad_()
        answers.append(kind(net).attribute(inputs, target=0, **options).detach())
    assert answers[0].abs().sum() > 0
    assert torch.equal(answers[0], answers[1]) and torch.equal(answers[0], answers[2])
    assert (answers[1] < 0).any(), "DeconvNet lets no negative number through"


def test_our_rules_are_not_the_plain_gradient(network, pictures):
    images, labels = pictures
    found = {method: explainers.snn_backward(network, images, labels, method)
             for method in explainers.BACKWARD}
    for name, maps in found.items():
        assert maps.shape == images.shape and np.isfinite(maps).all() and maps.any(), name
    assert not np.array_equal(found["saliency"], found["DeconvNet"])
    assert not np.array_equal(found["saliency"], found["guided backpropagation"])
    assert not found["input x gradient"][images == 0].any()
    with pytest.raises(BadInput, match="method must be one of saliency"):
        explainers.snn_backward(network, images, labels, "lime")


def test_gradcam_by_its_equation(net, network, pictures):
    """max(0, sum_k mean(dy/dA_k) A_k), the layers behind differentiated by hand.

    The package grad-cam cannot be asked: see ``train.core.explainers``.
    """
    images, labels = pictures
    active = torch.from_numpy(explainers.activations(net, images)[2]).requires_grad_()
    rest = nn.Sequential(*list(net)[net.taps[2] + 1:])
    grad, = torch.autograd.grad(rest(active)[range(3), labels.tolist()].sum(), active)
    wanted = (grad.mean((2, 3), keepdim=True) * active).sum(1).clamp(min=0).detach().numpy()
    found = explainers.gradcam(net, images, labels, 2)
    assert found.shape[1:] == network_side(2) and found.max() > 0
    assert np.allclose(found, wanted, rtol=1e-4, atol=1e-5 * wanted.max())


def network_side(tap):
    """Height and width of the maps of fashion_small."""
    return {1: (28, 28), 2: (14, 14), 3: (7, 7)}[tap]


def test_snn_gradcam_by_its_equations(network, pictures):
    images, labels = pictures
    spikes = run(images, network).spikes
    grads = explainers.tap_gradients(network, images, labels, (1, 3))
    found = {tap: explainers.snn_gradcam(*given) for tap, given in grads.items()}
    step = explainers.snn_gradcam(*grads[3], alpha="step")
    assert np.array_equal(grads[3][0], spikes[3])
    for tap, maps in found.items():
        assert maps.shape == (3, 16, *network_side(tap)) and (maps >= 0).all() and maps.any()
        assert not maps[spikes[tap].sum(axis=2) == 0].any(), "heat without a spike"
    assert not np.allclose(found[3], step)
    # At the last hidden layer y = sum of weights times spikes, so alpha is the mean dense weight.
    weights = network.stages[-1].layer.weights.reshape(10, 32, 49).mean(axis=2)[labels]
    wanted = np.maximum((weights[:, None, :, None, None] * spikes[3]).sum(axis=2), 0)
    assert np.allclose(step, wanted)
    assert np.allclose(found[3], 16 * wanted)
    with pytest.raises(BadInput, match="alpha must be shared or step"):
        explainers.snn_gradcam(*grads[3], alpha="t")


def test_occlusion_by_hand():
    """Two pixels, y = first + first * second: squares of one pixel give 2 and 1 at (1, 1)."""
    def scores(images):
        first, second = images[:, 0, 0, 0].astype(float), images[:, 0, 0, 1].astype(float)
        return np.stack([first + first * second], axis=1)
    found = explainers.occlusion(scores, np.ones((1, 1, 1, 2), np.uint8), [0], window=1, stride=1)
    assert found.tolist() == [[[2.0, 1.0]]]


def test_saturation_of_the_lecture():
    """Y = 1 - max(0, 1 - i1 - i2): at (1, 1) gradient and single occlusion both say nothing."""
    class Saturated(nn.Module):
        def forward(self, values):
            return (1 - (1 - values.sum((1, 2, 3))).clamp(min=0))[:, None]
    ones = np.ones((1, 1, 1, 2), np.uint8)
    assert not explainers.backward(Saturated(), ones, [0], "saliency").any()
    found = explainers.occlusion(explainers.ann_scores(Saturated()), ones, [0], window=1, stride=1)
    assert not found.any()
    # Both at once are seen, or the test above would prove nothing.
    scores = explainers.ann_scores(Saturated())
    assert scores(ones)[0, 0] == 1 and scores(0 * ones)[0, 0] == 0


def test_occlusion_of_the_chip_is_in_its_integers(network, pictures):
    images, labels = pictures
    scores = explainers.snn_scores(network)
    found = explainers.occlusion(scores, images, labels, window=28, stride=28)
    base, black = scores(images), scores(np.zeros_like(images))
    wanted = (base - black)[range(3), labels]
    assert np.allclose(found, wanted[:, None, None])


def test_activations_of_an_ann(net, network, pictures):
    found = explainers.activations(net, pictures[0])
    assert [found[tap].shape[1:] for tap in network.taps] == [s.shape for s in network.stages[:-1]]
    assert np.allclose(found[4], explainers.ann_scores(net)(pictures[0]))


def test_encoded_is_golden(network, pictures):
    images, _ = pictures
    with torch.no_grad():
        assert np.array_equal(explainers.encoded(network)(torch.from_numpy(images)),
                              run(images, network).logits)


@pytest.mark.parametrize("spiking", [False, True])
def test_maximised_and_fgsm_move_the_score(net, network, pictures, spiking):
    images, labels = pictures
    scores = explainers.encoded(network) if spiking else net
    drawn = explainers.maximised(scores, (1, 28, 28), 3, steps=12)
    noise = explainers.maximised(scores, (1, 28, 28), 3, steps=0)
    with torch.no_grad():
        before, after = (scores(torch.from_numpy(p)[None].float())[0, 3] for p in (noise, drawn))
    assert after > before and drawn.min() >= 0 and drawn.max() <= 255
    attacked = explainers.fgsm(images, explainers.against(scores, images, labels), 8)
    moved = np.abs(attacked.astype(int) - images.astype(int))
    assert attacked.dtype == np.uint8 and moved.max() == 8
    with torch.no_grad():
        before, after = (scores(torch.from_numpy(p).float()) for p in (images, attacked))
    margin = lambda s: (s.gather(1, torch.from_numpy(labels).long()[:, None])[:, 0]
                        - s.mean(1)).sum()
    assert margin(after) < margin(before)
