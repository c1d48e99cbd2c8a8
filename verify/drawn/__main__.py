"""python -m tests.drawn: drawn networks through the Verilated RTL, every array golden's.

--pairs takes a covering array: every two levels of verify.drawn.cases.FACTORS that can stand
together do so in a network; with it go all cases by name. --soak N draws N networks, half of them
from the same factors, half as verify.networks.draw does. What was found equal is noted under --work
and not run again until golden, hw, sim or these tests change, so a run that was broken off goes on.
"""

import argparse
import hashlib
import json
import random
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
from rich.progress import Progress

from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.evidence import stamp
from golden.io.files import replacing
from golden.io.text import say
from hw.plan.planner import Plan
from hw.plan.size import TRAINS, EngineSize
from verify.drawn.cases import FACTORS, RULES, Case, case_of, maps_fit, pictures, runs
from verify.drawn.named import named
from verify.drawn.pairs import covering
from verify.drawn.trial import TIMEOUT, described, trials
from verify.networks import draw, pick

ENGINES, STEPS = FACTORS["engine"], (2, 3, 4, 8, 15, 16, 17, 20, 33, 40, 64)


def drawn_choice(seed):
    """A whole choice of the factors that fits, each level as likely as the rules let it be."""
    rng = random.Random(seed)
    while True:
        order = RULES.bound_first(rng.sample(list(FACTORS), len(FACTORS)))
        found = RULES.completed(
            {}, {name: FACTORS[name] for name in order},
            prefer=lambda name, levels, choice: rng.sample(levels, len(levels)))
        if maps_fit(found):
            return found


def soaked(number, seed):
    """Case ``number`` of a soak."""
    name = f"soak {seed}, {number}"
    if number % 2:
        return case_of(drawn_choice(f"{seed} {number}"), seed * 100_003 + number, name)
    for attempt in range(100):
        rng = np.random.default_rng((seed, number, attempt))
        encoder = pick(rng, FACTORS["encoder"])
        size = EngineSize(*pick(rng, ENGINES), int(pick(rng, TRAINS)))
        network = draw(int(rng.integers(2**31)), rich=True, steps=STEPS, encoder=encoder,
                       kernels=7).replace(name=name)
        taps = tuple(tap for tap in network.taps if rng.random() < 0.8)
        try:
            Plan(network, **size._asdict())
        except BadInput:
            continue      # weights that no chip holds
        return Case(name, network, {**size._asdict(), "taps": taps},
                    pictures(network, number), runs(number))
    raise AssertionError(f"{name} cannot be drawn")


@cache
def array():
    """(choices, pairs that can stand together, pairs that cannot) of the covering array."""
    return covering(FACTORS, RULES, fits=maps_fit)


def arrays(only=""):
    """({name: function that makes the Case} of the covering array and the named, (pairs that can
    stand together, pairs that cannot)).
    """
    rows, possible, impossible = array()
    found = {name: (lambda case=case: case) for name, case in named().items()}
    found |= {f"pair {n}": (lambda n=n, row=row: case_of(row, n, f"pair {n}"))
              for n, row in enumerate(rows)}
    return {name: make for name, make in found.items() if only in name}, possible, impossible


def outcomes(makers, work, *, jobs, timeout, console):
    """[{"name": ..., of the network, of the trial}] in order; those noted equal are not run."""
    work.mkdir(parents=True, exist_ok=True)
    found, began = {}, time.monotonic()

    def missing():
        for name, make in makers.items():
            noted = path_of(work, name)
            if noted.exists():
                found[name] = json.loads(noted.read_text())
                continue
            case = make()
            found[name] = {"name": name, **described(case)}
            yield name, case
    with Progress(console=console, transient=True, auto_refresh=console.is_terminal) as progress:
        task = progress.add_task("networks", total=len(makers))
        for name, answer in trials(missing(), jobs=jobs, timeout=timeout):
            found[name] |= answer
            if answer.get("wrong") == []:
                with replacing(path_of(work, name)) as aside:
                    aside.write_text(json.dumps(found[name]))
            else:
                console.print(f"{name}: {fault(found[name])}",
                              soft_wrap=True)
            done = sum("seconds" in each for each in found.values())
            progress.update(task, completed=done)
            if not console.is_terminal and done % 10 == 0:
                console.print(f"{done} of {len(makers)} networks, "
                              f"{time.monotonic() - began:,.0f} s")
    return [found[name] for name in makers]


