"""Synthesis, and places and routes: for a clock that is asked for, or the fastest there is."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flow import steps
from flow.design import design, target_of
from flow.steps import PlacementFailed

if TYPE_CHECKING:
    from boards.platform.target import OnBoard, Target
    from flow.config import BuildConfig
    from golden.network.graph import Network
    from hw.accelerator import Accelerator

__all__ = ["FASTEST", "Placed", "fastest", "first_of", "placed"]

FASTEST = "max"     # as a clock: the fastest that is met
PUSH = 2            # the first places are made for so many times the board's usual clock


@dataclass(frozen=True)
class Placed:
    """A design, and what its seeds came to.

    Members
    -------
    accelerator : hw.accelerator.Accelerator
    hz : int
    folder : Path
        Of flow.steps.synthesised.
    routes : dict
        As flow.steps.seeds_routed gives them, in the order in which they were tried.
    """

    accelerator: object
    hz: int
    folder: Path
    routes: dict

    @property
    def clocks(self) -> dict:
        """{seed: megahertz} of those that found a place, the fastest first."""
        found = {seed: steps.fmax(route) for seed, route in self.routes.items() if route}
        return dict(sorted(found.items(), key=lambda each: -each[1]))

    @property
    def met(self) -> bool:
        """Whether a seed meets the clock."""
        return any(mhz >= self.hz / 1e6 for mhz in self.clocks.values())


def placed(designed: "tuple[Accelerator, OnBoard, int]", target: "Target", work: Path,
           batches: list[list[int]], *, jobs: int, say: Callable, tick: Callable) -> Placed:
    """Synthesise, and try the batches of seeds until one of a batch meets the clock; a Placed.

    ``designed`` is flow.design.design's. ``say(words, done, total)`` announces what follows, and
    its steps, of which ``tick()`` ends one. Raises PlacementFailed where no seed finds a place.
    """
    say("synthesis (a minute)", 0, None)
    accelerator, component, hz = designed
    folder = steps.synthesised(component, work, target=target, verilog=True)
    found = Placed(accelerator, hz, folder, {})
    for seeds in batches:
        say(f"place and route for {hz / 1e6:g} MHz", len(found.routes),
            len(found.routes) + len(seeds))
        found.routes.update(steps.seeds_routed(folder, seeds, hz=hz, jobs=jobs, tick=tick))
        if found.met:
            break
    if not found.clocks:
        raise PlacementFailed("no place for the last cells with seed "
                              f"{', '.join(map(str, found.routes))}; another --seed may find one")
    return found


def first_of(config: "BuildConfig") -> "BuildConfig":
    """The BuildConfig that is designed first: itself, or one of a clock out of reach."""
    if config.clock_mhz != FASTEST:
        return config
    return config.replace(clock_mhz=PUSH * target_of(config).usual)


def fastest(network: "Network", config: "BuildConfig", designed: "tuple[Accelerator, OnBoard, int]",
            work: Path, seeds: list[int], **how: Any):
    """The Placed of the fastest clock, in steps of a megahertz, that one of the seeds meets.

    All seeds are placed for a clock out of reach, that of ``designed``, the design of
    ``first_of(config)``; what they come to is then asked for, and less or more, the seeds that
    were the fastest first. Every clock is another design, since it divides for the UART, so that
    nothing is taken as met that was not placed. ``how`` is as of ``placed``.
    """
    target = target_of(config)
    first = placed(designed, target, work, [seeds], **how)
    order = [[seed] for seed in first.clocks]
    found = first if first.met else None
    aim = math.floor(max(first.clocks.values()))
    while aim >= 1:
        made = placed(design(network, config.replace(clock_mhz=aim)), target, work, order, **how)
        reached = math.floor(max(made.clocks.values()))
        if made.met:
            found = made
            if reached <= aim:          # the PLL makes 45.75 of 46
                break
            aim = reached
        elif found is not None:
            break
        else:
            aim = min(aim - 1, reached)
    return found
