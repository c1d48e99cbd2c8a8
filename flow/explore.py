"""python -m hw.build ice40 --explore: which sizes of the engine are worth building.

Every size of the engine that flow.estimate.fits costs is costed, with every number of bits of a
weight, by flow.estimate.area and flow.estimate.cycles; of those that fit, the Pareto front (fewer
cycles, fewer cells, smaller weight error) is listed, and some of its points are built, to stand
beside what was predicted.
"""

import itertools
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.progress import Progress

from boards.platform.device import ICE40UP5K
from flow import steps
from flow.design import design, memories
from flow.estimate import area
from flow.estimate.cycles import drawn_trains, image_cycles
from flow.estimate.fits import SIZES
from flow.estimate.memories import shortages
from golden.io import processes
from golden.io.console import Table, wide
from golden.io.errors import BadInput
from golden.io.files import output, replacing
from golden.io.text import say
from golden.network import Layer, load
from hw.plan.size import EngineSize

if TYPE_CHECKING:
    from boards.platform.target import OnBoard
    from flow.config import BuildConfig
    from golden.io.console import Console
    from golden.network.graph import Network
    from hw.accelerator import Accelerator

__all__ = ["Point", "candidates", "explore", "front", "requantised", "run"]

FEWER_BITS = (0, 1, 2)
BUILDS, QUICK_BUILDS = 8, 3


@dataclass(frozen=True)
class Point:
    """A candidate.

    Members
    -------
    size : hw.plan.size.EngineSize
    bits : int
        Of the widest weight.
    error : float
        Of the weights against those of the file, root mean square over root mean square.
    predicted : dict
        lc, ebr, spram, dsp, cycles.
    real : dict
        lc, ebr, spram, dsp and, unless quick, fmax_mhz of a build; empty without one.
    """

    size: EngineSize
    bits: int
    error: float
    predicted: dict
    real: dict = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """Whether the device has room for it."""
        return ICE40UP5K.fits(self.predicted)


def requantised(network: "Network", fewer: int):
    """(network with weights of ``fewer`` bits less, error of its weights), or None.

    A weight is rounded to a multiple of 2**fewer and counts as often, so that thresholds, biases
    and membranes keep their units. None where a layer has fewer than 2 bits left or a norm over
    time, whose gains stand for the sum's units.
    """
    if not fewer:
        return network, 0.0
    layers, wrong, all_ = [], 0.0, 0.0
    for layer in network.layers:
        if isinstance(layer, Layer):
            bits = layer.bits - fewer
            if bits < 2 or layer.norm is not None:
                return None
            old = layer.weights.astype(np.int64)
            new = ((old + (1 << fewer - 1)) >> fewer).clip(-2**(bits - 1), 2**(bits - 1) - 1)
            wrong += float(np.square((new << fewer) - old).sum())
            all_ += float(np.square(old).sum())
            layer = replace(layer, weights=new, bits=bits, frac=layer.frac + fewer)
        layers.append(layer)
    return network.replace(layers=tuple(layers)), float(np.sqrt(wrong / max(all_, 1e-9)))


def candidates(network: "Network", config: "BuildConfig", *, activity: float,
               tick: Callable = lambda: None) -> "list[tuple[Point, Network]]":
    """A Point for every size that the memories hold, and the network that it is for."""
    found = []
    for fewer, size in itertools.product(FEWER_BITS, SIZES):
        tick()
        changed = requantised(network, fewer)
        if changed is None:
            continue
        try:
            accelerator, _ = sized(changed[0], config, size)
        except BadInput:
            continue
        plan = accelerator.plan
        cycles = image_cycles(plan, drawn_trains(plan, activity, count=1)).sum(axis=1).mean()
        point = Point(size, plan.weight_bits, changed[1], {
            "lc": area.cells(accelerator), **area.blocks(accelerator), "cycles": round(cycles)})
        found.append((point, changed[0]))
    return found


def sized(network, config: "BuildConfig", size: EngineSize) -> "tuple[Accelerator, OnBoard]":
    """(accelerator, component for the board) of a size; BadInput if it does not fit."""
    accelerator, component, _ = design(network, config.replace(**size._asdict()))
    if over := shortages(memories(accelerator)):
        raise BadInput("; ".join(over))
    return accelerator, component


def front(points: list[Point]) -> list[Point]:
    """Those of ``points`` that fit and that no other one beats, fewest cycles first."""
    worth = lambda p: (p.predicted["cycles"], p.predicted["lc"], p.error)
    fit = [point for point in points if point.fits]
    beaten = lambda p: any(worth(q) != worth(p) and all(a <= b for a, b in zip(
        worth(q), worth(p), strict=True)) for q in fit)
    return sorted((point for point in fit if not beaten(point)), key=worth)


def spread(points: list, count: int) -> list:
    """``count`` of ``points`` or all, evenly from the first to the last."""
    at = np.linspace(0, len(points) - 1, min(count, len(points))).round().astype(int)
    return [points[n] for n in dict.fromkeys(at.tolist())]


