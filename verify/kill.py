"""python -m tests.kill: hw.build, sim.run and sim.explain are killed at random moments.

Each time one of them begins to write over an old output, and SIGKILL, SIGTERM or SIGINT comes to
it or to its whole process group. Afterwards every output is whole, old or new; after SIGTERM and
SIGINT it says one line and ends with 143 or 130; no process and no temporary file is left of it.
Then the same command runs to its end, gives what an undisturbed run gives, and leaves nothing else
beside its output either, whatever the killed one left there.

A file beside the output that a SIGKILL left, and that the next run removes, is counted in the log
as ``remains``; nothing else may be left. A command is not stopped before Python has begun to run
it.
"""

import argparse
import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
from rich.progress import Progress

from flow import toolchain
from golden.io.arguments import whole
from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.evidence import digest, stamp
from golden.io.files import replacing
from golden.io.processes import folder
from golden.io.text import say
from golden.network import Layer, Network, Neuron
from verify.stopping import Started

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
ENDS = {signal.SIGTERM: (143, "terminated"), signal.SIGINT: (130, "interrupted")}
BEGUN = 0.2         # seconds until Python runs what is killed
SHARE = 1.1         # of a whole run, in which the signal comes
ROOMS = ("golden", "hw", "boards", "flow", "sim", "apps")


def tiny(seed):
    """A network that is built in seconds, one for each seed."""
    rng = np.random.default_rng(seed)
    layer = {"bits": 4, "frac": 0, "bias": None, "stride": 1, "padding": 0, "groups": 1,
             "scale": 1.0, "norm": None}
    neuron = lambda threshold, reset: Neuron(
        np.int64(threshold), np.int64(0), reset, "gt", 0, np.int64(0))
    return Network(shape=(1, 4, 4), steps=4, name=f"tiny{seed}", layers=(
        Layer(weights=rng.integers(-8, 8, (2, 1, 3, 3)), neuron=neuron(5, "subtract"), **layer),
        Layer(weights=rng.integers(-8, 8, (3, 8)), neuron=neuron(0, "none"), **layer)))


def timeless(log):
    """A tool's log without its times, which no two runs share."""
    log = re.sub(r" *\d+\.\d\d", "#", log)
    return re.sub(r"(?m)^Time spent:.*$", "", log)


def contents(path):
    """{name: what is in it} of a folder's files; of archives their arrays, which have no date."""
    found = {}
    for each in sorted(path.rglob("*")):
        if each.suffix == ".npz":
            with np.load(each) as arrays:
                found[each.name] = {key: arrays[key].tobytes() for key in arrays.files}
        elif each.suffix == ".log":
            found[each.name] = timeless(each.read_text())
        elif each.is_file():
            found[each.name] = each.read_bytes()
    return found


class Case:
    """A command, its old output and its new one.

    Members
    -------
    old, new : dict
        ``contents`` of the folder that it writes to, before and after.
    seconds : float
        That a run takes.
    """

    def __init__(self, name, words, where, cache):
        self.name, self.words, self.where, self.cache = name, words, where / name, cache
        self.out = self.where / "made"
        self.kept = self.where / "old"
        self.old = self.made(1)
        shutil.copytree(self.out, self.kept)
        began = time.monotonic()
        self.new = self.made(2)
        self.seconds = time.monotonic() - began
        if self.old == self.new:
            raise AssertionError(f"{name}: old and new output are the same")

    def started(self, seed):
        """The command on network ``seed``."""
        self.where.mkdir(exist_ok=True)
        return Started(self.words(seed, self.out), self.where, XDG_CACHE_HOME=str(self.cache),
                       YOWASP_CACHE_DIR=str(toolchain.cache()))

    def made(self, seed):
        """``contents`` after a run to the end."""
        started = self.started(seed)
        code, text = started.ended(600)
        if code not in (0, 1) or "Traceback" in text:      # 1: does not meet the clock
            raise AssertionError(f"{self.name}: exit code {code}: {text}")
        if left := started.left():
            raise AssertionError(f"{self.name}: left behind by a whole run: {left}")
        return contents(self.out)

    def kill(self, number, group, share):
        """Kill a run; what is noted of it. Raises AssertionError where something is wrong."""
        shutil.rmtree(self.out)
        shutil.copytree(self.kept, self.out)
        started = self.started(2)
        after = max(BEGUN, share * self.seconds)
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.process.wait(after)
        late = started.process.poll() is not None
        started.stop(number, group=group)
        code, text = started.ended()
        said = text.strip().splitlines()
        if not late and number in ENDS and code not in (0, 1):
            want, line = ENDS[number]
            if code != want or said[-1:] != [line] or "Traceback" in text:
                raise AssertionError(f"exit code {code}, {text!r}")
        if left := started.left():
            raise AssertionError(f"left behind: {left}")
        found = contents(self.out)
        extra = sorted(found.keys() - self.old.keys() - self.new.keys())
        if extra and number != signal.SIGKILL:
            raise AssertionError(f"left beside the output: {extra}")
        found = {key: value for key, value in found.items() if key not in extra}
        if found not in (self.old, self.new):
            which = {key: "old" if value == self.old.get(key) else "new"
                     if value == self.new.get(key) else "neither" for key, value in found.items()}
            raise AssertionError(f"a mixture: {which}")
        again = self.made(2)
        if again != self.new:
            raise AssertionError(f"the next run gives or leaves {sorted(again)}")
        return {"seconds": round(after, 2), "late": late, "output": "old" if found == self.old
                else "new", "remains": extra}


