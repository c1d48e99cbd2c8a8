"""The compiled kernel beside NumPy."""

import numpy as np

from golden.run import run, run_batched


def differing(network, given, **options):
    """Names of arrays in which the two differ, of value or of type."""
    numpy = run(given, network, **options).arrays()
    compiled = run_batched(given, network, kernel="compiled", **options).arrays()
    assert numpy.keys() == compiled.keys()
    return [name for name, values in numpy.items() if values.dtype != compiled[name].dtype
            or not np.array_equal(values, compiled[name])]
