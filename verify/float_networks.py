"""Float networks as training leaves them, for tests and for the fuzz of files."""

import numpy as np

from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.network import Pool


def trained(seed=0, **changes):
    """A network of ordinary real weights: convolution, average, depthwise, dense read-out."""
    rng = np.random.default_rng(seed)
    normal = lambda *shape: rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
    lif = FloatNeuron(np.float64(0.9), np.float64(0.3), "subtract")
    layers = (
        FloatLayer(normal(8, 1, 3, 3), lif, normal(8) * 0.1, padding=1), Pool("avg", 2, 2),
        FloatLayer(normal(8, 1, 3, 3) * 2, lif, groups=8),
        FloatLayer(normal(4, 32), FloatNeuron()))
    return FloatNetwork((1, 8, 8), 12, layers, **changes)
