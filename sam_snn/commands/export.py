"""``sam-snn export``: a unit as Verilog (flow.export.command), or the network as a NIR graph."""

import sys
from typing import TYPE_CHECKING

from golden.io.arguments import command_parser
from golden.io.errors import BadInput, command
from golden.io.files import output
from golden.io.text import say
from golden.network import load

if TYPE_CHECKING:
    import argparse

__all__ = ["main"]


def parser(prog: str) -> "argparse.ArgumentParser":
    """Arguments of the command itself."""
    found = command_parser(prog, "A unit as Verilog, or the network as a NIR graph.", examples=(
        "verilog accelerator --network fashion --out fashion.v",
        "verilog layer --network dense784 --layer 1 --out layer.v",
        "nir --network fashion --out fashion.nir"))
    found.add_argument("form", choices=("verilog", "nir"), help="what is written; each has --help")
    return found


def nir_parser(prog: str):
    """Arguments of ``export nir``."""
    found = command_parser(prog, "The network as a NIR graph, its weights in real numbers.",
                           examples=("--network fashion --out fashion.nir",))
    found.add_argument("--network", required=True, metavar="NET",
                       help="network file (.npz), or the name of one that comes with the project")
    found.add_argument("--out", required=True, metavar="FILE.nir", help="the graph")
    return found


@command
def main(argv: list[str] | None = None, prog: str = "sam-snn export") -> None:
    """Write what the first word names."""
    words = sys.argv[1:] if argv is None else list(argv)
    form = parser(prog).parse_args(words[:1]).form
    if form == "verilog":
        import flow.export.command as verilog  # needs Amaranth, a NIR graph does not
        verilog.main(words[1:], prog=f"{prog} verilog")
        return
    args = nir_parser(f"{prog} nir").parse_args(words[1:])
    output(args.out, args.network, suffix=".nir")
    network = load(args.network)
    try:
        from golden.importers.nir_export import write_nir
    except ImportError:
        raise BadInput("export nir: this version has no writer of NIR graphs") from None
    write_nir(network, args.out)
    say(f"wrote {args.out}")
