"""python -m boards.flash: write a build to the board's flash, and ask the board whether it runs."""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from boards.flashimage import unpacked
from boards.host import Board
from boards.ports import find_port
from boards.protocol import Boot
from golden.errors import BadInput, command
from golden.text import say

# Programs by board, the preferred one first; {file} is written to the start of the flash.
PROGRAMMERS = {
    "iCEBreaker": ("iceprog {file}", "openFPGALoader -b ice40_generic -f {file}"),
    "iCE40-HX8K breakout": ("iceprog {file}", "openFPGALoader -b ice40_generic -f {file}"),
    "ULX3S 85F": ("openFPGALoader -b ulx3s -f {file}",),
}
NO_PROGRAMMER = 3


def parser():
    """Arguments of the command."""
    found = argparse.ArgumentParser(
        prog="python -m boards.flash", description=__doc__,
        epilog="Exit code 0: written and verified; 1: the programmer failed, or the board is not "
               "what was written; 2: bad input, or a board that does not answer; 3: no programmer "
               "here, the command to run was printed.")
    found.add_argument("--build", default="build/ice40", metavar="DIR",
                       help="what hw.build wrote (default: %(default)s)")
    found.add_argument("--port", metavar="P",
                       help="serial port to verify by (default: found by its USB id)")
    found.add_argument("--no-verify", action="store_true", help="do not ask the board afterwards")
    return found


def built(folder):
    """(report, file to write) of a build, checked as far as that goes without a board."""
    folder = Path(folder)
    try:
        report = json.loads((folder / "report.json").read_text())
        board, options = report["board"], report["options"]
    except OSError:
        raise BadInput(f"{folder}: holds no report.json; `python -m hw.build ice40 --out {folder}` "
                       "writes one") from None
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{folder / 'report.json'}: is no report of hw.build") from None
    if board not in PROGRAMMERS:
        raise BadInput(f"{folder / 'report.json'}: is for a board named {board}, not for one of "
                       f"{', '.join(PROGRAMMERS)}")
    if options["boot"] == "flash":
        file = folder / "flash.bin"
    else:
        file = folder / ("top.bit" if board.startswith("ULX3S") else "top.bin")
    if not file.is_file():
        raise BadInput(f"{file}: no such file")
    if options["boot"] == "flash":
        unpacked(file.read_bytes(), where=str(file))
    return report, file


def verify(report, port, *, baud):
    """A line of what is wrong with the board, "" if it is what was written."""
    with Board(port, baud=baud) as board:
        told = board.identify()
    if told.digest != report["digest"]:
        return (f"the board was built for network {told.digest}, not {report['digest']}: still the "
                "old bitstream?")
    if report["options"]["boot"] == "flash" and told.boot != Boot.LOADED:
        return f"the board says of the weights in flash: {Boot(told.boot).name}"
    return ""


@command
def main(argv=None):
    args = parser().parse_args(argv)
    report, file = built(args.build)
    network, size = report["network"], file.stat().st_size
    say(f"{file}: {size:,} bytes, network {network} ({report['digest']}) for {report['board']}, "
        f"{report['clock_mhz']:g} MHz, weights from {report['options']['boot']}")
    calls = [shlex.split(line.replace("{file}", shlex.quote(str(file))))
             for line in PROGRAMMERS[report["board"]]]
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
    wrong = verify(report, args.port or find_port(), baud=report["options"]["baud"])
    if wrong:
        say(f"error: {wrong}", file=sys.stderr)
        raise SystemExit(1)
    say("verified: the board tells this network")


if __name__ == "__main__":
    main()
