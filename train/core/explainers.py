"""Reference explanations of an ANN and of a spiking network: what SAM is compared with.

Of an ANN (``train.reference``) they are captum's, Grad-CAM too: the package grad-cam imports all of
torchvision, whose builds load with the torch of the same build only, so that a plain installation
fails where torch is the one for CPUs. Of a spiking network they go through its
``train.core.twin.Twin``, whose forward numbers are the chip's: captum's DeconvNet and guided
backpropagation change the rule of ``nn.ReLU`` only, so that on a spiking layer both answer the
plain gradient without a word.

All take N pictures and one class each, and give maps that are not scaled; pixels are 0 to 255.
"""

import warnings

import numpy as np
import torch
from captum import attr

from golden.encode import encode, randoms
from golden.io.errors import BadInput
from golden.run import run
from train.core.twin import Twin

BACKWARD = ("saliency", "input x gradient", "DeconvNet", "guided backpropagation")
RULES = dict(zip(BACKWARD, ("gradient", "gradient", "deconv", "guided"), strict=True))


def tensor(images):
    """Pictures as float32, (N, C, H, W)."""
    return torch.tensor(images).float()


def target(classes):
    """Classes as captum takes them."""
    return torch.tensor(classes).long()


def flat(maps):
    """(N, H, W) of (N, C, H, W): the channel of the largest magnitude, as in the lecture."""
    return np.abs(maps).max(axis=1)


# --- ANN ------------------------------------------------------------------------------------------


def backward(net, images, classes, method):
    """Saliency, input x gradient, DeconvNet or guided backpropagation of an ANN; (N, C, H, W).

    Signed; see ``flat`` for one map a picture.
    """
    kinds = {"saliency": attr.Saliency, "input x gradient": attr.InputXGradient,
             "DeconvNet": attr.Deconvolution, "guided backpropagation": attr.GuidedBackprop}
    if method not in kinds:
        raise BadInput(f"method must be one of {', '.join(kinds)}, not {method}")
    options = {"abs": False} if method == "saliency" else {}
    inputs = tensor(images).requires_grad_()
    with warnings.catch_warnings():
        # It says at every call that it hooks ReLUs, which here is what is wanted.
        warnings.filterwarnings("ignore", "Setting backward hooks on ReLU activations")
        found = kinds[method](net).attribute(inputs, target=target(classes), **options)
    return found.detach().numpy()


def gradcam(net, images, classes, tap):
    """Grad-CAM of an ANN at a weighted layer: max(0, sum_k mean(dy/dA_k) A_k); (N, H, W)."""
    layer = net[net.taps[tap]]
    found = attr.LayerGradCam(net, layer).attribute(
        tensor(images), target=target(classes), relu_attributions=True)
    return found.detach().numpy()[:, 0]


# --- both -----------------------------------------------------------------------------------------


def occlusion(scores, images, classes, *, window=7, stride=3, fill=0):
    """How far the class falls when a square is painted over, mean over the squares of a pixel.

    ``scores`` is any function of (N, C, H, W) uint8 pictures to (N, classes): ``ann_scores`` or
    ``snn_scores``; (N, H, W).
    """
    def forward(some):
        return torch.from_numpy(np.array(scores(some.detach().numpy().astype(np.uint8)), float))

    channels = images.shape[1]
    found = attr.Occlusion(forward).attribute(
        tensor(images), sliding_window_shapes=(channels, window, window),
        strides=(channels, stride, stride), baselines=float(fill), target=target(classes))
    return found.numpy()[:, 0]


def ann_scores(net):
    """Pictures to the logits of an ANN."""
    @torch.no_grad()
    def scores(images):
        return net(tensor(images)).numpy()
    return scores


def snn_scores(network):
    """Pictures to the logits of golden."""
    return lambda images: run(images, network, taps=(), keep=False).logits


@torch.no_grad()
def activations(net, images):
    """What every weighted layer of an ANN hands on: tap -> (N, C, H, W).

    Of a spiking network this is ``golden.run.run(...).spikes``.
    """
    found, active = {}, tensor(images)
    names = {place: tap for tap, place in net.taps.items()}
    for place, part in enumerate(net):
        active = part(active)
        if place in names:
            found[names[place]] = active.numpy()
    return found


# --- spiking --------------------------------------------------------------------------------------


def spikes_of(images, network):
    """Input spikes of golden's encoder as a tensor to differentiate; (N, T, C, H, W)."""
    return torch.from_numpy(encode(images, network).astype(np.float64)).requires_grad_()


