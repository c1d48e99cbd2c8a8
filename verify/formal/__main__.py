"""python -m tests.formal: prove everything; say what was proven, how far, and how long it took."""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from golden.io.console import Console, Table
from golden.io.errors import command
from golden.io.evidence import stamp
from golden.io.files import replacing
from golden.io.text import say
from verify.formal import PROOFS
from verify.formal.prove import prove, warm


def show(outcomes, console):
    """Print the table."""
    table = Table(title="formal proofs")
    for column in ("component", "claim", "mode", "assertions", "covers", "s", "verdict"):
        table.add_column(column, justify="right" if column in ("assertions", "covers", "s")
                         else "left", overflow="fold")
    for each in outcomes:
        table.add_row(each.proof.component, each.proof.claim, each.proof.mode, str(each.checks),
                      str(each.covers), f"{each.seconds:.1f}", each.verdict)
    console.print(table)


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tests.formal", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="proofs at once (default: 2)")
    parser.add_argument("--only", default="", help="components or claims with this in them")
    parser.add_argument("--out", metavar="FILE.json", help="write the table for docs/proof.md")
    args = parser.parse_args(argv)
    chosen = [p for p in PROOFS if args.only in p.component or args.only in p.claim]
    if not chosen:
        parser.error("no such proof")
    made = stamp("formal", "tests.formal", argv)
    warm()
    console = Console(width=150)
    outcomes = []

    def note():
        """Write what is known so far."""
        with replacing(Path(args.out)) as aside:
            aside.write_text(json.dumps({"stamp": made, "proofs": [{
                "component": o.proof.component, "claim": o.proof.claim, "mode": o.proof.mode,
                "assertions": o.checks, "covers": o.covers, "seconds": round(o.seconds, 1),
                "verdict": o.verdict} for o in outcomes]}, indent=1) + "\n")
    with ThreadPoolExecutor(args.jobs) as pool:
        for outcome in pool.map(prove, chosen):
            outcomes.append(outcome)
            say(f"{outcome.proof.component}: {outcome.proof.claim}: {outcome.verdict} "
                f"({outcome.seconds:.1f} s)", file=sys.stderr, flush=True)
            if args.out:
                note()
    show(outcomes, console)
    say(f"{sum(o.proven for o in outcomes)} of {len(outcomes)} proven, "
        f"{sum(o.checks for o in outcomes)} assertions, {sum(o.covers for o in outcomes)} covers")
    raise SystemExit(0 if all(o.proven for o in outcomes) else 1)


if __name__ == "__main__":
    main()
