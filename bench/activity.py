"""Cycles against activity: noise for images, and thresholds that let so much through."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.images import model
from bench.store import digest, kept
from flow.estimate.cycles import image_cycles, trains_of
from golden.encode import encode
from golden.network import Layer, load, sum_ranges
from golden.run import run
from golden.stages import forward
from hw.plan.planner import Plan
from sim.rtl import Simulation
from sim.throughput import operations

ACTIVITIES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
IMAGES = 2


def positive(network):
    """The network with all weights made positive: its thresholds alone then set the activity."""
    return network.replace(layers=tuple(
        replace(layer, weights=np.maximum(np.abs(layer.weights), 1))
        if isinstance(layer, Layer) else layer for layer in network.layers))


def tuned(network, images, activity):
    """The network with the threshold of each layer at which ``activity`` of its neurons spike.

    The nearest share below it that one threshold a layer gives.
    """
    active, layers = encode(images, network), list(network.layers)
    for stage in network.stages:
        layer = stage.layer
        if not layer.spiking:
            continue

        def tried(threshold, layer=layer, stage=stage, active=active):
            new = replace(layer, neuron=replace(layer.neuron, threshold=np.int64(threshold)))
            return new, forward(active, replace(stage, layer=new), network.steps)[0]
        low, high = 1, int(sum_ranges(stage)[1].max()) << layer.frac
        while low < high:                           # spikes fall as thresholds rise
            middle = (low + high) // 2
            low, high = ((middle + 1, high) if tried(middle)[1].mean() > activity
                         else (low, middle))
        layers[layers.index(layer)], active = tried(low)
    return network.replace(layers=tuple(layers))


def noise(network, activity):
    """Images of which every pixel spikes with chance ``activity``."""
    return np.full((IMAGES, *network.shape), round(256 * activity), dtype=np.uint8)


def law():
    """Digest of the sources of the law."""
    return digest(
        Path("flow/estimate/cycles.py").read_bytes(),
        *(path.read_bytes() for path in sorted(Path("hw/plan").glob("*.py")))
    )


def measure(path, *, size, tick=lambda: None):
    """[{wanted, activity, layers, spikes, cycles, law, operations}] for each of ``ACTIVITIES``.

    ``activity`` is the share of neuron steps, of the input and of all layers, that did spike;
    ``law`` is flow.estimate.cycles on those spikes; ``size`` is (lanes, steps of a word).
    """
    network = positive(load(path))
    size = dict(zip(("lanes", "word_steps"), size, strict=True))
    nets = {wanted: tuned(network, noise(network, wanted), wanted) for wanted in ACTIVITIES[1:]}
    nets[0.0] = nets[ACTIVITIES[1]]
    found = []
    for wanted in ACTIVITIES:
        # Membranes and thresholds are as wide as these thresholds need; cycles do not depend on it.
        simulation = Simulation(nets[wanted], taps=(), quick=True, **size)

        def make(wanted=wanted, simulation=simulation):
            net, images = nets[wanted], noise(network, wanted)
            golden = run(images, net)
            plan = Plan(net, **size)
            rtl = simulation.run(images, keep=False)
            if not np.array_equal(rtl.scores, golden.scores):
                raise RuntimeError(f"activity {wanted}: rtl and golden differ")
            sources = [golden.spikes_input, *(golden.spikes[tap] for tap in net.taps)]
            spikes = sum(int(np.count_nonzero(source)) for source in sources)
            places = sum(source.size for source in sources)
            cycles = image_cycles(plan, [trains_of(plan, source) for source in sources])
            return {
                "wanted": wanted, "activity": spikes / places,
                "layers": [float((source != 0).mean()) for source in sources],
                "spikes": spikes / IMAGES, "cycles": float(rtl.cycles.mean()),
                "law": float(cycles.sum(axis=1).mean()),
                "operations": float(operations(net, golden).mean())}
        key = [nets[wanted].digest, size, wanted, model(), simulation.program.parent.name, law()]
        found.append(kept("activity", key, make))
        tick()
    return found
