"""python -m verify.contributions: contribution maps add up to the scores, on every image.

In golden at every step; in the Verilated RTL, which equals golden in every contribution and every
score, at the last. The log holds the smallest and the largest contribution, and the cycles.
"""

import json

import numpy as np
from rich.progress import Progress

from golden import kernel
from golden.explain.contribution import adds_up, said, step_contributions
from golden.images import load_images
from golden.io.arguments import command_parser
from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.evidence import stamp
from golden.io.files import output, replacing
from golden.io.text import say
from golden.network import load
from golden.network.linear import check_linear
from golden.run import run_batched

BATCH = 100


def parser():
    """Arguments of the command."""
    found = command_parser(
        "python -m verify.contributions",
        "Contribution maps add up to the scores, on every image: golden and RTL.",
        examples=("--of fashion models/fashion_sample.npz --rtl 200",),
        codes="Exit code 0: all add up; 1: some do not; 2: bad input.")
    found.add_argument("--of", nargs=2, action="append", metavar=("NETWORK", "IMAGES"),
                       required=True, help="a network and its images; may be repeated")
    found.add_argument("--limit", type=int, metavar="N", help="take the first N images only")
    found.add_argument("--rtl", type=int, default=0, metavar="N",
                       help="run the first N also in the RTL (default: 0)")
    found.add_argument("--out", metavar="FILE.json", help="write the log")
    return found


def checked(network, images, *, rtl=0, tick=lambda count: None):
    """What the log says of a network on images.

    Returns {images, adds_up, rtl_images, rtl_adds_up, rtl_equal, low, high, cycles}, cycles the
    mean of the RTL's or None.
    """
    layer, simulation = network.stages[-2].index, None
    check_linear(network)
    if rtl:
        from sim.rtl import Simulation
        simulation = Simulation(network, taps=network.default_taps,
                                explain={"contributions": (layer,)})
    found = {"images": len(images), "adds_up": 0, "rtl_images": min(rtl, len(images)),
             "rtl_adds_up": 0, "rtl_equal": 0, "low": 0, "high": 0, "cycles": None}
    cycles = []
    for start in range(0, len(images), BATCH):
        some = images[start:start + BATCH]
        result = run_batched(some, network, taps=(layer,), kernel=kernel.default())
        steps = step_contributions(result.spikes[layer], network)
        found["adds_up"] += int(adds_up(steps, result.scores, network).sum())
        maps = steps.sum(axis=1)
        found["low"] = min(found["low"], int(maps.min()))
        found["high"] = max(found["high"], int(maps.max()))
        if count := min(len(some), max(0, rtl - start)):
            chip = simulation.run(some[:count], keep=False)
            shares = chip.explained["contributions", layer]
            found["rtl_adds_up"] += int(adds_up(shares, chip.scores, network).sum())
            found["rtl_equal"] += int(
                ((shares == maps[:count]).all(axis=(1, 2, 3))
                 & (chip.scores == result.scores[:count]).all(axis=(1, 2))).sum())
            cycles += chip.cycles.tolist()
        tick(len(some))
    if cycles:
        found["cycles"] = round(float(np.mean(cycles)), 1)
    return found


@command
def main(argv=None):
    args = parser().parse_args(argv)
    for option, value, least in (("--limit", args.limit, 1), ("--rtl", args.rtl, 0)):
        if value is not None and value < least:
            raise BadInput(f"{option} must be at least {least}, not {value}")
    if args.out is not None:
        output(args.out, *(path for pair in args.of for path in pair), suffix=".json")
    made, networks, good = stamp("contributions", "verify.contributions", argv), {}, True
    for name, path in args.of:
        network = load(name)
        images = load_images(path, network)[0][:args.limit]
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(network.name, total=len(images))
            found = checked(network, images, rtl=args.rtl,
                            tick=lambda count, task=task, bar=bar: bar.advance(task, count))
        networks[network.name] = found
        say(f"{network.name}: golden at every step "
            + said(np.arange(found["images"]) < found["adds_up"]))
        good &= found["adds_up"] == found["images"]
        if found["rtl_images"]:
            say(f"{network.name}: RTL " + said(np.arange(found["rtl_images"])
                                               < found["rtl_adds_up"])
                + f", equal to golden on {found['rtl_equal']}, {found['cycles']:,} cycles an image")
            good &= found["rtl_images"] == found["rtl_adds_up"] == found["rtl_equal"]
        say(f"{network.name}: contributions from {found['low']} to {found['high']}")
    if args.out is not None:
        with replacing(args.out) as aside:
            aside.write_text(json.dumps({"stamp": made, "networks": networks}, indent=1) + "\n")
        say(f"wrote {args.out}")
    raise SystemExit(int(not good))


if __name__ == "__main__":
    main()
