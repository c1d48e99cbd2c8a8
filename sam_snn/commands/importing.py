"""``sam-snn import``: a trained network becomes integers, with a report of what was kept."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from golden.importers.cli import Options, finish, numbers, parser_of
from golden.importers.fidelity import refused
from golden.importers.nir import compared_with, nir_options, told
from golden.io.console import Console, Table, bar, wide
from golden.io.errors import BadInput, command, rule
from golden.io.files import output
from golden.io.text import say
from golden.network import Network
from sam_snn.choosing import WIDTHS, bits_for, sweep
from sam_snn.fitting import fits
from sam_snn.sources import pictures, read

if TYPE_CHECKING:
    import argparse

    from golden.importers.float_network import FloatNetwork
    from sam_snn.choosing import Width

__all__ = ["main"]


def parser(prog: str) -> "argparse.ArgumentParser":
    """Arguments of the command."""
    found = parser_of(prog, "A trained network becomes integers, with a report.", (
        "net.nir --from snntorch --bits 4 --images images.npz --out net.npz",
        "model.py:Net --shape 1,28,28 --steps 25 --images images.npz --out net.npz",
        "float.npz --images images.npz --bits 2..8",
        "float.npz --images images.npz --bits auto --loss 0.5 --out net.npz"))
    for action in found._actions:
        if action.dest == "out":
            action.required = False
            action.help = "the network to write; a sweep of widths needs none"
        if action.dest == "bits":
            action.metavar = "B[,B...]|A..B|auto"
            action.help = ("weight bits, 2 to 8: one number or one a weighted layer; a range "
                           "compares widths; auto takes the fewest that lose at most --loss "
                           "(default: 8)")
    found.add_argument("source", metavar="NETWORK",
                       help="a NIR graph (.nir), a float network (.npz, .json), or file.py:Class, "
                            "a torch module, whose file is run")
    found.add_argument("--loss", type=float, default=0.5, metavar="POINTS",
                       help="points of accuracy, in percent, that --bits auto may lose")
    nir_options(found)
    found.add_argument("--resize", action="store_true",
                       help="scale pictures to the network's size")
    return found


def widths(text: str) -> range | None:
    """The range of "2..8", or None for other words; BadInput unless it is one of 2 to 8."""
    ends = re.fullmatch(r"(\d)\.\.(\d)", text)
    if not ends:
        return None
    low, high = int(ends[1]), int(ends[2])
    rule(WIDTHS[0] <= low <= high <= WIDTHS[-1], "--bits",
         f"a range must lie within 2..8, not {text}")
    return range(low, high + 1)


def shown(found: "list[Width]", console: Console) -> None:
    """Table of a sweep: accuracy, cells and time on the iCEBreaker, for each width."""
    table = Table(title=f"{found[0].network.name}: widths of the weights")
    for column in ("bits", "accuracy", "float", "same predictions", "LC (estimate)",
                   "ms (estimate)", "fits the iCEBreaker"):
        table.add_column(column, justify="right")
    for one in found:
        cost, = fits(one.network, "icebreaker", ways=False).costs
        real, whole = one.report.accuracy or (None, None)
        table.add_row(one.bits, *("-" if share is None else f"{share:.2%}"
                                  for share in (whole, real)), f"{one.report.predictions:.2%}",
                      f"{cost.used['lc']:,}" if cost.used else "-",
                      "-" if cost.ms is None else f"{cost.ms:.2f}", "yes" if cost.fits else "no")
    console.print(table)


def sourced(args: "argparse.Namespace", shape, console: Console) -> "FloatNetwork | Network":
    """The network of parsed arguments; where it is refused, what was read is printed."""
    try:
        return read(args.source, shape=shape, steps=args.steps, encoder=args.encoder,
                    readout=args.readout, **told(args), allow_different=args.allow_different)
    except BadInput as error:
        if hasattr(error, "done"):
            console.print(refused(error))
        raise


@command
def main(argv: list[str] | None = None, prog: str = "sam-snn import") -> None:
    """Read a network, choose its widths, report, and write."""
    args = parser(prog).parse_args(argv)
    shape = None if args.shape is None else numbers(args.shape, "--shape")
    rule(shape is None or len(shape) in (1, 3), "--shape",
         f"must be C,H,W or the number of inputs, not {args.shape}")
    span = widths(args.bits)
    rule(args.out is not None or span is not None, "--out", "is needed: the network to write")
    if args.out is not None:
        output(args.out, args.source.rpartition(":")[0] or args.source, args.calibrate,
               suffix=".npz")
    compared, console = compared_with(args), wide(Console())
    network = sourced(args, shape, console)
    rule(not isinstance(network, Network), args.source, "is a network of integers already")
    images = labels = None
    if args.calibrate is not None:
        images, labels = pictures(args.calibrate, network, resize=args.resize)
    options = {"per_channel": args.per_channel, "power_of_two": args.power_of_two,
               "membrane_bits": args.membrane_bits, "calibrate": images}
    if span is not None:
        with bar(Console(stderr=True), "widths") as show:
            done = []

            def tick():
                done.append(1)
                show(len(done) / len(span))
            found = sweep(network, span, images, labels, tick=tick, **options)
        shown(found, console)
        rule(args.out is None, "--bits", f"{args.bits} compares widths and writes nothing; choose "
             "one, or auto")
        return
    if args.bits == "auto":
        args.bits = str(bits_for(network, images, labels, loss=args.loss, **options))
        say(f"--bits auto: {args.bits} bits lose at most {args.loss:g} points")
    finish(Options.of(args), lambda: network, Path(args.source), compared, args.allow_different)
