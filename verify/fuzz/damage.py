"""Files damaged by chance: bytes, fields of NIR files, arrays of archives, values of JSON.

Each function takes a ``numpy.random.Generator``, so that a seed gives the same damage again.
"""

import copy
import io
import json

import h5py
import numpy as np

__all__ = ["COUNT", "KINDS", "archive_changed", "bytes_changed", "json_changed", "tree_changed"]

KINDS = ("nir bytes", "nir fields", "npz", "float npz", "float json")
COUNT = 100     # of each kind that the tests draw
JUNK = (np.nan, np.inf, -1, 0, 1e300, 1e-300, 2**40, -2**31, 0.5, 255, 65536, "same", "LIF",
        b"\xff", [], [0], [1, 2], [[1, 2], [3, 4]], [[[]]], np.zeros((4, 4)), np.ones((3, 1, 3, 3)),
        np.full(5, np.nan), True)


def bytes_changed(data, rng):
    """Some bytes flipped, zeroed, dropped, doubled or cut off."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        at, size = int(rng.integers(len(data))), int(rng.integers(1, 17))
        kind = rng.integers(5)
        if kind == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            data[at:at + size] = bytes(len(data[at:at + size]))
        elif kind == 2:
            data[at:at + size] = rng.bytes(len(data[at:at + size]))
        elif kind == 3:
            data[at:at] = data[at:at + size]
        elif rng.integers(4) == 0:
            del data[max(at, 1):]
        else:
            del data[at:at + size]
        data = data or bytearray(b"\0")
    return bytes(data)


def tree_changed(path, rng):
    """One or two fields of a NIR file replaced by junk, dropped or moved."""
    with h5py.File(path, "a") as file:
        for _ in range(rng.integers(1, 3)):
            names = []
            file.visit(names.append)
            name = names[int(rng.integers(len(names)))]
            junk = JUNK[int(rng.integers(len(JUNK)))]
            kind = rng.integers(4)
            if kind == 0 and "/" in name:
                file.move(name, name + "x")
                continue
            if kind == 1 and isinstance(file[name], h5py.Dataset) and file[name].dtype.kind == "f":
                values = file[name][()]
                if np.size(values):
                    np.ravel(values)[int(rng.integers(np.size(values)))] = rng.choice(
                        [np.nan, -1, 1e30, 0, np.inf])
                    file[name][...] = values
                continue
            del file[name]
            if kind > 1:
                file[name] = junk


def archive_changed(data, rng):
    """An .npz whose header or arrays hold junk, but whose checksums are right."""
    with np.load(io.BytesIO(data)) as archive:
        arrays = {key: archive[key] for key in archive.files}
    for _ in range(rng.integers(1, 3)):
        key = list(arrays)[int(rng.integers(len(arrays)))]
        if key == "header":
            arrays[key] = json_changed(str(arrays[key]), rng)
            continue
        junk = JUNK[int(rng.integers(len(JUNK)))]
        if rng.integers(4) == 0:
            del arrays[key]
        elif (rng.integers(2) and arrays[key].dtype.kind in "if" and np.ndim(junk) == 0
              and not isinstance(junk, (str, bytes))):
            values = arrays[key].astype(float)
            if values.size:
                values.reshape(-1)[int(rng.integers(values.size))] = junk
            arrays[key] = values
        else:
            arrays[key] = np.asarray(junk)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def json_changed(text, rng):
    """Some values of a JSON tree replaced by junk."""
    tree = json.loads(text)
    for _ in range(rng.integers(1, 4)):
        here = tree
        while True:
            keys = list(here) if isinstance(here, dict) else list(range(len(here)))
            if not keys:
                break
            key = keys[int(rng.integers(len(keys)))]
            if isinstance(here[key], (dict, list)) and rng.integers(4):
                here = here[key]
                continue
            junk = JUNK[int(rng.integers(len(JUNK)))]
            here[key] = copy.deepcopy(junk) if isinstance(junk, (int, float, str, list)) else None
            break
    return json.dumps(tree)
