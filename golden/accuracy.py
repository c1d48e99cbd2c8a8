"""python -m golden.accuracy: classify a labelled set with the integer network."""

import os

import numpy as np

from golden import kernel
from golden.images import load_images
from golden.io.arguments import command_parser, whole
from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.text import say
from golden.network import load
from golden.progress import watched
from golden.run import run_batched


@command
def main(argv: list[str] | None = None) -> None:
    parser = command_parser("python -m golden.accuracy",
                            "Classify a labelled set with the integer network.",
                            examples=("--network fashion --images fashion",))
    parser.add_argument("--network", default="fashion", metavar="NET",
                        help="network file, or the name of one that comes with the project")
    parser.add_argument("--images", default="build/fashion_test.npz", metavar="FILE",
                        help="images and labels (.npz); `make accuracy` makes the default")
    parser.add_argument("--encoder-seed", "--seed", dest="seed", type=whole(0, 2**32 - 1),
                        help="of the encoder, in place of the network's")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N",
                        help="batches at once (default: as many as there are cores)")
    args = parser.parse_args(argv)
    if args.jobs < 1:
        raise BadInput(f"--jobs must be at least 1, not {args.jobs}")
    network = load(args.network)
    if args.seed is not None:
        network = network.replace(seed=args.seed)
    images, labels = load_images(args.images, network)
    if labels is None:
        raise BadInput(f"{args.images}: holds no labels")
    with watched(network, len(images), Console(stderr=True)) as clock:
        result = run_batched(images, network, taps=(), keep=False, jobs=args.jobs, clock=clock,
                             kernel=kernel.default())
    correct = int(np.count_nonzero(result.pred == labels))
    say(f"network {args.network} ({network.digest}), encoder seed {network.seed:#x}")
    say(f"correct {correct} of {len(labels)}: accuracy {100 * correct / len(labels):.2f} %")


if __name__ == "__main__":
    main()
