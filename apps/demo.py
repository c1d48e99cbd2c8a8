"""python -m sim.demo: the chip's RTL on a few real images, beside golden, and a picture of it."""

import numpy as np

from apps.heatmaps import heatmaps
from golden.formats import GAMMA, SCORE_FRAC
from golden.images import load_images
from golden.io.arguments import command_parser, whole
from golden.io.console import Console, Table
from golden.io.errors import command
from golden.io.files import output, replacing
from golden.io.text import say
from golden.network import load
from golden.run import check_taps, run
from sim.run import run_engine


def same(left, right):
    """Whether two Results hold the same in every array that golden gives."""
    left, right = left.arrays(), right.arrays()
    return all(np.array_equal(left[key], right[key]) for key in right)


@command
def main(argv: list[str] | None = None) -> None:
    parser = command_parser("python -m sim.demo", "The chip's RTL on a few real images, beside "
                            "golden, and a picture of it.",
                            examples=("", "--limit 1 --tap 3 --out f.png"))
    parser.add_argument("--network", default="fashion", metavar="NET",
                        help="network file, or the name of one that comes with the project")
    parser.add_argument("--images", default="fashion", metavar="FILE",
                        help="as sim.run takes them")
    parser.add_argument("--limit", "--count", dest="count", type=whole(), default=4, metavar="N",
                        help="images, from the first")
    parser.add_argument("--tap", type=int, action="append", metavar="L",
                        help="map layer L, counted from 1; may be repeated (default: all)")
    parser.add_argument("--out", default="build/ice40/heatmaps.png", metavar="FIG.png",
                        help="the picture")
    args = parser.parse_args(argv)
    output(args.out, args.network, args.images, suffix=".png")
    network = load(args.network)
    images, labels = load_images(args.images, network)
    images = images[:args.count]
    taps = check_taps(args.tap, network, "--tap") if args.tap else network.taps
    result = run_engine(images, network, engine="rtl", taps=taps, gamma=GAMMA, mode="paper",
                        console=Console(stderr=True))
    wanted = run(images, network, taps=taps)

    table = Table(title=f"{network.name}: the RTL on {len(images)} images of {args.images}")
    for column in ("image", "label", "prediction", "cycles", ""):
        table.add_column(column)
    for n in range(len(images)):
        equal = all(np.array_equal(result.arrays()[key][n], value[n])
                    for key, value in wanted.arrays().items() if np.ndim(value))
        table.add_row(str(n), "" if labels is None else network.label(labels[n]),
                      network.label(result.pred[n]),
                      f"{result.cycles[n]:,}", "rtl == golden" if equal else "RTL != GOLDEN")
    Console().print(table)
    with replacing(args.out) as aside:
        heatmaps(images, result, SCORE_FRAC, labels=labels, label=network.label, path=aside,
                 title=f"Spike activation maps of {network.name}, from the RTL (gamma 0.5)")
    say(args.out)
    raise SystemExit(0 if same(result, wanted) else 1)


if __name__ == "__main__":
    main()
