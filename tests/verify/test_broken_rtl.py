"""Faults planted into the hardware: each is seen by its bench, which without it sees nothing."""

import re
from contextlib import nullcontext
from unittest import mock

import numpy as np
import pytest

from hw import accelerator
from hw.control import counts
from hw.encode import bernoulli
from hw.engine import (
    address_generator,
    datapath,
    dispatcher,
    fetch,
    lane,
    look,
    readout,
    room,
    sums,
)
from hw.engine.engine import Engine
from hw.engine.neurons import lif
from hw.explain import sam, tap_reader
from hw.explain.sam import map as pixel_map
from hw.explain.sam.map import PixelMap
from hw.explain.sam.scanner import SpikeScanner
from hw.memory import spike_memory
from hw.plan.planner import Plan
from sim.runner import outcomes
from tests.helpers.planted import changed
from tests.helpers.tampered import cut_off, tampered
from verify.networks import draw, images

pytestmark = pytest.mark.slow

SAM = {"steps": 20, "word_steps": 8, "map_width": 14}
TRAINS = {"regions": (288, 144), "word_steps": 16, "chunks": 1}
NETWORK = draw(2, plain=True, steps=(16,))
# Of hw.engine.neurons.lif's own units, whose membranes are often at their thresholds.
PLAIN = draw(38, plain=True, steps=(16,))
RAGGED = draw(394, rich=True, steps=(20,))     # with a layer of one pixel, in words of 8 steps


def one(unit, **params):
    """A box of one unit, and what its bench is told."""
    return {"unit": unit}, {"unit": params}


def planned(make, folder, network=NETWORK, word_steps=16):
    """The same for a unit made from a plan of a small network."""
    network.save(folder / "network.npz")
    np.save(folder / "images.npy", images(network, 2))
    return one(make(Plan(network, word_steps=word_steps)), network=str(folder / "network.npz"),
               lanes=4, word_steps=word_steps, images=str(folder / "images.npy"), taps=network.taps)


# bench: the modules it needs (which may be broken) and a folder -> units and parameters
BENCHES = {
    "encoder": lambda m, folder: one(m.Bernoulli(steps=20, word_steps=8), kind="bernoulli",
                                     steps=20, word_steps=8,
                                     pixel_cycles=m.Bernoulli.pixel_cycles(3, 8)),
    "sam": lambda m, folder: one(m.Sam(**SAM), channels=3, **SAM),
    "spike_memory": lambda m, folder: one(m.SpikeMemory(**TRAINS), **TRAINS),
    "lane": lambda m, folder: planned(getattr(m, "Lane", lane.Lane), folder, PLAIN),
    "tap_reader": lambda m, folder: planned(m.TapReader, folder, RAGGED, 8),
    "engine": lambda m, folder: planned(Engine, folder),
    "accelerator": lambda m, folder: planned(
        lambda plan: m.Accelerator(NETWORK), folder),
}
MODULES = {"encoder": bernoulli, "sam": sam, "spike_memory": spike_memory, "lane": lane,
           "lif": lif, "room": room, "sums": sums,
           "tap_reader": tap_reader, "address_generator": address_generator, "look": look,
           "dispatcher": dispatcher, "datapath": datapath, "fetch": fetch, "readout": readout,
           "accelerator": accelerator, "counts": counts}
# Parts of what a bench runs: the bench, and the name by which the module that makes one knows it.
PARTS = {
    "lif": ("lane", "hw.engine.neurons.lif.UNIT"),
    "address_generator": ("engine", "hw.engine.engine.AddressGenerator"),
    "look": ("engine", "hw.engine.address_generator.Look"),
    "dispatcher": ("engine", "hw.engine.engine.Dispatcher"),
    "room": ("engine", "hw.engine.dispatcher.LaneRoom"),
    "sums": ("lane", "hw.engine.lane.EnabledSums"),
    "datapath": ("engine", "hw.engine.engine.Datapath"),
    "fetch": ("engine", "hw.engine.datapath.Fetch"),
    "readout": ("engine", "hw.engine.datapath.Readout"),
    "counts": ("accelerator", "hw.accelerator.ResultCounts"),
}

