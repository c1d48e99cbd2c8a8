"""python -m hw.export: a unit as plain Verilog, with a testbench that checks it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flow.export.units import (
    TARGETS,
    check_files,
    export_accelerator,
    export_attribution,
    export_layer,
    export_sam,
    module_of,
    told,
)
from flow.steps import ToolError
from golden.explain.paths import network_paths
from golden.explain.traces import checked_decay
from golden.formats import GAMMA, MODES, exp_table
from golden.images import load_images
from golden.importers.agreement import drawn_images
from golden.io.arguments import command_parser, index, whole
from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.text import say
from golden.network import load
from golden.run import check_taps

if TYPE_CHECKING:
    import argparse

    from golden.network.graph import Network


def parser(prog: str = "python -m hw.export") -> "argparse.ArgumentParser":
    """Arguments of the command."""
    found = command_parser(
        prog, "A unit as plain Verilog, with a testbench that checks it.", examples=(
            "attribution --network fashion --output-neuron 3 --out explain_ice40.v",
            "layer --network dense784 --layer 1 --out layer.v"),
        codes="Exit code 0: written; 1: does not fit the device; 2: bad input.")
    found.add_argument("what", choices=("accelerator", "sam", "attribution", "layer"),
                       help="the whole network; the SAM unit or the attribution unit alone, for "
                            "the spikes of someone else's network; one dense layer alone")
    found.add_argument("--network", required=True, metavar="NET",
                       help="network file (.npz), or the name of one that comes with the project")
    found.add_argument("--out", required=True, metavar="FILE.v",
                       help="the Verilog; FILE_tb.v, its words and FILE.core appear beside it")
    found.add_argument("--target", choices=TARGETS,
                       help="with the iCE40's large memories as cells, or plain "
                            "(default: ice40 for attribution, else generic)")
    found.add_argument("--layer", type=int, metavar="L",
                       help="sam, attribution: the layer that spikes, 0 for the input (default: "
                            "the last with a map for sam, the last hidden one for attribution); "
                            "accelerator: give the traces of this layer; layer: this one, from 1")
    found.add_argument("--output-neuron", type=int, metavar="K",
                       help="attribution: for this output (default: any, chosen at run time)")
    found.add_argument("--decay", type=float, default=0.9,
                       help="attribution: what a step leaves of a spike (default: %(default)s)")
    found.add_argument("--gamma", type=float, default=GAMMA,
                       help="steepness of SAM (default: %(default)s)")
    found.add_argument("--mode", "--sam-mode", choices=MODES, default="paper",
                       help="SAM definition (default: %(default)s)")
    found.add_argument("--tap", type=int, action="append", metavar="L",
                       help="accelerator: map layer L; may be repeated (default: all)")
    found.add_argument("--lanes", type=int, default=4,
                       help="accelerator: output channels computed at once (default: %(default)s)")
    found.add_argument("--word-steps", type=int, default=16,
                       help="accelerator: steps computed at once (default: %(default)s)")
    found.add_argument("--experiments", action="store_true",
                       help="accelerator: neurons can be silenced and spikes deleted")
    found.add_argument("--axi-lite", action="store_true",
                       help="also FILE_axil.v, the same behind the registers of an AXI4-Lite bus")
    found.add_argument("--images", metavar="FILE",
                       help="accelerator: check the testbench on the first of these "
                            "(default: noise)")
    found.add_argument("--no-tools", action="store_true",
                       help="sam, attribution, layer: skip synthesis, place and route")
    found.add_argument("--place-seed", "--seed", dest="seed", type=whole(), default=1, metavar="N",
                       help="of place and route")
    return found


def layer_shape(network: "Network", layer: int) -> tuple[int, int, int]:
    """(C, H, W) of the spikes of ``layer``, 0 for the input."""
    index(layer, len(network.stages), "--layer")
    return network.stages[layer].source


def attribution_weights(network: "Network", layer: int, output: int | None) -> np.ndarray:
    """(N, K) path weights of a layer to one output, or to all."""
    outputs = (range(network.classes) if output is None
               else [index(output, network.classes, "--output-neuron")])
    found = [network_paths(network, k, layer=layer) for k in outputs]
    if found[0].ndim > 1:
        raise BadInput(f"{network.name}: path weights differ from step to step behind layer "
                       f"{layer} (BNTT); the unit holds one a neuron")
    return np.stack(found, axis=1)


def exported(args: "argparse.Namespace", network: "Network", console: Console) -> dict[str, Any]:
    """The report of the export that was asked for."""
    steps, common = network.steps, {"network": network.name, "console": console,
                                    "axi_lite": args.axi_lite, "tools": not args.no_tools,
                                    "seed": args.seed}
    if args.what == "attribution":
        layer = network.taps[-1] if args.layer is None and network.taps else args.layer or 0
        shape = layer_shape(network, layer)
        weights = attribution_weights(network, layer, args.output_neuron)
        if args.output_neuron is None and weights.size > 2**14:
            raise BadInput(f"{args.network}: {int(np.prod(shape))} neurons of layer {layer} times "
                           f"{network.classes} outputs are more than {2**14} weights; choose one "
                           "with --output-neuron")
        return export_attribution(args.out, weights, steps=steps, decay=args.decay,
                                  target=args.target or "ice40", **common)
    if args.what == "layer":
        if args.layer is None or not 1 <= args.layer <= len(network.stages):
            raise BadInput(f"--layer must be 1 to {len(network.stages)}, not {args.layer}")
        return export_layer(args.out, network.stages[args.layer - 1], steps=steps,
                            target=args.target or "generic", **{**common, "network": args.network})
    if args.what == "sam":
        layer = args.layer
        if layer is None:
            layer = network.map_taps[-1] if network.map_taps else 0
        return export_sam(args.out, layer_shape(network, layer), steps=steps, gamma=args.gamma,
                          mode=args.mode, target=args.target or "generic", **common)
    if args.images:
        images = load_images(args.images, network)[0][:1]
    else:
        images = drawn_images(network, 1, seed=1)
    if args.layer is not None and args.layer not in network.taps:
        raise BadInput(f"--layer must be one of the spiking layers "
                       f"{', '.join(map(str, network.taps))}, not {args.layer}")
    return export_accelerator(
        args.out, network, images, target=args.target or "generic", gamma=args.gamma,
        mode=args.mode, decay=args.decay, lanes=args.lanes, word_steps=args.word_steps,
        taps=check_taps(args.tap, network, "--tap") if args.tap else None,
        attribution=args.layer, experiments=args.experiments, axi_lite=args.axi_lite)


@command
def main(argv: list[str] | None = None, prog: str = "python -m hw.export") -> None:
    args = parser(prog).parse_args(argv)
    module = module_of(args.out)
    check_files(args.out, args.network, args.images)
    checked_decay(args.decay)
    try:
        exp_table(args.gamma, 2)
    except ValueError as error:
        raise BadInput(f"--gamma: {error}") from None
    network = load(args.network)
    try:
        report = exported(args, network, Console(stderr=True))
    except ToolError as error:
        say(f"error: {args.out}: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(1) from None
    if "lc" in report:
        say(told(report))
        say(f"wrote {Path(args.out).with_suffix('.json')}")
    also = f"{module}_axil.v, " * args.axi_lite
    say(f"wrote {args.out}, {also}{module}_tb.v, {module}_tb.hex and {module}.core beside it")


if __name__ == "__main__":
    main()
