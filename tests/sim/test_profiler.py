"""Every cycle of the simulated accelerator has one cause, and the counts are what golden says."""

import numpy as np
import pytest

from flow.estimate.cycles import planes_of, trains_of, walks
from golden.run import run
from hw.engine.profiler import StallReason
from sim.rtl import Simulation
from verify.networks import draw, images

pytestmark = pytest.mark.slow

USEFUL, HAND, PARAM, OUTPUT, LOAD = (
    StallReason[name].value for name in ("Useful", "Handover", "Param", "Output", "Load"))


@pytest.mark.parametrize("seed, options", [
    (1, {}), (2, {"lanes": 2}), (5, {"lanes": 4, "word_steps": 8}), (7, {"taps": ()})])
def test_causes(seed, options):
    """Their sum is the cycles of every image, also where streams idle and stall.

    Useful ones are the trains that are not all zero, met by every walk, and each walk hands its
    sums on once.
    """
    network = draw(seed)
    pictures = images(network, 3)
    simulation = Simulation(network, quick=True, **options)
    golden, plan = run(pictures, network), simulation.accelerator.plan
    results = [simulation.run(pictures, stall=stall, keep=False) for stall in (0, 0.5)]
    for result in results:
        assert np.array_equal(result.causes.sum(axis=(1, 2)), result.cycles)
        assert not result.causes[:, 1:, LOAD].any() and result.causes[:, 0, LOAD].all()
    assert np.array_equal(results[0].causes[..., USEFUL], results[1].causes[..., USEFUL])
    assert (results[1].causes[..., OUTPUT].sum() > results[0].causes[..., OUTPUT].sum())
    sources = [planes_of(plan, golden.spikes_input), *(golden.spikes[t] for t in network.taps)]
    merged = {each.stage.index for each in plan.passes if each.merging}
    for number, each in enumerate(plan.passes, 1):
        if each.stage.index in merged:
            continue
        found = walks(plan, each, trains_of(plan, sources[each.stage.index - 1]))
        causes = results[0].causes[:, number]
        assert np.array_equal(causes[:, USEFUL], found.trains.sum(axis=1))
        assert (causes[:, HAND] == found.trains.shape[1]).all()
        times = found.trains.shape[1] // plan.chunks if plan.per_channel else 1
        assert (causes[:, PARAM] == plan.header * times).all()
