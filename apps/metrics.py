"""python -m apps.metrics: methods of explanation against metrics, as a table with intervals."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from rich.progress import Progress

from golden.explain.intervals import bootstrap
from golden.explain.localisation import HOW
from golden.explain.methods import METHODS, checked
from golden.explain.methods.base import Question
from golden.explain.scorecard import FAMILIES, FILLS, METRICS, Setting, measured
from golden.images import load_images
from golden.io.arguments import command_parser, whole
from golden.io.console import Console, Table, wide
from golden.io.errors import command, rule
from golden.io.files import output, replacing
from golden.io.reading import Archive
from golden.io.shipped import networks, pictures_of
from golden.io.text import say
from golden.network import load

if TYPE_CHECKING:
    import argparse

__all__ = ["main", "masks_of", "parser", "rows_of"]

DEFAULT = ("sam", "sam-last", "count", "contribution", "zplus", "zplus-sam", "tsa", "brightness",
           "centre", "random")


def parser() -> "argparse.ArgumentParser":
    """Arguments of the command."""
    found = command_parser(
        "python -m apps.metrics", "Methods of explanation against metrics, with 95 % intervals by "
        "bootstrap over pictures, and over networks where there are several.", examples=(
            "--network fashion --limit 10",
            "--network scenes --network scenes-2 --method sam --method count --out m.json"))
    found.add_argument("--network", action="append", metavar="NET", required=True,
                       help="network file (.npz), or the name of one that comes with the project: "
                            f"{', '.join(networks())}; may be repeated")
    found.add_argument("--images", metavar="FILE",
                       help="as sim.run takes them; of an .npz the masks too, where it has them "
                            "(default: the sample of a network that comes with the project)")
    found.add_argument("--method", action="append", choices=METHODS, metavar="NAME",
                       help=f"{', '.join(METHODS)}; may be repeated (default: "
                            f"{', '.join(DEFAULT)}, those that fit the network)")
    found.add_argument("--limit", type=whole(2), default=20, metavar="N",
                       help="the first N images (default: %(default)s)")
    found.add_argument("--points", type=whole(2, 1000), default=Setting.points,
                       help="of a deletion or insertion curve (default: %(default)s)")
    found.add_argument("--fill", choices=FILLS, default=Setting.fill,
                       help="what a pixel that is taken away becomes (default: %(default)s)")
    found.add_argument("--resized", choices=HOW, default=Setting.how, dest="how",
                       help="how a layer's map is brought to the picture (default: %(default)s)")
    found.add_argument("--fresh-noise", action="store_true",
                       help="encode each image with a seed of its own (default: the network's)")
    found.add_argument("--out", metavar="M.json", help="every number of every picture")
    return found


def masks_of(path, shape):
    """(N, H, W) bool of ``masks`` in an .npz, a byte for eight pixels of a row; None without."""
    if not str(path).endswith(".npz"):
        return None
    archive = Archive(path, "file of images")
    if "masks" not in archive.heads:
        return None
    masks = archive.read("masks")
    wanted = (shape[-2], -(-shape[-1] // 8))
    rule(masks.dtype == np.uint8 and masks.ndim == 3 and masks.shape[1:] == wanted, path,
         f"masks must be uint8 (N, {wanted[0]}, {wanted[1]}), bits of one object an image")
    return np.unpackbits(masks, axis=-1).astype(bool)[..., :shape[-1]]


def methods_of(args, network):
    """The methods that are asked for, or those of DEFAULT that fit; BadInput where one does not."""
    fits = []
    for name in args.method or DEFAULT:
        try:
            checked(Question(method=name), network)
        except ValueError:
            if args.method:
                raise
            continue
        fits.append(name)
    return fits


def rows_of(found):
    """{method: {metric: (mean, low, high) or None}} of a list of ``measured``, one a network."""
    shared = [name for name in found[0] if all(name in each for each in found)]
    rows = {}
    for name in shared:
        rows[name] = {}
        for metric in METRICS:
            groups = [each[name][metric] for each in found]
            known = all((~np.isnan(values)).any() for values in groups)
            rows[name][metric] = bootstrap(groups) if known else None
    return rows


def table_of(rows, metrics, title):
    """The table for people: a row a method, a column for each of the metrics with an answer."""
    shown = [metric for metric in metrics if any(row[metric] for row in rows.values())]
    table = Table(title=title)
    table.add_column("method")
    for metric in shown:
        table.add_column(f"{metric} {'+' if METRICS[metric][0] else '-'}", justify="right")
    for name, row in rows.items():
        table.add_row(name, *("" if row[metric] is None else "{:.3f} [{:.2f}, {:.2f}]".format(
            *row[metric]) for metric in shown))
    return table


@command
def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    if args.out is not None:
        output(args.out, *args.network, args.images, suffix=".json")
    rule(len(set(args.network)) == len(args.network), "--network", "names a network twice")
    setting = Setting(points=args.points, fill=args.fill, how=args.how, fresh=args.fresh_noise)
    jobs = []
    for path in args.network:
        network = load(path)
        source = pictures_of(path, args.images)
        images, _ = load_images(source, network)
        masks = masks_of(source, network.shape)
        rule(len(images) > 1, source, "holds one image, and intervals need several")
        rule(masks is None or len(masks) >= len(images), source, "has fewer masks than images")
        methods = methods_of(args, network)
        rule(methods, path, "fits none of the methods")
        jobs.append((network, images[:args.limit], masks, methods))
    found = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("pictures", total=sum(len(images) for _, images, _, _ in jobs))
        for network, images, masks, methods in jobs:
            found.append(measured(network, images, methods, masks=masks, setting=setting,
                                  tick=lambda: progress.advance(task)))
    rows = rows_of(found)
    title = f"{', '.join(network.name for network, *_ in jobs)}: {len(jobs[0][1])} pictures each"
    for family, metrics in FAMILIES.items():
        if any(row[metric] for row in rows.values() for metric in metrics):
            wide(Console()).print(table_of(rows, metrics, f"{family}; {title}"))
    for metric, (more, says) in METRICS.items():
        if any(row[metric] for row in rows.values()):
            say(f"{metric} ({'more' if more else 'less'} is better): {says}")
    for each, (network, *_) in zip(found, jobs, strict=True):
        for name, row in each.items():
            lost = {metric: int(np.isnan(values).sum()) for metric, values in row.items()
                    if np.isnan(values).any() and not np.isnan(values).all()}
            if lost:
                say(f"{network.name}, {name}: pictures without an answer: " + ", ".join(
                    f"{metric} {count}" for metric, count in lost.items()))
    if args.out is not None:
        listed = {path: {name: {metric: [None if np.isnan(value) else float(value)
                                        for value in values]
                                for metric, values in row.items()}
                         for name, row in each.items()}
                  for each, path in zip(found, args.network, strict=True)}
        with replacing(args.out) as aside:
            aside.write_text(json.dumps({"setting": asdict(setting), "rows": rows,
                                         "pictures": listed}, indent=1) + "\n")
        say(f"wrote {args.out}")


if __name__ == "__main__":
    main()
