"""How fast the model and the simulation are, by the commands that measure it."""

import json
import sys

from bench.store import ROOT
from golden.io import processes

COMMANDS = {
    "speed": ["-m", "sim.speed"],
    "fast_speed": ["-m", "sim.speed", "--lanes", "8", "--word-steps", "16", "--trains", "4",
                   "--tap", "2", "--tap", "3", "--tap", "4"],
    "sam": ["-m", "train.sam_speed"]}


def measure(name):
    """What the command of ``COMMANDS`` writes with --json; timings are never kept.

    Raises RuntimeError with its last line if it fails.
    """
    path = ROOT / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    done = processes.run([sys.executable, *COMMANDS[name], "--json", str(path)], text=True,
                         capture_output=True)
    if done.returncode or not path.exists():
        said = (done.stderr or done.stdout).strip().splitlines() or ["it wrote nothing"]
        raise RuntimeError(f"python {' '.join(COMMANDS[name])}: {said[-1]}")
    return json.loads(path.read_text())
