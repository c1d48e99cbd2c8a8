"""What is measured, in order: name, what it is, whether --quick does it, and how."""

from collections.abc import Callable
from dataclasses import dataclass

from bench import activity, area, chips, images, lanes, loops, modules, speed, unit, wire
from bench.images import ALL
from bench.lanes import BUILT

NETWORK, SAMPLE = "models/fashion.npz", "models/fashion_sample.npz"
SMALL = "models/fashion_small.npz"
DENSE, DIGITS = "models/dense784.npz", "models/dense784_sample.npz"
CLOCK, SEEDS, IMAGES, FEW = 48, range(1, 11), 100, 3
SIZE = (4, 16)              # lanes and steps of the figures of the chip, whatever a build takes
SIZED = ["--lanes", "4", "--word-steps", "16"]
WITHOUT = [*SIZED, "--no-sam"]
BRAILLE, LOOPED = (4, 4), (8, 8)    # of networks with loops: memories of a UP5K hold no more
FAST = (8, 16, 4)           # those of the fastest chip that fits: trains of a walk buffer, too
FASTEST = ["--lanes", "8", "--word-steps", "16", "--trains", "4"]
FASTEST_WITHOUT = [*FASTEST, "--no-sam"]
DENSE_FASTEST = ["--network", DENSE, *FASTEST]
SMALLEST = ["--lanes", "4", "--word-steps", "8"]     # of four lanes


@dataclass(frozen=True)
class Context:
    """How to measure: quickly or not, ``jobs`` processes, ``tick`` after each part."""

    quick: bool
    jobs: int
    tick: Callable


@dataclass(frozen=True)
class Measure:
    """One entry of results.json: ``make(context)`` gives plain data."""

    name: str
    what: str
    quick: bool
    make: Callable


def cycles(network, pictures, **options):
    """Measure of the cycles on the first images of a file."""
    return lambda c: images.measure(network, pictures, FEW if c.quick else IMAGES, quick=c.quick,
                                    jobs=c.jobs, tick=c.tick, **options)


def clocks(options):
    """Measure of the clock of the ten seeds."""
    return lambda c: chips.clocks(options, SEEDS, clock=CLOCK, jobs=c.jobs, tick=c.tick)


def on_board(options):
    """Measure of a board with a chip of ``options``."""
    return lambda c: wire.measure(options, chips.size(options, clock=CLOCK), clock=CLOCK)


def size(options):
    """Measure of the cells of a chip."""
    return lambda c: chips.size(options, clock=CLOCK)


MEASURES = (
    Measure("size", "cells of the chip", True, size(SIZED)),
    Measure("size_without", "cells of the chip without SAM", True, size(WITHOUT)),
    Measure("images", "cycles of the chip", True, cycles(NETWORK, SAMPLE, size=SIZE)),
    Measure("images_without", "cycles of the chip without SAM", True,
            cycles(NETWORK, SAMPLE, sam=False, size=SIZE)),
    Measure("fast_size", "cells of the fastest chip", False, size(FASTEST)),
    Measure("fast_size_without", "cells of the fastest chip without SAM", False,
            size(FASTEST_WITHOUT)),
    Measure("fast_images", "cycles of the fastest chip", False,
            cycles(NETWORK, SAMPLE, size=FAST)),
    Measure("fast_images_without", "cycles of the fastest chip without SAM", False,
            cycles(NETWORK, SAMPLE, sam=False, size=FAST)),
    Measure("images_all_taps", "cycles of the chip, SAM on all layers", False,
            cycles(NETWORK, SAMPLE, sam=ALL, size=SIZE)),
    Measure("fast_images_all_taps", "cycles of the fastest chip, SAM on all layers", False,
            cycles(NETWORK, SAMPLE, sam=ALL, size=FAST)),
    Measure("smallest_size", "cells of the smallest chip of four lanes", False, size(SMALLEST)),
    Measure("board", "images a second and energy of the board", False, on_board(SIZED)),
    Measure("fast_board", "images a second and energy of the board, fastest chip", False,
            on_board(FASTEST)),
    Measure("unit", "the 16-to-8 layer alone", True, lambda c: unit.measure()),
    Measure("dense", "cycles of 784-128-10", True, cycles(DENSE, DIGITS, size=FAST)),
    Measure("braille", "cycles of a Braille reader", False,
            lambda c: loops.measure(loops.braille, size=BRAILLE)),
    Measure("braille_all_taps", "cycles of a Braille reader, SAM on all layers", False,
            lambda c: loops.measure(loops.braille, size=BRAILLE, sam=True)),
    Measure("recurrent", "cycles of 700-128 (loop)-20", False,
            lambda c: loops.measure(loops.recurrent, size=LOOPED)),
    Measure("images_small", "cycles of the small network", False, cycles(SMALL, SAMPLE, size=SIZE)),
    Measure("activity", "cycles against activity", False,
            lambda c: activity.measure(NETWORK, size=SIZE, tick=c.tick)),
    Measure("modules", "cells of each module", False,
            lambda c: modules.measure(SIZED, clock=CLOCK)),
    Measure("modules_without", "cells of each module without SAM", False,
            lambda c: modules.measure(WITHOUT, clock=CLOCK)),
    Measure("speed", "images a second of golden and the simulation", False,
            lambda c: speed.measure("speed")),
    Measure("fast_speed", "images a second of the fastest chip's simulation", False,
            lambda c: speed.measure("fast_speed")),
    Measure("sam_speed", "maps of golden against PyTorch", False, lambda c: speed.measure("sam")),
    Measure("clock", "clock of ten seeds", False, clocks(SIZED)),
    Measure("fast_clock", "clock of ten seeds of the fastest chip", False, clocks(FASTEST)),
    Measure("dense_clock", "clock of 784-128-10", False,
            lambda c: chips.clocks(DENSE_FASTEST, SEEDS[:3], clock=CLOCK, jobs=c.jobs,
                                   tick=c.tick)),
    Measure("area", "cost model on many networks", False, lambda c: area.measure(tick=c.tick)),
    Measure("lanes", "cycles and cells against lanes", False,
            lambda c: lanes.measure(NETWORK, SAMPLE, clock=CLOCK, tick=c.tick)),
)


def netlists(names):
    """(options, clock) of every chip that the measures ``names`` synthesise."""
    found = []
    if {"size", "clock", "board"} & set(names):
        found.append(SIZED)
    if {"fast_size", "fast_clock", "fast_board"} & set(names):
        found.append(FASTEST)
    if "fast_size_without" in names:
        found.append(FASTEST_WITHOUT)
    if "size_without" in names:
        found.append(WITHOUT)
    if "smallest_size" in names:
        found.append(SMALLEST)
    if "dense_clock" in names:
        found.append(DENSE_FASTEST)
    if "area" in names:
        found += area.variants().values()
    if "lanes" in names:
        found += [["--network", NETWORK, "--lanes", str(lanes), "--word-steps", str(steps)]
                  for lanes, steps in BUILT]
    return [(options, CLOCK) for options in found]