def snn_backward(network, images, classes, method, *, gate="surrogate"):
    """The same four of a spiking network, by the rules of ``train.core.twin.Fire``; (N, C, H, W).

    Gradients of an input spike are summed over the steps, as a pixel moves the chance of a spike in
    every one of them; "input x gradient" sums spike times gradient.
    """
    if method not in RULES:
        raise BadInput(f"method must be one of {', '.join(RULES)}, not {method}")
    inputs = spikes_of(images, network)
    chosen(Twin(network, RULES[method], gate)(inputs), classes).sum().backward()
    found = inputs.grad * inputs if method == "input x gradient" else inputs.grad
    return found.sum(1).detach().numpy()


def tap_gradients(network, images, classes, taps, *, gate="surrogate"):
    """Spikes of the taps and the score's gradients: tap -> (A, dy/dA), each (N, T, C, H, W)."""
    seen, inputs = {}, spikes_of(images, network)
    score = chosen(Twin(network, gate=gate)(inputs, seen), classes).sum()
    grads = torch.autograd.grad(score, [seen[tap] for tap in taps])
    return {tap: (seen[tap].detach().numpy(), grad.numpy())
            for tap, grad in zip(taps, grads, strict=True)}


def snn_gradcam(spikes, gradients, *, alpha="shared"):
    """SNN-crafted Grad-CAM (Kim & Panda 2021, eq. 1-2) of one of ``tap_gradients``: (N, T, H, W).

    G[t] = max(0, sum_k alpha_k A_k[t]), A the spikes of channel k. The paper writes alpha both
    without a step, the gradients dy/dA summed over all steps ("shared"), and with one ("step").
    """
    if alpha not in ("shared", "step"):
        raise BadInput(f"alpha must be shared or step, not {alpha}")
    weight = gradients.mean(axis=(3, 4), keepdims=True)
    if alpha == "shared":
        weight = weight.sum(axis=1, keepdims=True)
    return np.maximum((weight * spikes).sum(axis=2), 0)


def chosen(scores, classes):
    """(N,) the score of each picture's class."""
    return scores.gather(1, target(classes)[:, None])[:, 0]


# --- what a class looks like, and what fools it ---------------------------------------------------


def maximised(scores, shape, label, *, steps=60, rate=16.0, decay=1e-3, seed=0):
    """Activation maximisation: the picture I of the largest S_c(I) - decay ||I||^2; (C, H, W).

    Gradient ascent from noise with a gradient of length ``rate`` a step, pixels held within 0 to
    255; I in the penalty is 0 to 1. ``scores`` is a differentiable function of float pictures: an
    ANN, or ``encoded`` of a spiking network.
    """
    picture = 64 + 8 * torch.randn((1, *shape), generator=torch.Generator().manual_seed(seed))
    for _ in range(steps):
        picture = picture.detach().requires_grad_()
        wanted = scores(picture)[0, label] - decay * (picture / 256).square().sum()
        grad, = torch.autograd.grad(wanted, picture)
        picture = (picture + rate * grad / grad.norm().clamp(min=1e-12)).clamp(0, 255)
    return picture.detach().numpy()[0]


def encoded(network, **options):
    """Float pictures to the scores of a spiking network, with golden's random numbers.

    Forward golden's encoder "bernoulli"; backward a pixel moves every step's spike by 1 / 256, its
    chance of one.
    """
    if network.encoder != "bernoulli":
        raise BadInput(f"{network.name}: only encoder bernoulli, not {network.encoder}")
    c, h, w = network.shape
    table = randoms(network.seed, c * h * w, network.steps)
    table = torch.from_numpy(table.reshape(-1, h, w, c).transpose(0, 3, 1, 2).copy()).double()
    twin = Twin(network, **options)

    def scores(images):
        chance = images.double()[:, None] / 256
        fired = (table[None] < images.double().floor()[:, None]).double()
        return twin(chance + (fired - chance).detach())
    return scores


def against(scores, images, labels):
    """Sign of the gradient of the cross entropy, (N, C, H, W): what moves pictures off their label.

    Of a spiking network (``scores`` is ``encoded``) gradients add up over the steps: the
    "SNN-crafted" attack.
    """
    inputs = tensor(images).requires_grad_()
    loss = torch.nn.functional.cross_entropy(scaled(scores(inputs)), target(labels),
                                             reduction="sum")
    grad, = torch.autograd.grad(loss, inputs)
    return np.sign(grad.numpy()).astype(np.int64)


def fgsm(images, signs, eps):
    """Fast gradient sign method: uint8 pictures moved by ``eps`` of 255 along ``against``."""
    return np.clip(images.astype(np.int64) + int(eps) * signs, 0, 255).astype(np.uint8)


def scaled(scores):
    """Scores brought to a spread of a few units, so that softmax does not saturate.

    Integer logits run into the hundreds, where the loss is flat and its gradient 0 or noise.
    """
    return scores / scores.detach().abs().amax(1, keepdim=True).clamp(min=1) * 8
