"""Logic cells, block RAMs and DSPs of a chip before it is built.

Cells are a sum over parts, each a count read off the plan times cells for one of it; the cells for
one are fitted to built chips by ``python -m bench.area`` and kept in area.json beside this file.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from amaranth import Shape

from boards.platform.device import ICE40UP5K
from flow.estimate.memories import ebrs, stores_of
from golden.formats import score_bits
from hw.engine.ops import found_layout
from hw.plan.buffers import WORD

if TYPE_CHECKING:
    from hw.accelerator import Accelerator

__all__ = ["SURE", "blocks", "cells", "parts", "summed"]

SHORT = 32                                          # visits of a program that is no block RAM
FITTED = Path(__file__).with_name("area.json")
SURE = ICE40UP5K.limits["lc"] - 280                 # an estimate errs by up to 5 %
# Of what no chip of the fit has: an adder's bit; a walk buffer, as two built chips have it; a bit
# of the greatest sums, and of currents of bits, as Yosys makes four lanes of them; rounds, a mark
# of a word of the input, and a bit of a synaptic current, as five built chips have them.
UNFITTED = {"products": 1, "tree": 0.7, "buffer": 950, "greatest": 4, "steady": 2, "rounds": 400,
            "marks": 1.1, "currents": 16}


def parts(accelerator: "Accelerator") -> dict[str, int]:
    """{part: how much of it} of an accelerator; what the cells are fitted to.

    Members
    -------
    chip : 1, for what every chip has
    sums : bits of accumulators and of a train under way, in all steps of a slice in all lanes
    buffer : 1 with a walk buffer
    tree : bits of what the trains of a cycle are chosen and added by, in the same
    neurons : bits of membranes in all lanes, once for each order and comparison that they know
    products : bits of membranes in all lanes, once for each adder of a leak that is no shift
    greatest : bits of the sums of which the greatest goes on, in all lanes
    steady : bits of currents of numbers whose bits are summed, in all lanes
    rounds : 1 in rounds of all layers
    marks : bits that mark the trains of a word of the input under way, in rounds
    currents : bits of a membrane in all lanes, where some have a synaptic current
    norms, parameters : bits of what only some neurons have
    walk : bits of the addresses counted, and the passes that choose between them
    sam : bits of a score and of a map value
    """
    plan = accelerator.plan
    weighted = [each for each in plan.passes if not each.merging]
    orders = {(p.neuron.reset, p.neuron.compare, p.neuron.delay) for p in weighted}
    kept = plan.kept if plan.per_channel else {}
    adders = sum(unit.adders([p.neuron for p in weighted if p.stage.layer.model == model], kept)
                 for model, unit in plan.parameters.units.items())
    return {
        "chip": 1,
        "sums": plan.lanes * plan.slice_steps * (plan.sum_bits + 1),
        "tree": (plan.lanes * plan.slice_steps * (plan.trains - 1) * (2 * plan.weight_bits + 1)
                 if plan.buffered else 0),
        "buffer": int(plan.buffered),
        "neurons": plan.lanes * plan.membrane_bits * (3 + len(orders)),
        "products": plan.lanes * plan.membrane_bits * adders,
        "greatest": plan.lanes * plan.current_bits * plan.in_legs,
        "steady": plan.lanes * plan.current_bits * (plan.steady_bits > 0),
        "rounds": int(plan.rounded),
        "marks": WORD * plan.input_chunks * (plan.rounded and plan.input_chunks > 1),
        "currents": plan.lanes * plan.membrane_bits * len({"cuba", "alpha"}
                                                          & set(plan.parameters.units)),
        "norms": plan.lanes * sum(plan.norm_bits) if plan.normed else 0,
        "parameters": plan.lanes * sum(format.bits for format in kept.values()),
        "walk": 2 * plan.train_addr + plan.row_addr + 4 * len(plan.passes),
        "sam": (accelerator.map_width + score_bits(plan.network.steps) if accelerator.taps else 0),
    }


def summed(found: dict[str, int], fitted: dict[str, float]) -> int:
    """Logic cells of ``parts`` at ``fitted`` cells for one of each."""
    return round(sum(count * (fitted.get(part) or UNFITTED.get(part, 0))
                     for part, count in found.items()))


def cells(accelerator: "Accelerator") -> int:
    """Logic cells of the whole chip around an accelerator, estimated."""
    return summed(parts(accelerator), json.loads(FITTED.read_text())["cells"])


def blocks(accelerator: "Accelerator") -> dict[str, int]:
    """{ebr, spram, dsp} of the chip around an accelerator.

    What flow.estimate.memories plans, the dispatcher's queue and counts, a read-out's sums, and the
    frames and identity of the link; a short program becomes logic.
    """
    plan = accelerator.plan
    stores = stores_of(accelerator)
    short = plan.program_length < SHORT
    count = lambda kind: sum(store.blocks for store in stores if store.kind == kind
                             and not (short and store.what == "program of visits"))
    queue = Shape.cast(found_layout(plan)).width
    sums = (ebrs(plan.network.steps * plan.network.classes, plan.score_bits)
            if plan.segments > 1 else 0)
    return {"ebr": count("EBR") + ebrs(1, queue) + sums + 3, "spram": count("SPRAM"),
            "dsp": sum(count for _, count in accelerator.products) + accelerator.held_products}
