"""Train by first spikes: ``python -m train.latency`` (half a minute, 8 x 8 digits of scikit-learn).

The class whose output neuron spikes first is the answer (golden's readout "first"); the loss is the
cross entropy of the steps that are left when it does, so that the right class learns to be early.
Writes ``models/digits-latency.npz``. ``--readout count`` is the rate loss for comparison.
"""

import argparse

import numpy as np
import torch

from golden.io.errors import command
from golden.io.files import output, publishing
from train.core import loop
from train.core.snn import Net
from train.core.tune import tune
from train.digits import pictures


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.latency", description=__doc__)
    loop.arguments(parser, epochs=30, rate=4e-3)
    parser.add_argument("--readout", choices=("first", "count", "membrane"), default="first")
    parser.add_argument("--surrogate", choices=("atan", "linear"), default="linear")
    parser.add_argument("--out", default="models/digits-latency.npz")
    parser.add_argument("--sample", default="models/digits_sample.npz", help="for the test images")
    args = parser.parse_args(argv)
    output(args.sample, suffix=".npz", option="--sample")
    output(args.out, args.sample, suffix=".npz")
    torch.manual_seed(1)
    learn, test = ((torch.from_numpy(images[:, 0]), torch.from_numpy(labels).long())
                   for images, labels in pictures())
    net = Net((8, 16), (1, 2), size=8, steps=16, bias=True, readout=args.readout, slope=1.0,
              surrogate=args.surrogate)
    made, found = tune(f"digits-{args.readout}-{args.surrogate}", net, learn, test, args)
    steps = first_steps(made, test[0].numpy())
    notes = {"data": "8 x 8 digits of scikit-learn, 360 of 1,797 to test",
             "classes": [str(n) for n in range(10)], **found}
    with publishing() as put:
        made.replace(name="digits-latency", notes=notes).save(put(args.out))
        np.savez_compressed(put(args.sample), images=test[0].numpy(),
                            labels=test[1].numpy().astype(np.uint8))
    loop.console.print(f"{args.out}: integers {found['accuracy']:.2%} of {len(test[0])}; "
                       f"first spike {steps}", highlight=False)


def first_steps(network, images):
    """When the answer is known, in words: the mean step of the first spike of all outputs."""
    from golden.run import run
    if network.readout != "first":
        return "not asked"
    scores = run(images, network, taps=()).scores.max(axis=2)
    known = np.where(scores.any(axis=1), (scores > 0).argmax(axis=1), network.steps)
    return f"at step {known.mean():.1f} of {network.steps}"


if __name__ == "__main__":
    main()
