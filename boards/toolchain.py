"""Which synthesis, place and route, and packing programs to run."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

__all__ = ["choose", "environment"]

TOOLS = {"YOSYS": "yosys", "NEXTPNR_ICE40": "nextpnr-ice40", "ICEPACK": "icepack"}
CACHE = Path.home() / ".cache" / "YoWASP"


def choose(find=shutil.which):
    """Commands of Yosys, nextpnr and icepack by their environment variable.

    A variable that is set wins; then the native programs if all are on PATH; then those of YoWASP,
    from PATH or beside this Python. ``find`` looks a program up on PATH.
    """
    native = all(find(name) for name in TOOLS.values())
    scripts = Path(sysconfig.get_path("scripts"))
    return {
        variable: os.environ.get(variable) or (
            name if native else find(f"yowasp-{name}") or str(scripts / f"yowasp-{name}"))
        for variable, name in TOOLS.items()
    }


def environment():
    """Set the variables that Amaranth reads, and say so if the first YoWASP call is to come."""
    chosen = choose()
    if any("yowasp" in command for command in chosen.values()) and not CACHE.exists():
        print("The first YoWASP call compiles its tools for this machine: about a minute.",
              file=sys.stderr)
    os.environ.update(chosen)
    return chosen