def built(network, config: "BuildConfig", size, hz: int, where):
    """Cells of one build after packing; with ``hz`` also the clock after place and route."""
    _, component = sized(network, config, size)
    with processes.folder("sam-explore-") as work:
        folder = steps.synthesised(component, where or work)
        found = steps.packed_size(folder)
        if hz and ICE40UP5K.fits(found):
            try:
                found["fmax_mhz"] = steps.fmax(steps.routed(folder, hz=hz, seed=1))
            except steps.ToolError:
                pass                                # too full to be routed: no clock
    return found


def pool(jobs: int, dask: str):
    """A joblib.Parallel of local processes, or of those of a dask scheduler at an address.

    Raises BadInput where dask is asked for and not installed, or does not answer.
    """
    from joblib import Parallel, parallel_config
    if not dask:
        return Parallel(n_jobs=jobs, return_as="generator_unordered", **processes.ending_with_us())
    try:
        from distributed import Client
    except ImportError:
        raise BadInput("--dask needs the package distributed, which is not installed: "
                       "pip install distributed") from None
    try:
        Client(dask, timeout=10)
    except (OSError, ValueError) as error:
        raise BadInput(f"--dask {dask}: {error or 'no scheduler answers'}") from None
    parallel_config(backend="dask")
    return Parallel(n_jobs=-1, return_as="generator_unordered")


def explore(network: "Network", config: "BuildConfig", hz: int, console: "Console", *,
            activity: float, quick: bool = False, jobs: int = 1, dask: str | None = None,
            where: Path | None = None) -> list[Point]:
    """The front, its spread points built and ``real`` filled in.

    Parameters
    ----------
    config : BuildConfig
        Whose size is varied.
    activity : float
        Share of neuron steps with a spike.
    quick : bool
        Build few points, without place and route.
    jobs : int
        Builds at once.
    dask : None or str
        Address of a scheduler to build on.
    where : None or Path
        Folder that keeps netlists.
    """
    from joblib import delayed
    workers = pool(jobs, dask)
    sizes = len(FEWER_BITS) * len(SIZES)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("costing", total=sizes)
        found = candidates(network, config, activity=activity,
                           tick=lambda: progress.advance(task))
        best = front([point for point, _ in found])
        networks = {(p.size, p.bits): changed for p, changed in found}
        chosen = spread(best, QUICK_BUILDS if quick else BUILDS)
        progress.reset(task, description="building", total=len(chosen))

        def one(n, point):
            network = networks[point.size, point.bits]
            return n, built(network, config, point.size, None if quick else hz, where)
        real = {}
        with processes.unheard():
            ends = workers(delayed(one)(best.index(point), point) for point in chosen)
        for n, cells in ends:
            real[n] = cells
            progress.advance(task)
    fit = sum(point.fits for point, _ in found)
    console.print(f"{sizes} sizes, {len(found)} whose memories fit, {fit} whose cells do too, "
                  f"{len(best)} on the front; {len(real)} built")
    return [replace(point, real=real.get(n, {})) for n, point in enumerate(best)]


def table(points: list[Point], network: "Network", activity: float) -> Table:
    """The front as a table."""
    found = Table(title=f"{network.name} at {100 * activity:g} % activity")
    for column in ("size", "bits", "weight error", "cycles", "LC", "built", "off",
                   "EBR", "built", "SPRAM", "DSP", "MHz"):
        found.add_column(column, justify="right")
    for point in points:
        guess, real = point.predicted, point.real
        off = f"{100 * (guess['lc'] / real['lc'] - 1):+.1f} %" if real else ""
        found.add_row(
            point.size.text, str(point.bits), f"{100 * point.error:.1f} %",
            f"{guess['cycles']:,}", f"{guess['lc']:,}", f"{real['lc']:,}" if real else "", off,
            str(guess["ebr"]), str(real.get("ebr", "")), str(guess["spram"]), str(guess["dsp"]),
            f"{real['fmax_mhz']:.2f}" if "fmax_mhz" in real else "")
    return found


def where_memories_lie(network: "Network", config: "BuildConfig", point: Point) -> str:
    """One line: which memory of a point lies in which blocks, the one placement that fits it."""
    accelerator, _ = sized(network, config, point.size)
    return "; ".join(f"{store.what}: {store.blocks} {store.kind}"
                     for store in memories(accelerator))


def run(config: "BuildConfig", hz: int, console: "Console", *, out: str, activity: float,
        **how: Any) -> list[Point]:
    """Explore, print the table, and write it to explore.json in the folder ``out``.

    ``activity`` and ``how`` go to ``explore``.
    """
    path = Path(out) / "explore.json"
    output(path, config.network, what="the table", known=lambda path: all(
        "predicted" in point for point in json.loads(path.read_text())))
    network = load(config.network)
    points = explore(network, config, hz, console, where=Path(out) / "netlists",
                     activity=activity, **how)
    page = wide(console)
    page.print(table(points, network, activity))
    if points:
        page.print(f"fewest cycles: {where_memories_lie(network, config, points[0])}",
                   markup=False, highlight=False)
    with replacing(path) as aside:
        aside.write_text(json.dumps([
            {**point.size._asdict(), **{name: value for name, value in asdict(point).items()
                                        if name != "size"}} for point in points], indent=1) + "\n")
    say(f"wrote {path}")
    return points
