"""Stands before a compiler call, as ccache would, and compiles Verilator's runtime only once.

The runtime is most of what a small design compiles and is the same for all designs. Verilator's
makefiles put $OBJCACHE before each compiler call; this script keeps the objects of the sources in
$VERILATOR_ROOT/include, keyed by the call, and hands on all other calls.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sam-snn" / "objects"


def main(call):
    source = Path(call[-1])
    runtime = Path(os.environ["VERILATOR_ROOT"]) / "include"
    if source.parent != runtime or "-o" not in call:
        return subprocess.run(call).returncode
    output = call[call.index("-o") + 1]
    state = source.stat()
    key = hashlib.sha256("\0".join([*call, str(state.st_size), str(state.st_mtime_ns)]).encode())
    kept = CACHE / f"{source.stem}-{key.hexdigest()[:20]}.o"
    CACHE.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)      # a second build waits instead of compiling the same
        if not kept.exists():
            code = subprocess.run(call).returncode
            if code:
                return code
            aside = kept.with_suffix(f".{os.getpid()}")
            shutil.copyfile(output, aside)
            os.replace(aside, kept)
    shutil.copyfile(kept, output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
