"""Address events from files, binned into the frames that a network reads."""

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from golden.io.errors import BadInput, rule
from golden.io.reading import BROKEN, contents, reason

__all__ = ["FITS", "Binning", "binned", "frames_of", "holds_events", "read_events"]

FIELDS = ("x", "y", "t", "p")
FITS = ("exact", "crop", "sum")
MOST = 2**28            # numbers of the frames of a file
WAY = "--sensor WxH names the sensor, --fit crop or sum makes it the network's"


@dataclass(frozen=True)
class Binning:
    """How events become steps of frames.

    Members
    -------
    time : None or int
        Length of a step, in the units of the file's ``t`` (microseconds, as a rule). A recording
        longer than a run is cut into several images, the last one ended with empty steps.
    count : None or int
        Events of a step, in place of ``time``. With neither, a recording is one image, cut into
        steps of equal length from its first event to its last.
    sensor : None or (int, int)
        (width, height) of the sensor; None for the network's map.
    fit : "exact", "crop" or "sum"
        "crop" takes the middle of a larger sensor, "sum" the events of several of its pixels as
        those of one.
    """

    time: int | None = None
    count: int | None = None
    sensor: tuple[int, int] | None = None
    fit: str = "exact"

    def check(self) -> None:
        """Raise BadInput where options do not go together."""
        if self.time is not None and self.count is not None:
            raise BadInput("--bin-us and --bin-count: a step has a length or a number of events, "
                           "not both")
        for name, value in (("--bin-us", self.time), ("--bin-count", self.count)):
            if value is not None and value < 1:
                raise BadInput(f"{name} must be at least 1, not {value}")
        if self.fit not in FITS:
            raise BadInput(f"--fit must be {', '.join(FITS)}, not {self.fit}")
        if self.sensor is not None and not all(1 <= side < 2**15 for side in self.sensor):
            raise BadInput("--sensor must be WxH, from 1x1 to 32767x32767, not "
                           f"{'x'.join(map(str, self.sensor))}")


def holds_events(path: str | Path) -> bool:
    """Whether a file is an .npy of records: the head of one names their fields."""
    try:
        if not Path(path).is_file():            # a FIFO would be waited for for ever
            return False
        with open(path, "rb") as file:
            return b"'descr': [(" in file.read(512)
    except (OSError, ValueError):
        return False


def read_events(path: str | Path) -> np.ndarray:
    """The events of an .npy, records of x, y, t and p as tonic has them, in order of time.

    Raises BadInput naming the file and the event.
    """
    data = contents(path, "event file")
    try:
        found = np.load(io.BytesIO(data), allow_pickle=False)
    except BROKEN as error:
        raise BadInput(f"{path}: not a readable event file: {reason(error)}") from None
    names = found.dtype.names or ()
    rule(found.ndim == 1 and set(FIELDS) <= set(names), path,
         f"events must be records of {', '.join(FIELDS)}, not "
         f"{' x '.join(map(str, found.shape))} of {', '.join(names) or found.dtype}")
    for name in FIELDS:
        rule(found.dtype[name].kind in "biu", path,
             f"{name} of events must be whole numbers, not {found.dtype[name]}")
    rule(len(found), path, "holds no events")
    late = np.flatnonzero(np.diff(found["t"].astype(np.int64)) < 0)
    rule(not late.size, path, f"event {late[0] + 1 if late.size else ''} is earlier than the one "
         "before it: events must be in order of time")
    bad = np.flatnonzero(~np.isin(found["p"], (0, 1)))
    rule(not bad.size, path, f"p of event {bad[0] if bad.size else ''} must be 0 or 1, not "
         f"{found['p'][bad[0]] if bad.size else ''}")
    return found


def frames_of(path: str | Path, shape: tuple[int, int, int], steps: int, top: int,
              binning: Binning = Binning()) -> np.ndarray:
    """(N, steps, C, H, W) uint8 of an event file: events of each step, at most ``top`` of them.

    Two channels are the polarities, 0 first; one takes both. Raises BadInput naming the file, the
    event and the rule.
    """
    binning.check()
    return binned(read_events(path), shape, steps, top, binning, path)


def binned(found: np.ndarray, shape: tuple[int, int, int], steps: int, top: int,
           binning: Binning = Binning(), path: str | Path = "events") -> np.ndarray:
    """``frames_of`` of records as ``read_events`` gives them; ``path`` names them in messages."""
    channels, height, width = shape
    rule(channels in (1, 2), path, "events have two polarities, for networks of 1 or 2 channels, "
         f"not {channels}")
    y, x, kept = placed(found, path, (width, height), binning)
    time = found["t"].astype(np.int64) - int(found["t"][0])
    if binning.count is not None:
        step = np.arange(len(found)) // binning.count
    elif binning.time is not None:
        step = time // binning.time
    else:
        step = np.minimum(time * steps // max(1, int(time[-1])), steps - 1)
    count = int(step[-1]) // steps + 1
    rule(count * steps * math.prod(shape) <= MOST, path,
         f"its {int(step[-1]) + 1:,} steps have more than {MOST} numbers: take longer ones")
    frames = np.zeros((count, steps, *shape), dtype=np.int64)
    channel = found["p"].astype(np.int64) if channels == 2 else np.zeros(len(found), np.int64)
    np.add.at(frames, (step[kept] // steps, step[kept] % steps, channel[kept], y[kept], x[kept]), 1)
    return np.minimum(frames, top).astype(np.uint8)


def placed(found: np.ndarray, path, size: tuple[int, int],
           binning: Binning) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(y, x, whether it is on the map) of each event, on a map of ``size`` (width, height)."""
    sensor = binning.sensor or size
    x, y = found["x"].astype(np.int64), found["y"].astype(np.int64)
    beyond = np.flatnonzero((x < 0) | (y < 0) | (x >= sensor[0]) | (y >= sensor[1]))
    if beyond.size:
        at = beyond[0]
        what = "the sensor's" if binning.sensor else "the network's"
        raise BadInput(f"{path}: event {at} is at ({x[at]}, {y[at]}), beyond {what} "
                       f"{sensor[0]} x {sensor[1]}" + ("" if binning.sensor else f": {WAY}"))
    inside = np.ones(len(found), dtype=bool)
    if sensor == size:
        return y, x, inside
    rule(binning.fit != "exact", path, f"the sensor has {sensor[0]} x {sensor[1]} pixels, the "
         f"network takes {size[0]} x {size[1]}: --fit crop or sum")
    if binning.fit == "sum":
        return y * size[1] // sensor[1], x * size[0] // sensor[0], inside
    x, y = x - (sensor[0] - size[0]) // 2, y - (sensor[1] - size[1]) // 2
    inside = (x >= 0) & (y >= 0) & (x < size[0]) & (y < size[1])
    return y, x, inside
