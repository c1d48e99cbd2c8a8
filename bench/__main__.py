"""python -m bench: measure every row of the benchmark's table.

Writes bench/results.json, bench/README.md and bench/plots/, and adds to bench/history.json. Slow
parts are kept under build/bench and not done again while nothing they depend on changes, so a run
that was cut off goes on where it was. --quick measures what is deterministic and compares it with
the committed results.json.
"""

import argparse
import datetime
import json
import os
import platform
import sys
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import check, chips, roofline
from bench.measures import MEASURES, Context, netlists
from bench.rows import rows
from bench.store import ROOT
from bench.table import page
from flow import steps
from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.evidence import stamp
from golden.io.files import publishing
from golden.io.text import say

HOME = Path(__file__).parent
RESULTS, LIMITS = HOME / "results.json", HOME / "limits.json"


def parser():
    """Arguments of the command."""
    found = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__,
        epilog="Exit code 0: all measured (--quick: nothing worse); 1: not; 2: bad input.")
    found.add_argument("--quick", action="store_true",
                       help="only cycles of a few images and cells; compared, not written")
    found.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N",
                       help="processes at once (default: %(default)s, the cores)")
    found.add_argument("--only", action="append", metavar="NAME", default=[],
                       help="measure only this, leave the rest of results.json as it is; may be "
                            f"repeated: {', '.join(m.name for m in MEASURES)}")
    return found


def measured(args, console):
    """({name: result}, {name: why not}) of all measures that were asked for."""
    chosen = [m for m in MEASURES if (m.quick or not args.quick)
              and (not args.only or m.name in args.only)]
    found, failed = {}, {}
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                  TimeElapsedColumn(), console=console) as progress:
        total = progress.add_task("all", total=len(chosen) + 1)
        part = progress.add_task("netlists", total=None)
        context = Context(args.quick, args.jobs, lambda: progress.advance(part))
        chips.prepare(netlists([m.name for m in chosen]), jobs=args.jobs, tick=context.tick)
        progress.advance(total)
        for measure in chosen:
            progress.reset(part, description=measure.what, total=None)
            try:
                found[measure.name] = measure.make(context)
            except (BadInput, RuntimeError, OSError, ValueError) as error:
                failed[measure.name] = " ".join(str(error).split())
                console.print(f"{measure.name}: {failed[measure.name]}", style="red",
                              markup=False)
            progress.advance(total)
    return found, failed


def quick(found, failed):
    """Say how the figures stand against results.json; return the exit code."""
    committed = json.loads(RESULTS.read_text())["measured"]
    lines = [f"{name}: {why}" for name, why in failed.items()]
    lines = lines or check.regressions(found, committed)
    count = len(found["images"]["cycles"]) if "images" in found else 0
    for name, value in check.figures(found, count).items() if not failed else ():
        say(f"{name:24} {value:>10,}")
    for line in lines:
        say(f"worse: {line}", file=sys.stderr)
    say("worse than results.json" if lines else "nothing worse than results.json by over 2 %")
    return int(bool(lines))


@command
def main(argv=None):
    args = parser().parse_args(argv)
    names = [m.name for m in MEASURES]
    for name in args.only:
        if name not in names:
            raise BadInput(f"--only must be one of {', '.join(names)}, not {name}")
    if args.jobs < 1:
        raise BadInput(f"--jobs must be at least 1, not {args.jobs}")
    if args.quick and args.only:
        raise BadInput("--only does not go with --quick")
    made = stamp("bench", "bench", argv)
    found, failed = measured(args, Console(stderr=True))
    if args.quick:
        raise SystemExit(quick(found, failed))
    old = json.loads(RESULTS.read_text()) if args.only and RESULTS.exists() else {}
    results = {
        "date": datetime.date.today().isoformat(), "python": platform.python_version(),
        "machine": platform.machine(), "cores": os.cpu_count(), "tools": steps.versions(),
        "stamps": old.get("stamps", {}) | dict.fromkeys(found, made),
        "measured": old.get("measured", {}) | found,
        "failed": {k: v for k, v in old.get("failed", {}).items() if k not in found} | failed}
    limits = json.loads(LIMITS.read_text())
    text = roofline.updated(roofline.PAGE.read_text(), results["measured"])
    from bench import history
    from bench.plots import draw
    kept = json.loads(history.HISTORY.read_text()) if history.HISTORY.exists() else []
    if {"size", "images"} <= results["measured"].keys():
        kept = history.added(kept, history.point(results, results["date"]))
    with publishing() as put:
        draw(results, HOME / "plots", put)
        history.draw(kept, put(history.PLOT))
        put(history.HISTORY).write_text(history.text(kept))
        put(RESULTS).write_text(json.dumps(results, indent=1) + "\n")
        put(HOME / "README.md").write_text(page(results, limits))
        put(roofline.PAGE).write_text(text)
    for row in rows(results["measured"], limits):
        say(f"{row.met:5} {row.name}: {row.measured.replace('**', '')}")
    say(f"wrote {RESULTS}, README.md and plots/; intermediate results in {ROOT}")
    raise SystemExit(int(bool(results["failed"])))


if __name__ == "__main__":
    main()
