"""python -m sim.speed: images a second in golden and in the simulated RTL, spikes and SAM kept.

Both run the same images with SAM on every spiking layer, or those of ``--tap``, ``--jobs`` at once
(threads in golden, processes for the RTL), and must agree. Building the simulation does not count.
The CPU time stands beside the time by the clock, since other programs on the machine lengthen only
the latter: images a second and core are those of a core that has nothing else to do.
"""

import json
import os
import resource
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from golden import kernel
from golden.images import load_images
from golden.io.arguments import command_parser
from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.files import output, replacing
from golden.io.text import say
from golden.network import load
from golden.run import check_taps, run_batched
from hw.plan.size import EngineSize
from sim.rtl import Simulation

if TYPE_CHECKING:
    from golden.network.result import Result


def clocks() -> np.ndarray:
    """(seconds by the clock, seconds of CPU time of this process and its children)."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return np.array([time.perf_counter(), sum(u.ru_utime + u.ru_stime for u in used)])


def measured(call: Callable, repeats: int) -> "tuple[Result, float, float]":
    """(Result, best seconds by the clock, best seconds of CPU time) of some calls."""
    found = []
    for _ in range(repeats):
        start = clocks()
        result = call()
        found.append(clocks() - start)
    return result, *np.min(found, axis=0).tolist()


@command
def main(argv: list[str] | None = None) -> None:
    parser = command_parser("python -m sim.speed", "Images a second of golden and of the RTL.",
                            examples=(
                                "--limit 20", "--lanes 8 --word-steps 16 --trains 4 --tap 2"))
    parser.add_argument("--network", default="fashion", metavar="NET",
                        help="network file, or the name of one that comes with the project")
    parser.add_argument("--images", default="fashion", metavar="FILE",
                        help="as sim.run takes them")
    parser.add_argument("--limit", type=int, metavar="N", help="take the first N images only")
    parser.add_argument("--tap", type=int, action="append", metavar="L",
                        help="map layer L, counted from 1; may be repeated (default: all)")
    usual = EngineSize()
    parser.add_argument("--lanes", type=int, default=usual.lanes,
                        help="rtl: channels at once (default: %(default)s)")
    parser.add_argument("--word-steps", type=int, default=usual.word_steps,
                        help="rtl: steps of a word, 4, 8 or 16 (default: %(default)s)")
    parser.add_argument("--trains", type=int, default=usual.trains,
                        help="rtl: trains added in a cycle, 1 to 4 (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N",
                        help="batches or simulations at once (default: 2)")
    parser.add_argument("--repeats", type=int, default=3, help="of which the best counts")
    parser.add_argument("--out", "--json", dest="json", metavar="FILE",
                        help="write the figures as data")
    args = parser.parse_args(argv)
    for name in ("limit", "jobs", "repeats"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise BadInput(f"--{name} must be at least 1, not {getattr(args, name)}")
    if args.json is not None:
        output(args.json, args.network, args.images, suffix=".json", option="--json")
    network = load(args.network)
    images = load_images(args.images, network)[0][:args.limit]
    size = EngineSize(args.lanes, args.word_steps, args.trains)
    size.check()
    taps = network.taps if args.tap is None else check_taps(args.tap, network)
    with Console(stderr=True).status("building the simulation (half a minute the first time)"):
        simulation = Simulation(network, taps=taps, **size._asdict())
    engines = {
        "golden": lambda: run_batched(images, network, taps=taps, jobs=args.jobs,
                                      kernel=kernel.default()),
        "rtl": lambda: simulation.run_parallel(images, jobs=args.jobs)}
    report = {"network": network.digest, "images": len(images), "jobs": args.jobs,
              "cores": os.cpu_count(), "numpy": np.__version__,
              "taps": list(taps), **size._asdict()}
    results = []
    for name, call in engines.items():
        result, wall, cpu = measured(call, args.repeats)
        results.append(result)
        rate, core_rate = len(images) / wall, len(images) / cpu
        report[name] = {"seconds": wall, "cpu_seconds": cpu, "images_per_second": rate,
                        "images_per_second_and_core": core_rate}
        say(f"{name}: {rate:.1f} images a second ({len(images)} in {wall:.2f} s, {args.jobs} at "
            f"once on {os.cpu_count()} cores); {core_rate:.1f} a second and core ({cpu:.2f} s of "
            "CPU time)")
    golden, rtl = results
    report["equal"] = np.array_equal(golden.scores, rtl.scores) and all(
        np.array_equal(golden.maps[tap], rtl.maps[tap])
        and np.array_equal(golden.spikes[tap], rtl.spikes[tap]) for tap in taps)
    say(f"scores, maps and spikes {'equal' if report['equal'] else 'DIFFER'}")
    if args.json is not None:
        with replacing(args.json) as aside:
            aside.write_text(json.dumps(report, indent=2) + "\n")
    raise SystemExit(0 if report["equal"] else 1)


if __name__ == "__main__":
    main()
