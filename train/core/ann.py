"""Rate networks: convolutions, batch norm and ReLU, the other side of every comparison.

An ``Ann`` has the layers of a ``train.core.snn.Net``: 3 x 3 convolutions with strides, then a dense
layer, on all pixels or on their mean. ``described`` folds its batch norms away and writes it as a
golden.importers.float_network with integrate-and-fire neurons in place of the ReLUs, which keeps
weights and biases as they are; ``activations`` runs such a description as the ReLU network it came
from.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.importers.float_run import weighted
from golden.network import Pool, output_size


class Ann(nn.Module):
    """Convolutions of 3 x 3, padding 1, with batch norm and ReLU, then a dense layer.

    Parameters
    ----------
    channels, strides : sequence of int
        Of the convolutions, in order.
    size, classes : int
        Side of the image; outputs.
    mean : bool
        Whether the dense layer reads the mean of each channel and not every pixel.
    """

    def __init__(self, channels, strides, *, size=28, classes=10, mean=False):
        super().__init__()
        self.convs, self.norms, inputs, self.sizes = nn.ModuleList(), nn.ModuleList(), 1, [size]
        for outputs, stride in zip(channels, strides, strict=True):
            self.convs.append(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False))
            self.norms.append(nn.BatchNorm2d(outputs))
            inputs, size = outputs, output_size(size, 3, stride, 1)
            self.sizes.append(size)
        self.mean, self.classes = mean, classes
        self.dense = nn.Linear(inputs if mean else inputs * size**2, classes)

    def forward(self, images):
        """Scores (N, classes) of images (N, 1, H, W) from 0 to 1."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            images = F.relu(norm(conv(images)))
        return self.dense(images.mean((2, 3)) if self.mean else images.flatten(1))


def noisy(images, steps):
    """Images as the mean of ``steps`` random spikes shows them, about."""
    return images + (images * (1 - images) / steps).clamp(min=0).sqrt() * torch.randn_like(images)


@torch.no_grad()
def folded(net):
    """[(weights, bias, stride)] of the convolutions with their batch norms, then of the dense."""
    found = []
    for conv, norm in zip(net.convs, net.norms, strict=True):
        gain = norm.weight / (norm.running_var + norm.eps).sqrt()
        found.append((conv.weight * gain[:, None, None, None],
                      norm.bias - gain * norm.running_mean, conv.stride[0]))
    found.append((net.dense.weight, net.dense.bias, 1))
    return [(weights.detach().cpu(), bias.detach().cpu(), stride)
            for weights, bias, stride in found]


def described(net, *, name, steps=16, notes=None):
    """``net`` as a FloatNetwork, its ReLUs integrate and fire at 1."""
    *convs, dense = folded(net)
    layers = [
        FloatLayer(weights.numpy().astype(float), FloatNeuron(reset="subtract"),
                   bias.numpy().astype(float), stride=stride, padding=1, name=f"conv{n}")
        for n, (weights, bias, stride) in enumerate(convs, 1)]
    if net.mean:
        layers.append(Pool("avg", net.sizes[-1], net.sizes[-1]))
    layers.append(FloatLayer(dense[0].numpy().astype(float), FloatNeuron(),
                             dense[1].numpy().astype(float), name="dense"))
    return FloatNetwork(shape=(1, net.sizes[0], net.sizes[0]), steps=steps, layers=tuple(layers),
                        encoder="current", input_scale=1 / 256, name=name, notes=notes or {})


def activations(images, network):
    """Run a description as the ReLU network it came from, in NumPy.

    Parameters
    ----------
    images : (N, H, W) or (N, C, H, W) uint8
    network : golden.importers.float_network.FloatNetwork
        Of ``described``; its neurons are not used.

    Returns
    -------
    list of (N, C, H, W) float
        Output of each weighted layer; that of the last, without a ReLU, is the scores.
    """
    active = np.reshape(images, (len(images), *network.shape)) * network.input_scale
    found = []
    for stage in network.stages:
        for pool in stage.pools:
            active = pooled_mean(active, pool)
        active = weighted(active, stage.layer) + stage.layer.biases[:, None, None]
        if stage.index < len(network.stages):
            active = np.maximum(active, 0)
        found.append(active)
    return found


def pooled_mean(active, pool):
    """Average pooling of real activations."""
    return active.reshape(*active.shape[:2], active.shape[2] // pool.kernel, pool.kernel,
                          active.shape[3] // pool.kernel, pool.kernel).mean((3, 5))
