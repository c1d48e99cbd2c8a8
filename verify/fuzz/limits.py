"""A command in a process of its own, with little time and memory."""

import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ending:
    """How a command ended: exit code, what it printed, seconds of CPU; ``hang`` if it was killed.

    ``code`` is minus the signal that ended it.
    """

    code: int
    out: str
    err: str
    seconds: float
    hang: bool

    def fault(self):
        """What is wrong with this ending, "" if nothing: a crash, a hang, more than one line."""
        if self.hang:
            return "hang"
        if "Traceback" in self.err or "Traceback" in self.out:
            return "traceback"
        if self.code not in (0, 1, 2):
            return f"exit code {self.code}"
        if any(not (c.isprintable() or c in "\n\r") for c in self.out + self.err):
            return "control characters"
        lines = [line for line in self.err.splitlines() if "error: " in line]
        if self.code == 2 and (len(lines) != 1 or self.err.rstrip() != self.err.strip()
                               or not self.err.rstrip().endswith(lines[0])):
            return "not one line"
        return ""


def bounded(main, words, folder, *, seconds=20, memory=2**30, patch=None):
    """The Ending of ``main(words)`` in ``folder``, forked from this process.

    It may use so many ``seconds`` of CPU time (and twenty times as many by the clock), and
    ``memory`` bytes more address space than this process has. ``patch()`` is called first.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if not child:
            code = 70
            try:
                os.setsid()
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                sys.stdout, sys.stderr = (open(n, "w", errors="backslashreplace") for n in (1, 2))
                here = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
                resource.setrlimit(resource.RLIMIT_AS, (here + memory,) * 2)
                resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                signal.signal(signal.SIGXCPU, signal.SIG_DFL)
                os.chdir(folder)
                if patch:
                    patch()
                code = exit_code(main, words)
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)
        until, status, used = time.monotonic() + 20 * seconds, None, None
        while status is None:
            done, found, used = os.wait4(child, os.WNOHANG)
            if done:
                status = found
            elif time.monotonic() > until:
                os.killpg(child, signal.SIGKILL)
                _, status, used = os.wait4(child, 0)
            else:
                time.sleep(0.002)
        code = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        told = [file.read().decode(errors="replace") for file in (out, err)]
        return Ending(code, *told, used.ru_utime + used.ru_stime,
                      code in (-signal.SIGXCPU, -signal.SIGKILL))


def exit_code(main, words):
    """What the interpreter would exit with."""
    try:
        main(words)
    except SystemExit as done:
        if isinstance(done.code, str):
            sys.stderr.write(done.code + "\n")
            return 1
        return done.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
