"""Train a network with batch norm through time: ``python -m train.bntt``.

BNTT (Kim & Panda, arXiv:2010.01729) gives every time step its own batch norm: at step t the summed
input x of channel c becomes g[t, c] (x - mean[t, c]) / sqrt(var[t, c] + 1e-4), which at inference
is a gain and an offset from a table. Trained in real numbers on Fashion-MNIST, then turned into
integers by golden.quantise; writes ``models/fashion-bntt.npz``.
"""

import argparse

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.importers.quantise import quantise_with_report
from golden.io import arguments
from golden.io.errors import command
from golden.io.files import output
from golden.network import output_size
from golden.run import run_batched
from train import data
from train.core import loop
from train.core.augment import shifted
from train.core.lif import Lif
from train.core.snn import encode, thresholds

CHANNELS, STRIDES, STEPS, LEAK = (8, 16, 16), (2, 2, 1), 8, 4
UNIT = 4096.0       # membrane units of 1, so that what the compiled neurons cut off is nothing


class Bntt(nn.Module):
    """Convolutions of 3 x 3, each with a batch norm for every step, and a dense read-out."""

    def __init__(self, channels=CHANNELS, strides=STRIDES, *, steps=STEPS, size=28, classes=10,
                 surrogate="atan", slope=3.0):
        super().__init__()
        self.steps, self.size, self.surrogate, self.slope = steps, size, surrogate, slope
        self.convs, self.norms, inputs = nn.ModuleList(), nn.ModuleList(), 1
        for outputs, stride in zip(channels, strides, strict=True):
            self.convs.append(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False))
            # One of (step, channel) pairs. As in BNTT no offset is learned.
            self.norms.append(nn.BatchNorm2d(steps * outputs, eps=1e-4))
            self.norms[-1].bias.requires_grad_(False)
            inputs, size = outputs, output_size(size, 3, stride, 1)
        self.dense = nn.Linear(inputs * size**2, classes, bias=False)

    def forward(self, spikes):
        """Scores (N, classes) of spikes (T * N, 1, H, W), per step."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            sums = conv(spikes).unflatten(0, (self.steps, -1)).transpose(0, 1)
            normed = norm(sums.flatten(1, 2)).unflatten(1, sums.shape[1:3])
            current = normed.transpose(0, 1).flatten(0, 1)
            spikes = Lif.apply(current, self.steps, 2.0**-LEAK, UNIT, UNIT, self.slope, 0.0,
                               self.surrogate)
        counts = spikes.unflatten(0, (self.steps, -1)).sum(0).flatten(1)
        return self.dense(counts) / self.steps


@torch.no_grad()
def described(net, *, name):
    """``net`` as a golden.importers.float_network.FloatNetwork."""
    layers, neuron = [], FloatNeuron(beta=np.float64(1 - 2.0**-LEAK), reset="subtract")
    for n, (conv, norm) in enumerate(zip(net.convs, net.norms, strict=True), 1):
        gain = norm.weight / (norm.running_var + norm.eps).sqrt()
        table = (gain, norm.bias - gain * norm.running_mean)
        layers.append(FloatLayer(
            conv.weight.cpu().numpy().astype(float), neuron, stride=conv.stride[0], padding=1,
            norm=tuple(part.cpu().numpy().astype(float).reshape(net.steps, -1) for part in table),
            name=f"conv{n}"))
    layers.append(FloatLayer(net.dense.weight.cpu().numpy().astype(float), FloatNeuron(),
                             name="dense"))
    return FloatNetwork(shape=(1, net.size, net.size), steps=net.steps, layers=tuple(layers),
                        name=name)


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.bntt", description=__doc__)
    loop.arguments(parser, epochs=4, rate=6e-3)
    parser.add_argument("--data", help="folder with the idx files")
    parser.add_argument("--bits", type=arguments.whole(), default=6, help="of a weight")
    parser.add_argument("--out", default="models/fashion-bntt.npz")
    args = parser.parse_args(argv)
    output(args.out, suffix=".npz")
    torch.manual_seed(1)
    learn, test = data.tensors(args.data)
    net, where = Bntt().to(loop.device()), loop.device()
    chip = torch.from_numpy(thresholds(learn[0][0].numel(), net.steps).copy()).to(where)

    def augment(share, chance, images, labels):
        return shifted(images, 1, chance, mirror=True), labels

    def loss_of(images, labels):
        return F.cross_entropy(net(encode(images, chip)), labels, label_smoothing=0.05,
                               reduction="sum")

    def judge():
        return {"accuracy": loop.accuracy(lambda some: net(encode(some, chip)), *test)}

    loop.keep_memory()
    seconds = loop.fit("fashion-bntt", net, loss_of, learn, judge, args, augment)
    real = judge()["accuracy"]
    made, reasons = quantise_with_report(described(net, name="fashion-bntt"), bits=args.bits,
                              calibrate=learn[0][:64].numpy())
    pred = run_batched(test[0].numpy(), made, taps=(), keep=False).pred
    whole = float(np.mean(pred == test[1].numpy()))
    notes = {"data": "Fashion-MNIST (MIT)", "classes": list(data.CLASSES), "accuracy": whole,
             "accuracy float": real, "seconds": round(seconds),
             "approximate": [list(r) for r in reasons]}
    made.replace(notes=notes).save(args.out)
    loop.console.print(f"{args.out}: real numbers {real:.2%}, integers {whole:.2%} of "
                       f"{len(test[0])}; {reasons}", highlight=False)


if __name__ == "__main__":
    main()
