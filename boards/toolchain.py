"""Which synthesis, place and route, and packing programs to run."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

__all__ = ["choose", "environment"]

TOOLS = {
    "ice40": {"YOSYS": "yosys", "NEXTPNR_ICE40": "nextpnr-ice40", "ICEPACK": "icepack"},
    "ecp5": {"YOSYS": "yosys", "NEXTPNR_ECP5": "nextpnr-ecp5", "ECPPACK": "ecppack"},
}
CACHE = Path.home() / ".cache" / "YoWASP"


def choose(find=shutil.which, family="ice40"):
    """Commands of Yosys, nextpnr and the packer of a family by their environment variable.

    A variable that is set wins; then the native programs if all are on PATH; then those of YoWASP,
    from PATH or beside this Python. ``find`` looks a program up on PATH.
    """
    native = all(find(name) for name in TOOLS[family].values())
    scripts = Path(sysconfig.get_path("scripts"))
    return {
        variable: os.environ.get(variable) or (
            name if native else find(f"yowasp-{name}") or str(scripts / f"yowasp-{name}"))
        for variable, name in TOOLS[family].items()
    }


def environment(family="ice40"):
    """Set the variables that Amaranth reads, and say so if the first YoWASP call is to come."""
    chosen = choose(family=family)
    if any("yowasp" in command for command in chosen.values()) and not CACHE.exists():
        print("The first YoWASP call compiles its tools for this machine: about a minute.",
              file=sys.stderr)
    os.environ.update(chosen)
    return chosen
