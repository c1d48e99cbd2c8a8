# amaranth: UnusedElaboratable=no
"""python -m hw.build ice40|ecp5: from a network file to a bitstream, with its size and clock."""

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

from rich.progress import Progress

from flow import steps
from flow.estimate import area
from flow.estimate.memories import capacity, efforts, memory_plan, multipliers, shortages, too_many
from flow.steps import PlacementFailed, ToolError
from golden.formats import MODES, SCORE_FRAC, check_map_bits, exp_table, map_top
from golden.io.console import Console, Table
from golden.io.errors import BadInput, command
from golden.io.files import output, publishing
from golden.io.processes import folder
from golden.io.text import say
from golden.network import load
from hw.plan.planner import Plan, configuration

TRIES = 5           # seeds tried for a place and the clock where none is named
REPORT = "report.json"
FILES = (REPORT, "report.md", "top.bin", "top.bit", "flash.bin", "top.v", "nextpnr.log",
         "yosys.log")


def default_taps(network):
    """All spiking layers with a map but the first, whose map shows what the input shows already."""
    maps = tuple(stage.index for stage in network.stages
                 if stage.layer.spiking and stage.shape[1:] != (1, 1))
    return maps[1:] or maps


def engine_size(network, lanes, word_steps, sam=True):
    """(lanes, word_steps) of the arguments, None for those to be found.

    Those are 4 lanes of 16 steps, or 8 of 8, which has as many accumulators and holds more weights,
    where the memories suffice only so, or 2 of 16 where multipliers or logic cells do. ``sam`` says
    whether there is a SAM unit.
    """
    from hw.accelerator import Accelerator
    given = lambda *usual: tuple(n if asked is None else asked for asked, n in zip(
        (lanes, word_steps), usual, strict=True))
    held = {}                                       # size: cells, where memories and products fit
    for tried in dict.fromkeys((given(4, 16), given(8, 8), given(2, 16))):
        try:
            plan = Plan(network, lanes=tried[0], word_steps=tried[1])
            if not shortages(memory_plan(plan)) + too_many(multipliers(plan, sam=sam)):
                held[tried] = area.cells(Accelerator(
                    network, lanes=tried[0], word_steps=tried[1], taps=None if sam else ()))
        except BadInput:
            pass                                    # told for the size that is taken
    small = [size for size, found in held.items() if found <= area.SURE]
    return [*small, *held, given(4, 16)][0]


def design(network, args):
    """(accelerator, component for the board, clock in hertz) of the arguments."""
    from boards.link.framer import WORD_BITS
    from boards.link.maps import width_of
    from boards.platform.target import OnBoard
    from boards.platform.top import Top
    from boards.protocol.flash_image import FRAMES
    from boards.protocol.identity import MapEncoding
    from hw.accelerator import Accelerator

    target = target_of(args)
    taps = sorted(set(args.tap)) if args.tap else default_taps(network)
    taps = () if args.no_sam else tuple(taps)
    for tap in taps:
        if tap not in network.taps:
            raise BadInput(f"--tap: layer {tap} is no spiking layer of {args.network}; those are "
                           f"{', '.join(map(str, network.taps))}")
    if args.traces is not None and args.traces not in network.taps:
        raise BadInput(f"--traces: layer {args.traces} is no spiking layer of {args.network}")
    lanes, word_steps = engine_size(
        network, target.lanes if args.lanes is None else args.lanes, args.word_steps, bool(taps))
    accelerator = Accelerator(network, lanes=lanes, word_steps=word_steps, taps=taps,
                              gamma=args.gamma, mode=args.sam_mode,
                              attribution=args.traces, experiments=args.experiments,
                              scrub=args.scrub,
                              map_bits=check_map_bits(args.map_bits, "--map-bits"))
    form = MapEncoding[args.maps.upper()]
    if (bits := width_of(form, width=accelerator.map_width, steps=network.steps)) > WORD_BITS:
        raise BadInput(f"--maps {args.maps}: its words have {bits} bits here, and at most "
                       f"{WORD_BITS} are sent; choose another form, or fewer --map-bits")
    products = multipliers(accelerator.plan, sam=bool(taps), traces=args.traces is not None)
    if target.spram and (over := shortages(memories(accelerator)) + too_many(products)):
        raise BadInput(f"{network.name}: does not fit: {'; '.join(over)}")
    hz = clock_of(args)
    if args.boot == "flash" and not target.red:
        raise BadInput(f"--boot: {target.board} has no loader: its flash clock is no plain pin")
    try:
        top = Top(accelerator, clock_hz=hz, baud=args.baud, form=form,
                  counters=args.counters, boot=FRAMES if args.boot == "flash" else None)
    except ValueError as error:
        raise BadInput(f"--baud: {error}") from None
    return accelerator, OnBoard(top, target, clock_hz=hz), hz


