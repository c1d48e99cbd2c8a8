"""python -m boards.flash: write a build to the board's flash, and ask the board whether it runs."""

import hashlib
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boards.host import Board
from boards.platform.board_file import board_of
from boards.platform.target import targets
from boards.ports import find_port
from boards.protocol.codec import Kind
from boards.protocol.flash_image import requests, unpacked
from boards.protocol.identity import Boot
from golden.io.arguments import command_parser
from golden.io.errors import BadInput, command
from golden.io.reading import tree
from golden.io.text import say
from hw.plan.packing import signature

if TYPE_CHECKING:
    import argparse

# Programs by board, the preferred one first; {file} is written to the start of the flash.
PROGRAMMERS = {target.board: target.programmers for target in targets()}
NO_PROGRAMMER = 3
LONGEST = 2**22     # bytes of a report


def parser(prog: str = "python -m boards.flash") -> "argparse.ArgumentParser":
    """Arguments of the command."""
    found = command_parser(
        prog, "Write a build to the board's flash, and ask the board whether it runs.",
        examples=("--build build/ice40", "--build build/ice40 --port /dev/ttyUSB1"),
        codes="Exit code 0: written and verified; 1: the programmer failed, or the board is not "
              "what was written; 2: bad input, or a board that does not answer; 3: no programmer "
              "here, the command to run was printed.")
    found.add_argument("--build", default="build/ice40", metavar="DIR",
                       help="what hw.build wrote (default: %(default)s)")
    found.add_argument("--board-file", metavar="FILE",
                       help="what describes a board of your own, whose programmers are used")
    found.add_argument("--port", metavar="P",
                       help="serial port to verify by (default: found by its USB id)")
    found.add_argument("--no-verify", action="store_true", help="do not ask the board afterwards")
    return found


def read_report(path: Path, programmers: dict[str, tuple]) -> dict[str, Any]:
    """The report of hw.build at ``path``, checked for all that is used here, or BadInput."""
    again = f"`python -m hw.build ice40 --out {path.parent}` writes one"
    if not path.is_file():
        raise BadInput(f"{path.parent}: holds no report.json; {again}")
    report = tree(path, "report of hw.build", LONGEST)
    is_of = lambda value, *kinds: isinstance(value, kinds) and not isinstance(value, bool)
    held = report if isinstance(report, dict) else {}
    options = held.get("options") if isinstance(held.get("options"), dict) else {}
    hashes, clock, baud = held.get("sha256", {}), held.get("clock_mhz"), options.get("baud")
    for what, holds in (
            ("board", is_of(held.get("board"), str)), ("network", is_of(held.get("network"), str)),
            ("digest", is_of(held.get("digest"), str)), ("sha256", is_of(hashes, dict)),
            ("clock_mhz", is_of(clock, int, float) and 0 < clock < 1e6),
            ("options: boot", options.get("boot") in ("uart", "flash", "flash-x1")),
            ("options: baud", is_of(baud, int) and 0 < baud < 2**32)):
        if not holds:
            raise BadInput(f"{path}: is no report of hw.build ({what}); {again}")
    if held["board"] not in programmers:
        raise BadInput(f"{path}: is for a board named {held['board']}, not for one of "
                       f"{', '.join(programmers)}; --board-file names a board of your own")
    return held


def built(folder: str | Path,
          programmers: dict[str, tuple] = PROGRAMMERS) -> tuple[dict[str, Any], Path]:
    """(report, file to write) of a build, checked as far as that goes without a board."""
    folder = Path(folder)
    report = read_report(folder / "report.json", programmers)
    if report["options"]["boot"] != "uart":
        file = folder / "flash.bin"
    else:
        names = report.get("sha256", {})
        file = folder / ("top.bit" if "top.bit" in names else "top.bin")
    if not file.is_file():
        raise BadInput(f"{file}: no such file")
    content = file.read_bytes()
    if report["options"]["boot"] != "uart":
        unpacked(content, where=str(file))
    if hashlib.sha256(content).hexdigest() != report.get("sha256", {}).get(file.name):
        raise BadInput(f"{file}: is not the file that {folder / 'report.json'} is about (its "
                       "SHA-256 is another); build once more with hw.build")
    return report, file


def verify(report: dict[str, Any], port: str, *, baud: int, file: Path | None = None) -> str:
    """A line of what is wrong with the board, "" if it is what was written from ``file``."""
    with Board(port, baud=baud) as board:
        told = board.identify()
    if told.digest != report["digest"]:
        return (f"the board was built for network {told.digest}, not {report['digest']}: still the "
                "old bitstream?")
    if report["options"]["boot"] != "uart" and told.boot != Boot.LOADED:
        return f"the board says of the weights in flash: {Boot(told.boot).name}"
    if report["options"]["boot"] != "uart":
        wanted = weights(file)
        if told.signature != wanted:
            return (f"the board holds other weights than {file}: their signature is "
                    f"{told.signature}, not {wanted}")
    return ""


def weights(file: Path) -> str:
    """Signature, in hex, of the weights in a flash.bin."""
    words = {}
    for kind, payload in requests(unpacked(file.read_bytes(), where=str(file))[1]):
        if kind == Kind.WEIGHTS:
            first = int.from_bytes(payload[:2], "big")
            for n in range(2, len(payload), 2):
                words[first + n // 2 - 1] = int.from_bytes(payload[n:n + 2], "big")
    return f"{signature([words[n] for n in sorted(words)]):08x}"


@command
def main(argv: list[str] | None = None, prog: str = "python -m boards.flash") -> None:
    args = parser(prog).parse_args(argv)
    programmers = PROGRAMMERS
    if args.board_file is not None:
        target = board_of(args.board_file)
        programmers = {target.board: target.programmers}
    report, file = built(args.build, programmers)
    network, size = report["network"], file.stat().st_size
    say(f"{file}: {size:,} bytes, network {network} ({report['digest']}) for {report['board']}, "
        f"{report['clock_mhz']:g} MHz, weights from {report['options']['boot']}")
    calls = [shlex.split(line.replace("{file}", shlex.quote(str(file))))
             for line in programmers[report["board"]]]
    if not calls:
        say(f"{args.board_file} names no programmers; write {file} by a program of your own")
        raise SystemExit(NO_PROGRAMMER)
    call = next((call for call in calls if shutil.which(call[0])), None)
    if call is None:
        names = " nor ".join(dict.fromkeys(call[0] for call in calls))
        say(f"neither {names} is on PATH; with one of them, run\n    "
            + "\n    ".join(shlex.join(call) for call in calls))
        raise SystemExit(NO_PROGRAMMER)
    say(f"running {shlex.join(call)}", flush=True)
    code = subprocess.run(call).returncode
    if code:
        say(f"error: {call[0]} failed with exit code {code}", file=sys.stderr)
        raise SystemExit(1)
    if args.no_verify:
        say("written, not verified")
        return
    time.sleep(1)                       # the board configures itself
    wrong = verify(report, args.port or find_port(), baud=report["options"]["baud"], file=file)
    if wrong:
        say(f"error: {wrong}", file=sys.stderr)
        raise SystemExit(1)
    say("verified: the board tells this network")


if __name__ == "__main__":
    main()
