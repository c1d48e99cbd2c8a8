"""Cycles against activity: one chip, noise for images, and thresholds that let through so much."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.images import model
from bench.store import digest, kept
from golden.encode import encode
from golden.network import load
from golden.run import forward, run
from hw.build import engine_size
from hw.cycles import drawn_trains, image_cycles, trains_of
from hw.plan import Plan, configuration
from sim.rtl import Simulation
from sim.throughput import operations

ACTIVITIES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
IMAGES = 2


def tuned(network, images, activity):
    """The network with the threshold of each layer at which ``activity`` of its neurons spike.

    The nearest share that one threshold a layer gives, from 1 to the largest of ``network``; a
    layer that cannot reach it, whatever the threshold, spikes as often as it can.
    """
    active, layers = encode(images, network), []
    stages = iter(network.stages)
    for layer in network.layers:
        if not hasattr(layer, "weights") or not layer.spiking:
            layers.append(layer)
            if hasattr(layer, "weights"):
                next(stages)
            continue
        stage = next(stages)
        low, high = 1, int(np.max(layer.neuron.threshold)) * 4

        def tried(threshold, layer=layer, stage=stage, active=active):
            new = replace(layer, neuron=replace(layer.neuron, threshold=np.int64(threshold)))
            return new, forward(active, replace(stage, layer=new), network.steps)[0]
        while low < high:                           # spikes fall as thresholds rise
            middle = (low + high) // 2
            low, high = ((middle + 1, high) if tried(middle)[1].mean() > activity
                         else (low, middle))
        layer, active = tried(low)
        layers.append(layer)
    return network.replace(layers=tuple(layers))


def noise(network, activity):
    """Images of which every pixel spikes with chance ``activity``."""
    return np.full((IMAGES, *network.shape), round(256 * activity), dtype=np.uint8)


def law():
    """Digest of the sources of the law."""
    return digest(Path("hw/cycles.py").read_bytes(), Path("hw/plan.py").read_bytes())


def rewritten(simulation, plan):
    """Writes that give a simulated chip the thresholds of ``plan``.

    Raises ValueError if they do not fit its widths.
    """
    own = simulation.accelerator.plan
    table = np.zeros(plan.network.steps, dtype=np.int64)
    old, new = (configuration(each, table=table, mode="paper") for each in (own, plan))
    wide = all(getattr(plan, name) <= getattr(own, name)
               for name in ("threshold_bits", "membrane_bits", "sum_bits"))
    if not wide or old.shape != new.shape:
        raise ValueError("thresholds do not fit the chip")
    return new[(old != new).any(axis=1)]


def measure(path, *, tick=lambda: None):
    """[{wanted, activity, cycles, law, expected, operations}] for each of ``ACTIVITIES``.

    ``activity`` is the share of neuron steps, of the input and of all layers, that did spike;
    ``law`` is hw.cycles on those spikes, ``expected`` the same where every neuron spikes by itself
    with that chance.
    """
    network = load(path)
    lanes, word_steps = engine_size(network, None, None)
    size = {"lanes": lanes, "word_steps": word_steps}
    simulation = Simulation(network, taps=(), **size)
    found = []
    for wanted in ACTIVITIES:
        images = noise(network, wanted)

        def make(images=images, wanted=wanted):
            net = tuned(network, images, wanted) if wanted else network
            golden = run(images, net)
            plan = Plan(net, **size)
            writes = [rewritten(simulation, plan), *[np.zeros((0, 3), np.uint16)] * (IMAGES - 1)]
            rtl = simulation.run(images, writes=writes, keep=False)
            if not np.array_equal(rtl.scores, golden.scores):
                raise RuntimeError(f"activity {wanted}: rtl and golden differ")
            sources = [golden.spikes_input, *(golden.spikes[tap] for tap in net.taps)]
            spikes = sum(int(np.count_nonzero(source)) for source in sources)
            places = sum(source.size for source in sources)
            return {
                "wanted": wanted, "activity": spikes / places,
                "layers": [float((source != 0).mean()) for source in sources],
                "spikes": spikes / IMAGES, "cycles": float(rtl.cycles.mean()),
                "law": float(image_cycles(plan, [
                    trains_of(plan, source) for source in sources]).sum(axis=1).mean()),
                "expected": float(image_cycles(
                    plan, drawn_trains(plan, spikes / places)).sum(axis=1).mean()),
                "operations": float(operations(net, golden).mean())}
        key = [network.digest, size, wanted, model(), simulation.program.parent.name, law()]
        found.append(kept("activity", key, make))
        tick()
    return found
