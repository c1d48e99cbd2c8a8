"""Commands that are started to be stopped, and what they leave behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).parent.parent
GRACE = 20          # seconds in which all that a command started has to end behind it


def marked(mark):
    """{pid: command line} of the processes that inherited ``mark``, zombies aside."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (process / "environ").read_bytes():
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if line:
                    found[int(process.name)] = line
    return found


class Started:
    """``python -m WORDS`` in a process group of its own, with a temporary folder of its own.

    Parameters
    ----------
    words : list of str
    folder : Path
        For TMPDIR, standard output and standard error.
    env : dict
        Besides this process's environment.
    """

    def __init__(self, words, folder, **env):
        self.mark = f"STOPPING={uuid.uuid4()}"
        self.tmp, self.out, self.err = folder / "tmp", folder / "out", folder / "err"
        self.tmp.mkdir(exist_ok=True)
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *map(str, words)], cwd=ROOT, stdout=out, stderr=err,
                env={**os.environ, "TMPDIR": str(self.tmp), "PYTHONUNBUFFERED": "1", **env,
                     **dict([self.mark.split("=")])},
                # Even where these tests run behind nohup.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
                start_new_session=True)

    def others(self):
        """The processes that it started."""
        return {pid: line for pid, line in marked(self.mark).items() if pid != self.process.pid}

    def wait_for(self, seen, seconds=300):
        """Wait until ``seen()`` holds; fail if the command ends before."""
        end = time.monotonic() + seconds
        while not seen():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise AssertionError(f"not seen: {self.err.read_text()}")
            time.sleep(0.1)

    def runs(self, name):
        """Whether one of its processes has ``name`` in its command line."""
        return lambda: any(name in line for line in self.others().values())

    def stop(self, number, *, group=False, times=1):
        """Send a signal to it, or to its whole group, some times in a row."""
        for _ in range(times):
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(self.process.pid, number)
            time.sleep(0.05)

    def ended(self, seconds=60):
        """(exit code, standard error)."""
        try:
            code = self.process.wait(seconds)
        finally:
            self.process.kill()
        return code, self.err.read_text()

    def left(self):
        """Processes and temporary files that are still there when all had time to go."""
        end = time.monotonic() + GRACE
        while (found := [*self.others().values(), *map(str, self.tmp.rglob("*"))]) and (
                time.monotonic() < end):
            time.sleep(0.05)
        for pid in self.others():
            os.kill(pid, signal.SIGKILL)
        return found
