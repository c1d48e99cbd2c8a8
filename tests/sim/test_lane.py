"""Run the cocotb bench of Lane."""

from dataclasses import replace

import numpy as np
import pytest

from hw.engine.lane import Lane
from hw.plan.planner import Plan
from sim.runner import run_bench
from verify.networks import draw

pytestmark = pytest.mark.slow


def far(network):
    """The network with all resets to zero, to a value far below all sums, and leaked at once."""
    layers = []
    for layer in network.layers:
        if hasattr(layer, "neuron") and layer.spiking:
            neuron = replace(layer.neuron, reset="zero", v_reset=np.int64(-30000),
                             leak=np.int64(1 << 15), threshold=np.int64(3))
            layer = replace(layer, neuron=neuron)
        layers.append(layer)
    return network.replace(layers=tuple(layers))


CASES = {
    "plain": (draw(1, plain=True, steps=(16,)), 4, 16),
    "signs": (draw(2, plain=True, steps=(16,)), 4, 16),
    "uniform": (draw(10, uniform=True, steps=(16,)), 2, 8),
    "channels": (draw(20), 4, 16),
    "leaks": (draw(15, rich=True, steps=(20,)), 2, 16),
    "norms": (draw(8, rich=True, steps=(5,)), 1, 4),
    "far": (far(draw(8, plain=True, steps=(16,))), 4, 16),
}


def test_bench(tmp_path):
    units, params = {}, {}
    for name, (network, lanes, word_steps) in CASES.items():
        network.save(tmp_path / f"{name}.npz")
        units[name] = Lane(Plan(network, lanes=lanes, word_steps=word_steps))
        params[name] = {"network": str(tmp_path / f"{name}.npz"), "lanes": lanes,
                        "word_steps": word_steps}
    run_bench(units, "sim.benches.lane", params, tmp_path)