def target_of(args):
    """boards.platform.target.Target of the arguments."""
    from boards.platform.target import target_for

    try:
        return target_for(args.device, args.board)
    except ValueError as error:
        raise BadInput(f"--board: {error}") from None


def clock_of(args):
    """Hertz of --clock; raise BadInput where the board cannot make them."""
    try:
        target = target_of(args)
        asked = target.usual if args.clock is None else args.clock
        if not 0 < asked < 1e6:                     # nan is not
            raise ValueError(f"must be a number of megahertz above 0, not {asked:g}")
        return target.frequency(asked)
    except ValueError as error:
        raise BadInput(f"--clock: {error}") from None


def memories(accelerator):
    """Stores of an accelerator (flow.estimate.memories)."""
    return memory_plan(accelerator.plan,
                       map_width=accelerator.map_width if accelerator.taps else 0,
                       traces=accelerator.attribution is not None,
                       experiments=accelerator.experiments)


def costs(plan, stores, hz):
    """Memory plan and cycles of a report."""
    return {
        "memory_plan": [{"what": store.what, "where": f"{store.blocks} {store.kind}",
                         "rows": store.depth, "width": store.width, "bits": store.bits,
                         "capacity": capacity(store), "mbit_s": round(store.width * hz / 1e6)}
                        for store in stores],
        "walks": [{"what": effort.what, "walks": effort.walks, "visits": effort.visits,
                   "cycles_quiet": effort.quiet, "cycles_busy": effort.busy}
                  for effort in efforts(plan)],
    }


def map_sums(accelerator):
    """What the maps of an accelerator hold, in a sentence."""
    needed, there = accelerator.exact_width, accelerator.map_width
    if not accelerator.taps:
        return "none"
    if there == needed:
        return f"all exact, at every gamma and in every mode, in {there} bits"
    return (f"exact below {map_top(there) / 2**SCORE_FRAC:.3f}, where larger ones stay: {there} "
            f"bits, and all would need {needed}")


def report_of(network, accelerator, routes, target, *, hz, args, multipliers=None):
    """Everything worth knowing of the routes (flow.seeds_routed), as plain data.

    ``multipliers`` are flow.multipliers', of which those without registers are told.
    Of several seeds, the fastest is the one that is kept; ``seeds`` lists all that found a place
    and ``unplaced`` the others.
    """
    clocks = {seed: steps.fmax(route) for seed, route in routes.items() if route}
    seed = max(clocks, key=lambda seed: (clocks[seed], -seed))
    used, fmax = steps.used(routes[seed], target), clocks[seed]
    limits = {key: routes[seed]["utilization"][name]["available"]
              for key, name in target.used.items()}
    plan = accelerator.plan
    return {
        "device": target.device, "board": target.board, **used, "available": limits,
        "fmax_mhz": fmax, "clock_mhz": hz / 1e6, "timing_met": fmax >= hz / 1e6,
        "unregistered": sorted(name for name, form in (multipliers or {}).items() if form.bare),
        "seed": seed,
        "seeds": [{"seed": n, "fmax_mhz": mhz, **steps.used(routes[n], target)}
                  for n, mhz in clocks.items()],
        "unplaced": [n for n, route in routes.items() if not route],
        "lanes": plan.lanes, "word_steps": plan.word_steps,
        "taps": list(accelerator.taps), "options": {
            "boot": args.boot, "maps": args.maps, "map_bits": args.map_bits,
            "counters": args.counters, "traces": args.traces, "experiments": args.experiments,
            "scrub": args.scrub, "baud": args.baud},
        "sam_mode": args.sam_mode, "gamma": args.gamma,
        "network": network.name, "digest": network.digest,
        "memories": [{"what": what, "used": n, "limit": limit} for what, n, limit in plan.usage],
        **costs(plan, memories(accelerator), hz),
        "widths": {"weight": plan.weight_bits, "sum": plan.sum_bits,
                   "membrane": plan.membrane_bits, "map": accelerator.map_width},
        "map_sums": map_sums(accelerator),
        "tools": steps.versions(target.family),
    }


