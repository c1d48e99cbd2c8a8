"""From a checkpoint of training to a network file: ``python -m train.export --name fashion``."""

import argparse
import copy
from pathlib import Path

import numpy as np
import torch

from golden.formats import LEAK_BITS
from golden.io.arguments import whole
from golden.io.errors import command
from golden.io.files import output
from golden.io.text import say
from golden.network import Layer, Network, Neuron, Pool
from golden.run import run_batched
from train import data
from train.core.snn import Net


def integers(layer):
    """Integer weights of a layer, as int8."""
    return layer.whole().detach().numpy().astype(np.int8)


def biases(layer):
    """Integer biases of a layer in membrane units, or None."""
    whole = layer.whole_bias()
    return None if whole is None else np.rint(whole.detach().numpy() * 2**layer.frac).astype(int)


def neuron(layer):
    """The neurons of a spiking layer."""
    return Neuron(threshold=np.int64(layer.theta), leak=np.int64(layer.drop * 2**LEAK_BITS))


def network(net, *, name, notes):
    """A trained ``train.core.snn.Net`` with its integers, as golden and hardware take it."""
    net = copy.deepcopy(net).cpu()
    layers = [
        Layer(weights=integers(layer), bits=layer.bits, stride=layer.stride, padding=1,
              frac=layer.frac, scale=layer.step.item() / 2**layer.frac, bias=biases(layer),
              neuron=neuron(layer))
        for layer in net.convs]
    # The mean of a map is its sum in smaller units, and a bias then counts for every pixel.
    pixels, bias, size = net.sizes[-1]**2 if net.mean else 1, biases(net.dense), net.sizes[0]
    if net.mean:
        layers.append(Pool("avg", net.sizes[-1], net.sizes[-1]))
    layers.append(Layer(
        weights=integers(net.dense), bits=net.dense.bits, frac=net.dense.frac,
        bias=None if bias is None else bias * pixels,
        scale=net.dense.step.item() / 2**net.dense.frac / pixels,
        neuron=Neuron(threshold=np.int64(0), leak=np.int64(0), reset="none")
        if net.readout == "membrane" else neuron(net.dense)))
    return Network(shape=(1, size, size), steps=net.steps, layers=tuple(layers), name=name,
                   readout=net.readout, notes=notes)


def revive(path):
    """Rebuild the network of a checkpoint; gives it and the arguments it was trained with."""
    state = torch.load(path)
    args = state["args"]
    net = Net(args["channels"], args["strides"], bits=args["bits"], leak=args["leak"],
              frac=args.get("frac", 4), slope=args["slope"])
    net.load_state_dict(state["net"])
    return net, args


def accuracy(made, images, labels):
    """Part of the images that the golden model classifies as labelled."""
    found = run_batched(images, made, taps=(), keep=False).pred
    return float(np.mean(found == labels))


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.export", description=__doc__)
    parser.add_argument("--data", help="folder with the idx files")
    parser.add_argument("--name", default="fashion", help="of the checkpoint under build/train")
    parser.add_argument("--out", default="models/fashion.npz")
    parser.add_argument("--seeds", type=whole(0), default=0,
                        help="judge by so many other seeds too")
    args = parser.parse_args(argv)
    output(args.out, suffix=".npz")
    torch.set_num_threads(2)
    net, given = revive(Path("build/train") / f"{args.name}.pt")
    images, labels = data.load("t10k", args.data)
    made = network(net, name=args.name, notes={})
    score = accuracy(made, images, labels)
    notes = {"data": "Fashion-MNIST (MIT)", "classes": list(data.CLASSES),
             "accuracy": score, "given": given}
    made = made.replace(notes=notes)
    made.save(args.out)
    say(f"{args.out}: {score:.2%} of {len(labels)} test images")
    shares = []
    for seed in np.random.default_rng(1).integers(1, 2**32, args.seeds):
        shares.append(accuracy(made.replace(seed=int(seed)), images, labels))
        say(f"  seed {seed:#010x}: {shares[-1]:.2%}")
    if shares:
        say(f"  {len(shares)} seeds: mean {np.mean(shares):.2%}, standard deviation "
            f"{100 * np.std(shares):.2f} points, {min(shares):.2%} to {max(shares):.2%}")


if __name__ == "__main__":
    main()
