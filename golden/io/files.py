"""Files that appear whole or not at all, and in the place of nothing that a user still needs.

A command asks ``output`` about each file that it is going to write, before its work begins. It
writes with ``replacing``, or with ``publishing`` where several files belong together.
"""

import contextlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from golden.io.errors import BadInput
from golden.io.shipped import images_file, network_file

try:
    import fcntl
except ImportError:         # Windows: folders have no locks
    fcntl = None

# Folders that files are written in, beside those that they replace: hidden, and no reader of images
# or networks takes them for one.
PREFIX, SUFFIX = ".sam-snn-", ".part"
LEFT_OVER = re.compile(re.escape(PREFIX) + r"\w{8}" + re.escape(SUFFIX))
PATIENCE = 30               # seconds that publishing waits for another process in the same folder


# --- before the work ------------------------------------------------------------------------------


def output(path: str | Path, *inputs: str | Path | None, suffix: str | None = None,
           option: str = "--out", what: str | None = None, known: Callable | None = None) -> Path:
    """``path``, which a command is going to write; BadInput, naming its option, if it must not.

    Parameters
    ----------
    inputs : paths, None for those not given
        What the command reads. None of them may be the same file, by whatever name, and none of the
        files of this suffix in a folder among them.
    suffix : None or str
        How the name must end.
    option : str
        By which the user chose the file.
    what : None or str
        What the file is, where the user did not name it.
    known : None or function(path) -> bool
        For files that the user did not name: whether what is there was written by this command and
        so may be replaced.

    What is there must be a regular file that may be written, links followed; and a file that is new
    needs a folder that may be.
    """
    named = f"{what or option} {path}"
    if suffix is not None and Path(path).suffix != suffix:
        raise BadInput(f"{named}: must end in {suffix}")
    if "\0" in str(path):
        raise BadInput(f"{named}: a name holds no null character")
    target, status = placed(path, named)
    for given in filter(None, inputs):
        for other in read_from(Path(given), target.suffix):
            if same(other, target, status):
                raise BadInput(f"{named}: is the same file as {other}, which would be lost; name "
                               "another")
    if status is None:
        folder = next(folder for folder in target.parents if folder.exists())
        if not os.access(folder, os.W_OK | os.X_OK):
            raise BadInput(f"{named}: the folder {folder} must not be written to")
    elif not os.access(target, os.W_OK):
        raise BadInput(f"{named}: is write-protected")
    elif known is not None and not recognised(known, target):
        raise BadInput(f"{named}: is there already and this command did not write it; move it or "
                       f"choose another {option}")
    return Path(path)


def placed(path, named: str | None = None) -> tuple:
    """(the file that ``path`` stands for, links followed; its os.stat, None where it is new).

    Raises BadInput, calling it ``named``, where something else than a regular file is.
    """
    target = Path(os.path.realpath(path))
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return target, None
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise BadInput(f"{named or path}: is {kind}; name another file")
    return target, status


def read_from(given: Path, suffix: str) -> list[Path]:
    """The files that are read where ``given`` is named as an input, also by a bare name."""
    if not given.is_dir():
        return [Path(network_file(given)), Path(images_file(given))]
    return [file for folder in (given, *filter(Path.is_dir, given.iterdir()))
            for file in folder.iterdir() if file.suffix.lower() == suffix.lower()]


def same(other: Path, target: Path, status) -> bool:
    """Whether ``other`` is the file ``target``, which need not exist yet."""
    if "\0" in str(other):
        return False                            # which the reader refuses
    if Path(os.path.realpath(other)) == target:
        return True
    try:
        return status is not None and os.path.samestat(os.stat(other), status)
    except OSError:
        return False


def recognised(known: Callable, path: Path) -> bool:
    """Whether ``known(path)``; a file that it cannot read is not."""
    try:
        return known(path)
    except Exception:
        return False


