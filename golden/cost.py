"""What the integer model takes: operations, memory, and the time that is left of a run."""

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from golden.io.errors import rule

if TYPE_CHECKING:
    from golden.network.graph import Network

ENCODED, STEPPED, POOLED = 24, 24, 50     # operations that each is worth in a step
ROOM = 2**30                # bytes that a batch may take


def parts(network: "Network") -> list[tuple[str, int]]:
    """[(name, operations of one step and image)]: of the encoder and of each weighted layer."""
    c, h, w = network.shape
    found = [("encoder", ENCODED * c * h * w)]
    for stage in network.stages:
        work = stage.neurons * (STEPPED + stage.layer.synapses // stage.layer.channels)
        for pool, shape in zip(stage.pools, stage.shapes[1:], strict=True):
            work += POOLED * shape[0] * shape[1] * shape[2] * pool.area
        found.append((f"layer {stage.index}", work))
    return found


def operations(network: "Network", count: int) -> int:
    """Operations of golden.run on ``count`` images."""
    return count * network.steps * sum(each for _, each in parts(network))


def batch_bytes(network: "Network") -> int:
    """Memory that golden.run takes for one image, about."""
    inputs = int(np.prod(network.shape))
    return network.steps * (4 * inputs + sum(2 * stage.neurons for stage in network.stages))


def batch_of(network: "Network", most: int = 32) -> int:
    """How many images to run at once."""
    return int(min(most, max(1, ROOM // batch_bytes(network))))


def check_memory(network: "Network", count: int, taps: tuple[int, ...], *, keep: bool,
                 jobs: int) -> None:
    """Raise BadInput where ``count`` images cannot be held in this machine's memory."""
    tapped = [network.stages[tap - 1] for tap in taps]
    kept = network.steps * (sum(4 * stage.shape[1] * stage.shape[2] for stage in tapped)
                            + 4 * network.classes)
    if keep:
        kept += network.steps * (2 * int(np.prod(network.shape))
                                 + sum(stage.neurons for stage in tapped))
    # What is joined from batches is there twice for a moment.
    need = 2 * count * kept + jobs * batch_of(network) * batch_bytes(network)
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    rule(need <= there, network.name, f"{count} images take about {need / 2**30:.0f} GiB, this "
         f"machine has {there / 2**30:.0f}: take fewer at once (--limit)")


class Clock:
    """Adds up the operations that are done and says, now and then, how long the rest will take.

    Parameters
    ----------
    network : golden.network.Network
    count : int
        Of the images.
    show : function of (share done, seconds left)
        Called after each step, never twice at once.
    tell : function of str
        Called with a line, first after ``every`` seconds, then once a stage, but no more often.
    """

    def __init__(self, network: "Network", count: int, *, show: Callable | None = None,
                 tell: Callable | None = None, every: float = 5.0):
        self.total, self.count, self.every = operations(network, count), count, every
        self.names, self.each = map(list, zip(*parts(network), strict=True))
        self.steps, self.show, self.tell = network.steps, show, tell
        self.done, self.began, self.lock = 0, time.monotonic(), threading.Lock()
        self.told, self.foretold = self.began, False

    def start(self) -> None:
        """The work begins now; what was done before, as compiling the kernel, does not count."""
        self.began = self.told = time.monotonic()

    def tick(self, part: int, images: int, last: bool) -> None:
        """A step of ``images`` images is done in a part, its ``last`` one or not."""
        with self.lock:
            # The encoder makes all its steps at once.
            self.done += self.each[part] * images * (1 if part else self.steps)
            now = time.monotonic()
            share = self.done / self.total
            left = (now - self.began) * (1 / share - 1)
            if self.show:
                self.show(share, left)
            if self.tell and now - self.told >= self.every and (last or not self.foretold):
                self.told = now
                if not self.foretold:
                    self.foretold = True
                    self.tell(f"golden: {self.total:.1e} operations of {self.count} images, about "
                              f"{now - self.began + left:.0f} s in all")
                if last:
                    self.tell(f"golden: {self.names[part]} done, {share:.0%} of all, about "
                              f"{left:.0f} s left")
