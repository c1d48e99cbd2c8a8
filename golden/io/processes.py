"""Processes, threads and temporary folders that end with their command, however that ends.

Ctrl-C and SIGTERM raise Stopped in the main thread, so that ``finally`` and ``with`` clean up; what
must not be torn apart by that stands in ``with held()``. Each process started here leads a group of
its own, so that it goes with all that it started, and has a temporary folder of its own. Where
nothing in Python runs any more (SIGKILL), golden.io.janitor does the same from outside.
"""

import atexit
import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golden.io.text import say

if TYPE_CHECKING:
    import numpy as np


__all__ = ["Stopped", "early", "ending_with_us", "folder", "held", "lasting", "leave", "run",
           "signals", "started", "stopped", "unheard", "workers"]

SAID = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
AGAIN = 10          # seconds until a Stopped that somebody swallowed is raised once more
PATIENCE = 2        # seconds that threads have to follow the main thread


class Stopped(KeyboardInterrupt):
    """The command shall end: by Ctrl-C or SIGTERM."""


class State:
    """What this process knows of its end."""

    def __init__(self):
        self.number = None      # the signal that ends it
        self.caught = False     # nothing more is to be raised
        self.held = 0           # depth of ``held`` in the main thread
        self.due = False        # to be raised when nothing holds any more
        self.left = {}          # process group or folder: the pool whose thread made it, or None
        self.janitor = None
        self.lock = threading.RLock()
        self.lasting = None


state = State()
own = threading.local()         # .pool of a thread of ``workers``


def _fresh():
    """Forget in a forked child what its parent has to clean up."""
    global state
    if state.janitor:
        state.janitor.stdin.close()
        state.janitor.stdout.close()
        state.janitor.returncode = 0            # it is no child of this process
    state = State()


os.register_at_fork(after_in_child=_fresh)


# --- signals


def early() -> None:
    """Until its main() runs, end a command by a line where it is stopped.

    Called by the packages whose modules are commands; does nothing unless one of them is being
    started by ``python -m``.
    """
    if sys.argv and sys.argv[0] == "-m":
        told_as_library(started_module(sys.orig_argv))

        def end(number, _):
            os.write(2, f"{SAID[number]}\n".encode())
            os._exit(128 + number)
        _listen(end)


def started_module(words):
    """The module that a command line of Python starts by -m, or ""."""
    for word, after in zip(words[1:], [*words[2:], ""], strict=True):
        if word == "-m":
            return after
    return ""


def told_as_library(name) -> None:
    """End with a line and exit code 2 where ``python -m name`` would do nothing.

    It would, of a module that is no command; the line names the commands of its room.
    """
    root = Path(__file__).resolve().parents[2]
    path = root / (name.replace(".", "/") + ".py")
    if "." not in name or not path.is_file() or "__main__" in path.read_text():
        return
    room = name.partition(".")[0]
    found = [".".join(each.relative_to(root).with_suffix("").parts).removesuffix(".__main__")
             for each in sorted((root / room).glob("*.py")) + sorted(
                 (root / room).glob("*/__main__.py")) if "__main__" in each.read_text()]
    say(f"error: {name}: is a part of the library and does nothing by itself; run python -m "
        f"sam_snn{''.join(f', {each}' for each in found)}", file=sys.stderr)
    raise SystemExit(2)


def _listen(handler):
    """Have ``handler`` called for the signals that are not ignored; give the handlers before."""
    before = {number: signal.getsignal(number) for number in SAID}
    for number, was in before.items():
        if was is not signal.SIG_IGN:           # as under nohup
            signal.signal(number, handler)
    return before


@contextlib.contextmanager
def signals() -> Iterator:
    """Raise Stopped in here for the first signal of ``SAID``; later ones change nothing.

    Ends with all signals ignored: what comes then is too late. For the main thread of a program.
    """
    def stop(number, _):
        if state.caught:
            return
        if not state.number:
            state.number = number
            for each in SAID:                   # also for the children that cleaning up needs
                signal.signal(each, signal.SIG_IGN)
        if state.held:
            state.due = True
            return
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
        raise Stopped(SAID[state.number])

    def unraisable(found, hook=sys.unraisablehook):
        # Raised in a finaliser or callback, which swallows it: once more, a little later.
        if isinstance(found.exc_value, Stopped):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
        else:
            hook(found)

    sys.unraisablehook = unraisable
    signal.signal(signal.SIGALRM, stop)
    _listen(stop)
    try:
        yield
    finally:
        state.caught = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in SAID:
            signal.signal(number, signal.SIG_IGN)


class held:
    """Put the end of the command off while in here, where few lines must not be torn apart."""

    def __enter__(self):
        self.counts = threading.current_thread() is threading.main_thread()
        state.held += self.counts

    def __exit__(self, *_):
        state.held -= self.counts
        if self.counts and state.due and not state.held:
            state.due = False
            if not state.caught:
                signal.setitimer(signal.ITIMER_REAL, AGAIN)
                raise Stopped(SAID[state.number])


def stopped():
    """Whether the command is to end by a signal."""
    return state.number is not None


def leave() -> None:
    """End the command that was ``stopped``: a line, all children and folders, the exit code."""
    clean()
    warnings.simplefilter("ignore")             # what is half made does not tell of it
    code = 128 + state.number
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        say(SAID[state.number], file=sys.stderr, flush=True)

    def leave_them():
        clean()
        os._exit(code)
    # Python waits for threads, and joblib for processes, which may take their time.
    last = threading.Timer(PATIENCE, leave_them)
    last.daemon = True
    last.start()
    raise SystemExit(code)


