"""python -m bench.contribution: what contributions cost, beside the chip without them."""

from bench.chips import size
from golden.images import load_images
from golden.io.arguments import command_parser
from golden.io.console import Console, Table
from golden.io.errors import BadInput, command
from golden.io.shipped import pictures_of
from golden.io.text import say
from golden.network import load
from golden.network.linear import check_linear
from sim.rtl import Simulation

CLOCK = 24


def measured(name, *, images, cells=True):
    """{"without": ..., "with": ...} of the iCEBreaker's chip of a network.

    Each is {cycles, of_readout} of the first ``images`` of its sample, means an image, and with
    ``cells`` {lc, ebr, spram, dsp} after packing, at the lanes that flow.build chooses with SAM.
    """
    from flow.design import engine_size
    network = load(name)
    check_linear(network, "--network")
    pictures = load_images(pictures_of(name), network)[0][:images]
    found, layer = {}, network.stages[-2].index
    sizes = engine_size(network)._asdict()
    for what, explain, options in (("without", None, []),
                                   ("with", {"contributions": (layer,)}, ["--contributions"])):
        result = Simulation(network, taps=network.default_taps, explain=explain, **sizes).run(
            pictures, keep=False)
        found[what] = {"cycles": float(result.cycles.mean()),
                       "of_readout": float(result.causes[:, -1].sum(axis=1).mean()),
                       **(size(["--network", name, *options], clock=CLOCK) if cells else {})}
    return found


@command
def main(argv=None):
    parser = command_parser(
        "python -m bench.contribution", "What contributions cost on the chip.",
        examples=("--network fashion --images 20",))
    parser.add_argument("--network", action="append", metavar="N",
                        help="a network with a sample (default: fashion)")
    parser.add_argument("--images", type=int, default=20, metavar="N",
                        help="images of the sample (default: %(default)s)")
    parser.add_argument("--no-cells", action="store_true", help="cycles only, without synthesis")
    args = parser.parse_args(argv)
    if args.images < 1:
        raise BadInput(f"--images must be at least 1, not {args.images}")
    for name in args.network or ["fashion"]:
        found = measured(name, images=args.images, cells=not args.no_cells)
        table = Table(title=f"{name}, {args.images} images")
        for column in ("", "without", "with", "more"):
            table.add_column(column, justify="right")
        for what, before in found["without"].items():
            after = found["with"][what]
            share = f" ({100 * (after / before - 1):+.2f} %)" if before else ""
            table.add_row(what, f"{before:,.0f}", f"{after:,.0f}", f"{after - before:+,.0f}{share}")
        Console().print(table)
    say("cells after packing by nextpnr, of a whole chip with its link; cycles of an image, and of "
        "its read-out")


if __name__ == "__main__":
    main()
