"""python -m hw.build ice40|ecp5: from a network file to a bitstream, with its size and clock."""

import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import Progress

from boards.platform.board_file import board_of
from boards.platform.target import targets
from boards.platform.top import identify
from boards.protocol.flash_image import flash_image, padded, with_stream
from boards.protocol.identity import MapEncoding
from flow import explore, steps, toolchain
from flow.config import BuildConfig
from flow.critical_path import slowest
from flow.design import clock_of, design, target_of
from flow.estimate import speed
from flow.page import page
from flow.placing import FASTEST, fastest, first_of, placed
from flow.report import markdown, report_of, show
from flow.steps import ToolError
from golden.formats import GAMMA, MODES, exp_table
from golden.io.arguments import command_parser, network_option
from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.files import output, publishing
from golden.io.processes import folder
from golden.io.text import say
from golden.network import load
from hw.plan.packing import configuration
from hw.plan.size import SCHEDULE_HELP, SCHEDULES
from hw.plan.streaming import WEIGHTS

if TYPE_CHECKING:
    import argparse

    from golden.network.graph import Network

TRIES = 5           # seeds tried for a place and the clock where none is named
REPORT = "report.json"
FILES = (REPORT, "report.md", "report.html", "top.bin", "top.bit", "flash.bin", "top.v",
         "nextpnr.log", "yosys.log")


def seeds_of(text: str) -> list[int]:
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


def megahertz(text: str) -> float | str:
    """The clock of a command line, a number or ``FASTEST``."""
    return text if text == FASTEST else float(text)


def check_folder(network, out) -> None:
    """BadInput where a build would take the place of a file that no build wrote."""
    out = Path(out)

    def known(path):
        report = json.loads((out / REPORT).read_bytes())
        return "sha256" in report or {"board", "options", "digest"} <= report.keys()
    for name in FILES:
        output(out / name, network, what="the build's", known=known)


def publish(config: BuildConfig, out, network: "Network", accelerator, target, hz: int,
            report: dict[str, Any], work) -> None:
    """Write a build, whose tools left their files in the folder ``work``, to the folder ``out``.

    All files or none; those of an older build that this one does not make are gone then, and what
    else lies in the folder stays. The report gets the SHA-256 of what is written to a board.
    """
    bitstream = steps.packed(work, hz=hz, seed=report["seed"], target=target)
    out, content = Path(out), {target.bitstream: bitstream.read_bytes()}
    if config.boot != "uart":
        writes = configuration(accelerator.plan, table=accelerator.table, mode=config.sam_mode)
        content["flash.bin"] = (padded(content[target.bitstream])
                                + flash_image(writes, label=network.digest))
        if accelerator.plan.banks:
            content["flash.bin"] = with_stream(content["flash.bin"], accelerator.plan.weight_stream,
                                               size=target.flash_bytes, where=network.name)
    report["sha256"] = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    content |= {REPORT: (json.dumps(report, indent=2) + "\n").encode(),
                "report.md": markdown(report).encode(), "report.html": page(report).encode()}
    logs = {"top.v": "top.debug.v", "nextpnr.log": f"{steps.route(hz, report['seed'])}.tim",
            "yosys.log": "top.rpt"}
    older = [out / name for name in FILES if name not in content | logs]
    with publishing(without=older) as put:
        for name, source in logs.items():
            shutil.copyfile(work / source, put(out / name))
        for name, data in content.items():
            put(out / name).write_bytes(data)


def expectations(config: BuildConfig, network, made, report: dict[str, Any]):
    """What else a report says: time and energy of an image, what bounds the clock, how to repeat.

    ``made`` is flow.placing's.
    """
    log = made.folder / f"{steps.route(made.hz, report['seed'])}.tim"
    identity = identify(made.accelerator, clock_hz=made.hz, form=MapEncoding[config.maps.upper()],
                        counters=config.counters)
    image = speed.image_of(made.accelerator.plan, identity, config.network, hz=made.hz,
                           baud=config.baud)
    again = config.replace(clock_mhz=made.hz / 1e6) if config.clock_mhz == FASTEST else config
    return {
        "image": image,
        "energy": speed.energy_of(report["device"], report.get("lc", 0), hz=made.hz,
                                  cycles=image["cycles"]),
        "critical_path": slowest(log.read_text(errors="replace") if log.is_file() else ""),
        "command": again.command(seed=report["seed"]),
        "versions": steps.own_versions()}


