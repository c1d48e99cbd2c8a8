"""What the ways in share on the command line: options, the report, and the file that comes out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from golden.formats import MOST_STEPS
from golden.images import load_images
from golden.importers import fidelity
from golden.importers.float_network import load
from golden.importers.quantise import quantise_with_report
from golden.io.arguments import command_parser
from golden.io.console import Console
from golden.io.errors import BadInput, command, rule
from golden.io.files import output
from golden.network import ENCODERS, READOUTS

if TYPE_CHECKING:
    import argparse


@dataclass(frozen=True)
class Options:
    """What is to be made of a float network, the options of every way in.

    Parameters
    ----------
    out : str
        The network file to write.
    bits : int or tuple of int
        Width of the weights, one or one a weighted layer.
    per_channel, power_of_two, membrane_bits :
        As in golden.importers.quantise.quantise_with_report.
    calibrate : None or Path
        Images that choose the scales and measure the agreement.
    strict : bool
        Whether a layer that is not exact is an error.
    """

    out: str
    bits: int | tuple = 8
    per_channel: bool = False
    power_of_two: bool = False
    membrane_bits: int = 24
    calibrate: Path | None = None
    strict: bool = False

    @classmethod
    def of(cls, args: "argparse.Namespace") -> "Options":
        """The Options of parsed arguments; BadInput where the bits are no numbers."""
        bits = numbers(args.bits, "--bits")
        return cls(out=args.out, bits=bits[0] if len(bits) == 1 else bits,
                   per_channel=args.per_channel, power_of_two=args.power_of_two,
                   membrane_bits=args.membrane_bits, calibrate=args.calibrate, strict=args.strict)


def parser_of(prog: str, description: str,
              examples: tuple[str, ...] = ()) -> "argparse.ArgumentParser":
    """An argument parser with the options of every way in, for the command called ``prog``."""
    parser = command_parser(prog, description, examples=examples)
    parser.add_argument("--out", required=True, metavar="NET.npz", help="the network to write")
    parser.add_argument("--bits", default="8", metavar="B[,B...]",
                        help="weight bits, 2 to 8; one number or one a weighted layer (default 8)")
    parser.add_argument("--per-channel", action="store_true",
                        help="a weight scale for each output channel")
    parser.add_argument("--power-of-two", action="store_true",
                        help="weight scales that are powers of two")
    parser.add_argument("--membrane-bits", type=int, default=24, metavar="B",
                        help="width that membranes with fraction bits may have (default 24)")
    parser.add_argument("--calibrate", "--images", metavar="IMAGES", type=Path,
                        help="images (.npy, .npz with labels, pictures) that choose the scales and "
                             "measure the agreement")
    parser.add_argument("--steps", type=int, metavar="T",
                        help=f"time steps, 1 to {MOST_STEPS} (default 16)")
    parser.add_argument("--encoder", choices=ENCODERS, help="how pixels become spikes")
    parser.add_argument("--readout", choices=READOUTS,
                        help="how classes are scored (default: membrane where the last layer "
                             "accumulates, else count)")
    parser.add_argument("--strict", action="store_true",
                        help="fail unless every layer is kept exactly")
    return parser


def numbers(text: str, where: str, count: int | None = None) -> tuple[int, ...]:
    """Whole numbers of a comma-separated text."""
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise BadInput(f"{where}: must be whole numbers with commas, not {text}") from None
    rule(count is None or len(found) == count, where, f"must be {count} numbers, not {text}")
    return found


def finish(options: Options, build: Callable, source: str | Path,
           agreement_of: Callable | None = None, allow_different: bool = False) -> None:
    """Build a FloatNetwork of the file ``source``, quantise it, print the report, write the file.

    ``options`` are Options, ``build()`` gives the FloatNetwork, ``agreement_of(network, images,
    integers)`` its golden.importers.agreement.Agreement or None. Raises BadInput, with the report
    of the layers before it printed, where a part is not supported; where the network differs from
    its original and ``allow_different`` is not set; and with ``strict`` where a layer is not
    exact. Nothing is written then.
    """
    console = Console()
    output(options.out, source, options.calibrate, suffix=".npz")
    try:
        network = build()
    except BadInput as error:
        if hasattr(error, "done"):
            console.print(fidelity.refused(error))
        raise
    images, labels = ((None, None) if options.calibrate is None
                      else load_images(options.calibrate, network))
    made, reasons = quantise_with_report(
        network, bits=options.bits, per_channel=options.per_channel,
        power_of_two=options.power_of_two, calibrate=images, membrane_bits=options.membrane_bits)
    found = None if agreement_of is None else agreement_of(network, images, made)
    if found is not None:
        for line in found.lines():
            console.print(line, highlight=False, soft_wrap=True)
        if not allow_different:
            found.insist()
    report = fidelity.compare(network, made, reasons, images, labels)
    report.print(console)
    if options.strict and report.approximate:
        layers = ", ".join(str(line.index) for line in report.approximate)
        raise BadInput(f"--strict: not exact in {network.name}: layer {layers}; nothing was "
                       "written")
    kept = {} if found is None else found.notes()
    made = made.replace(notes={**made.notes, **kept, **report.notes()})
    made.save(options.out)
    console.print(f"{options.out}: {len(made.stages)} weighted layers, {made.steps} steps, "
                  f"digest {made.digest}", highlight=False, soft_wrap=True)


@command
def main(argv: list[str] | None = None) -> None:
    """Turn the file of a float network into that of an integer one."""
    parser = parser_of("python -m golden.quantise", "From real numbers to integers.", (
        "float.npz --bits 4 --calibrate images.npz --out net.npz",
        "float.npz --bits 8,4,4 --out net.npz"))
    parser.add_argument("float", metavar="FLOAT", help="a float network, .npz or .json")
    args = parser.parse_args(argv)
    changes = {key: value for key in ("steps", "encoder", "readout")
               if (value := getattr(args, key)) is not None}
    finish(Options.of(args), lambda: load(args.float).replace(**changes), args.float)
