"""The user's cache: what is compiled once and kept, and the flags of this processor."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from golden.io.errors import BadInput
from golden.io.processes import folder, lasting
from golden.io.text import say

__all__ = ["Full", "cache", "cached", "native"]

SUM = "sha256"      # file beside what is kept, by which damage is seen


def cache():
    """The user's cache as the XDG specification has it, None where there is no home either."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(given):                # empty and relative ones do not count
        given = os.path.expanduser("~/.cache")
    return Path(given) / "sam-snn" if os.path.isabs(given) else None


def digest_of(path: Path) -> str:
    """What tells one contents of a file from another, and whether it may be run."""
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()} {os.access(path, os.X_OK)}"


def intact(place: Path, name: str) -> bool:
    """Whether ``name`` in the folder ``place`` is there as it was published."""
    try:
        return (place / SUM).read_text() == digest_of(place / name)
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def locked(path) -> Iterator:
    """Let others wait who lock the same file; where that is not possible, let them in."""
    with path.open("w") as lock:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cached(kind, digest, name: str, make: Callable) -> Path:
    """Path of a file ``name``, kept in the user's cache under ``kind`` and ``digest``.

    Where it is not there, or not as it was, ``make`` makes it in the folder it is given; that
    appears in the cache all at once or not at all, and who wants the same meanwhile waits. Where
    nothing can be written to the cache, a line says so, and what is made lasts as long as this
    process.
    """
    home = cache()
    if home and intact(home / kind / digest, name):
        return home / kind / digest / name
    try:
        if not home:
            raise OSError(None, "there is no home folder")
        (home / kind).mkdir(parents=True, exist_ok=True)
        with locked(home / kind / f"{digest}.lock"), \
                folder(f".{digest}-", where=home / kind) as aside:
            return published(home / kind / digest, aside, name, make)
    except OSError as error:
        reason = error.strerror or str(error)
    except Full as error:
        reason = str(error)
    temporary = lasting() / kind / digest
    if not intact(temporary, name):
        say(f"the cache {home or ''} cannot be used ({reason}): what is built lasts for this "
            "run only; XDG_CACHE_HOME names another folder", file=sys.stderr)
        temporary.parent.mkdir(exist_ok=True)
        with folder(f".{digest}-", where=temporary.parent) as aside:
            try:
                return published(temporary, aside, name, make)
            except Full as error:
                raise BadInput(f"{error}; TMPDIR and XDG_CACHE_HOME name other folders") from None
    return temporary / name


def published(place: Path, aside: Path, name: str, make: Callable) -> Path:
    """``name`` in the folder ``place``, made in the folder ``aside`` unless it is there."""
    if not intact(place, name):
        make(aside)
        (aside / SUM).write_text(digest_of(aside / name))
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        with contextlib.suppress(OSError):      # somebody else, where no lock holds
            os.rename(aside, place)
        if not intact(place, name):
            raise OSError(None, f"{place} is not what was written")
    return place / name


class Full(Exception):
    """There is no space left."""


def native() -> str:
    """Flags to compile for this very processor, a quarter faster; none where that is not known.

    They name the processor, for what is compiled is kept in a cache that machines may share.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        features = next(line for line in lines if line.startswith("flags"))
    except (OSError, StopIteration):
        return ""
    return f"-march=native -DPROCESSOR={zlib.crc32(features.encode())}"