def build(config: BuildConfig, console: Console, *, out: str, seed=None,
          jobs: int = 1) -> dict[str, Any]:
    """Do one build; return its report. Files appear in the folder ``out`` only when all is done.

    Parameters
    ----------
    config : BuildConfig
    console : golden.io.console.Console
        Where the progress is shown.
    seed : None or str
        Seeds of place and route as ``seeds_of`` takes them; None tries up to ``TRIES``.
    jobs : int
        Places and routes at once.
    """
    check_folder(config.network, out)
    network = load(config.network)
    seeds = None if seed is None else seeds_of(seed)
    try:
        exp_table(config.gamma, 2)
    except ValueError as error:
        raise BadInput(f"--gamma: {error}") from None
    target, designed = target_of(config), design(network, first_of(config))
    absent = [tool for tool in toolchain.choose(family=target.family).values()
              if not shutil.which(tool)]
    if absent:
        extra = "ecp5" if target.family == "ecp5" else "fpga"
        raise BadInput(f"{target.family}: there is no {Path(absent[0]).name}; "
                       f"pip install 'sam-snn[{extra}]'")
    with folder("sam-build-") as work:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("synthesis (a minute)", total=None)
            how = {"jobs": jobs, "tick": lambda: progress.advance(task),
                   "say": lambda words, done, total: progress.update(
                       task, description=words, completed=done, total=total)}
            # Seeds at once; where they find no place or miss the clock, the next ones.
            tries = range(1, TRIES + 1)
            if config.clock_mhz == FASTEST:
                made = fastest(network, config, designed, work, seeds or list(tries), **how)
            else:
                made = placed(designed, target, work,
                              [[n] for n in tries] if seeds is None else [seeds], **how)
        report = report_of(network, made.accelerator, made.routes, target, hz=made.hz,
                           config=config, dsp_forms=steps.dsp_forms(made.folder))
        report |= expectations(config, network, made, report)
        publish(config, out, network, made.accelerator, target, made.hz, report, made.folder)
    return report


