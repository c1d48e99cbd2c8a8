"""python -m bench.history: size, clock and cycles of the chip, version after version.

``make bench`` adds a point to bench/history.json where its results differ from the last point, and
draws bench/plots/history.png. This command draws the picture; with --from-git it first makes the
file anew, from every bench/results.json that was ever committed.
"""

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from golden.io.errors import BadInput, command
from golden.io.files import publishing
from golden.io.text import say

__all__ = ["HISTORY", "PLOT", "added", "draw", "past", "point", "text"]

HOME = Path(__file__).parent
HISTORY, PLOT = HOME / "history.json", HOME / "plots" / "history.png"


def point(results: dict[str, Any], date: str) -> dict[str, Any]:
    """What is kept of the results of a benchmark.

    Members
    -------
    date : str
    lc, ebr : int
        Of the chip of the fashion network with its maps, four lanes of sixteen steps.
    mhz : None or list of float
        Lowest, median and highest clock of its seeds; None where they were measured on another
        size, before this one.
    cycles : float
        Mean of the test images.
    """
    measured = results["measured"]
    size, seeds = measured["size"], measured.get("clock") or []
    clocks = sorted(each["fmax_mhz"] for each in seeds if each["lc"] == size["lc"])
    return {"date": date, "lc": size["lc"], "ebr": size["ebr"],
            "mhz": [clocks[0], round(float(np.median(clocks)), 2), clocks[-1]] if clocks else None,
            "cycles": round(float(np.mean(measured["images"]["cycles"])), 1)}


def added(points: list[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """``points`` and the new one, unless it differs from the last in its date alone."""
    same = points and {**points[-1], "date": new["date"]} == new
    return points if same else [*points, new]


def past(root: Path) -> list[dict[str, Any]]:
    """Points of every bench/results.json in the history of a git repository, oldest first.

    Results that lack size or images are left out. Raises BadInput where there is no git or no such.
    """
    def git(*words: str) -> str:
        try:
            return subprocess.run(["git", *words], cwd=root, text=True, capture_output=True,
                                  check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            raise BadInput(f"{root}: --from-git needs git and the repository with its history"
                           ) from None
    points = []
    log = git("log", "--reverse", "--format=%H %ad", "--date=short", "--", "bench/results.json")
    for line in log.splitlines():
        version, date = line.split()
        try:
            results = json.loads(git("show", f"{version}:bench/results.json"))
            points = added(points, point(results, date))
        except (BadInput, KeyError, ValueError, TypeError):
            continue
    return points


def draw(points: list[dict[str, Any]], path: Path) -> None:
    """Write the picture: logic cells, clock and cycles, a panel each, point after point."""
    figure = Figure(figsize=(7, 6), layout="constrained")
    cells, clock, cycles = figure.subplots(3, sharex=True)
    places = range(len(points))
    cells.plot(places, [each["lc"] for each in points], "o-", color="tab:blue")
    cells.set(ylabel="logic cells of 5,280", ylim=(0, 5280))
    known = [(n, each["mhz"]) for n, each in enumerate(points) if each["mhz"]]
    low, middle, high = np.array([mhz for _, mhz in known] or np.zeros((0, 3))).T
    clock.errorbar([n for n, _ in known], middle, [middle - low, high - middle], fmt="o-",
                   color="tab:orange", capsize=3)
    clock.set(ylabel="MHz: median of the\nseeds, lowest, highest",
              ylim=(0, 1.1 * max(high, default=1)))
    cycles.plot(places, [each["cycles"] for each in points], "o-", color="tab:green")
    cycles.set(ylabel="cycles of an image", xlabel="results that were committed",
               ylim=(0, 1.1 * max(each["cycles"] for each in points)))
    cycles.set_xticks(places, [each["date"][5:] for each in points], rotation=60, fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})


@command
def main(argv: list[str] | None = None) -> None:
    """Draw the history."""
    parser = argparse.ArgumentParser(prog="python -m bench.history",
                                     description=__doc__.partition("\n")[0].split(": ", 1)[1])
    parser.add_argument("--from-git", action="store_true",
                        help="make history.json anew, from the results that were committed")
    args = parser.parse_args(argv)
    points = past(HOME.parent) if args.from_git else json.loads(HISTORY.read_text())
    with publishing() as put:
        put(HISTORY).write_text(text(points))
        draw(points, put(PLOT))
    say(f"wrote {HISTORY} ({len(points)} points) and {PLOT}")


def text(points: list[dict[str, Any]]) -> str:
    """The file's text: a point a line."""
    return "[\n" + ",\n".join(json.dumps(each) for each in points) + "\n]\n"


if __name__ == "__main__":
    main()
