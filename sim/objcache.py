"""Stands before a compiler call, as ccache would, and compiles Verilator's runtime only once.

The runtime is most of what a small design compiles and is the same for all designs. Verilator's
makefiles put $OBJCACHE before each compiler call; this script keeps the objects of the sources in
$VERILATOR_ROOT/include below $SAM_OBJECTS, keyed by the call and the compiler, and hands on all
other calls; and all calls where that folder is not set or cannot be used. An object that is not the
one that was kept is compiled again.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path


def state(path):
    """What changes with a file."""
    found = os.stat(path)
    return f"{found.st_size} {found.st_mtime_ns}"


def cached(call, source, output, cache):
    """Make the object of a call, from ``cache`` if it is there; its exit code."""
    compiler = shutil.which(call[0])
    key = hashlib.sha256("\0".join([*call, state(source), compiler, state(compiler)]).encode())
    kept = cache / f"{source.stem}-{key.hexdigest()[:20]}.o"
    told = kept.with_suffix(".sha256")
    cache.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)      # a second build waits instead of compiling the same
        digest = lambda: hashlib.sha256(kept.read_bytes()).hexdigest()
        if kept.exists() and told.exists() and told.read_text() == digest():
            shutil.copyfile(kept, output)
            return 0
        code = subprocess.run(call).returncode
        if not code:
            for half in cache.glob(f"{kept.stem}.new-*"):       # of a build that was killed
                half.unlink()
            aside = kept.with_suffix(f".new-{os.getpid()}")
            shutil.copyfile(output, aside)
            os.replace(aside, kept)
            told.write_text(digest())
        return code


def main(call):
    source = Path(call[-1])
    runtime = Path(os.environ["VERILATOR_ROOT"]) / "include"
    cache = os.environ.get("SAM_OBJECTS")
    if cache and source.parent == runtime and "-o" in call:
        try:
            return cached(call, source, call[call.index("-o") + 1], Path(cache))
        except OSError:
            pass                              # without the cache, then
    return subprocess.run(call).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
