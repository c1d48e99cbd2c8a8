"""From a ReLU network to a spiking one: weights copied, thresholds from data, integrate and fire.

``python -m train.conversion`` trains a ReLU network of the layers of ``models/fashion.npz`` on
Fashion-MNIST (``models/fashion_ann.npz``, train.core.ann), converts it and writes
``models/fashion-conversion.npz`` with its accuracy after several numbers of steps.
"""

import argparse
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F

from golden.importers import float_run
from golden.importers.float_network import FloatLayer, FloatNeuron
from golden.importers.quantise import quantise_with_report
from golden.io import arguments
from golden.io.errors import command
from golden.io.files import output
from golden.run import run_batched
from train import data
from train.core import loop
from train.core.ann import Ann, described, noisy, pooled_mean
from train.core.augment import shifted

CHANNELS, STRIDES = (8, 16, 32, 64), (1, 2, 2, 2)


def peaks(network, images, quantile=1.0):
    """Thresholds of a description of train.core.ann: its largest pre-activations, layer by layer.

    Each layer is fed the rates that the thresholds before it leave: its inputs are those of the
    ReLU network over the product of these thresholds.

    Parameters
    ----------
    images : (N, H, W) uint8
    quantile : float
        1 for the very largest of the positive ones.

    Returns
    -------
    list of float, one of each layer but the last
    """
    active = np.reshape(images, (len(images), *network.shape)) * network.input_scale
    found, before = [], 1.0
    for stage in network.stages[:-1]:
        for pool in stage.pools:
            active = pooled_mean(active, pool)
        sums = float_run.weighted(active, stage.layer)
        sums = sums + stage.layer.biases[:, None, None] / before
        found.append(float(np.quantile(sums[sums > 0], quantile)))
        active = np.maximum(sums, 0) / found[-1]
        before *= found[-1]
    return found


def converted(network, thresholds, *, steps, encoder="bernoulli", **fields):
    """``network`` of train.core.ann as a spiking FloatNetwork, its weights, IF at ``thresholds``.

    A spike of a layer stands for the product of the thresholds up to it; biases are divided by it.
    """
    layers, before, left = [], 1.0, list(thresholds)
    for layer in network.layers:
        if isinstance(layer, FloatLayer):
            neuron = FloatNeuron(threshold=np.float64(left[0]), reset="subtract") if left else \
                FloatNeuron()
            layer = replace(layer, neuron=neuron, bias=layer.biases / before)
            before *= left.pop(0) if left else 1.0
        layers.append(layer)
    return network.replace(layers=tuple(layers), steps=steps, encoder=encoder,
                           input_scale=1 / 256 if encoder == "current" else 1.0, **fields)


@torch.no_grad()
def start(net, network, thresholds):
    """Give a train.core.snn.Net the weights of ``network`` over its thresholds, which become 1.

    Scores of the last layer become twice those of the ReLU network.
    """
    made, boost = converted(network, thresholds, steps=net.steps), 2 / net.steps
    for layer, stage in zip([*net.convs, net.dense], made.stages, strict=True):
        each = 1 / float(stage.layer.neuron.threshold)
        if not stage.layer.spiking:
            each = boost * np.prod(thresholds)
        layer.weight.copy_(torch.from_numpy(stage.layer.weights * each))
        if layer.bias is not None:
            layer.bias.copy_(torch.from_numpy(stage.layer.biases * each))
        layer.restep()


def train_ann(args, learn, test):
    """The ReLU network for Fashion-MNIST and its figures."""
    net = Ann(CHANNELS, STRIDES).to(loop.device())

    def augment(share, chance, images, labels):
        return shifted(images, 1, chance, mirror=True), labels

    def loss_of(images, labels):
        return F.cross_entropy(net(noisy(images[:, None] / 256, 64)), labels,
                               label_smoothing=0.05, reduction="sum")

    def judge():
        return {"accuracy": loop.accuracy(lambda some: net(some[:, None] / 256), *test)}

    seconds = loop.fit("fashion_ann", net, loss_of, learn, judge, args, augment)
    return net, {**judge(), "seconds": round(seconds)}


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.conversion", description=__doc__)
    loop.arguments(parser, epochs=6, rate=4e-3)
    parser.add_argument("--data", help="folder with the idx files")
    parser.add_argument("--out", default="models/fashion-conversion.npz")
    parser.add_argument("--ann", default="models/fashion_ann.npz")
    parser.add_argument("--steps", type=arguments.whole(), default=64)
    parser.add_argument("--quantile", type=float, default=0.999, help="1: the largest")
    parser.add_argument("--encoder", default="bernoulli", choices=("bernoulli", "current"))
    parser.add_argument("--judge", type=arguments.whole(), default=2000,
                        help="test images, from the first")
    args = parser.parse_args(argv)
    output(args.ann, suffix=".npz", option="--ann")
    output(args.out, args.ann, suffix=".npz")
    learn, test = data.tensors(args.data)
    net, notes = train_ann(args, learn, test)
    notes = {"data": "Fashion-MNIST (MIT)", "classes": list(data.CLASSES), **notes}
    network = described(net, name="fashion_ann", steps=args.steps, notes=notes)
    network.save(args.ann)
    images, labels = (array.numpy()[:args.judge] for array in test)
    thresholds = peaks(network, learn[0][:1000].numpy(), args.quantile)
    loop.console.print(f"ReLU network {notes['accuracy']:.2%}; thresholds "
                       + " ".join(f"{theta:.3f}" for theta in thresholds), highlight=False)
    made, reasons = quantise_with_report(
        converted(network, thresholds, steps=args.steps, encoder=args.encoder,
                  name="fashion-conversion"), bits=8)
    scores = run_batched(images, made, taps=(), keep=False, batch=25, progress=loop.track).scores
    right = (scores.argmax(axis=2) == labels[:, None]).mean(axis=0)
    curve = {str(step): round(float(right[step - 1]), 4)
             for step in (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 255) if step <= args.steps}
    whole = float(right[-1])
    notes |= {"accuracy": whole, "accuracy float": notes["accuracy"], "thresholds": thresholds,
              "accuracy after steps": curve, "approximate": [list(r) for r in reasons]}
    made.replace(notes=notes).save(args.out)
    loop.console.print(f"{args.out}: integers {whole:.2%} of {len(images)} at {args.steps} steps, "
                       f"after {curve}; {reasons}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