# --- what is to be cleaned up


def _tell(there, what):
    """Note that a group or folder is there, or gone, here and with the janitor."""
    with state.lock:
        if there:
            state.left[what] = getattr(own, "pool", None)
        else:
            state.left.pop(what, None)
        try:
            if state.janitor is None:
                state.janitor = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(Path(__file__).with_name("janitor.py"))],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, cwd="/")
                atexit.register(clean)
            state.janitor.stdin.write(json.dumps([there, what]).encode() + b"\n")
            state.janitor.stdin.flush()
        except OSError:
            pass                                # without it, only SIGKILL leaves something


def _end(group):
    """Kill a process group."""
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGKILL)


def clean() -> None:
    """End all processes and remove all folders of this module that are left."""
    with state.lock:
        left, state.left = state.left, {}
        for what in left:
            if isinstance(what, int):
                _end(what)
        for what in left:
            if isinstance(what, str):
                shutil.rmtree(what, ignore_errors=True)
        janitor, state.janitor = state.janitor, None
    if janitor:
        with contextlib.suppress(OSError):
            janitor.stdin.close()               # it repeats what was done here, and ends
        select.select([janitor.stdout], [], [], PATIENCE)
        janitor.stdout.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            janitor.wait(PATIENCE)


@contextlib.contextmanager
def folder(prefix: str = "sam-", where: str | None = None) -> Iterator:
    """A temporary folder, below ``where`` if given, as a Path; removed on the way out."""
    path = os.path.join(os.path.abspath(where or tempfile.gettempdir()),
                        f"{prefix}{secrets.token_hex(6)}")
    try:
        with held():
            _tell(True, path)
            os.mkdir(path, 0o700)
        yield Path(path)
    finally:
        with held():
            shutil.rmtree(path, ignore_errors=True)
            _tell(False, path)


def lasting():
    """A temporary folder that lasts as long as this process, as a Path; always the same."""
    with state.lock:
        if state.lasting is None:
            state.lasting = contextlib.ExitStack()
            state.folder = state.lasting.enter_context(folder("sam-cache-"))
            atexit.register(state.lasting.close)
    return state.folder


# --- processes


@contextlib.contextmanager
def started(call: list, *, env: dict | None = None, **options: Any) -> Iterator:
    """The subprocess.Popen of ``call``; killed with all that it started, if still there at the end.

    Its temporary files go to a folder of its own, and nothing comes from the terminal. Raises
    Stopped in a thread of ``workers`` that have been given up.
    """
    process = None
    options.setdefault("stdin", subprocess.DEVNULL)
    with folder("sam-tmp-") as own_tmp:
        try:
            with held(), state.lock:
                if getattr(own, "pool", None) and own.pool.given_up:
                    raise Stopped("given up")
                process = subprocess.Popen(
                    call, process_group=0, **options,
                    env={**(os.environ if env is None else env), "TMPDIR": str(own_tmp)})
                _tell(True, process.pid)
            yield process
        finally:
            if process is not None:
                with held():
                    if process.poll() is None:
                        _end(process.pid)
                        process.wait()
                    _tell(False, process.pid)
                    for stream in (process.stdin, process.stdout, process.stderr):
                        with contextlib.suppress(OSError, AttributeError):
                            stream.close()


def run(call, *, capture_output: bool = False, **options):
    """Run ``call`` to its end, as subprocess.run does, by ``started``."""
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with started(call, **options) as process:
        out, err = process.communicate()
    return subprocess.CompletedProcess(call, process.returncode, out, err)


# --- several at once


class Pool(ThreadPoolExecutor):
    """Threads whose processes end as soon as one fails; ``reason`` is what it raised."""

    reason = None
    given_up = False

    def submit(self, task: Callable, /, *args: "int | np.ndarray", **kwargs: Any):
        def guarded():
            try:
                return task(*args, **kwargs)
            except BaseException as error:
                self.give_up(error)
                raise
        return super().submit(guarded)

    def give_up(self, reason) -> None:
        """Begin nothing more, end the processes under way, wait for nothing."""
        with held(), state.lock:
            if self.given_up:
                return
            self.reason, self.given_up = reason, True
            for what, pool in state.left.items():
                if pool is self and isinstance(what, int):
                    _end(what)
        self.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def workers(jobs: int) -> Iterator:
    """A ThreadPoolExecutor of ``jobs`` threads; given up with all its processes if one fails.

    Then what that one raised is raised here, whichever of the others is asked first.
    """
    def begin():
        own.pool = pool
    pool = Pool(jobs, initializer=begin)
    try:
        yield pool
        pool.shutdown()
    except BaseException as error:
        pool.give_up(error)
        if isinstance(error, Exception) and pool.reason is not error:
            raise pool.reason from None
        raise


@contextlib.contextmanager
def unheard() -> Iterator:
    """Processes that are started in here by others (joblib) never hear of Ctrl-C and SIGTERM.

    They are to be ended by whoever started them, and by ``worker``. The signals wait meanwhile.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SAID)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ending_with_us():
    """Arguments for joblib.Parallel, by which its processes end when this one has ended."""
    return {"initializer": worker, "initargs": (os.getpid(),)}


def worker(parent) -> None:
    """Make this process, a worker of the process ``parent``, end when that one has ended."""
    def watch():
        while os.getppid() == parent:
            time.sleep(0.2)
        clean()
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()