# fault: (module, what stands there, what is put in its place, what the bench says)
FAULTS = {
    "the generator is not restarted": (
        "encoder", "state.eq(self.seed)", "state.eq(state)", "!="),
    "the bitmap keeps marks of the image before": (
        "spike_memory", "kept  = Mux(self.w_addr[:low] == 0, 0, marks[:WORD])",
        "kept  = marks[:WORD]", "bitmap: . instead of"),
    "the mark of a first train turns over where the tenth has one": (
        "spike_memory", "kept | Cat(", "kept ^ kept[9] | Cat(", "bitmap: . instead of"),
    "accumulators are not cleared": (
        "sums", "Mux(self.clear, 0, total + self.weight)", "total + self.weight",
        "step . instead of"),
    "a membrane at the threshold spikes": (
        "lif", "as_signed() + inclusive)", "as_signed() + 1)", "step . instead of"),
    "the membrane outlives its neuron": (
        "lif", "kept.eq(Mux(self.last, 0, reset - dropped))", "kept.eq(reset - dropped)",
        "step . instead of"),
    "a spike outlives its neuron": (
        "lif", "Mux(subtracts & ~self.opens, threshold, 0)", "Mux(subtracts, threshold, 0)",
        "step . instead of"),
    "words are read before they are written": (
        "tap_reader", "self.en.eq(some &", "self.en.eq(C(1) &", "word . is wrong"),
    "the later words of a layer's only pixel are not read": (
        "tap_reader", "within = chunk.any() | channel.any()", "within = C(0, 1)",
        "SimTimeoutError"),
    "the map's edge is not seen": (
        "look", "Mux(inside & (visit.op == Op.Add), channels, 0)",
        "Mux(visit.op == Op.Add, channels, 0)", "pass 1: . trains wrong"),
    "the first field is walked for all pixels": (
        "address_generator", "corner.eq(corner + to)", "corner.eq(corner)",
        "pass . trains wrong"),
    "a score is given up when nobody takes it": (
        "readout", "with m.If(self.o.ready):\n                m.d.sync += self.o.valid.eq(0)",
        "m.d.sync += self.o.valid.eq(0)", "offered . then None"),
    "a walk begins before the sums of the last one are safe": (
        "room", "self.ends.eq(\n            (cool | (cooling == 1)) & (~scoring | self.drained)",
        "self.ends.eq(\n            C(1)", "pass 1: . train"),
    "a row of weights comes too late": (
        "fetch", "row.eq(self.weights.data), self.param", "row.eq(row), self.param",
        "pass 1: . trains wrong"),
    "the count goes on while it is offered": (
        "counts", "with m.Elif(self.counting & ~self.i.payload):", "with m.Elif(self.counting):",
        "offered . then"),
}

# fault: (module, name that it looks up, what it finds there, what the bench says)
PLANTED = {
    "products are cut off, not rounded": (
        "sam", "hw.explain.sam.score.rounding", lambda: cut_off, "pixel . step . instead of"),
    "a pixel's map is not cleared for the next": (
        "sam", "hw.explain.sam.sam.PixelMap",
        lambda: changed(pixel_map, "self.score.valid | clears", "self.score.valid").PixelMap,
        "pixel . step . instead of"),
    "a map value is dropped when nobody takes it": (
        "sam", "hw.explain.sam.sam.PixelMap",
        lambda: tampered(PixelMap, {"o.ready": lambda _: 1}), "offered . then"),
    "a neuron goes on with the spikes of the one before": (
        "sam", "hw.explain.sam.sam.SpikeScanner",
        lambda: tampered(SpikeScanner, {"scan.opens": lambda _: 0}), "instead of"),
}


def bench_of(name):
    """The bench that runs a module."""
    return PARTS[name][0] if name in PARTS else name


def complaints(name, module, folder):
    """{test: complaint} of the bench of ``name`` on units of this module."""
    bench = bench_of(name)
    part = PARTS[name][1] if name in PARTS else None
    with mock.patch(part, getattr(module, part.split(".")[-1])) if part else nullcontext():
        units, params = BENCHES[bench](module if bench == name else MODULES.get(bench), folder)
        found = outcomes(units, f"sim.benches.{bench}", params, folder)
    return {test: message for test, message in found.items() if message}


@pytest.mark.rotated
@pytest.mark.parametrize("name", sorted({*MODULES} - {*PARTS} | {"datapath"}))
def test_green_without_a_fault(name, tmp_path):
    assert complaints(name, MODULES[name], tmp_path) == {}


@pytest.mark.rotated
@pytest.mark.parametrize("fault", [*FAULTS, *PLANTED])
def test_red_with(fault, tmp_path):
    """The bench of the module says what is wrong, in the words in which it compares."""
    if fault in PLANTED:
        name, target, make, words = PLANTED[fault]
        with mock.patch(target, make()):
            found = complaints(name, MODULES[name], tmp_path)
    else:
        name, old, new, words = FAULTS[fault]
        found = complaints(name, changed(MODULES[name], old, new), tmp_path)
    assert found, f"the bench of {bench_of(name)} does not see that {fault}"
    says = words.replace(" . ", " .* ")
    assert any(re.search(says, message.splitlines()[0]) for message in found.values()), found
