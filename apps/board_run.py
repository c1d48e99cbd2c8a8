"""python -m boards.run IMAGE...: explain images on the board, as arrays and as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from apps.backends import arguments, opened
from golden.explain.contribution import adds_up, of_result, said
from golden.formats import GAMMA, MODES, SCORE_FRAC
from golden.images import PICTURES, load_images
from golden.io.arguments import command_parser, resize_option
from golden.io.console import Console, Table
from golden.io.errors import BadInput, command
from golden.io.files import output, publishing
from golden.io.text import say
from golden.network.result import stacked

if TYPE_CHECKING:
    import argparse


def parser() -> "argparse.ArgumentParser":
    """Arguments of the command."""
    found = command_parser(
        "python -m boards.run", "Explain images on the board, as arrays and as a picture.",
        examples=("shirt.png --resize --out r.npz --png r.png", "fashion --limit 2 --demo"),
        codes="Exit code 0: done; 2: bad input, or a board that does not answer.")
    found.add_argument("image", nargs="+", metavar="IMAGE",
                       help="pictures, folders of them, .npy or .npz of uint8 (N, H, W) or "
                            "(N, C, H, W)")
    arguments(found)
    found.add_argument("--gamma", type=float, default=GAMMA, help="default: %(default)s")
    found.add_argument("--mode", choices=MODES, default="paper", help="default: %(default)s")
    resize_option(found)
    found.add_argument("--limit", type=int, metavar="N", help="take the first N images only")
    found.add_argument("--out", metavar="R.npz", help="write the arrays that sim.run writes")
    found.add_argument("--png", metavar="FIG", help="write a picture of the maps")
    return found


def loaded(paths, network, *, resize: bool):
    """(images, labels, names) of all files; labels None unless every image has one."""
    images, labels, names = [], [], []
    for path in map(Path, paths):
        some, marks = load_images(path, network, resize=resize)
        single = path.suffix.lower() in PICTURES
        names += [path.name if single else f"{path.name}:{n}" for n in range(len(some))]
        images.append(some)
        labels += [None] * len(some) if marks is None else marks.tolist()
    return np.concatenate(images), None if None in labels else labels, names


@command
def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    if args.limit is not None and args.limit < 1:
        raise BadInput(f"--limit must be at least 1, not {args.limit}")
    given = [*args.image, args.network]
    if args.out is not None:
        output(args.out, *given, suffix=".npz")
    if args.png is not None:
        output(args.png, *given, suffix=".png", option="--png")
    with opened(args.network, demo=args.demo, port=args.port, baud=args.baud,
                taps=args.tap or ()) as engine:
        images, labels, names = loaded(args.image, engine.network, resize=args.resize)
        images, names = images[:args.limit], names[:args.limit]
        engine.set(args.gamma, args.mode)
        results = [engine.explain(image) for image in images]
        name, link = engine.network.label, engine.link()
    if engine.notice:
        say(engine.notice)
    table = Table(title=f"{engine.network.name}, gamma {engine.gamma:g}, {engine.mode}")
    for column in ("image", "label", "class", "cycles"):
        table.add_column(column, justify="right")
    for n, result in enumerate(results):
        table.add_row(names[n], "" if labels is None else name(labels[n]), name(result.pred),
                      f"{result.cycles:,}" if engine.hz else "")
    Console().print(table)
    if any(name == "contributions" for name, _ in results[0].explained):
        whole = stacked(results)
        maps = of_result(whole, engine.network)
        say(said(adds_up(maps, whole.scores, engine.network)))
    if link:
        say(", ".join(f"{value:,} {key}" for key, value in link.items()))
    with publishing() as put:
        if args.out is not None:
            np.savez_compressed(put(args.out), **stacked(results).arrays())
        if args.png is not None:
            from apps.heatmaps import heatmaps
            whole = stacked(results)
            if not whole.maps:
                raise BadInput(f"--png {args.png}: this chip gives no maps of single steps")
            heatmaps(images, whole, SCORE_FRAC, labels=labels, label=name, path=put(args.png),
                     title=f"{engine.network.name}: SAM, gamma {engine.gamma:g}, {engine.mode}")
    for path in (args.out, args.png):
        if path is not None:
            say(f"wrote {path}")


if __name__ == "__main__":
    main()
