# amaranth: UnusedElaboratable=no
"""Whether a network fits a board, in what size of the engine, how fast, and what helps: estimates.

Nothing is built. Memories are those of the plan; cells are flow.estimate.area's, with the factors
of ``boards.json`` for chips that it is not fitted to; cycles are flow.estimate.cycles'.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boards.platform.target import targets
from flow.estimate import area
from flow.estimate.cycles import drawn_trains, image_cycles, planes_of, trains_of
from flow.estimate.memories import stores_of
from flow.estimate.stream import Bound, bounds
from golden.importers.outline import outline_of
from golden.io.errors import BadInput
from hw.accelerator import Accelerator
from hw.plan.size import LANES, WORD_STEPS, EngineSize
from hw.plan.streaming import AUTO

if TYPE_CHECKING:
    import numpy as np

    from boards.platform.target import Target
    from golden.importers.outline import Outline
    from golden.network.graph import Network

__all__ = ["ACTIVITY", "Cost", "SIZES", "best", "board_named", "cost", "fastest", "ways_out"]

ACTIVITY = 0.05                 # share of neuron steps with a spike, where none is known
SIZES = tuple(EngineSize(lanes, steps) for steps in WORD_STEPS for lanes in LANES
              if lanes <= steps)
MARGIN = {"icebreaker": 0.055}  # of the cells, by which an estimate errs
OTHERS_MARGIN = 0.1
LINK = 4                        # block memories of queue and link, where small ones are logic
FACTORS = Path(__file__).with_name("boards.json")


@dataclass(frozen=True)
class Cost:
    """A size of the engine for a network on a board.

    Members
    -------
    board : str
        As --board names it.
    size : hw.plan.size.EngineSize
    used, limits : dict
        Estimated number of each kind of cell, and how many there are.
    cycles : None or float
        Of an image; None where it does not fit, or was not asked for.
    mhz : float
        Clock of the board where none is asked for.
    refused : str
        Why there is no plan at all; "" where there is one.
    bounds : tuple of flow.estimate.stream.Bound
        What bounds each weighted layer, where cycles were asked for.
    """

    board: str
    size: EngineSize
    used: dict = field(default_factory=dict)
    limits: dict = field(default_factory=dict)
    cycles: float | None = None
    mhz: float = 0.0
    refused: str = ""
    bounds: tuple[Bound, ...] = ()

    @property
    def over(self) -> tuple[str, ...]:
        """What there is too much of, as short sentences; () where it fits."""
        if self.refused:
            return (self.refused,)
        return tuple(f"{self.used[kind]:,} {kind.upper()} of {limit:,}"
                     for kind, limit in self.limits.items() if self.used[kind] > limit)

    @property
    def fits(self) -> bool:
        """Whether the board has room for it, as far as the estimate goes."""
        return not self.over

    @property
    def sure(self) -> bool:
        """Whether it fits even where the estimate of the cells is too low by its usual error."""
        margin = 1 + MARGIN.get(self.board, OTHERS_MARGIN)
        return self.fits and all(self.used[kind] * margin <= self.limits[kind]
                                 for kind in ("lc", "lut") if kind in self.used)

    @property
    def ms(self) -> float | None:
        """Milliseconds an image at the board's usual clock."""
        return None if self.cycles is None else self.cycles / self.mhz / 1e3

    @property
    def streamed(self) -> str:
        """Which weights are streamed, how much, and what bounds their layers, in a sentence."""
        hz = 1e6 * self.mhz
        return "; ".join(
            f"layer {each['layer']} streamed, {each['mb']:g} MB an image at {each['mb_s']:g} MB/s, "
            f"bound by {each['bound']}, {each['ms']:g} ms"
            for each in (bound.data(hz) for bound in self.bounds if bound.streamed))

    @property
    def options(self) -> str:
        """As words of the command."""
        return self.size.options