def markdown(report):
    """The report as a page."""
    lines = [f"# {report['network']} on {report['board']}", "",
             "| what | used | available |", "|---|---|---|"]
    lines += [f"| {key} | {report[key]} | {limit} |" for key, limit in report["available"].items()]
    lines += [f"| {m['what']} | {m['used']} | {m['limit']} |" for m in report["memories"]]
    lines += ["", f"Clock {report['clock_mhz']:g} MHz, reached {report['fmax_mhz']:g} MHz: "
              f"timing {'met' if report['timing_met'] else 'MISSED'}.", "",
              *unregistered(report)]
    lines += ["## Memory plan", "",
              "A row is read in a cycle; the blocks of small memories are estimated.", "",
              "| what | where | rows | bits a row | bits | of | Mbit/s |",
              "|---|---|---|---|---|---|---|"]
    lines += [f"| {m['what']} | {m['where']} | {m['rows']:,} | {m['width']} | {m['bits']:,} | "
              f"{m['capacity']:,} | {m['mbit_s']:,} |" for m in report["memory_plan"]]
    lines += ["", "## Cycles", "",
              "Estimated for each layer, without loading the image: where inputs hardly spike, and "
              "where every neuron spikes in every word of steps.", "",
              "| what | walks | visits a walk | cycles, quiet | cycles, busy |",
              "|---|---|---|---|---|"]
    lines += [f"| {w['what']} | {w['walks']:,} | {w['visits']} | {w['cycles_quiet']:,} | "
              f"{w['cycles_busy']:,} |" for w in report["walks"]]
    lines += [f"| all | | | {sum(w['cycles_quiet'] for w in report['walks']):,} | "
              f"{sum(w['cycles_busy'] for w in report['walks']):,} |", ""]
    lines += [f"- {key}: {report[key]}" for key in (
        "device", "digest", "lanes", "word_steps", "taps", "sam_mode", "gamma", "map_sums",
        "seed")]
    lines += [f"- options: {', '.join(f'{k} {v}' for k, v in report['options'].items())}",
              f"- bits: {', '.join(f'{k} {v}' for k, v in report['widths'].items())}",
              f"- tools: {', '.join(f'{k} {v}' for k, v in report['tools'].items())}", ""]
    return "\n".join(lines)


def unregistered(report):
    """Lines of a page about multipliers through which a path goes on without a register."""
    count = len(report["unregistered"])
    return [f"{count} multipliers without registers, whose delay is in that clock.", ""] * bool(
        count)


