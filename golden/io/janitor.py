"""Outlives a command to clean up behind it: golden.io.processes starts it and tells what is there.

Reads lines of JSON from its standard input: [true, what] when a process group (an int) or a folder
(a str) comes to be, [false, what] when it is gone. When the input ends, which it does even if the
command is killed outright, the groups that are left are killed and the folders removed.
"""

import contextlib
import json
import os
import shutil
import signal
import sys
import time

PATIENCE = 5        # seconds in which the last writers into a folder have died


def main() -> None:
    if os.fork():                   # no child of who started it, and not killed with its children
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    left = {}
    for line in sys.stdin:
        there, what = json.loads(line)
        if there:
            left[what] = None
        else:
            left.pop(what, None)
    for what in left:
        if isinstance(what, int):
            with contextlib.suppress(OSError):
                os.killpg(what, signal.SIGKILL)
    end = time.monotonic() + PATIENCE
    for what in left:
        if isinstance(what, str):
            shutil.rmtree(what, ignore_errors=True)
            while os.path.lexists(what) and time.monotonic() < end:
                time.sleep(0.02)
                shutil.rmtree(what, ignore_errors=True)


if __name__ == "__main__":
    main()
