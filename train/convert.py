"""Convert a trained ReLU network: ``python -m train.convert models/scenes_ann.npz --set scenes``.

Weights are copied, thresholds found on training pictures (train.conversion), neurons integrate and
fire; the result are the integers that the accelerator runs. Nothing is trained.
"""

import argparse

import numpy as np

from golden.importers import float_network
from golden.importers.quantise import quantise_with_report
from golden.io.arguments import whole
from golden.io.console import Console
from golden.io.errors import command
from golden.io.files import output
from golden.run import run_batched
from train.conversion import converted, peaks
from train.core import sets
from train.core.ann import activations


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.convert", description=__doc__)
    parser.add_argument("ann", help="a description, of train.core.ann or train.reference")
    parser.add_argument("--set", required=True, choices=tuple(sets.SETS), dest="name")
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=whole(), default=64)
    parser.add_argument("--quantile", type=float, default=0.999, help="1: the largest")
    parser.add_argument("--judge", type=whole(), default=500, help="test pictures at most")
    args = parser.parse_args(argv)
    output(args.out, args.ann, suffix=".npz")
    network = float_network.load(args.ann)
    learn = sets.pictures(args.name, "train", 300)
    thresholds = peaks(network, learn.images[:, 0], args.quantile)
    made, reasons = quantise_with_report(converted(network, thresholds, steps=args.steps,
                                        name=f"{network.name}-conversion"), bits=8)
    test = sets.pictures(args.name, "test", args.judge)
    count = len(test.labels)
    pred = run_batched(test.images, made, taps=(), keep=False, batch=20).pred
    right = float(np.mean(pred == test.labels))
    scores = [activations(test.images[at:at + 100], network)[-1] for at in range(0, count, 100)]
    real = float(np.mean(np.concatenate(scores).argmax(axis=1).ravel() == test.labels))
    notes = {"data": args.name, "accuracy": right, "of": count, "ann": args.ann,
             "accuracy float": real, "thresholds": thresholds,
             "approximate": [list(reason) for reason in reasons]}
    if "classes" in network.notes:
        notes["classes"] = network.notes["classes"]
    made.replace(notes=notes).save(args.out)
    Console().print(f"{args.out}: integers {right:.2%} of {count} at {args.steps} steps; "
                    f"ReLU {real:.2%}", highlight=False)


if __name__ == "__main__":
    main()
