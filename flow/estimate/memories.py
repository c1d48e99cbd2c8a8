"""What a plan costs: what lives in which memory, and the cycles of its walks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from boards.platform.device import ICE40UP5K
from hw.explain.tap_queue import DEPTH, queues
from hw.plan.buffers import BUFFER_ROWS, SPRAM_WORDS, WORD

if TYPE_CHECKING:
    from hw.accelerator import Accelerator
    from hw.plan.planner import Plan


@dataclass(frozen=True)
class Store:
    """One memory: ``depth`` rows of ``width`` bits, in ``blocks`` SPRAMs or EBRs as ``kind`` says.

    A row is read in a cycle, so that ``width`` is also the bits read a cycle.
    """

    what: str
    kind: str
    depth: int
    width: int
    blocks: int

    @property
    def bits(self) -> int:
        """Bits in use."""
        return self.depth * self.width


@dataclass(frozen=True)
class Effort:
    """Walks of one pass.

    Members
    -------
    what : str
    walks : int
        One for each output pixel, group of lanes and chunk of steps; of walks with legs, those.
    visits : int
        Words of the bitmap looked at in a walk.
    quiet, busy : int
        Cycles of the pass, estimated: where inputs hardly spike (a cycle a visit and one for the
        end, but not fewer than the neurons take to drain), and where every neuron does in every
        chunk and every field lies within the map.
    """

    what: str
    walks: int
    visits: int
    quiet: int
    busy: int


def ebrs(depth: int, width: int) -> int:
    """Fewest block RAMs that hold ``depth`` rows of ``width`` bits."""
    return min(-(-depth // rows) * -(-width // bits) for rows, bits in ICE40UP5K.block_modes)


def block_memory(what: str, depth: int, width: int) -> Store:
    """A Store in block RAM."""
    return Store(what, "EBR", depth, width, ebrs(depth, width))


def memory_plan(plan: "Plan", *, map_width: int = 0, traces: bool = False,
                experiments: bool = False) -> list[Store]:
    """Every memory of the engine as a Store.

    Parameters
    ----------
    plan : hw.plan.planner.Plan
    map_width : int
        Of the SAM unit's map, as hw.accelerator has it; 0 without one.
    traces, experiments : bool
        Whether attribution traces are given, and spikes can be taken away.
    """
    found = [
        Store(f"trains of {what}", "SPRAM", plan.regions[n], plan.word_steps, 1)
        for n, what in enumerate(("the input and even passes", "odd passes"))]
    content = "weights and neuron parameters" if plan.per_channel else "weights and thresholds"
    if plan.banks:
        content += ", and two banks of those that are streamed"
    found.append(Store(content, "SPRAM", plan.weight_rows, WORD * plan.row_words,
                       plan.row_words * -(-plan.weight_rows // SPRAM_WORDS)))
    found += [
        block_memory("bitmap of trains with spikes", sum(plan.regions) // WORD, WORD),
        block_memory("program of visits", plan.program_length,
                     sum(plan.program_fields.values()))]
    if plan.rounded:
        found.append(block_memory("neurons between two rounds", plan.state_walks,
                                  plan.lanes * plan.state_bits))
    if plan.buffered:
        widths = plan.word_steps, WORD * plan.row_words
        found.append(Store(
            "walk buffer", "EBR", BUFFER_ROWS, plan.trains * sum(widths),
            plan.trains * sum(ebrs(BUFFER_ROWS, width) for width in widths) + 1))
    if plan.in_legs:
        found.append(block_memory("greatest sums of a walk", plan.word_steps,
                                  plan.lanes * plan.current_bits))
    if plan.normed:
        found.append(block_memory("norms over time (BNTT)", len(plan.norm_rows),
                                  plan.lanes * sum(plan.norm_bits)))
    if map_width:
        steps = 1 << max(1, (plan.network.steps - 1).bit_length())
        found += [block_memory("SAM table", steps, 16),
                  block_memory("SAM map of a pixel", steps, map_width)]
        if queues(plan) and not traces:
            found.append(block_memory("trains to map", DEPTH, plan.word_steps))
    if traces:
        found.append(block_memory("table of the traces", 1 << plan.network.steps.bit_length(), 16))
    if experiments:
        found.append(block_memory("marks of silent neurons", max(plan.regions) // WORD, WORD))
    return found


def stores_of(accelerator: "Accelerator") -> list[Store]:
    """Stores of an accelerator, with its explanations and experiments."""
    plan = accelerator.plan
    found = memory_plan(plan, map_width=accelerator.map_width if accelerator.taps else 0,
                        traces=accelerator.attribution is not None,
                        experiments=accelerator.experiments)
    if plan.rounded and accelerator.taps:
        unit = accelerator.explained["maps"].unit
        found.append(block_memory("SAM scores between two rounds", unit.neurons, unit.neuron_bits))
    return found


def too_many(products):
    """What ``shortages`` says of the ``products`` of an accelerator."""
    used = sum(count for _, count in products)
    limit = ICE40UP5K.limits["dsp"]
    if used <= limit:
        return []
    parts = ", ".join(f"{what} {count}" for what, count in products)
    return [f"{used} multipliers (DSP), {used - limit} more than the {limit} there are ({parts}); "
            "fewer --lanes take fewer"]


def efforts(plan: "Plan") -> list[Effort]:
    """An Effort for each pass."""
    found = []
    for each in plan.passes:
        _, height, width = each.shape
        walks = height * width * each.groups * plan.chunks * each.legs * plan.rounds
        visits = len(each.program) // each.legs
        drain = 0 if each.merging else plan.walk_steps + plan.steady_bits * each.steady
        headers = sum(v.offset + 1 for v in each.headers) if each.headers else 0
        channels, rows, columns = plan.source(each.stage)
        reads = each.group_step or channels          # channels of a pixel that a walk reads
        inputs = visits // -(-reads // WORD) * reads
        if not each.merging and each.stage.layer.dense and not each.stage.pools:
            inputs = channels * rows * columns
        if each.terms:
            inputs = visits * each.window
        runs = walks // (plan.chunks * each.legs) if plan.per_channel else 1
        found.append(Effort(
            f"layer {each.stage.index}" + (f", {each.merges} before" if each.merging else ""),
            walks, visits, walks * max(visits + 1, drain) + headers * runs,
            walks * max(inputs + 1, drain) + headers * runs))
    return found


def shortages(stores: list[Store]) -> list[str]:
    """A sentence for each kind of block of which the Stores take more than there are."""
    found = []
    for kind in ("SPRAM", "EBR"):
        limit = ICE40UP5K.limits[kind.lower()]
        used = sum(store.blocks for store in stores if store.kind == kind)
        if used > limit:
            parts = ", ".join(f"{store.what} {store.blocks}" for store in stores
                              if store.kind == kind)
            found.append(f"{used} blocks of {kind}, {used - limit} more than the {limit} there "
                         f"are ({parts})")
    return found


def capacity(store: Store) -> int:
    """Bits of the blocks a Store has to itself."""
    rows, bits = ICE40UP5K.block_modes[0]
    return store.blocks * (ICE40UP5K.hard_bits if store.kind == "SPRAM" else rows * bits)
