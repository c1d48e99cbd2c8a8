"""What a result is about: a stamp of the code it came from, and whether that is still the code.

Every log in docs/proof, bench and results carries a ``stamp``, made before the run; its ``sources``
are a sha256 over the files that ABOUT names, so that a log of other code says so itself.
``python -m golden.evidence`` lists all logs and fails if one is older than what it is about.
"""

import argparse
import datetime
import hashlib
import json
import sys
from pathlib import Path

from golden.io.errors import BadInput, command
from golden.io.text import say

ROOT = Path(__file__).parents[2]
# What the chip's answers come from: the specification, the gateware, what simulates it.
MODEL = ("golden/*.py", "golden/network/**/*.py", "golden/neurons/*.py", "golden/explain/*.py")
CHIP = (*MODEL, "hw/**/*.py", "sim/rtl.py", "sim/verilate.py", "sim/harness.cpp")
WIRE = ("boards/**/*.py", "sim/pins.py", "sim/pins.cpp")
COMMANDS = ("golden/**/*.py", "hw/**/*.py", "boards/**/*.py", "flow/**/*.py", "sim/**/*.py",
            "sim/*.cpp", "apps/**/*.py")
FASHION = ("models/fashion.npz",)
PAPER = ("golden/**/*.py", "train/*.py", "train/core/*.py", "train/paper/work.py",
         "train/paper/subjects.py", "train/paper/maps.py", "train/paper/scoring.py",
         "train/paper/stimuli.py", "train/paper/report.py", "models/*.npz")
ABOUT = {
    "formal": (*CHIP, *WIRE, "verify/formal/*.py", *FASHION),
    "reach": (*CHIP, "verify/formal/*.py", "verify/formal/*.cpp"),
    "gates": (*CHIP, *WIRE, "flow/*.py", "sim/netlist.py", "verify/gate_level.py", *FASHION,
              "models/fashion_sample.npz"),
    "mutation": (*CHIP, *WIRE, "sim/benches/*.py", "verify/mutation/*.py", "verify/networks.py"),
    "soak": (*CHIP, "verify/soak.py", *FASHION),
    "soak_mixed": (*CHIP, "verify/soak.py", *FASHION),
    "upsets": (*CHIP, "verify/seu.py", *FASHION),
    "soak_lanes": (*CHIP, "verify/soak.py", "models/fashion_small.npz"),
    "fuzz": (*COMMANDS, "verify/*.py", "verify/fuzz/*.py", "bench/*.py", "train/*.py"),
    "kill": (*COMMANDS, "verify/kill.py", "verify/stopping.py"),
    "coverage": (*COMMANDS, "verify/**/*.py", "train/**/*.py", "tests/**/*.py"),
    "drawn": (*CHIP, "verify/drawn/*.py", "verify/networks.py"),
    "contributions": (*CHIP, "verify/contributions.py", *FASHION, "models/scenes.npz"),
    "bench": (*CHIP, *WIRE, "flow/**/*.py", "flow/estimate/area.json", "bench/*.py",
              "sim/throughput.py", "sim/speed.py", "models/*.npz"),
    **{f"results/{name}": (*PAPER, f"train/paper/{name}.py")
       for name in ("controls", "explainers", "fig2", "fig4", "fig5a", "fig5b", "fig5c", "fig6ab",
                    "fig6c", "fixedpoint", "formats", "modes", "moving")},
    "results/hypotheses": (*PAPER, "train/paper/comparing.py", "train/paper/judging.py",
                           "train/paper/hypotheses.py", "results/PROTOCOL.md"),
}


def files_of(name: str, root: Path = ROOT) -> list[Path]:
    """The files that log ``name`` is about, sorted; BadInput where a pattern finds none."""
    found = set()
    for pattern in ABOUT[name]:
        some = [path for path in root.glob(pattern) if path.is_file()]
        if not some:
            raise BadInput(f"evidence of {name}: no file is {pattern}")
        found.update(some)
    return sorted(found)


def digest(name: str, root: Path = ROOT) -> str:
    """sha256 over the paths and contents of the files that log ``name`` is about."""
    found = hashlib.sha256()
    for path in files_of(name, root):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        found.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return found.hexdigest()


def stamp(name: str, module: str, argv: list[str] | None = None, *, rtl=None) -> dict[str, str]:
    """What goes into log ``name`` made by ``python -m module`` with ``argv``, or those of this run.

    ``rtl`` is the Verilog of what it ran, if it ran some.
    """
    words = sys.argv[1:] if argv is None else argv
    found = {"sources": digest(name), "command": " ".join(["python -m", module, *map(str, words)]),
             "date": datetime.datetime.now(datetime.UTC).date().isoformat()}
    return found if rtl is None else {
        **found, "rtl": hashlib.sha256(rtl.encode()).hexdigest()}


def path_of(name: str, root: Path = ROOT) -> Path:
    """The file of log ``name``."""
    return root / ("bench/results.json" if name == "bench" else f"{name}/results.json"
                   if "/" in name else f"docs/proof/{name}.json")


def stamps(name: str, root: Path = ROOT) -> dict | None:
    """{part: stamp} of a log as committed, {} where it has none; None without the log.

    A log that is made part by part, like bench's, has a stamp for each, ``stamps``.
    """
    path = path_of(name, root)
    if not path.is_file():
        return None
    log = json.loads(path.read_text())
    if not isinstance(log, dict):
        return {}
    if "measured" in log:
        return {part: log.get("stamps", {}).get(part) for part in log["measured"]}
    return {"": log["stamp"]} if log.get("stamp") else {}


def state(name: str, root: Path = ROOT) -> tuple[str, str, str]:
    """(state, date, command) of a log: "current", or in which way it is not."""
    found = stamps(name, root)
    if found is None:
        return "not made", "", ""
    given = [each for each in found.values() if each]
    if not given:
        return "of unknown code: without a stamp", "", ""
    current = digest(name, root)
    late = [part for part, each in found.items() if not each or each["sources"] != current]
    latest = max(given, key=lambda each: each["date"])
    if not late:
        return "current", latest["date"], latest["command"]
    which = "" if late == [""] else f": {', '.join(late)}"
    return f"older than what it is about{which}", latest["date"], latest["command"]


@command
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m golden.evidence", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(argv)
    old = 0
    for name in ABOUT:
        what, date, _ = state(name)
        old += what != "current"
        say(f"{name}: {what}{date and f' ({date})'}")
    say(f"{len(ABOUT) - old} of {len(ABOUT)} logs are of this code", file=sys.stderr)
    raise SystemExit(int(bool(old)))


if __name__ == "__main__":
    main()
