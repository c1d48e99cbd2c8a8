"""python -m tests.mutation: change the gateware in hundreds of places; tell which the benches see.

Every mutant of a design is in one simulation, chosen by an input. A mutant is seen if any word, or
the number of cycles without stalls, is another than the model's (than the design's own). Of those
that are not, some are proven to be the design (verify.mutation.equal). The others, and why they
survive, are in survivors.json beside this file, which --out brings up to date.
"""

import argparse
import json
import multiprocessing
import sys
from pathlib import Path

from golden.io.console import Console, Table
from golden.io.errors import command
from golden.io.evidence import stamp
from golden.io.files import replacing
from golden.io.text import say
from verify.mutation.benches import benches, chosen
from verify.mutation.equal import equal

REASONS = Path(__file__).with_name("survivors.json")
BENCH = None              # of a worker process


def begin(bench):
    """Give a worker its bench."""
    global BENCH
    BENCH = bench


def tried(number):
    """(number, what is seen of the mutant or None)."""
    chosen(number)
    return number, BENCH.seen()


def survey(name, bench, jobs):
    """[{bench, part, change, seen, equivalent}] of all mutants of a bench."""
    chosen(0)
    mutants = bench.build()
    if complaint := bench.seen():
        raise RuntimeError(f"{name}: without a fault the bench complains of {complaint}")
    found = {}
    with multiprocessing.get_context("fork").Pool(jobs, begin, (bench,)) as pool:
        for number, seen in pool.imap_unordered(tried, [m.number for m in mutants]):
            found[number] = seen
            if len(found) % 50 == 0:
                say(f"{name}: {len(found)} of {len(mutants)}", file=sys.stderr, flush=True)
    same = set()
    for part, (path, _) in bench.parts.items():
        numbers = [m.number for m in mutants if m.part == part and found[m.number] is None]
        proven = equal(bench.modules, path, numbers)
        say(f"{name}, {part}: {len(proven)} of {len(numbers)} not seen are the design",
            file=sys.stderr, flush=True)
        same |= proven
    return [{"bench": name, "part": m.part, "change": m.change, "seen": found[m.number],
             "equivalent": m.number in same} for m in mutants]


def key(row):
    """What a survivor is called in survivors.json."""
    return f"{row['bench']}: {row['part']}: {row['change']}"


def survivors(rows, known):
    """{name: {reason, equivalent, how}} of the mutants not seen; reasons given by hand stay."""
    found = {}
    for row in rows:
        if row["seen"] is None and row["equivalent"]:
            found[key(row)] = {"reason": "does the same", "equivalent": True, "how": "SAT"}
        elif row["seen"] is None:
            reason = known.get(key(row), {}).get("reason", "not looked at")
            found[key(row)] = {"reason": reason, "equivalent": False, "how": None}
    return found


def counted(rows):
    """{part: (mutants, seen, equivalent, survivors)}."""
    found = {}
    for row in rows:
        total, seen, same, left = found.get(row["part"], (0, 0, 0, 0))
        unseen = row["seen"] is None
        found[row["part"]] = (total + 1, seen + (not unseen), same + row["equivalent"],
                              left + (unseen and not row["equivalent"]))
    return found


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="benches with this in their name")
    parser.add_argument("--out", metavar="FILE.json")
    args = parser.parse_args(argv)
    rows, made = [], stamp("mutation", "tests.mutation", argv)
    for name, bench in benches().items():
        if args.only in name:
            try:
                rows += survey(name, bench, args.jobs)
            except RuntimeError as error:
                say(f"error: {error}", file=sys.stderr)
                raise SystemExit(1) from None
    known = json.loads(REASONS.read_text())
    reasons = survivors(rows, known)
    table = Table(title="mutants")
    for column in ("component", "mutants", "seen", "proven equivalent", "survive", "share seen"):
        table.add_column(column, justify="left" if column == "component" else "right")
    parts = counted(rows)
    parts["all"] = tuple(sum(each) for each in zip(*parts.values(), strict=True))
    for part, (total, seen, same, left) in parts.items():
        table.add_row(part, str(total), str(seen), str(same), str(left),
                      f"{100 * seen / max(1, total - same):.1f} %")
    Console(width=110).print(table)
    for name, each in reasons.items():
        if not each["equivalent"]:
            say(f"survives: {name}: {each['reason']}")
    if args.out:
        with replacing(args.out) as aside:
            aside.write_text(json.dumps({"stamp": made, "parts": parts, "mutants": rows},
                                        indent=1) + "\n")
        with replacing(REASONS) as aside:
            aside.write_text(json.dumps(reasons, indent=1) + "\n")


if __name__ == "__main__":
    main()
