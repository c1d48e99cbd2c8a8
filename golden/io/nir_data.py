"""Spikes from NIR data files, as ``nir.write_data`` gives them."""

import io
from pathlib import Path

import numpy as np

from golden.io.errors import BadInput, rule
from golden.io.reading import contents

__all__ = ["SUFFIXES", "spikes"]

SUFFIXES = (".nird", ".nirdata", ".h5", ".hdf5")
MOST = 2**28            # numbers of an array, and bytes of a file
DAMAGED = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError,
           MemoryError, OverflowError, RecursionError)


def spikes(path: str | Path, steps: int, neurons: int, node: str = "input") -> np.ndarray:
    """(N, steps, neurons) uint8 of 0 and 1 of a NIRGraphData file.

    Of its node ``node``, or of its only one, the observable "spikes" or the only one is read:
    TimeGriddedData of as many steps, or EventData, whose times from 0 to t_max are cut into
    ``steps`` equal parts. Raises BadInput, naming the file and the rule, if it is missing, damaged,
    of other sizes, or holds anything but spikes.
    """
    import h5py
    path = Path(path)
    data = contents(path, "NIR data file", MOST)
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            rule(kind_of(file) == "NIRGraphData", path, "holds no NIRGraphData")
            nodes = inner(file, "nodes", path)
            found = inner(chosen(nodes, node, path, "node"), "observables", path)
            group = chosen(found, "spikes", path, "observable")
            if kind_of(group) == "TimeGriddedData":
                return gridded(array(group, "data", path), steps, neurons, path)
            rule(kind_of(group) in ("EventData", "ValuedEventData"), path,
                 f"its observable is {kind_of(group) or 'nothing known'}, not spikes")
            return events(group, steps, neurons, path)
    except BadInput:
        raise
    except DAMAGED as error:
        raise BadInput(f"{path}: not a readable NIR data file ({type(error).__name__})") from None


def kind_of(group) -> str:
    """The type that a group's attributes name."""
    found = group.attrs.get("__type__", "")
    return found.decode(errors="replace") if isinstance(found, bytes) else str(found)


def inner(group, key: str, path: Path):
    """The group at ``key``, which must be in the file itself."""
    import h5py
    link = group.get(key, getlink=True)
    rule(isinstance(link, h5py.HardLink) and isinstance(group[key], h5py.Group), path,
         f"has no {key}")
    return group[key]


def chosen(group, name: str, path: Path, what: str):
    """The member called ``name``, or the only one."""
    names = list(group)
    rule(name in names or len(names) == 1, path,
         f"has no {what} {name!r}; those there are: {', '.join(names[:10]) or 'none'}")
    return inner(group, name if name in names else names[0], path)


def array(group, key: str, path: Path) -> float | np.ndarray:
    """A dataset of numbers."""
    import h5py
    item = group[key] if isinstance(group.get(key, getlink=True), h5py.HardLink) else None
    rule(isinstance(item, h5py.Dataset) and item.size is not None, path, f"has no {key}")
    rule(item.dtype.kind in "biuf" and not item.external and not item.is_virtual, path,
         f"{key} must be numbers of this file")
    rule(item.size <= MOST and np.prod(item.chunks or (0,), dtype=float) <= MOST, path,
         f"{key} has more than {MOST} numbers")
    return item[()]


def gridded(values, steps: int, neurons: int, path: Path) -> np.ndarray:
    """Spikes from an array (N, T, neurons)."""
    rule(values.ndim == 3 and values.shape[1:] == (steps, neurons), path,
         f"its data must be (samples, {steps} steps, {neurons} neurons), not {values.shape}")
    rule(((values == 0) | (values == 1)).all(), path, "its data must hold only 0 and 1")
    return values.astype(np.uint8)


def events(group, steps, neurons, path) -> np.ndarray:
    """Spikes from indices and times."""
    index, time = array(group, "idx", path), array(group, "time", path)
    rule(index.ndim == 2 and index.shape == time.shape, path,
         "idx and time must be (samples, events)")
    count, end = int(group.attrs["n_neurons"]), float(group.attrs["t_max"])
    rule(count == neurons, path, f"is of {count} neurons where the network takes {neurons}")
    rule(np.isfinite(end) and end > 0, path, f"t_max must be positive, not {end}")
    real = index != -1
    step = np.floor(np.where(real, time, 0) / end * steps * (1 + 1e-9))
    rule((~real | (index >= 0) & (index < neurons) & (step >= 0) & (step < steps)).all(), path,
         f"has events beyond its {neurons} neurons or its t_max")
    rule(len(index) * steps * neurons <= MOST, path, f"its frames have more than {MOST} numbers")
    found = np.zeros((len(index), steps, neurons), dtype=np.uint8)
    sample, event = np.nonzero(real)
    found[sample, step[sample, event].astype(int), index[sample, event].astype(int)] = 1
    return found