def parser(prog: str = "python -m hw.build", *, family: bool = True) -> "argparse.ArgumentParser":
    """Arguments of the command; without ``family`` the board alone says the chip."""
    word = "ice40 " if family else ""
    found = command_parser(
        prog, "From a network file to a bitstream, with its size and clock.", examples=(
            f"{word}--network fashion --tap 2 --out build/ice40",
            f"{word}--network fashion --clock 48 --place-seed 1..10 --jobs 2",
            f"{'ecp5' if family else '--board ulx3s'} --network net.npz --out build/ecp5"),
        codes="Exit code 0: fits and meets the clock; 1: it does not; 2: bad input.")
    if family:
        found.add_argument("device", choices=("ice40", "ecp5"), help="the family of the chip")
    found.add_argument("--board", choices=[target.name for target in targets()],
                       help="iCEBreaker (iCE40UP5K), the default of ice40; iCE40-HX8K breakout, "
                            "without SPRAM, for small networks; ULX3S 85F, the default of ecp5")
    found.add_argument("--board-file", metavar="FILE",
                       help="any other board of an iCE40 or ECP5: a .toml, .pcf or .lpf that says "
                            "its chip, clock and pins (docs/howto/board.md)")
    network_option(found, default="fashion")
    found.add_argument("--tap", type=int, action="append", metavar="L",
                       help="map layer L, counted from 1; may be repeated "
                            "(default: all with a map but the first)")
    found.add_argument("--no-sam", action="store_true", help="leave the SAM unit out")
    found.add_argument("--mode", "--sam-mode", dest="sam_mode", choices=MODES, default="paper",
                       help="SAM definition after power-up (default: %(default)s)")
    found.add_argument("--gamma", type=float, default=GAMMA,
                       help="steepness of SAM after power-up (default: %(default)s)")
    found.add_argument("--lanes", type=int,
                       help="output channels computed at once (default: the fastest "
                            "size that fits; on ecp5 16)")
    found.add_argument("--word-steps", type=int,
                       help="time steps of a word: 4, 8 or 16 (default: the fastest size that "
                            "fits)")
    found.add_argument("--trains", type=int,
                       help="trains added in a cycle: 1, or 2 to 4 out of a walk buffer, which "
                            "needs block RAMs and cells (default: 1)")
    found.add_argument("--schedule", choices=SCHEDULES, default="auto",
                       help=SCHEDULE_HELP)
    found.add_argument("--clock", type=megahertz, metavar="MHZ|max",
                       help="clock of the design, made by the PLL (default: 24; on ecp5 50); max "
                            "finds the fastest, in steps of a megahertz, that a seed meets, in "
                            "several builds")
    found.add_argument("--boot", choices=("uart", "flash", "flash-x1"),
                       help="where the weights come from: a host, or flash.bin at power-up, read "
                            "by all its lines or by one (default: uart; with --weights flash, "
                            "flash)")
    found.add_argument("--weights", choices=WEIGHTS, default="chip",
                       help="all on the chip, or as many as fit, and those of other layers "
                            "streamed from flash.bin for each image (default: %(default)s)")
    found.add_argument("--stream", type=int, action="append", metavar="L",
                       help="with --weights flash: stream the weights of layer L; may be repeated "
                            "(default: of as few layers as let all fit)")
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
    found.add_argument("--contributions", action="store_true",
                       help="give what each pixel of the deepest layer contributes to each class")
    found.add_argument("--experiments", action="store_true",
                       help="spikes can be taken away over the wire")
    found.add_argument("--scrub", action="store_true",
                       help="watch the weight memory; a result says if it is corrupt")
    found.add_argument("--baud", type=int, default=1_000_000, help="of the UART")
    found.add_argument("--place-seed", "--seed", dest="seed", metavar="N|A..B",
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


def config_of(args: "argparse.Namespace") -> BuildConfig:
    """BuildConfig of the arguments of the command."""
    taps = () if args.no_sam else None if args.tap is None else tuple(args.tap)
    return BuildConfig(
        device=args.device, board=args.board, board_file=args.board_file, network=args.network,
        taps=taps,
        sam_mode=args.sam_mode, gamma=args.gamma, lanes=args.lanes, word_steps=args.word_steps,
        trains=args.trains, schedule=args.schedule,
        clock_mhz=args.clock, weights=args.weights,
        boot=args.boot or {"chip": "uart", "flash": "flash"}[args.weights],
        stream=None if args.stream is None else tuple(args.stream),
        maps=args.maps, map_bits=args.map_bits,
        counters=args.counters, traces=args.traces, contributions=args.contributions,
        experiments=args.experiments, scrub=args.scrub, baud=args.baud)


def configured(words: list[str]) -> BuildConfig:
    """BuildConfig of the words of a command line."""
    return config_of(parser().parse_args(words))


@command
def main(argv: list[str] | None = None, prog: str = "python -m hw.build", family=None) -> None:
    """Build; ``family``, if given, is a function of --board that says the chip's."""
    args = parser(prog, family=family is None).parse_args(argv)
    if family is not None:
        args.device = (board_of(args.board_file).family if args.board_file
                       else family(args.board))
    config = config_of(args)
    out = f"build/{args.device}" if args.out is None else args.out
    if not out:
        raise BadInput("--out: must name a folder")
    console = Console()
    if not 0 <= args.activity <= 1:
        raise BadInput(f"--activity must be 0 to 1, not {args.activity}")
    if args.jobs < 1:
        raise BadInput(f"--jobs must be at least 1, not {args.jobs}")
    if args.explore:
        if config.weights == "flash":
            raise BadInput("--explore compares sizes that keep all weights on the chip: leave "
                           "--weights flash out")
        if config.clock_mhz == FASTEST:
            raise BadInput("--explore compares sizes at one clock: give --clock in megahertz")
        if args.board_file is not None:
            raise BadInput("--explore builds for the boards that are known: leave --board-file "
                           "out, or name --lanes and --word-steps and build")
        if not target_of(config).spram:
            raise BadInput("--explore costs only the iCEBreaker's chip")
        explore.run(config, clock_of(config), console, out=out, activity=args.activity,
                    quick=args.quick, jobs=args.jobs, dask=args.dask)
        return
    try:
        report = build(config, console, out=out, seed=args.seed, jobs=args.jobs)
    except ToolError as error:
        text = re.sub(r"\s+", " ", str(error))
        say(f"error: {args.network}: {text}", file=sys.stderr)
        raise SystemExit(1) from None
    show(report, console)
    made = os.path.join(out, target_of(config).bitstream)
    say(f"wrote {made}, {'flash.bin, ' * (args.boot != 'uart')}top.v, report.json, "
        "report.md, report.html")
    raise SystemExit(0 if report["timing_met"] else 1)


if __name__ == "__main__":
    main()
