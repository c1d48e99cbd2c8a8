"""Convert the ReLU network for scenes: ``python -m train.scenes_conversion``.

Weights of ``models/scenes_ann.npz`` are copied, thresholds found on training scenes
(train.conversion), neurons integrate and fire; ``models/scenes-conversion.npz`` are its integers.
Nothing is trained.
"""

import argparse

import numpy as np
from rich.console import Console

from golden import float_network
from golden.errors import command
from golden.quantise import explained
from golden.run import run_batched
from train import scenes
from train.conversion import converted, peaks


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.scenes_conversion", description=__doc__)
    parser.add_argument("--ann", default="models/scenes_ann.npz")
    parser.add_argument("--out", default="models/scenes-conversion.npz")
    parser.add_argument("--steps", type=int, default=64)
    parser.add_argument("--quantile", type=float, default=0.999, help="1: the largest")
    parser.add_argument("--judge", type=int, default=500, help="test scenes")
    args = parser.parse_args(argv)
    network = float_network.load(args.ann)
    thresholds = peaks(network, scenes.make("train", 300).images, args.quantile)
    made, reasons = explained(converted(network, thresholds, steps=args.steps,
                                        name="scenes-conversion"), bits=8)
    test = scenes.make("test", args.judge)
    pred = run_batched(test.images[:, None], made, taps=(), keep=False, batch=20).pred
    right = float(np.mean(pred == test.labels[:, 0]))
    notes = {"data": "train.scenes, brightness matched", "classes": list(scenes.CLASSES),
             "accuracy": right, "of": args.judge,
             "accuracy float": network.notes.get("accuracy"), "thresholds": thresholds,
             "approximate": [list(reason) for reason in reasons]}
    made.replace(notes=notes).save(args.out)
    Console().print(f"{args.out}: integers {right:.2%} of {args.judge} at {args.steps} steps; "
                    f"ReLU {network.notes.get('accuracy')}", highlight=False)


if __name__ == "__main__":
    main()