def cases(where, cache, only):
    """The commands whose name has ``only`` in it, each run to its end twice."""
    for seed in (1, 2):
        tiny(seed).save(where / f"net{seed}.npz")
    rng = np.random.default_rng(1)
    np.save(where / "images.npy", rng.integers(0, 256, (20, 4, 4), dtype=np.uint8))
    images = where / "images.npy"
    net = lambda seed: where / f"net{seed}.npz"
    words = {
        "hw.build": lambda seed, out: ["hw.build", "ice40", "--network", net(seed), "--seed", "1",
                                       "--out", out],
        "sim.run": lambda seed, out: ["sim.run", "--network", net(seed), "--images", images,
                                      "--engine", "rtl", "--out", out / "r.npz"],
        "sim.explain": lambda seed, out: ["sim.explain", "--network", net(seed), "--image", images,
                                          "--method", "saliency", "--out", out / "e.png"]}
    return [Case(name, each, where, cache) for name, each in words.items() if only in name]


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=whole(), default=100, metavar="N",
                        help="kills (default: %(default)s); 10 take some five minutes")
    parser.add_argument("--seed", type=whole(0), default=1, help="of moments and signals")
    parser.add_argument("--only", default="", metavar="NAME", help="kill only this command")
    parser.add_argument("--out", metavar="LOG.json")
    args = parser.parse_args(argv)
    rng, log, failed = np.random.default_rng(args.seed), [], []
    console = Console(stderr=True)
    made = stamp("kill", "tests.kill", argv)
    with folder("sam-kill-") as where, Progress(console=console, transient=True) as progress:
        task = progress.add_task("runs that are not killed", total=args.limit)
        every = cases(where, where / "cache", args.only)
        if not every:
            raise BadInput(f"--only {args.only}: no such command")
        progress.update(task, description="kills")
        for n in range(args.limit):
            case, number = every[n % len(every)], SIGNALS[n // len(every) % len(SIGNALS)]
            group, share = bool(rng.integers(2)), float(rng.uniform(0, SHARE))
            entry = {"command": case.name, "signal": number.name, "group": group,
                     "share": round(share, 4)}
            try:
                entry |= case.kill(number, group, share)
            except AssertionError as error:
                entry["wrong"] = str(error)
                failed.append(entry)
                console.print(f"{n}: {entry}")
            log.append(entry)
            progress.advance(task)
            if not console.is_terminal and n % 10 == 9:
                say(f"{n + 1} of {args.limit} kills", file=sys.stderr, flush=True)
    if made["sources"] != digest("kill"):
        say("error: the code changed meanwhile", file=sys.stderr)
        raise SystemExit(1)
    outputs = Counter(entry.get("output", "wrong") for entry in log)
    report = {
        "stamp": made,
        "kills": len(log), "seed": args.seed, "wrong": len(failed), "outputs": dict(outputs),
        "remains": sum(bool(entry.get("remains")) for entry in log), "log": log}
    if args.out:
        with replacing(args.out) as aside:
            aside.write_text(json.dumps(report, indent=1) + "\n")
    say(f"{len(log)} kills: {outputs['old']} left the old output, {outputs['new']} the new one; "
        f"{report['remains']} left files for the next run; {len(failed)} wrong")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
