"""Files of others, read within bounds: bytes, JSON, and the arrays of .npy and .npz.

Nothing is read that is no regular file: a FIFO would be waited for for ever. Of an archive only
its directory and the heads of its arrays are looked at, until it is known which are wanted and how
large they are.
"""

import ast
import contextlib
import io
import json
import math
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from golden.io.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 2**30      # of a file, and of the arrays taken from it
MOST_MEMBERS = 4096     # of an archive
HEAD = 2**14            # bytes that the head of an array may have
MAGIC = b"\x93NUMPY"
BROKEN = (ValueError, KeyError, TypeError, EOFError, OSError, RuntimeError, SyntaxError,
          MemoryError, OverflowError, struct.error, zlib.error, zipfile.BadZipFile)


def contents(path: "str | Path", what: str = "file", most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file; raise BadInput, naming it, if it is none or above ``most``."""
    try:
        # Without waiting for somebody to write where it is a FIFO after all.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
                         | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError, ValueError):     # ValueError: a NUL in the name
        raise BadInput(f"{path}: no such {what if what.endswith('file') else 'file'}") from None
    except OSError as error:
        raise BadInput(f"{path}: not a readable {what}: {error.strerror}") from None
    with contextlib.closing(os.fdopen(handle, "rb")) as file:
        status = os.fstat(handle)
        mode = status.st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise BadInput(f"{path}: is {kind}, not a {what}")
        try:
            found = file.read(min(most, status.st_size) + 1)   # which takes so much memory at once
        except OSError as error:
            raise BadInput(f"{path}: not a readable {what}: {error.strerror}") from None
    if len(found) > most:
        raise BadInput(f"{path}: is larger than {most} bytes, the most of a {what}")
    return found


def tree(path: "Path", what: str = "file", most: int = 2**26):
    """What a JSON file holds; raise BadInput, naming it, if it cannot be read."""
    return parsed(contents(path, what, most), path, what)


def parsed(text: bytes | str, path: "Path", what: str):
    """What JSON text holds; raise BadInput, naming ``path``, if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        deep = " nested too deep" if isinstance(error, RecursionError) else ""
        raise BadInput(f"{path}: not a readable {what}: no JSON, or{deep or ' damaged'}") from None


# --- arrays ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Head:
    """What stands in the first ``start`` bytes of an array: its type, shape and order."""

    dtype: np.dtype
    shape: tuple
    fortran: bool
    start: int

    @property
    def size(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def count(self) -> int:
        """Numbers, or characters of text, in the array."""
        each = {"U": self.dtype.itemsize // 4, "S": self.dtype.itemsize}.get(self.dtype.kind, 1)
        return math.prod(self.shape) * each

    def __str__(self):
        return f"{' x '.join(map(str, self.shape)) or 'one'} {self.dtype}"


def head_of(start: bytes) -> Head:
    """The Head of an array from its first bytes; raise ValueError if there is none."""
    if start[:6] != MAGIC or len(start) < 12 or start[6] not in (1, 2, 3):
        raise ValueError("no array as numpy writes it")
    long = start[6] > 1
    size, = struct.unpack_from("<I" if long else "<H", start, 8)
    at = 12 if long else 10
    if at + size > len(start):
        raise ValueError("the head of an array is cut off, or too long")
    try:
        found = ast.literal_eval(start[at:at + size].decode("latin1"))
        descr, fortran, shape = found["descr"], found["fortran_order"], found["shape"]
        dtype = np.dtype(descr) if isinstance(descr, str) else None
    except BROKEN:
        raise ValueError("the head of an array is damaged") from None
    if dtype is None or dtype.kind not in "biufcSU":
        raise ValueError("not of numbers or text")
    if (not isinstance(shape, tuple) or len(shape) > 16 or not isinstance(fortran, bool)
            or not all(type(side) is int and 0 <= side < 2**48 for side in shape)):
        raise ValueError("the head of an array is damaged")
    return Head(dtype, shape, fortran, at + size)


def filled(head: Head, stream) -> np.ndarray:
    """The array behind ``head`` in a stream; raise ValueError if it is not as long as it says."""
    found = np.empty(head.shape[::-1] if head.fortran else head.shape, head.dtype)
    view = memoryview(found.reshape(-1).view(np.uint8)) if found.nbytes else memoryview(b"")
    at = 0
    while at < len(view):
        got = stream.readinto(view[at:at + 2**20])
        if not got:
            raise ValueError("an array is cut off")
        at += got
    if stream.read(1):                          # also where an archive's checksum is looked at
        raise ValueError("an array is longer than its head says")
    return found.T if head.fortran else found


def array(path: "str | Path", what: str = "array", accept: Callable | None = None) -> np.ndarray:
    """The array of an .npy; ``accept(head)`` may refuse it before it is read.

    Raises BadInput naming the file.
    """
    data = contents(path, what)
    try:
        head = head_of(data[:HEAD])
        if head.size > len(data) - head.start:
            raise ValueError("an array is cut off")
    except ValueError as error:
        raise BadInput(f"{path}: not a readable {what}: {error}") from None
    if accept is not None:
        accept(head)
    try:
        return filled(head, io.BytesIO(memoryview(data)[head.start:]))
    except BROKEN as error:
        raise BadInput(f"{path}: not a readable {what}: {reason(error)}") from None


def reason(error) -> str:
    """What a damaged archive is told to be."""
    return str(error) if type(error) is ValueError else f"damaged ({type(error).__name__})"


class Archive:
    """An .npz, of which arrays are read one by one.

    Members
    -------
    heads : dict name -> Head, or a str why there is none
        Of all arrays.

    Raises BadInput naming the file, whatever is wrong with it, and where arrays of more than
    ``most`` numbers (or characters) in all are read.
    """

    def __init__(self, path: "str | Path", what: str = "archive", most: int = MOST_BYTES):
        self.path, self.what, self.left, self.most = path, what, most, most
        data = contents(path, what)
        self.heads, self.places = {}, {}
        try:
            # Counted before it is parsed: a directory of millions would fill the memory.
            if data.count(b"PK\1\2") > MOST_MEMBERS:
                raise ValueError(f"more than {MOST_MEMBERS} arrays")
            self.file = zipfile.ZipFile(io.BytesIO(data))
            for info in self.file.infolist():
                self.add(info)
        except BROKEN as error:
            raise self.bad(error) from None

    def add(self, info) -> None:
        """Note a member of the archive."""
        name = info.filename.removesuffix(".npy")
        if name in self.places:
            raise ValueError(f"there are two arrays {name}")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} is compressed in a way that numpy does not write")
        if info.flag_bits & 1:
            raise ValueError(f"{name} is encrypted")
        self.places[name] = info
        with self.file.open(info) as stream:
            start = stream.read(HEAD)
        try:
            self.heads[name] = head_of(start)
        except ValueError as error:
            self.heads[name] = str(error)

    def bad(self, error) -> BadInput:
        """The BadInput of a damaged archive."""
        return BadInput(f"{self.path}: not a readable {self.what}: {reason(error)}")

    def read(self, name: str) -> np.ndarray:
        """The array ``name``."""
        head = self.heads.get(name, "missing")
        try:
            if isinstance(head, str):
                raise ValueError(f"{name}: {head}")
            if max(head.count, head.size // 8) > self.left:
                raise ValueError(f"{name}: {head} is too large; all arrays together may have "
                                 f"{self.most} numbers")
            if self.places[name].file_size != head.start + head.size:
                raise ValueError(f"{name} is cut off, or longer than its head says")
            self.left -= head.count
            with self.file.open(self.places[name]) as stream:
                stream.read(head.start)
                return filled(head, stream)
        except BROKEN as error:
            raise self.bad(error) from None


def network_parts(path: "Path", what: str, known: tuple[str, ...], *, most=2**25) -> tuple:
    """(header, arrays) of a network's .npz: its JSON, and the arrays of each layer.

    Those are the ones that are named as one of ``known`` and a number, as weights_0.
    """
    archive = Archive(path, what, most)
    head = archive.heads.get("header", "missing")
    if isinstance(head, str) or head.dtype.kind != "U" or head.shape or head.count > 2**22:
        raise BadInput(f"{path}: not a readable {what}: it has no header of text")
    try:
        text = str(archive.read("header"))
    except ValueError as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path}: not a readable {what}: its header is no text") from None
    header = parsed(text, path, what)
    return header, {name: archive.read(name) for name in archive.heads
                    if name.rpartition("_")[0] in known}
