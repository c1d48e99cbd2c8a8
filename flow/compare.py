"""``sam-snn compare A B``: two builds side by side, by their reports."""

import argparse
from pathlib import Path

from golden.io.arguments import command_parser
from golden.io.console import Console, Table, wide
from golden.io.errors import BadInput, command
from golden.io.reading import tree
from golden.io.text import say

__all__ = ["main", "parser", "read", "rows"]

LONGEST = 2**22     # bytes of a report
NUMBERS = (         # (what, keys of a report down to the number)
    ("logic cells", ("lc",)), ("LUT", ("lut",)), ("FF", ("ff",)), ("EBR", ("ebr",)),
    ("SPRAM", ("spram",)), ("DSP", ("dsp",)),
    ("reached, MHz", ("fmax_mhz",)), ("clock, MHz", ("clock_mhz",)),
    ("cycles an image, estimate", ("image", "cycles")),
    ("chip, ms an image, estimate", ("image", "chip_ms")),
    ("bytes to the chip", ("image", "bytes_to")), ("bytes from it", ("image", "bytes_from")))
WORDS = ("network", "digest", "board", "lanes", "word_steps", "trains", "schedule", "taps",
         "sam_mode", "gamma", "seed", "timing_met")


def read(place: str) -> dict:
    """The report of a build at ``place``, its folder or its report.json; BadInput if it is none."""
    path = Path(place)
    path = path / "report.json" if path.is_dir() else path
    if not path.is_file():
        raise BadInput(f"{path}: no such report; `python -m hw.build` writes one into its folder")
    found = tree(path, "report of hw.build", LONGEST)
    if not isinstance(found, dict) or not {"board", "network", "options", "digest"} <= found.keys():
        raise BadInput(f"{path}: is no report of hw.build")
    return found


def at(report: dict, keys: tuple) -> object:
    """What lies below ``keys``, None where something is missing on the way."""
    for key in keys:
        report = report.get(key) if isinstance(report, dict) else None
    return report


def number(value: object) -> float | None:
    """``value`` where it is a number."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_one else None


def change(a: float, b: float) -> str:
    """What B has more or less than A, in percent."""
    if a == b:
        return "same"
    return f"{(b - a) / a:+.1%}" if a else "-"


def shown(value: object) -> str:
    """A cell."""
    if number(value) is not None:
        return f"{value:,}"
    return "-" if value is None else str(value)


def rates(report: dict) -> dict:
    """{baud: images a second} of a report, none where it does not say them."""
    listed = at(report, ("image", "rates"))
    return {each["baud"]: number(each.get("images_s"))
            for each in (listed if isinstance(listed, list) else ())
            if isinstance(each, dict) and isinstance(each.get("baud"), int)}


def rows(a: dict, b: dict) -> list[tuple[str, str, str, str]]:
    """(what, of A, of B, change) of two reports: words that differ, then all numbers."""
    found = []
    options = [report["options"] if isinstance(report["options"], dict) else {}
               for report in (a, b)]
    for what, left, right in (
            *((key, a.get(key), b.get(key)) for key in WORDS),
            *((key, options[0].get(key), options[1].get(key))
              for key in dict.fromkeys((*options[0], *options[1])))):
        if left != right:
            found.append((what, shown(left), shown(right), "differs"))
    pairs = [(what, number(at(a, keys)), number(at(b, keys))) for what, keys in NUMBERS]
    here, there = rates(a), rates(b)
    pairs += [(f"images/s at {baud:,} baud, estimate", here.get(baud), there.get(baud))
              for baud in sorted(here.keys() | there.keys())]
    for name in ("least", "most"):
        each = [at(report, ("energy", "microjoules")) for report in (a, b)]
        values = [number(pair[name == "most"]) if isinstance(pair, list) and len(pair) == 2
                  else None for pair in each]
        pairs.append((f"uJ an image, at {name}, ESTIMATE", *values))
    for what, left, right in pairs:
        if left is None and right is None:
            continue
        both = left is not None and right is not None
        found.append((what, shown(left), shown(right), change(left, right) if both else "-"))
    return found


def parser(prog: str = "sam-snn compare") -> argparse.ArgumentParser:
    """Arguments of the command."""
    found = command_parser(
        prog, "Two builds side by side: what differs, size, clock, time and energy.",
        examples=("build/ice40 build/other",), codes="Exit code 0: compared; 2: bad input.")
    for name in "AB":
        found.add_argument(name.lower(), metavar=name, help="folder of a build, or its "
                           "report.json")
    return found


@command
def main(argv: list[str] | None = None, prog: str = "sam-snn compare") -> None:
    """Print the table."""
    args = parser(prog).parse_args(argv)
    a, b = read(args.a), read(args.b)
    say(f"A: {args.a}\nB: {args.b}")
    table = Table("what", "A", "B", "change")
    for row in rows(a, b):
        table.add_row(*row)
    wide(Console()).print(table)
    if "image" not in a or "image" not in b:
        say("a report of an older version says no time and no energy: build once more")


if __name__ == "__main__":
    main()
