"""The simulated accelerator beside golden."""

import numpy as np

from golden.run import run
from sim.rtl import Simulation


def assert_equal(network, pictures, options, given, *, stall, seed=1, quick=True):
    """Run both and compare every array; returns both Results, golden's first."""
    taps = options.get("taps", network.taps)
    found = Simulation(network, quick=quick, **options).run(
        pictures, stall=stall, seed=seed, **given)
    wanted = run(pictures, network, taps=taps, **given)
    found_arrays, wanted_arrays = found.arrays(), wanted.arrays()
    assert found_arrays.keys() == {*wanted_arrays, "cycles"}
    wrong = [key for key, values in wanted_arrays.items()
             if not np.array_equal(found_arrays[key], values)]
    assert not wrong, f"{network.name}: {', '.join(wrong)} differ"
    return wanted, found
