"""A network of real activations in the shape of a spiking one: ``python -m train.ann NET.npz``.

The paper takes Grad-CAM of an ANN as the reference of a heatmap. This one has the convolutions,
pools and dense layers of a golden Network with ReLU for the neurons, no biases, and is trained from
scratch on the same pictures, so that no spike is in it. ``models/ann/`` keeps several seeds.
"""

import argparse
import io
import json
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import nn
from torch.nn import functional as F

from golden.errors import BadInput, command
from golden.files import replacing
from golden.network import Pool, load
from train import sets

SCALE = 256.0    # a pixel p is p / 256, the chance of a spike in one step


class Scaled(nn.Module):
    """Pixels 0 to 255 as 0 to 1, so that a picture goes in as it is."""

    def forward(self, images):
        return images / SCALE


def pooling(pool):
    """The torch module of a golden Pool; counts become averages."""
    kind = nn.MaxPool2d if pool.kind == "max" else nn.AvgPool2d
    return kind(pool.kernel, pool.stride, pool.padding)


def model(network):
    """An untrained nn.Sequential in the shape of a golden Network.

    ``taps`` of the result says at which place the activations of each weighted layer leave, from 1
    on as the taps of the Network; the last one are the logits.
    """
    parts, taps, weighted = [Scaled()], {}, 0
    count = len(network.stages)
    for layer in network.layers:
        if isinstance(layer, Pool):
            parts.append(pooling(layer))
            continue
        weighted += 1
        if layer.dense:
            parts += [nn.Flatten(), nn.Linear(layer.weights.shape[1], layer.channels, bias=False)]
        else:
            parts.append(nn.Conv2d(layer.weights.shape[1] * layer.groups, layer.channels,
                                   layer.kernel, layer.stride, layer.padding, groups=layer.groups,
                                   bias=False))
        if weighted < count:
            parts.append(nn.ReLU())
        elif not layer.dense:
            parts.append(nn.Flatten())
        taps[weighted] = len(parts) - 1
    found = nn.Sequential(*parts)
    found.taps = taps
    for part in found:
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
    return found


def weights(net):
    """The modules of a ``model`` that hold weights, in order."""
    return [part for part in net if isinstance(part, (nn.Conv2d, nn.Linear))]


def save(net, path, notes):
    """Write the weights as half-precision numbers; ``revive`` reads them back."""
    arrays = {f"weights_{n}": part.weight.detach().numpy().astype(np.float16)
              for n, part in enumerate(weights(net), 1)}
    with replacing(path) as aside:
        np.savez_compressed(aside, notes=json.dumps(notes), **arrays)


def revive(path, network):
    """The trained ``model`` of a file, in the shape of ``network``, ready to be explained."""
    path, net = Path(path), model(network)
    if not path.is_file():
        raise BadInput(f"{path}: no such ANN; `python -m train.ann` makes it")
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
        for n, part in enumerate(weights(net), 1):
            found = kept[f"weights_{n}"] if f"weights_{n}" in kept else None
            if found is None or found.shape != tuple(part.weight.shape):
                raise BadInput(f"{path}: layer {n} must be {tuple(part.weight.shape)}, as in "
                               f"{network.name}")
            part.weight.data = torch.from_numpy(found.astype(np.float32))
    return net.eval()


@torch.no_grad()
def accuracy(net, images, labels):
    """Part of the images (N, C, H, W) that are classified as labelled."""
    found = [net(torch.from_numpy(part).float()).argmax(1).numpy()
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
    """A trained ``model``: Adam, half a cosine, batches of 100."""
    torch.manual_seed(seed)
    chance = torch.Generator().manual_seed(seed)
    net = model(network)
    images, labels = torch.from_numpy(images.copy()), torch.from_numpy(labels).long()
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
    parser = argparse.ArgumentParser(prog="python -m train.ann", description=__doc__)
    parser.add_argument("network", help="the spiking network whose shape is taken, .npz")
    parser.add_argument("--set", required=True, choices=tuple(sets.SETS), dest="name",
                        help="pictures to learn")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--limit", type=int, default=60000, help="training pictures used")
    parser.add_argument("--out", help="file; models/ann/<network>-<seed>.npz unless given")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    network = load(args.network)
    out = args.out or f"models/ann/{Path(args.network).stem}-{args.seed}.npz"
    console, began = Console(), time.time()
    learn = sets.pictures(args.name, "train", args.limit)
    net = train(network, learn.images, learn.labels, seed=args.seed, epochs=args.epochs,
                rate=args.rate, progress=lambda epoch, loss: console.print(
                    f"epoch {epoch}: loss {loss:.3f}, {time.time() - began:.0f} s"))
    save(net, out, {})
    test = sets.pictures(args.name, "test", 2000)
    score = accuracy(revive(out, network), test.images, test.labels)
    save(net, out, {"set": args.name, "accuracy": score, "of": len(test.images),
                    "seed": args.seed, "epochs": args.epochs, "pictures": len(learn.images),
                    "seconds": round(time.time() - began)})
    console.print(f"{out}: {score:.2%} of {len(test.images)} test pictures", highlight=False)


if __name__ == "__main__":
    main()
