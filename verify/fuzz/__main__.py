"""python -m tests.fuzz_soak: thousands of drawn command lines and files over all commands.

Each runs in a process of its own with little time and memory, and must end in success, in exit code
1, or in exit code 2 with one line and nothing left behind; never in a traceback, in a hang, or with
control characters on the terminal. ``verify.fuzz.commands`` draws them. Every hundredth runs in a
Python of its own; the others are forked, with quick stand-ins for synthesis and Verilator.
"""

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from rich.progress import Progress

from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.evidence import stamp
from golden.io.files import replacing
from golden.io.text import say
from verify.fuzz.commands import COMMANDS, originals, placed, prepared, quick, snapshot
from verify.fuzz.limits import bounded

ROOT = Path(__file__).parents[2]
WHOLE = 100                         # every so manieth case is a Python of its own
SECONDS, MEMORY = 30, 3 * 2**29     # of CPU time and address space that a case may take
SHOWN = 50                          # faults that a log keeps in words
BATCH = 200                         # most cases of one command in turn
MODULES = {"golden.network.__main__": "golden.network"}
TOOLS = 2**34                       # of address space where Yosys runs, which reserves much
HEAVY = ("hw.build", "hw.export", "sim.throughput", "sim.soak", "sim.demo", "sim.upsets")
FAULTS = ("traceback", "hang", "control characters", "not one line", "left behind", "other")


def whole(name):
    """A ``main`` that becomes ``python -m`` of the command."""
    def main(words):
        os.environ["PYTHONPATH"] = str(ROOT)
        os.environ["PYTHONWARNINGS"] = "ignore"
        os.execv(sys.executable, [sys.executable, "-m", MODULES.get(name, name), *words])
    return main


def case(name, main, words, good, *, alone=False, seconds=SECONDS, memory=MEMORY):
    """(fault or "", exit code, words as they ran) of one command line."""
    with tempfile.TemporaryDirectory(prefix="sam-fuzz-") as folder:
        folder = Path(folder)
        prepared(folder)
        words = [placed(word, folder, good) for word in words]
        before = snapshot(folder)
        done = bounded(whole(name) if alone else main, words, folder, seconds=seconds,
                       memory=memory, patch=None if alone else quick)
        fault = done.fault()
        if not fault and done.code == 2 and snapshot(folder) != before:
            fault = "left behind"
        shown = [str(word).replace(f"{folder}/", "") for word in words]
        return fault, done.code, shown, (done.err or done.out)[-600:]


def drawn(arguments, count, number):
    """``count`` command lines or fewer, by a seed of their own."""
    found = []

    @seed(number)
    @settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(arguments)
    def take(words):
        found.append(words)
    take()
    return found[:count]


def soak(limit, number, good, tick=lambda: None, commands=COMMANDS):
    """The log of ``limit`` cases, drawn by the seed ``number``."""
    log = {"count": 0, "seed": number, "subprocesses": 0, "commands": {}, "files": {},
           "faults": dict.fromkeys(FAULTS, 0), "found": []}
    turn, batch = 0, min(BATCH, -(-limit // len(commands)))
    while log["count"] < limit:
        name = list(commands)[turn % len(commands)]
        main, _, arguments = commands[name]
        for words in drawn(arguments, min(batch, limit - log["count"]), number * 10**6 + turn):
            alone = log["count"] % WHOLE == WHOLE - 1 and name not in HEAVY
            fault, ending, shown, text = case(
                name, main, words, good, alone=alone,
                memory=TOOLS if name.startswith("hw.") else MEMORY)
            log["count"] += 1
            log["subprocesses"] += alone
            endings = log["commands"].setdefault(name, {})
            endings[str(ending)] = endings.get(str(ending), 0) + 1
            for word in words:
                if word and word.count(":") == 2:
                    what, how, _ = word.split(":")
                    key = f"{what}, {how}"
                    log["files"][key] = log["files"].get(key, 0) + 1
            if fault:
                log["faults"][fault if fault in FAULTS else "other"] += 1
                if len(log["found"]) < SHOWN:
                    log["found"].append({"command": name, "words": shown, "fault": fault,
                                         "alone": alone, "text": text})
            tick()
        turn += 1
    log["files"] = dict(sorted(log["files"].items()))
    return log


@command
def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz_soak", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=20000, help="cases (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", metavar="LOG.json")
    args = parser.parse_args(argv)
    if args.limit < 1 or args.seed < 0:
        raise BadInput("--limit must be at least 1, --seed at least 0")
    began, console, made = time.time(), Console(stderr=True), stamp("fuzz", "tests.fuzz_soak", argv)
    with (tempfile.TemporaryDirectory(prefix="sam-fuzz-") as folder,
          Progress(console=console, transient=True) as progress):
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        (Path(folder) / "good").mkdir()
        task, ran = progress.add_task("cases", total=args.limit), itertools.count(1)

        def tick():
            progress.advance(task)
            done = next(ran)
            if not console.is_terminal and done % 1000 == 0:
                left = (time.time() - began) * (args.limit / done - 1)
                say(f"{done} of {args.limit} cases, about {left:.0f} s left", file=sys.stderr,
                    flush=True)
        log = soak(args.limit, args.seed, originals(Path(folder) / "good"),
                   tick=tick)
    log |= {"stamp": made, "seconds": round(time.time() - began, 1), "limits": {
        "cpu_seconds": SECONDS, "bytes": MEMORY, "bytes with tools": TOOLS}}
    if args.out:
        with replacing(args.out) as aside:
            aside.write_text(json.dumps(log, indent=1) + "\n")
    wrong = sum(log["faults"].values())
    for each in log["found"][:10]:
        say(f"{each['fault']}: {each['command']} {each['words']}\n{each['text']}", file=sys.stderr)
    say(f"{log['count']} cases of {len(log['commands'])} commands, {log['subprocesses']} in a "
        f"Python of their own, in {log['seconds']:,.0f} s: "
        + (", ".join(f"{n} {what}" for what, n in log["faults"].items() if n) or "no fault"))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
