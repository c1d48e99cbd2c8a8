"""Run the cocotb bench of Traces and PathScaler; hold them against golden on real images."""

import re

import numpy as np
import pytest

from golden.explain.traces import decay_table, traces
from golden.formats import score_bits
from golden.network import load
from golden.run import run
from hw.accelerator import Accelerator
from hw.explain.traces import PathScaler, Traces
from sim.rtl import Simulation
from sim.runner import run_bench
from verify.networks import draw, images

pytestmark = pytest.mark.slow

TRACES = {f"t{steps}w{word}": {"steps": steps, "word_steps": word}
          for steps, word in ((16, 16), (20, 8), (5, 4), (1, 4), (33, 16), (15, 16))}
WEIGHERS = {
    "one": {"neurons": 9, "trace_width": score_bits(16), "bits": 8, "outputs": 1},
    "few": {"neurons": 7, "trace_width": score_bits(255), "bits": 3, "outputs": 5},
    "single": {"neurons": 1, "trace_width": 9, "bits": 16, "outputs": 2},
    "spram": {"neurons": 600, "trace_width": score_bits(16), "bits": 8, "outputs": 7},
}


def test_bench(tmp_path):
    units = {name: Traces(**case) for name, case in TRACES.items()}
    params = dict(TRACES)
    for name, case in WEIGHERS.items():
        units[name] = PathScaler(**case)
        params[name] = {**case, "in_spram": units[name].in_spram}
    assert params["spram"]["in_spram"]
    run_bench(units, "sim.benches.traces", params, tmp_path)


@pytest.mark.parametrize("taps", [(3,), (1,)], ids=["mapped", "unmapped"])
def test_equals_golden_on_real_images(taps):
    """Traces of the last hidden layer, whether SAM hears the same words or not."""
    network = load("models/fashion_small.npz")
    real = np.load("models/fashion_sample.npz")["images"][:20]
    found = Simulation(network, taps=taps, attribution=3).run(real, decay=0.9, stall=0.2)
    wanted = run(real, network)
    want = traces(wanted.spikes[3].swapaxes(0, 1), decay_table(0.9, network.steps))
    assert want.max() > 1000 and np.array_equal(found.traces, want)
    assert np.array_equal(found.scores, wanted.scores)
    assert np.array_equal(found.maps[taps[0]], wanted.maps[taps[0]])


@pytest.mark.rotated
@pytest.mark.parametrize("seed, lanes, word_steps", [(20, 4, 16), (47, 2, 4), (41, 8, 8)])
def test_equals_golden_on_drawn_chains(seed, lanes, word_steps):
    """Traces of the deepest spiking layer of chains of any kind, no layer mapped."""
    network = draw(seed)
    layer, drawn = network.taps[-1], images(network, 3)
    found = Simulation(network, taps=(), attribution=layer, lanes=lanes,
                       word_steps=word_steps).run(drawn, decay=0.7)
    spikes = run(drawn, network).spikes[layer]
    want = traces(spikes.swapaxes(0, 1), decay_table(0.7, network.steps))
    assert np.array_equal(found.traces, want)


@pytest.mark.parametrize("make, message", [
    (lambda: Accelerator(load("models/fashion_small.npz"), attribution=4),
     "attribution must be one of the spiking layers 1, 2, 3, not 4"),
    (lambda: Traces(steps=1024, word_steps=16), "steps must be 1 to 1023, not 1024"),
    (lambda: PathScaler(neurons=1568, outputs=11, trace_width=13, bits=8),
     "neurons times outputs must be 1 to 16384, not 1568 times 11"),
    (lambda: PathScaler(neurons=1, trace_width=13, bits=1), "bits must be 2 to 16, not 1"),
])
def test_refuses(make, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()