def path_of(work, name):
    """Where a network's outcome is noted."""
    return work / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"


def fault(each):
    """What is wrong with a network, and how to make it again."""
    what = each.get("error") or f"{', '.join(each['wrong'])} differ"
    return (f"{what}: lanes {each['lanes']}, word_steps {each['word_steps']}, "
            f"trains {each['trains']}, schedule {each.get('schedule', 'auto')}, "
            f"taps {each['taps']}, {each['network']}")


@command
def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="python -m tests.drawn", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--pairs", action="store_true", help="the covering array and named cases")
    what.add_argument("--soak", type=int, metavar="N", help="so many drawn networks")
    what.add_argument("--list", action="store_true",
                      help="print the array, and the pairs that cannot be, with the rules")
    parser.add_argument("--seed", type=int, default=1, help="of the soak (default: %(default)s)")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N networks")
    parser.add_argument("--only", default="", metavar="TEXT", help="only names with this in them")
    parser.add_argument("--jobs", type=int, default=2, help="at once (default: %(default)s)")
    parser.add_argument("--timeout", type=int, default=TIMEOUT, metavar="S",
                        help="seconds for a network (default: %(default)s)")
    parser.add_argument("--work", default="build/drawn", help="where equal ones are noted")
    parser.add_argument("--out", metavar="LOG.json")
    args = parser.parse_args(argv)
    for name in ("soak", "limit", "jobs", "timeout"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise BadInput(f"--{name} must be at least 1, not {getattr(args, name)}")
    if args.seed < 0:
        raise BadInput(f"--seed must not be negative, not {args.seed}")
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 400)
    log = {"stamp": stamp("drawn", "tests.drawn", argv)}
    if args.soak:
        makers = {f"soak {args.seed}, {n}": (lambda n=n: soaked(n, args.seed))
                  for n in range(args.soak)}
        makers = {name: make for name, make in makers.items() if args.only in name}
        log |= {"soak": args.soak, "seed": args.seed}
    else:
        with console.status("drawing the array ..."):
            makers, possible, impossible = arrays(args.only)
        kinds = Counter(texts[0] for texts in impossible.values())
        log |= {"factors": {name: len(levels) for name, levels in FACTORS.items()},
                "pairs": len(possible), "impossible": [
                    [*(f"{factor} {level}" for factor, level in pair), texts]
                    for pair, texts in impossible.items()]}
        say(f"{len(makers)} networks; {len(possible):,} pairs of levels can stand together and "
            f"are covered, {len(impossible)} cannot:")
        for text, count in kinds.most_common():
            say(f"  {count}: {text}")
    if args.list:
        for name, make in makers.items():
            found = described(make())
            size = EngineSize(found["lanes"], found["word_steps"], found["trains"])
            say(f"{name}: {size.text}, {found['network']}")
        for one, two, texts in log["impossible"]:
            say(f"never {one} with {two}: {'; '.join(texts[:3])}")
        return
    whole = len(makers)
    makers = dict(list(makers.items())[:args.limit])
    began = time.monotonic()
    work = Path(args.work) / log["stamp"]["sources"][:16]
    networks = outcomes(makers, work, jobs=args.jobs, timeout=args.timeout, console=console)
    wrong = [each for each in networks if each.get("wrong") != []]
    words, cycles = (sum(each.get(key, 0) for each in networks) for key in ("words", "cycles"))
    log |= {"of": whole, "equal": len(networks) - len(wrong), "words": words, "cycles": cycles,
            "networks": networks}
    if args.out:
        with replacing(args.out) as aside:
            aside.write_text(json.dumps(log, indent=1) + "\n")
    for each in wrong:
        say(f"FAULT {each['name']}: {fault(each)}")
    say(f"{len(networks) - len(wrong)} of {len(networks)} networks equal golden in "
        f"{words:,} values, {cycles:,} cycles; {time.monotonic() - began:,.0f} s")
    raise SystemExit(int(bool(wrong)))


if __name__ == "__main__":
    main()
