"""``sam-snn``: one command for all of it, from any folder."""

import sys
from importlib import import_module

from golden.io.arguments import command_parser
from golden.io.errors import BadInput, command

__all__ = ["COMMANDS", "main"]

# name: (module whose main(argv, prog) it is, what it does)
COMMANDS = {
    "import": ("sam_snn.commands.importing", "a trained network becomes integers, with a report"),
    "fits": ("sam_snn.commands.fits", "does a network fit, how fast is it, what helps: estimates"),
    "run": ("sim.run", "a network on images: the model, the RTL or the chip's netlist"),
    "explain": ("sam_snn.commands.explaining",
                "why a network sees in an image what it sees, as a picture"),
    "build": ("sam_snn.commands.build", "a bitstream for a board, with its size and clock"),
    "compare": ("flow.compare", "two builds side by side: size, clock, time, energy"),
    "flash": ("apps.flash", "a build written to the board, and verified"),
    "view": ("apps.view.__main__", "a page that shows live what the chip sees"),
    "export": ("sam_snn.commands.export", "a unit as Verilog, or the network as a NIR graph"),
}
EXAMPLES = (
    "run --network fashion --limit 2 --out r.npz", "explain --network fashion --out e.png",
    "fits 784-128-10 --steps 25", "import model.py:Net --shape 1,28,28 --bits 4 --out net.npz",
    "build --network fashion --board icebreaker --out build")


def usage():
    """The help of the command itself."""
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:{width}}  {what}" for name, (_, what) in COMMANDS.items())
    parser = command_parser(
        "sam-snn", "From a trained spiking network to an FPGA that shows where it looked.\n\n"
        f"commands:\n{listed}", examples=EXAMPLES,
        codes="sam-snn COMMAND --help says the options of each. Exit code 0: done; 1: does not "
              "fit, or a tool failed; 2: bad input.")
    parser.add_argument("command", metavar="COMMAND", help="one of the above")
    return parser


@command
def main(argv: list[str] | None = None) -> None:
    """Run the command that the first word names."""
    words = sys.argv[1:] if argv is None else list(argv)
    if not words or words[0] in ("-h", "--help"):
        usage().print_help()
        raise SystemExit(0 if words else 2)
    name, *rest = words
    if name not in COMMANDS:
        raise BadInput(f"{name}: is no command; those are {', '.join(COMMANDS)}")
    module, _ = COMMANDS[name]
    import_module(module).main(rest, prog=f"sam-snn {name}")


