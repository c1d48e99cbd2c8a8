"""Train a small convolutional network with snnTorch on scikit-learn's 8 x 8 digits (a minute).

``python -m train.digits --out build/digits`` writes there ``float.npz`` (for golden.quantise),
``digits.nir`` (the same network as a NIR graph, for golden.nir), ``calibration.npz`` (training
images) and ``test.npz`` (images it never saw). Replace ``model`` and ``pictures`` by your own.
"""

import argparse
from pathlib import Path

import nir
import numpy as np
import snntorch as snn
import torch
from sklearn.datasets import load_digits
from snntorch import surrogate, utils
from snntorch.export_nir import export_to_nir
from torch import nn
from torch.nn import functional as F

from golden.importers.snntorch import from_snntorch
from golden.io.arguments import whole
from golden.io.errors import command
from golden.io.files import output, publishing
from golden.io.text import say

STEPS = 16


def leaky(*shape):
    """Neurons of a layer; one number would do but for NIR, which wants one for each neuron."""
    return snn.Leaky(beta=torch.full(shape, 0.9375), threshold=torch.ones(shape),
                     spike_grad=surrogate.fast_sigmoid(slope=10), init_hidden=True)


def model():
    """Any nn.Sequential of the modules that golden.importers.snntorch knows."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), leaky(8, 8, 8),
        nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False), leaky(16, 4, 4),
        nn.Flatten(), nn.Linear(256, 10, bias=False))


def pictures():
    """(images, labels) to learn and to test: (N, 1, 8, 8) uint8 and (N,)."""
    digits = load_digits()
    images = np.rint(digits.images * 255 / 16).astype(np.uint8)[:, None]
    order = np.random.default_rng(1).permutation(len(images))
    learn, test = order[360:], order[:360]
    return (images[learn], digits.target[learn]), (images[test], digits.target[test])


def scores(net, images):
    """Sum of the outputs over all steps, of images as random spikes (Bernoulli)."""
    utils.reset(net)
    return sum(net((torch.rand(images.shape) < images / 255).float()) for _ in range(STEPS))


FILES = ("float.npz", "digits.nir", "calibration.npz", "test.npz")


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.digits", description=__doc__)
    parser.add_argument("--out", default="build/digits", metavar="DIR")
    parser.add_argument("--epochs", type=whole(), default=12)
    args = parser.parse_args(argv)
    out = Path(args.out)
    for name in FILES:                          # this command alone makes a digits.nir
        output(out / name, what="the example's", known=lambda _: (out / "digits.nir").is_file())
    torch.manual_seed(1)
    torch.set_num_threads(1)  # threads within small operations mostly wait for each other
    learn, test = pictures()
    images, labels = torch.from_numpy(learn[0]).float(), torch.from_numpy(learn[1]).long()
    net = model()
    adam = torch.optim.Adam(net.parameters(), 4e-3)
    for epoch in range(args.epochs):
        for chosen in torch.randperm(len(images)).split(100):
            loss = F.cross_entropy(scores(net, images[chosen]) / 4, labels[chosen])
            adam.zero_grad()
            loss.backward()
            adam.step()
        say(f"epoch {epoch + 1}: loss {loss.item():.3f}", end="\r", flush=True)
    with torch.no_grad():
        pred = scores(net, torch.from_numpy(test[0]).float()).argmax(1).numpy()
    say(f"\ntest images right: {np.mean(pred == test[1]):.1%} of {len(pred)}")

    made = from_snntorch(net, shape=(1, 8, 8), steps=STEPS, name="digits")
    utils.reset(net)
    graph = export_to_nir(net, torch.zeros(1, 1, 8, 8), ignore_dims=[0])
    with publishing() as put:
        float_file, nir_file, *image_files = (put(out / name) for name in FILES)
        made.save(float_file)
        nir.write(nir_file, graph)
        for file, (some, of) in zip(image_files, (learn, test), strict=True):
            np.savez_compressed(file, images=some, labels=of)
    say(f"wrote {', '.join(FILES)} to {out}")


if __name__ == "__main__":
    main()