def show(report, console):
    """Print the report as a table."""
    table = Table(title=f"{report['network']} on {report['device']}")
    for column in ("what", "used", "available"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for key, limit in report["available"].items():
        table.add_row(key, f"{report[key]:,}", f"{limit:,}")
    for memory in report["memories"]:
        table.add_row(memory["what"], f"{memory['used']:,}", f"{memory['limit']:,}")
    table.add_row("fmax / clock, MHz", f"{report['fmax_mhz']:.2f}", f"{report['clock_mhz']:g}")
    table.add_row("timing met", "yes" if report["timing_met"] else "NO", "")
    console.print(table)
    for line in unregistered(report):
        console.print(line, end="\n" if line else "")
    if report["unplaced"]:
        console.print(f"no place for the last cells with seed "
                      f"{', '.join(map(str, report['unplaced']))}; kept: seed {report['seed']}")
    if len(report["seeds"]) > 1:
        clocks = Table(title=f"place and route for {report['clock_mhz']:g} MHz")
        for column in ("seed", "MHz", "cells", "met"):
            clocks.add_column(column, justify="right")
        for each in report["seeds"]:
            cells = each["lc"] if "lc" in each else each["lut"]
            clocks.add_row(str(each["seed"]), f"{each['fmax_mhz']:.2f}", f"{cells:,}",
                           "yes" if each["fmax_mhz"] >= report["clock_mhz"] else "NO")
        met = sum(each["fmax_mhz"] >= report["clock_mhz"] for each in report["seeds"])
        console.print(clocks)
        every = len(report["seeds"]) + len(report["unplaced"])
        console.print(f"{met} of {every} seeds meet {report['clock_mhz']:g} MHz; "
                      f"kept: seed {report['seed']}")


def seeds_of(text):
    """Seeds of "3", "1..10" or "1,5,7..9"; raise BadInput unless all are 1 to 2**31 - 1."""
    found = []
    for part in text.split(","):
        ends = re.fullmatch(r"(\d{1,10})(?:\.\.(\d{1,10}))?", part.strip())
        low, high = (int(ends[1]), int(ends[2] or ends[1])) if ends else (0, 0)
        if not 1 <= low <= high < 2**31 or high - low >= 1000:
            raise BadInput(f"--seed must be a number of at least 1, a range like 1..10, or a list "
                           f"of these, not {text}")
        found += range(low, high + 1)
    return list(dict.fromkeys(found))


def check_folder(args):
    """BadInput where a build would take the place of a file that no build wrote."""
    out = Path(args.out)

    def known(path):
        report = json.loads((out / REPORT).read_bytes())
        return "sha256" in report or {"board", "options", "digest"} <= report.keys()
    for name in FILES:
        output(out / name, args.network, what="the build's", known=known)


def publish(args, network, accelerator, target, hz, report, work):
    """Write a build, whose tools left their files in the folder ``work``, to ``args.out``.

    All files or none; those of an older build that this one does not make are gone then, and what
    else lies in the folder stays. The report gets the SHA-256 of what is written to a board.
    """
    bitstream = steps.packed(work, hz=hz, seed=report["seed"], target=target)
    out, content = Path(args.out), {target.bitstream: bitstream.read_bytes()}
    if args.boot == "flash":
        from boards.protocol.flash_image import flash_image, padded
        writes = configuration(accelerator.plan, table=accelerator.table, mode=args.sam_mode)
        content["flash.bin"] = (padded(content[target.bitstream])
                                + flash_image(writes, label=network.digest))
    report["sha256"] = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    content |= {REPORT: (json.dumps(report, indent=2) + "\n").encode(),
                "report.md": markdown(report).encode()}
    logs = {"top.v": "top.debug.v", "nextpnr.log": f"{steps.route(hz, report['seed'])}.tim",
            "yosys.log": "top.rpt"}
    older = [out / name for name in FILES if name not in content | logs]
    with publishing(without=older) as put:
        for name, source in logs.items():
            shutil.copyfile(work / source, put(out / name))
        for name, data in content.items():
            put(out / name).write_bytes(data)


def build(args, console):
    """Do one build; return its report. Files appear in ``args.out`` only when all is done."""
    from flow import toolchain

    check_folder(args)
    network = load(args.network)
    try:
        exp_table(args.gamma, 2)
    except ValueError as error:
        raise BadInput(f"--gamma: {error}") from None
    target = target_of(args)
    accelerator, component, hz = design(network, args)
    absent = [tool for tool in toolchain.choose(family=target.family).values()
              if not shutil.which(tool)]
    if absent:
        raise BadInput(f"{target.family}: there is no {Path(absent[0]).name}; "
                       f"pip install -e '.[{target.family}]'")
    # Seeds at once; where they find no place or miss the clock, the next ones.
    batches = [[n] for n in range(1, TRIES + 1)] if args.seed is None else [seeds_of(args.seed)]
    with folder("sam-build-") as work:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("synthesis (a minute)", total=None)
            work = steps.synthesised(component, work, target=target, verilog=True)
            routes = {}
            for seeds in batches:
                progress.update(task, description="place and route", total=len(routes) + len(seeds))
                routes |= steps.seeds_routed(work, seeds, hz=hz, jobs=args.jobs,
                                            tick=lambda: progress.advance(task))
                if any(route and steps.fmax(route) >= hz / 1e6 for route in routes.values()):
                    break
            if not any(routes.values()):
                raise PlacementFailed(f"no place for the last cells with seed "
                               f"{', '.join(map(str, routes))}; another --seed may find one")
        report = report_of(network, accelerator, routes, target, hz=hz, args=args,
                           multipliers=steps.multipliers(work))
        publish(args, network, accelerator, target, hz, report, work)
    return report


def parser():
    """Arguments of the command."""
    from boards.platform.target import targets

    found = argparse.ArgumentParser(
        prog="python -m hw.build", description=__doc__,
        epilog="Exit code 0: fits and meets the clock; 1: it does not; 2: bad input. "
               "example: python -m hw.build ice40 --network models/fashion.npz --tap 2 "
               "--out build/ice40")
    found.add_argument("device", choices=("ice40", "ecp5"))
    found.add_argument("--board", choices=[target.name for target in targets()],
                       help="iCEBreaker (iCE40UP5K), the default of ice40; iCE40-HX8K breakout, "
                            "without SPRAM, for small networks; ULX3S 85F, the default of ecp5")
    found.add_argument("--network", default="models/fashion.npz", metavar="NET",
                       help="network file (default: %(default)s)")
    found.add_argument("--tap", type=int, action="append", metavar="L",
                       help="map layer L, counted from 1; may be repeated "
                            "(default: all with a map but the first)")
    found.add_argument("--no-sam", action="store_true", help="leave the SAM unit out")
    found.add_argument("--sam-mode", choices=MODES, default="paper",
                       help="SAM definition after power-up (default: %(default)s)")
    found.add_argument("--gamma", type=float, default=0.5,
                       help="steepness of SAM after power-up (default: %(default)s)")
    found.add_argument("--lanes", type=int,
                       help="output channels computed at once (default: 4, or 8 where the weights "
                            "fit only so; on ecp5 16)")
    found.add_argument("--word-steps", type=int,
                       help="time steps computed at once: 4, 8 or 16 (default: 16, or 8 with 8 "
                            "lanes found)")
    found.add_argument("--clock", type=float, metavar="MHZ",
                       help="clock of the design, made by the PLL (default: 24; on ecp5 50)")
    found.add_argument("--boot", choices=("uart", "flash"), default="uart",
                       help="where the weights come from: a host, or flash.bin at power-up "
                            "(default: %(default)s)")
    found.add_argument("--maps", choices=("full", "sum", "bytes"), default="full",
                       help="what is sent of the maps: all steps, their sum, or all steps in bytes "
                            "with an exponent for each pixel (default: %(default)s)")
    found.add_argument("--map-bits", type=int, metavar="N",
                       help="of a map value at most: 16 take one block RAM instead of two and two "
                            "bytes on the wire instead of three, and sums that do not fit stay at "
                            "the top (default: as many as every sum needs)")
    found.add_argument("--counters", action="store_true",
                       help="count map values held at the top and cycles waiting for the wire")
    found.add_argument("--traces", type=int, metavar="L", help="give the traces of layer L")
    found.add_argument("--experiments", action="store_true",
                       help="spikes can be taken away over the wire")
    found.add_argument("--scrub", action="store_true",
                       help="watch the weight memory; a result says if it is corrupt")
    found.add_argument("--baud", type=int, default=1_000_000, help="of the UART")
    found.add_argument("--seed", metavar="N|A..B",
                       help="of place and route; of several, after one synthesis, the fastest is "
                            "kept (default: 1, or the next ones, up to "
                            f"{TRIES}, until one finds a place and meets the clock)")
    found.add_argument("--jobs", type=int, default=1, metavar="N",
                       help="places and routes at once (default: %(default)s)")
    found.add_argument("--out", metavar="DIR", help="default: build/ice40, build/ecp5")
    found.add_argument("--explore", action="store_true",
                       help="list the sizes worth building, some of them built, instead")
    found.add_argument("--quick", action="store_true",
                       help="explore: build three points, without place and route")
    found.add_argument("--activity", type=float, default=0.05, metavar="SHARE",
                       help="explore: share of neuron steps with a spike (default: %(default)s)")
    found.add_argument("--dask", metavar="ADDRESS",
                       help="explore: build on the workers of this dask scheduler")
    return found


@command
def main(argv=None):
    args = parser().parse_args(argv)
    if args.out is None:
        args.out = f"build/{args.device}"
    elif not args.out:
        raise BadInput("--out: must name a folder")
    console = Console()
    if not 0 <= args.activity <= 1:
        raise BadInput(f"--activity must be 0 to 1, not {args.activity}")
    if args.jobs < 1:
        raise BadInput(f"--jobs must be at least 1, not {args.jobs}")
    if args.explore:
        if not target_of(args).spram:
            raise BadInput("--explore costs only the iCEBreaker's chip")
        from flow.explore import run
        network = load(args.network)
        run(network, args, clock_of(args), console)
        return
    try:
        report = build(args, console)
    except ToolError as error:
        text = re.sub(r"\s+", " ", str(error))
        say(f"error: {args.network}: {text}", file=sys.stderr)
        raise SystemExit(1) from None
    show(report, console)
    made = os.path.join(args.out, target_of(args).bitstream)
    say(f"wrote {made}, {'flash.bin, ' * (args.boot == 'flash')}top.v, report.json, report.md")
    raise SystemExit(0 if report["timing_met"] else 1)


if __name__ == "__main__":
    main()
