"""python -m sim.run: a network on images, in the golden model or in the simulated RTL."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.progress import Progress

from golden import kernel
from golden.activity import Fans, figures
from golden.explain.contribution import adds_up, of_result, said
from golden.formats import GAMMA, MODES, check_map_bits, exp_table
from golden.images import load_images
from golden.io.arguments import command_parser, network_option, resize_option
from golden.io.console import Console, Table
from golden.io.errors import BadInput, command
from golden.io.events import FITS, Binning
from golden.io.files import output, publishing, replacing
from golden.io.shipped import pictures_of
from golden.io.text import say
from golden.network import load
from golden.network.linear import check_linear
from golden.progress import watched
from golden.run import check_taps, run_batched
from hw.plan.size import SCHEDULE_HELP, SCHEDULES
from hw.plan.streaming import FLASH_RATE, WEIGHTS, from_flash_of
from sim.waveform import kind_of, save_file

if TYPE_CHECKING:
    import argparse

    from golden.network.graph import Network
    from golden.network.result import Result


def parser(prog: str = "python -m sim.run") -> "argparse.ArgumentParser":
    """Arguments shared by the commands that run networks."""
    found = command_parser(
        prog, "A network on images, in the golden model or in the simulated RTL.", examples=(
            "--network fashion --limit 4",
            "--network fashion --limit 4 --engine rtl --out r.npz",
            "--network net.npz --images pictures/ --resize --mode official --out r.npz"))
    network_option(found, required=True)
    found.add_argument("--images", metavar="FILE",
                       help=".npy or .npz of uint8 (N, H, W) or (N, C, H, W), a picture, a folder "
                            "of pictures, or of a folder for each class (default: the sample of a "
                            "network that comes with the project)")
    resize_option(found)
    found.add_argument("--engine", choices=("golden", "rtl", "gates"), default="golden",
                       help="the NumPy model, the RTL in Verilator, or the whole chip's netlist of "
                            "iCE40 cells between its UART pins (default: golden)")
    found.add_argument("--limit", type=int, metavar="N", help="take the first N images only")
    found.add_argument("--out", metavar="R.npz", help="write all results as arrays")
    found.add_argument("--tap", type=int, action="append", metavar="L",
                       help="map layer L, counted from 1; may be repeated (default: all)")
    found.add_argument("--gamma", type=float, default=GAMMA,
                       help="steepness of SAM (default: %(default)s)")
    found.add_argument("--mode", "--sam-mode", choices=MODES, default="paper",
                       help="SAM definition (default: paper)")
    found.add_argument("--map-bits", type=int, metavar="N",
                       help="of a map value at most; sums that do not fit stay at the top, and how "
                            "many is told (default: as many as every sum needs)")
    found.add_argument("--contributions", action="store_true",
                       help="golden, rtl: what each pixel of the deepest layer gave to each class, "
                            "and whether that adds up to the scores")
    found.add_argument("--lanes", type=int,
                       help="rtl, gates: channels at once (default: those of the build)")
    found.add_argument("--word-steps", type=int,
                       help="rtl, gates: steps of a word, 4, 8 or 16 (default: those of the build)")
    found.add_argument("--trains", type=int,
                       help="rtl, gates: trains added in a cycle, 1 to 4 (default: 1)")
    found.add_argument("--events", metavar="FILE|FOLDER",
                       help="address events in place of images: an .npy of records x, y, t, p as "
                            "tonic has them, a folder of those, or folders of them, one a class")
    found.add_argument("--bin-us", type=int, metavar="N",
                       help="events: length of a step in units of t; a long recording becomes "
                            "several images (default: each is cut into the network's steps)")
    found.add_argument("--bin-count", type=int, metavar="N", help="events: events of a step")
    found.add_argument("--sensor", type=sides, metavar="WxH",
                       help="events: size of the sensor (default: the network's)")
    found.add_argument("--fit", choices=FITS, default="exact",
                       help="events: of a larger sensor take the middle (crop), or the events of "
                            "several pixels as those of one (sum) (default: %(default)s)")
    found.add_argument("--schedule", choices=SCHEDULES, default="auto",
                       help=f"rtl: {SCHEDULE_HELP}")
    found.add_argument("--weights", choices=WEIGHTS, default="chip",
                       help="rtl: all weights on the chip, or as many as fit, and the others "
                            "streamed from flash layer by layer (default: chip)")
    found.add_argument("--stream", type=int, action="append", metavar="L",
                       help="with --weights flash: stream the weights of layer L; may be repeated "
                            "(default: of as few layers as let all fit)")
    found.add_argument("--flash-rate", type=int, default=FLASH_RATE, metavar="N",
                       help="with --weights flash: a word of 16 bits comes every N + 1 cycles "
                            "(default: %(default)s, a flash by four lines)")
    found.add_argument("--trace", metavar="F.fst|F.vcd",
                       help="rtl: write all signals over time as a waveform, by modules, of the "
                            "first image (or --limit N of them), and F.gtkw with groups for "
                            "GTKWave")
    found.add_argument("--stall", type=float, default=0.0,
                       help="rtl: chance of an idle or stalled cycle, 0 to 0.9 (default: 0)")
    found.add_argument("--jobs", type=int, default=2,
                       help="batches (golden) or simulations (rtl) at once (default: 2)")
    return found


def sides(text: str):
    """(width, height) of WxH."""
    width, _, height = text.partition("x")
    return int(width), int(height)


def binning_of(args: "argparse.Namespace") -> Binning | None:
    """golden.io.events.Binning of parsed arguments, None where no events are asked for."""
    found = Binning(args.bin_us, args.bin_count, args.sensor, args.fit)
    if args.events is None:
        if found != Binning():
            raise BadInput("--bin-us, --bin-count, --sensor and --fit are for --events")
        return None
    if args.images is not None:
        raise BadInput("--images and --events: a network is shown one of them")
    found.check()
    return found


def run_engine(images: np.ndarray, network: "Network", *, engine: str, taps, gamma: float,
               mode: str, console: Console, lanes: int | None = None, word_steps: int | None = None,
               trains=None, stall: float = 0.0, jobs: int = 2, map_bits=None, keep: bool = True,
               contributions: bool = False, schedule: str = "auto", fans: "Fans | None" = None,
               trace: str | None = None, from_flash=(),
               rate: int = FLASH_RATE) -> "Result":
    """Result of either engine, with a progress bar; golden's has spikes only if they are kept.

    ``lanes``, ``word_steps`` and ``trains`` of None are those of flow.design.engine_size. With
    ``contributions`` the RTL is built to give them. ``schedule`` is that of the RTL, ``fans`` that
    of golden.run; ``trace`` is where the RTL writes its waveform, checked by
    sim.waveform.kind_of. ``from_flash`` is that of hw.plan.planner.Plan, ``rate`` that of
    sim.rtl.Simulation.run.
    """
    if engine == "golden":
        with watched(network, len(images), console) as clock:
            return run_batched(images, network, taps=taps, gamma=gamma, mode=mode, jobs=jobs,
                               map_bits=map_bits, keep=keep, clock=clock,
                               kernel=kernel.default(), fans=fans)
    from flow.design import engine_size
    size_options = engine_size(network, lanes, word_steps, trains,
                               sam=bool(network.default_taps), schedule=schedule,
                               from_flash=from_flash)._asdict()
    with Progress(console=console, transient=True) as progress:
        if engine == "rtl":
            from sim.rtl import Simulation
            long, more = "about 20 s", {"stall": stall, "rate": rate}
            size_options |= {"schedule": schedule, "from_flash": from_flash}
            if trace is not None:
                size_options["trace"] = Path(trace).suffix.removeprefix(".")
            if contributions:
                size_options["explain"] = {"contributions": (network.stages[-2].index,)}
        else:
            from sim.netlist import Gates as Simulation
            long, more = "some minutes", {}
        building = progress.add_task(f"building the simulation ({long} the first time)",
                                     total=None)
        simulation = Simulation(network, taps=taps, map_bits=map_bits, **size_options)
        progress.remove_task(building)
        task = progress.add_task(engine, total=len(images))
        if trace is not None:
            with publishing() as put:
                result = simulation.run(images, gamma=gamma, mode=mode, wave=put(Path(trace)),
                                        tick=lambda: progress.advance(task), **more)
                put(Path(trace).with_suffix(".gtkw")).write_text(
                    save_file(trace, simulation.text))
            return result
        return simulation.run_parallel(images, gamma=gamma, mode=mode, jobs=jobs,
                                       tick=lambda: progress.advance(task), **more)


def images_of(args: "argparse.Namespace"):
    """The images that parsed arguments name, or the sample of their network; else BadInput."""
    return args.events or pictures_of(args.network, args.images)


@command
def main(argv: list[str] | None = None, prog: str = "python -m sim.run") -> None:
    args = parser(prog).parse_args(argv)
    console = Console(stderr=True)
    if args.limit is not None and args.limit < 1:
        raise BadInput(f"--limit must be at least 1, not {args.limit}")
    if not 0 <= args.stall <= 0.9:
        raise BadInput(f"--stall must be 0 to 0.9, not {args.stall}")
    if args.stall and args.engine == "gates":
        raise BadInput("--stall is for --engine rtl: nobody stalls at the pins of the chip")
    if args.schedule != "auto" and args.engine != "rtl":
        raise BadInput("--schedule is for --engine rtl: golden has one result, whatever the order "
                       "of work")
    from_flash = from_flash_of(args.weights, args.stream)
    if from_flash != () and args.engine != "rtl":
        raise BadInput("--weights flash is for --engine rtl: golden has one result, wherever the "
                       "weights come from")
    if not 0 <= args.flash_rate <= 4095:
        raise BadInput(f"--flash-rate must be 0 to 4095, not {args.flash_rate}")
    if args.trace is not None:
        if args.engine != "rtl":
            raise BadInput("--trace is for --engine rtl: golden has no signals, and the netlist's "
                           "have lost their names")
        output(args.trace, args.network, args.images, option="--trace")
        output(str(Path(args.trace).with_suffix(".gtkw")), args.network, what="the waveform's",
               known=lambda path: path.read_text().startswith("[dumpfile]"))
        kind_of(args.trace)
    if args.jobs < 1:
        raise BadInput(f"--jobs must be at least 1, not {args.jobs}")
    check_map_bits(args.map_bits, "--map-bits")
    if args.out is not None:
        output(args.out, args.network, args.images, suffix=".npz")
    binning = binning_of(args)
    network = load(args.network)
    source = images_of(args)
    taps = check_taps(args.tap, network, "--tap") if args.tap else network.taps
    if args.contributions:
        if args.engine == "gates":
            raise BadInput("--contributions are of --engine golden or rtl")
        check_linear(network, "--contributions")
        taps = check_taps([*(args.tap or ()), network.stages[-2].index], network, "--tap")
    try:
        exp_table(args.gamma, 2)
    except ValueError as error:
        raise BadInput(f"--gamma: {error}") from None
    images, labels = load_images(source, network, resize=args.resize, binning=binning)
    images = images[:1 if args.limit is None and args.trace else args.limit]
    result = run_engine(images, network, engine=args.engine, taps=taps, gamma=args.gamma,
                        mode=args.mode, console=console, lanes=args.lanes,
                        word_steps=args.word_steps, trains=args.trains, stall=args.stall,
                        jobs=args.jobs, map_bits=args.map_bits,
                        keep=args.out is not None or args.contributions,
                        contributions=args.contributions, schedule=args.schedule,
                        fans=Fans(network), trace=args.trace, from_flash=from_flash,
                        rate=args.flash_rate)

    table = Table(title=f"{network.name} on {source}, {args.engine}")
    for column in ("image", "label", "prediction", "cycles"):
        table.add_column(column, justify="right")
    for n in range(min(len(images), 10)):
        table.add_row(str(n), "" if labels is None else str(labels[n]), str(result.pred[n]),
                      "" if result.cycles is None else f"{result.cycles[n]:,}")
    Console().print(table)
    say(f"images {len(images)}")
    if labels is not None:
        correct = np.count_nonzero(result.pred == labels[:len(images)])
        say(f"correct {correct} of {len(images)}: accuracy {100 * correct / len(images):.2f} %")
    if result.saturated is not None:
        values = sum(rows.size for rows in result.maps.values())
        say(f"map values at the top of {args.map_bits} bits {result.saturated.sum()} of {values}")
    for line in figures(network, result).lines():
        say(line)
    if result.cycles is not None:
        say(f"mean cycles {result.cycles.mean():.1f}")
    if args.contributions:
        maps = of_result(result, network)
        result.explained["contributions", network.stages[-2].index] = maps
        say(said(adds_up(maps, result.scores, network)))
    if args.out is not None:
        with replacing(args.out) as aside:
            np.savez_compressed(aside, **result.arrays())
        say(f"wrote {args.out}")
    if args.trace is not None:
        say(f"wrote {args.trace} and {Path(args.trace).with_suffix('.gtkw')}; one unit of its "
            "time is half a cycle")


if __name__ == "__main__":
    main()
