"""A network of real activations in the shape of a spiking one: ``python -m train.reference NET``.

The paper takes Grad-CAM of an ANN as the reference of a heatmap. This one has the convolutions,
pools and dense layers of a golden Network with ReLU for the neurons, no biases, and is trained from
scratch on the same pictures, so that no spike is in it. ``models/ann/`` keeps several seeds, as
descriptions (golden.importers.float_network) of which only weights, biases and places count.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from golden.importers import float_network
from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.io.arguments import real, whole
from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.files import output
from golden.network import Pool, load
from train.core import sets

SCALE = 1 / 256    # a pixel p goes in as p / 256, the chance of a spike in one step


class Scaled(nn.Module):
    """Pixels 0 to 255 as 0 to 1, so that a picture goes in as it is."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, images):
        return images * self.scale


def pooling(pool):
    """The torch module of a golden Pool; counts become averages."""
    kind = nn.MaxPool2d if pool.kind == "max" else nn.AvgPool2d
    return kind(pool.kernel, pool.stride, pool.padding)


def weighing(layer):
    """The torch module of a weighted layer, its weights and biases real ones."""
    if layer.dense:
        found = nn.Linear(layer.weights.shape[1], layer.channels, bias=layer.bias is not None)
    else:
        found = nn.Conv2d(layer.weights.shape[1] * layer.groups, layer.channels, layer.kernel,
                          layer.stride, layer.padding, groups=layer.groups,
                          bias=layer.bias is not None)
    found.weight.data = torch.from_numpy(np.asarray(layer.weights, dtype=np.float32).copy())
    if layer.bias is not None:
        found.bias.data = torch.from_numpy(np.asarray(layer.biases, dtype=np.float32).copy())
    return found


def sequential(network):
    """A description (FloatNetwork) as an nn.Sequential of ReLUs, fed with pixels 0 to 255.

    ``taps`` of the result says at which place the activations of each weighted layer leave, from 1
    on as the taps of a Network; the last are the logits.
    """
    parts, taps = [Scaled(network.input_scale)], {}
    for layer in network.layers:
        if isinstance(layer, Pool):
            parts.append(pooling(layer))
            continue
        parts += [nn.Flatten(), weighing(layer)] if layer.dense else [weighing(layer)]
        if len(taps) + 1 < len(network.stages):
            parts.append(nn.ReLU())
        elif not layer.dense:
            parts.append(nn.Flatten())
        taps[len(taps) + 1] = len(parts) - 1
    found = nn.Sequential(*parts).eval()
    found.taps = taps
    return found


def shaped(network, *, name):
    """An untrained description in the shape of a golden Network, without biases: He's weights."""
    layers = []
    for layer in network.layers:
        if not isinstance(layer, Pool):
            weights = torch.empty(layer.weights.shape)
            nn.init.kaiming_normal_(weights, nonlinearity="relu")
            neuron = FloatNeuron(reset="subtract" if layer.spiking else "none")
            layer = FloatLayer(weights.numpy().astype(float), neuron, stride=layer.stride,
                               padding=layer.padding, groups=layer.groups)
        layers.append(layer)
    return FloatNetwork(shape=network.shape, steps=network.steps, layers=tuple(layers),
                        encoder="current", input_scale=SCALE, name=name,
                        readout=network.readout)


def described(net, like, notes):
    """The weights of a ``sequential`` without biases in half precision, as a description."""
    found = iter([part.weight.detach().numpy().astype(np.float16).astype(float)
                  for part in net if isinstance(part, (nn.Conv2d, nn.Linear))])
    return like.replace(notes=notes, layers=tuple(
        layer if isinstance(layer, Pool) else replace(layer, weights=next(found))
        for layer in like.layers))


def revive(path, network):
    """The ANN of a file as a ``sequential``; its maps must have the sizes of ``network``'s."""
    if not Path(path).is_file():
        raise BadInput(f"{path}: no such ANN; `python -m train.reference` makes it")
    found = float_network.load(path)
    if [stage.shape for stage in found.stages] != [stage.shape for stage in network.stages]:
        raise BadInput(f"{path}: its layers must have the shapes of those of {network.name}")
    return sequential(found)


@torch.no_grad()
def accuracy(net, images, labels):
    """Part of the images (N, C, H, W) that are classified as labelled."""
    found = [net(torch.tensor(part).float()).argmax(1).numpy()
             for part in np.array_split(images, max(1, len(images) // 250))]
    return float(np.mean(np.concatenate(found) == labels))


def augmented(images, chance):
    """Mirror half of the images (N, C, H, W) and shift all of them by up to a pixel a way."""
    padded = F.pad(images, (1,) * 4)
    down, across = torch.randint(0, 3, (2,), generator=chance).tolist()
    height, width = images.shape[2:]
    moved = padded[:, :, down:down + height, across:across + width]
    mirror = torch.rand(len(images), generator=chance) < 0.5
    return torch.where(mirror[:, None, None, None], moved.flip(3), moved)


def train(network, images, labels, *, seed, epochs, rate, progress):
    """``network`` (``shaped``) trained: Adam, half a cosine, batches of 100."""
    chance = torch.Generator().manual_seed(seed)
    net = sequential(network)
    images, labels = torch.tensor(images), torch.tensor(labels).long()
    total = epochs * (len(images) // 100)
    adam = torch.optim.Adam(net.parameters(), rate)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, total)
    for epoch in range(epochs):
        for chosen in torch.randperm(len(images), generator=chance).split(100)[:total // epochs]:
            loss = F.cross_entropy(net(augmented(images[chosen].float(), chance)), labels[chosen])
            adam.zero_grad()
            loss.backward()
            adam.step()
            fall.step()
        progress(epoch + 1, loss.item())
    return net.eval()


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.reference", description=__doc__)
    parser.add_argument("network", help="the spiking network whose shape is taken, .npz")
    parser.add_argument("--set", required=True, choices=tuple(sets.SETS), dest="name",
                        help="pictures to learn")
    parser.add_argument("--seed", type=whole(0), default=1)
    parser.add_argument("--epochs", type=whole(), default=6)
    parser.add_argument("--rate", type=real(), default=2e-3)
    parser.add_argument("--limit", type=whole(), default=60000, help="training pictures used")
    parser.add_argument("--out", help="file; models/ann/<network>-<seed>.npz unless given")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    network = load(args.network)
    out = args.out or f"models/ann/{Path(args.network).stem}-{args.seed}.npz"
    output(out, args.network, suffix=".npz")
    console, began = Console(), time.time()
    learn = sets.pictures(args.name, "train", args.limit)
    torch.manual_seed(args.seed)
    like = shaped(network, name=Path(out).stem)
    net = train(like, learn.images, learn.labels, seed=args.seed, epochs=args.epochs,
                rate=args.rate, progress=lambda epoch, loss: console.print(
                    f"epoch {epoch}: loss {loss:.3f}, {time.time() - began:.0f} s"))
    made = described(net, like, {})
    test = sets.pictures(args.name, "test", 2000)
    score = accuracy(sequential(made), test.images, test.labels)
    made.replace(notes={
        "set": args.name, "accuracy": score, "of": len(test.images), "seed": args.seed,
        "epochs": args.epochs, "pictures": len(learn.images),
        "seconds": round(time.time() - began)}).save(out)
    console.print(f"{out}: {score:.2%} of {len(test.images)} test pictures", highlight=False)


if __name__ == "__main__":
    main()
