"""What a user did wrong, in one line; and how a command says so, and how it is stopped."""

import errno
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps

from golden.io import processes
from golden.io.extras import way_out
from golden.io.text import say


class BadInput(ValueError):
    """A file, layer or argument breaks a rule; the message names all three in one line."""


def rule(holds: object, where, text: str) -> None:
    """Raise BadInput naming ``where`` unless the rule ``text`` holds."""
    if not holds:
        raise BadInput(f"{where}: {text}")


class Fault(RuntimeError):
    """A tool or the simulated hardware failed, and no input is to blame; told in one line."""


def command(main: Callable) -> Callable:
    """Give a command's main() its endings.

    BadInput and I/O errors become one line and exit code 2, a Fault one line and 1; so does, with
    2, the import of a package that an extra brings (golden.io.extras). Where the
    program itself calls it, Ctrl-C ends it with one line and 130, SIGTERM with 143, and no
    process and no temporary folder of golden.io.processes is left.
    """
    @wraps(main)
    def guarded(*args, **kwargs):
        program = sys._getframe(1).f_globals.get("__name__") == "__main__"
        try:
            with processes.signals() if program else nullcontext():
                return main(*args, **kwargs)
        except BaseException as error:
            if program and processes.stopped():
                processes.leave()
            missing = way_out(error) if isinstance(error, ModuleNotFoundError) else None
            if not missing and not isinstance(error, (BadInput, OSError, Fault, MemoryError)):
                raise
            say("error:", missing or line_of(error), file=sys.stderr)
            raise SystemExit(1 if isinstance(error, Fault) else 2) from None
    return guarded


def line_of(error) -> str:
    """One line of an error, with a way out where there is one."""
    if isinstance(error, MemoryError):
        return "not enough memory for this"
    if not isinstance(error, OSError) or error.errno is None:
        return " ".join(str(error).split())
    where = f"{error.filename}: " if error.filename else ""
    line = f"{where}{error.strerror}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT) and not error.filename:
        line += f"; temporary files go to {tempfile.gettempdir()}, TMPDIR names another folder"
    return " ".join(line.split())
