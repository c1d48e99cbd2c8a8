"""What the ways in share on the command line: options, the report, and the file that comes out."""

import argparse
from pathlib import Path

from golden.images import load_images
from golden.importers import fidelity, quantise
from golden.importers.float_network import load
from golden.importers.quantise import quantise_with_report
from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.files import output
from golden.network import ENCODERS, READOUTS, rule


def options(module, description):
    """An argument parser with the options of every way in."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--out", required=True, metavar="NET.npz", help="the network to write")
    parser.add_argument("--bits", default="8", metavar="B[,B...]",
                        help="weight bits, 2 to 8; one number or one a weighted layer (default 8)")
    parser.add_argument("--per-channel", action="store_true",
                        help="a weight scale for each output channel")
    parser.add_argument("--power-of-two", action="store_true",
                        help="weight scales that are powers of two")
    parser.add_argument("--membrane-bits", type=int, default=24, metavar="B",
                        help="width that membranes with fraction bits may have (default 24)")
    parser.add_argument("--calibrate", metavar="IMAGES", type=Path,
                        help="images (.npy, .npz with labels, folder) that choose the scales and "
                             "measure the agreement")
    parser.add_argument("--steps", type=int, metavar="T", help="time steps, 1 to 255 (default 16)")
    parser.add_argument("--encoder", choices=ENCODERS, help="how pixels become spikes")
    parser.add_argument("--readout", choices=READOUTS,
                        help="how classes are scored (default: membrane where the last layer "
                             "accumulates, else count)")
    parser.add_argument("--strict", action="store_true",
                        help="fail unless every layer is kept exactly")
    return parser


def numbers(text, where, count=None):
    """Whole numbers of a comma-separated text."""
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise BadInput(f"{where}: must be whole numbers with commas, not {text}") from None
    rule(count is None or len(found) == count, where, f"must be {count} numbers, not {text}")
    return found


def finish(args, build, source):
    """Build a FloatNetwork of the file ``source``, quantise it, print the report, write the file.

    Raises BadInput, with the report of the layers before it printed, where a part is not supported;
    and with ``--strict`` where a layer is only approximate. Nothing is written then.
    """
    console = Console()
    output(args.out, source, args.calibrate, suffix=".npz")
    try:
        network = build()
    except BadInput as error:
        if hasattr(error, "done"):
            console.print(fidelity.refused(error))
        raise
    bits = numbers(args.bits, "--bits")
    images, labels = (None, None) if args.calibrate is None else load_images(args.calibrate,
                                                                             network)
    made, reasons = quantise_with_report(
        network, bits=bits[0] if len(bits) == 1 else bits, per_channel=args.per_channel,
        power_of_two=args.power_of_two, calibrate=images, membrane_bits=args.membrane_bits)
    report = fidelity.compare(network, made, reasons, images, labels)
    console.print(report.table())
    if args.strict and report.approximate:
        layers = ", ".join(str(line.index) for line in report.approximate)
        raise BadInput(f"--strict: only approximate in {network.name}: layer {layers}; nothing was "
                       "written")
    made = made.replace(notes={**made.notes, **report.notes()})
    made.save(args.out)
    console.print(f"{args.out}: {len(made.stages)} weighted layers, {made.steps} steps, "
                  f"digest {made.digest}", highlight=False, soft_wrap=True)


@command
def main(argv=None):
    """Turn the file of a float network into that of an integer one."""
    parser = options("golden.quantise", quantise.__doc__)
    parser.add_argument("float", metavar="FLOAT", help="a float network, .npz or .json")
    args = parser.parse_args(argv)

    def build():
        network = load(args.float)
        changes = {key: getattr(args, key) for key in ("steps", "encoder", "readout")}
        return network.replace(**{key: value for key, value in changes.items()
                                  if value is not None})

    finish(args, build, args.float)