@cache
def factors():
    """{board: what cells and blocks take there}, of ``python -m bench.boards``."""
    return json.loads(FACTORS.read_text())["factors"]


def board_named(name: str) -> "Target":
    """boards.platform.target.Target of a board; BadInput where there is none such."""
    for target in targets():
        if target.name == name:
            return target
    raise BadInput(f"--board must be one of {', '.join(each.name for each in targets())}, "
                   f"not {name}")


def blocks_in(modes: tuple, depth: int, width: int) -> int:
    """Fewest block memories of (rows, bits) ``modes`` for ``depth`` rows of ``width`` bits."""
    return min(-(-depth // rows) * -(-width // bits) for rows, bits in modes)


def used_on(accelerator: Accelerator, target: "Target") -> dict[str, int]:
    """{kind of cell: number} of the chip around an accelerator on a board, estimated."""
    chip, cells, found = target.chip, area.cells(accelerator), area.blocks(accelerator)
    if chip.hard_bits:
        return {"lc": cells, **found}
    mine = next(factors()[known.name] for known in targets()
                if known.family == chip.family and known.name in factors())
    stores = stores_of(accelerator)
    # Without hard memories trains and weights lie in block memories, of rows of a power of two.
    need = lambda kinds: sum(
        blocks_in(chip.block_modes, 1 << max(store.depth - 1, 0).bit_length(), store.width)
        for store in stores if store.kind in kinds and store.depth > chip.short_memory)
    blocks = need(("SPRAM", "EBR")) + LINK if chip.short_memory else need(("SPRAM",)) + found["ebr"]
    products = sum(count for _, count in accelerator.products)
    cells = mine["cells"] * cells
    result = {"ebr": blocks}
    if "dsp" in chip.limits:
        result["dsp"] = products
    else:
        cells += mine["product"] * products
    if "lut" in chip.limits:
        return {"lut": round(cells), "ff": round(mine["registers"] * cells), **result}
    return {"lc": round(cells), **result}


def cost(network: "Network", target: "Target", size: EngineSize, *,
         taps: tuple[int, ...] | None = None, spikes: "list[np.ndarray] | None" = None,
         activity: float = ACTIVITY, timed: bool = True, schedule: str = "auto",
         from_flash: str | tuple[int, ...] = ()) -> Cost:
    """Cost of one size.

    Parameters
    ----------
    taps : None or tuple of int
        Layers mapped; None for the usual ones, () for no SAM unit.
    spikes : None or list of (N, T, C, H, W)
        Of the input and of each spiking layer, of real images; drawn with ``activity`` without.
    timed : bool
        Whether cycles are wanted, which take the longest.
    schedule, from_flash : str, str or tuple of int
        Of hw.plan.planner.Plan.
    """
    taps = network.default_taps if taps is None else taps
    common = {"board": target.name, "size": size, "mhz": target.usual}
    try:
        accelerator = Accelerator(network, **size._asdict(), taps=taps, schedule=schedule,
                                  from_flash=from_flash)
    except BadInput as error:
        return Cost(**common, refused=str(error).removeprefix(f"{network.name}: "))
    found = Cost(**common, used=used_on(accelerator, target), limits=dict(target.chip.limits))
    if not (timed and found.fits):
        return found
    plan = accelerator.plan
    if spikes is None:
        sources = drawn_trains(plan, activity, count=1)
    else:
        first, *rest = spikes[:len(network.stages)]     # nobody reads a last layer's
        sources = [trains_of(plan, planes_of(plan, first), of_input=True),
                   *(trains_of(plan, each) for each in rest)]
    passes = image_cycles(plan, sources).mean(axis=0)
    return replace(found, cycles=float(passes.sum()), bounds=tuple(bounds(plan, passes)))


def fastest(costs: list[Cost]) -> Cost | None:
    """The quickest of ``costs`` that surely fit, else of those that fit; None where none does."""
    for good in (lambda each: each.sure, lambda each: each.fits):
        if found := [each for each in costs if good(each)]:
            return min(found, key=lambda each: (each.cycles, each.size))
    return None


def sizes(lanes: int | None = None, word_steps: int | None = None, trains=None) -> list[EngineSize]:
    """The sizes that are costed, of which None leaves a member open; at least one.

    A walk buffer must be asked for: its cells are estimated from two chips, of which none was
    routed at the clock of the others.
    """
    found = [size._replace(trains=trains or 1) for size in SIZES
             if lanes in (None, size.lanes) and word_steps in (None, size.word_steps)]
    return found or [usual(lanes, word_steps, trains)]


def usual(*asked: int | None) -> EngineSize:
    """The EngineSize whose members are those asked for, the usual ones where None."""
    return EngineSize(*(b if a is None else a for a, b in zip(asked, EngineSize(), strict=True)))


def best(network: "Network", target: "Target", *, lanes: int | None = None,
         word_steps: int | None = None, trains=None, **how: Any) -> Cost:
    """The Cost that a build takes: the fastest of the sizes that are left open.

    Where none fits, that of 4 lanes of 16 steps and a train, or of what is asked for.
    """
    lanes = target.lanes if lanes is None else lanes
    found = [cost(network, target, size, **how) for size in sizes(lanes, word_steps, trains)]
    return fastest(found) or cost(network, target, usual(lanes, word_steps, trains), **how)


# --- ways out -------------------------------------------------------------------------------------


def ways_out(network: "Network", target: "Target", *, lanes: int | None = None,
             word_steps: int | None = None, trains=None, taps=None, rebuilt=None) -> list[str]:
    """What would make a network fit a board, one sentence each, the least change first.

    Parameters
    ----------
    rebuilt : None or function of bits
        The same network with weights of so many bits; without, one of the same layers is drawn.
    """
    found, outline = [], outline_of(network)
    asked = (lanes, word_steps, trains) != (None, None, None)

    def good(changed, taps=taps):
        """Whether a changed network surely fits in a size that is left open."""
        return any(cost(changed, target, size, taps=taps, timed=False).sure
                   for size in sizes(lanes, word_steps, trains))

    if target.flash_bytes:
        passing = [cost(network, target, size, taps=taps, from_flash=AUTO)
                   for size in sizes(lanes, word_steps, trains)]
        if (other := fastest(passing)) and other.streamed:
            found.append(f"fits with --weights flash {other.options}: {other.streamed}")
    if asked or target.lanes:
        costs = [cost(network, target, size, taps=taps) for size in SIZES]
        if other := fastest(costs):
            found.append(f"fits with {other.options}")
    if taps != () and network.default_taps and good(network, ()):
        found.append("fits without maps: --no-sam")
    if outline is None:
        return found
    for bits in range(outline.bits - 1, 1, -1):
        fewer = rebuilt(bits) if rebuilt else drawn(outline, bits=bits)
        if fewer is not None and good(fewer):
            found.append(f"fits with --bits {bits}")
            break
    return found + narrower(outline, good)


def drawn(outline: "Outline", **changes: Any):
    """Network of an Outline with some members changed, or None where there is none such."""
    try:
        return replace(outline, **changes).network()
    except BadInput:
        return None


def narrower(outline: "Outline", good: Callable) -> list[str]:
    """The most channels of the hidden layer with which the network is ``good``, in a sentence."""
    found = []
    for place in sorted(outline.hidden, key=lambda n: -outline.parts[n].channels)[:1]:
        low, high = 0, outline.parts[place].channels
        while high - low > max(1, low // 50):
            middle = (low + high) // 2
            changed = drawn(outline.wider(place, middle))
            if changed is not None and good(changed):
                low = middle
            else:
                high = middle
        if low:
            number = 1 + sum(part.kind != "pool" for part in outline.parts[:place])
            found.append(f"largest layer {number} that fits: {low} in place of "
                         f"{outline.parts[place].channels} ({outline.parts[place].word})")
    return found
