"""Which synthesis, place and route, and packing programs to run."""

import fcntl
import os
import shutil
import sys
import sysconfig
from pathlib import Path

from boards.platform.device import tools_for
from golden.io.processes import run
from golden.io.text import say

__all__ = ["choose", "environment"]


def choose(find=shutil.which, family: str = "ice40") -> dict[str, str]:
    """Commands of Yosys, nextpnr and the packer of a family by their environment variable.

    A variable that is set wins; then the native programs if all are on PATH; then those of YoWASP,
    from PATH or beside this Python. ``find`` looks a program up on PATH.
    """
    tools = tools_for(family)
    native = all(find(name) for name in tools.values())
    scripts = Path(sysconfig.get_path("scripts"))
    return {
        variable: os.environ.get(variable) or (
            name if native else find(f"yowasp-{name}") or str(scripts / f"yowasp-{name}"))
        for variable, name in tools.items()
    }


def environment(family: str = "ice40") -> dict[str, str]:
    """Set the variables that Amaranth reads; compile those YoWASP programs that never ran."""
    chosen = choose(family=family)
    compile_once([command for command in chosen.values() if "yowasp-" in command])
    os.environ.update(chosen)
    return chosen


def cache() -> Path:
    """Where YoWASP keeps what it compiled."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("YOWASP_CACHE_DIR") or Path(home, "YoWASP"))


def compile_once(commands: list[str]) -> None:
    """Compile YoWASP programs that were never called here, and say so.

    Programs must not be called at the same time while one of them is not compiled: each maps what
    the other has written so far, and ends in the middle of its work.
    """
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "compiling.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [command for command in commands if not any(
            folder.glob(f"*/{Path(command).name.removeprefix('yowasp-')}.wasm/*"))]
        if missing:
            say("The first YoWASP call compiles its tools for this machine: about a minute.",
                file=sys.stderr)
        for command in missing:
            run([command, "--help"], capture_output=True)