# --- writing --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A file of a transaction.

    Members
    -------
    path : str or Path
        As the user calls it.
    target : Path
        Where it goes, links followed.
    status : None or os.stat_result
        Of what is there.
    aside, old : Path
        Where it is written, and where what it replaces is kept meanwhile.
    """

    path: object
    target: Path
    status: object
    aside: Path
    old: Path


@contextlib.contextmanager
def replacing(path) -> Iterator:
    """Yield a path to write to, which gets the place of ``path`` if nothing was raised.

    What was at ``path`` stays as it was until then, and for good if something was raised; nothing
    else is left then. A link is followed; its file keeps its mode and owner. A new file is as the
    umask says. Raises BadInput where something else than a regular file is.
    """
    with publishing() as put:
        yield put(path)


@contextlib.contextmanager
def publishing(without=()) -> Iterator:
    """Yield ``put``, for several files: each is written to put(path) and they appear together.

    Until the end, and for good if something is raised (a full disk, an interruption, at whichever
    file), all that was there stays as it was; then all files are new and those of ``without`` are
    gone. Each is treated as by ``replacing``. Two processes that publish in one folder do so one
    after the other: the second waits, half a minute at most, and its files are the ones that stay,
    all of them. Only SIGKILL or a power cut in the instant of the renames leaves some new beside
    some old.
    """
    entries, scratch, made = [], {}, []

    def put(path):
        target, status = placed(path)
        for other in entries:
            if same(other.target, target, status):
                raise BadInput(f"{path}: is the same file as {other.path}; name another file")
        if target.parent not in scratch:
            scratch[target.parent] = stack.enter_context(beside(target.parent, path, made))
        where = scratch[target.parent]
        entries.append(Entry(path, target, status, where / "new" / target.name,
                             where / "old" / target.name))
        return entries[-1].aside

    with contextlib.ExitStack() as stack:
        stack.callback(removed, made)
        try:
            yield put
            for entry in entries:
                finished(entry)
            count = len(entries)
            for path in without:
                put(path)
            if (count, len(entries)) == (1, 1):
                os.replace(entries[0].aside, entries[0].target)
            else:
                swapped(entries[:count], entries[count:])
        except Exception as error:
            in_users_words(error, entries)
            raise


def finished(entry: Entry) -> None:
    """Give a file that is written the owner and mode of the one that it replaces."""
    if not entry.aside.is_file():
        raise OSError(None, "was not written", str(entry.path))
    if entry.status is not None:
        with contextlib.suppress(OSError):          # only root gives files away
            os.chown(entry.aside, entry.status.st_uid, entry.status.st_gid)
        os.chmod(entry.aside, stat.S_IMODE(entry.status.st_mode))


def swapped(new: list[Entry], gone: list[Entry]) -> None:
    """Put the files of ``new`` in place and take away those of ``gone``, all or none."""
    every = [*new, *gone]
    with contextlib.ExitStack() as stack:
        for folder in sorted({entry.target.parent for entry in every}):
            try:
                stack.enter_context(held(folder))
            except BlockingIOError:
                raise BadInput(f"{folder}: another process holds this folder; nothing was written, "
                               "try again when it is done") from None
        for entry in every:
            if entry.target.exists():
                try:
                    os.link(entry.target, entry.old)
                except OSError:                     # a file system without hard links
                    shutil.copy2(entry.target, entry.old)
        try:
            for entry in gone:
                entry.target.unlink(missing_ok=True)
            for entry in new:
                os.replace(entry.aside, entry.target)
        except BaseException:
            for entry in every:
                if entry.old.exists():
                    os.replace(entry.old, entry.target)
                elif not entry.aside.exists():
                    entry.target.unlink(missing_ok=True)
            raise


def in_users_words(error, entries: list[Entry]) -> None:
    """Let ``error`` name the files that the user knows, and not those that are written aside."""
    def known(value):
        if isinstance(value, (str, os.PathLike)):
            for entry in reversed(entries):
                value = str(value).replace(str(entry.aside), str(entry.path))
        return value

    if not isinstance(error, OSError):
        error.args = tuple(map(known, error.args))
        return
    error.args, error.strerror = tuple(map(known, error.args)), known(error.strerror)
    error.filename, error.filename2 = known(error.filename), known(error.filename2)
    if error.filename is None and entries and not isinstance(error, BrokenPipeError):
        error.filename = str(entries[-1].path)      # a full disk does not say for which file


@contextlib.contextmanager
def beside(folder: Path, path, made) -> Iterator:
    """Yield a new folder in ``folder`` with new/ and old/, removed at the end.

    ``folder`` and its parents are made if they are missing, and noted in ``made``. Whatever fails
    is told of ``path``.
    """
    with contextlib.ExitStack() as stack:
        try:
            while True:
                missing = [each for each in (folder, *folder.parents) if not each.exists()]
                folder.mkdir(parents=True, exist_ok=True)
                made.extend(reversed(missing))
                swept(folder)
                scratch = Path(tempfile.mkdtemp(prefix=PREFIX, suffix=SUFFIX, dir=folder))
                stack.callback(shutil.rmtree, scratch, ignore_errors=True)
                with contextlib.suppress(FileNotFoundError):
                    stack.enter_context(held(scratch))
                    for name in ("new", "old"):
                        (scratch / name).mkdir()
                    break                           # or another process swept it: once more
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None
        yield scratch


def removed(folders: list[Path]) -> None:
    """Remove those of ``folders`` that are empty, the innermost first."""
    for folder in reversed(folders):
        with contextlib.suppress(OSError):
            folder.rmdir()


def swept(folder: Path) -> None:
    """Remove what killed processes left in ``folder``: what nobody holds."""
    with contextlib.suppress(OSError):
        for left in [each for each in os.scandir(folder) if LEFT_OVER.fullmatch(each.name)]:
            with contextlib.suppress(OSError), held(left.path, patience=0) as locked:
                if locked and not left.is_symlink():
                    shutil.rmtree(left.path, ignore_errors=True)


@contextlib.contextmanager
def held(folder: Path, patience=PATIENCE) -> Iterator:
    """Hold a folder's lock, as one process at a time can; yield whether there is such a thing.

    There is none on Windows and on some network file systems. Raises BlockingIOError if another
    process keeps it for ``patience`` seconds.
    """
    if fcntl is None:
        yield False
        return
    handle, until, locked = os.open(folder, os.O_RDONLY), time.monotonic() + patience, False
    try:
        while not locked:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                locked = True
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.01)
            except OSError:
                break
        yield locked
    finally:
        os.close(handle)
