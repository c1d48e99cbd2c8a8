"""Cycles and cells of one network against lanes and steps of a word."""

import numpy as np

from bench.chips import chip, netlist
from flow import steps
from flow.estimate import area
from flow.estimate.cycles import image_cycles, trains_of
from golden.images import load_images
from golden.io.errors import BadInput
from golden.network import load
from golden.run import run
from hw.plan.planner import Plan

SIZES = ((1, 16), (2, 16), (4, 8), (4, 16), (8, 8), (8, 16), (16, 16))
BUILT = ((2, 16), (4, 8), (4, 16), (8, 8))
IMAGES = 10


def measure(network, pictures, *, clock, tick=lambda: None):
    """[{lanes, word_steps, cycles, lc, real}]; ``real`` cells of those in ``BUILT``.

    Cycles are those of flow.estimate.cycles on the spikes of real images.
    """
    net = load(network)
    images = load_images(pictures, net)[0][:IMAGES]
    golden = run(images, net)
    sources = [golden.spikes_input, *(golden.spikes[tap] for tap in net.taps)]
    found = []
    for lanes, word_steps in SIZES:
        try:
            plan = Plan(net, lanes=lanes, word_steps=word_steps)
            options = ["--network", network, "--lanes", str(lanes), "--word-steps", str(word_steps)]
            accelerator, _, _ = chip(options, clock=clock)
        except BadInput as error:
            found.append({"lanes": lanes, "word_steps": word_steps, "refused": str(error)})
            continue
        cycles = image_cycles(plan, [trains_of(plan, source) for source in sources])
        each = {"lanes": lanes, "word_steps": word_steps,
                "cycles": float(np.mean(cycles.sum(axis=1))), "lc": area.cells(accelerator)}
        if (lanes, word_steps) in BUILT:
            each["real"] = steps.packed_size(netlist(options, clock=clock)[0])["lc"]
        found.append(each)
        tick()
    return found
