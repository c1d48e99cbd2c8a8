"""python -m tests.rtl_coverage: lines and toggles of the RTL under a few runs; lines of Python.

The RTL is the accelerator of the trained network and of three drawn ones, with everything built in,
under stalls, all modes and experiments. With --python the test suite is run under coverage.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from golden.io.errors import command
from golden.io.evidence import stamp
from golden.io.files import replacing
from golden.io.text import say
from golden.network import load
from hw.explain.ablation import mask_writes
from sim.rtl import Simulation
from verify.networks import draw, images

EXPLAINED = Path(__file__).with_name("uncovered.json")
ROOMS = ("golden", "hw", "boards", "flow", "sim", "apps", "train")


def points(path):
    """Counter of the points of a coverage.dat: (kind, file line, what) -> count."""
    found = Counter()
    for line in path.read_text().splitlines():
        match = re.match(r"C '(.*)' (\d+)$", line)
        if match:
            parts = (part for part in match[1].split("\x01") if "\x02" in part)
            fields = dict(part.split("\x02", 1) for part in parts)
            kind = fields.get("page", "").split("/")[0]
            found[kind, int(fields.get("l", 0)), fields.get("o", "")] += int(match[2])
    return found


def measured(network, some, **options):
    """(counts of points, all points, the Verilog) of an accelerator with everything built in."""
    layer = network.taps[-1]
    text = []

    def noted(verilog):
        text.append(verilog)
        return verilog
    simulation = Simulation(network, quick=True, coverage=True, change=noted, experiments=True,
                            attribution=layer, **options)
    hit, every = Counter(), set()
    done, undone = mask_writes(simulation.accelerator.plan, layer, [0, 1], 2)
    writes = [done, undone] + [np.zeros((0, 3), np.uint16)] * (len(some) - 2)
    for gamma, mode, stall in ((0.5, "paper", 0), (0.0, "inclusive", 0.5), (1.3, "official", 0.2)):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["COVERAGE_FILE"] = str(Path(folder) / "coverage.dat")
            simulation.run(some, gamma=gamma, mode=mode, stall=stall, writes=writes)
            found = points(Path(os.environ.pop("COVERAGE_FILE")))
            every |= set(found)
            hit += found
    return hit, every, text[0]


def modules(lines):
    """For each line of Verilog what its module is: the path's last part, without a number."""
    found, name = [], "dut"
    for line in lines:
        if match := re.match(r"module (\S+?)\(?(\s|$|\()", line):
            name = re.sub(r"\d+$", "", match[1].split(".")[-1].lstrip("\\")) or "dut"
        found.append("accelerator" if name == "dut" else name)
    return found


def rtl():
    """([{what, covered, all}], [{module, lines, toggles: (covered, all)}], {uncovered: points})."""
    cases = [(load("models/fashion_small.npz"), np.load("models/fashion_sample.npz")["images"][:3])]
    cases += [(network, images(network, 3)) for network in (
        draw(1, plain=True, steps=(16,)), draw(20), draw(15, rich=True, steps=(20,)))]
    shares, missing, parts = Counter(), Counter(), {}
    for network, some in cases:
        hit, every, text = measured(network, some)
        lines = text.splitlines()
        module = modules(lines)
        for kind, line, what in every:
            covered = hit[kind, line, what] > 0
            shares[kind, "all"] += 1
            shares[kind, "covered"] += covered
            part = parts.setdefault(module[line - 1], {"v_line": [0, 0], "v_toggle": [0, 0]})
            if kind in part:
                part[kind] = [part[kind][0] + covered, part[kind][1] + 1]
            if not covered:
                missing[f"{module[line - 1]}: " + (
                    lines[line - 1].strip() if kind == "v_line" else
                    re.sub(r"\[\d+\].*", "", what))] += 1
    kinds = {"v_line": "RTL lines", "v_toggle": "RTL toggles", "v_branch": "RTL branches"}
    return [{"what": name, "covered": shares[kind, "covered"], "all": shares[kind, "all"]}
            for kind, name in kinds.items() if shares[kind, "all"]], [
                {"module": name, "lines": each["v_line"], "toggles": each["v_toggle"]}
                for name, each in sorted(parts.items())], missing


def python(tests):
    """[{what, covered, all}] of each room under the tests named, and all processes they start."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "coveragerc"
        settings.write_text(f"[run]\nsource = {','.join(ROOMS)}\ndata_file = {folder}/data\n"
                            "parallel = true\npatch = subprocess\n")
        run = lambda *words: subprocess.run(
            [sys.executable, "-m", "coverage", words[0], f"--rcfile={settings}", *words[1:]],
            check=words[0] != "run")
        run("run", "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *tests)
        run("combine", "-q")
        run("json", "-q", "-o", f"{folder}/found.json")
        files = json.loads((Path(folder) / "found.json").read_text())["files"]
    found = []
    for room in ROOMS:
        parts = [each["summary"] for path, each in files.items() if path.startswith(f"{room}/")]
        found.append({"what": f"Python lines, {room}",
                      "covered": sum(part["covered_lines"] for part in parts),
                      "all": sum(part["num_statements"] for part in parts)})
    return found


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tests.rtl_coverage", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", nargs="*", metavar="TEST",
                        help="lines of Python, too, under the whole test suite or these tests")
    parser.add_argument("--out", metavar="FILE.json")
    args = parser.parse_args(argv)
    made = stamp("coverage", "tests.rtl_coverage", argv)
    shares, parts, missing = rtl()
    if args.python is not None:
        shares += python(args.python)
    for row in shares:
        say(f"{row['what']}: {row['covered']:,} of {row['all']:,}, "
            f"{100 * row['covered'] / row['all']:.1f} %")
    for part in parts:
        say("  {module}: lines {lines[0]} of {lines[1]}, toggles {toggles[0]} of {toggles[1]}"
            .format(**part))
    for what, count in missing.most_common(60):
        say(f"  not covered, {count} points: {what}")
    if args.out:
        explained = json.loads(EXPLAINED.read_text()) if EXPLAINED.exists() else []
        with replacing(args.out) as aside:
            aside.write_text(json.dumps({
                "stamp": made, "shares": shares, "modules": parts, "explained": explained,
                "missing": dict(missing.most_common())}, indent=1) + "\n")


if __name__ == "__main__":
    main()
