"""What a network must keep to be one: each rule raises BadInput naming the layer and the rule."""

from itertools import takewhile

import numpy as np

from golden.formats import LEAK_BITS, bits_signed
from golden.io.errors import rule
from golden.io.values import integers as whole
from golden.network.layers import COMPARES, POOLS, RESETS, Layer, Pool
from golden.network.ranges import membrane_range

ENCODERS = ("bernoulli", "frames", "ternary", "current")
READOUTS = ("membrane", "count", "first")


def check(network):
    """Raise BadInput unless ``network`` keeps every rule of its docstrings."""
    name = network.name
    rule(isinstance(network.steps, int) and 1 <= network.steps <= 255, name,
         f"steps must be 1 to 255, not {network.steps}")
    rule(len(network.shape) == 3 and all(isinstance(n, int) and 1 <= n <= 4096
                                         for n in network.shape),
         name, f"the input shape must be (C, H, W), each 1 to 4096, not {network.shape}")
    rule(network.encoder in ENCODERS, name,
         f"encoder must be one of {', '.join(ENCODERS)}, not {network.encoder}")
    rule(network.readout in READOUTS, name,
         f"readout must be one of {', '.join(READOUTS)}, not {network.readout}")
    rule(isinstance(network.seed, int) and 1 <= network.seed < 2**32, name,
         f"seed must be 1 to 2**32 - 1, not {network.seed}")
    rule(network.layers and isinstance(network.layers[-1], Layer), name,
         "the last layer must be a weighted one")
    rule(isinstance(network.notes, dict), name, "notes must be named texts")
    for position, layer in enumerate(network.layers, 1):
        where = f"{name}: layer {position} of {len(network.layers)}"
        if isinstance(layer, Pool):
            check_pool(layer, where, network.encoder, network.layers[:position - 1])
        else:
            check_layer(layer, where, network)
    shape = network.shape
    for position, layer in enumerate(network.layers, 1):
        where = f"{name}: layer {position} of {len(network.layers)}"
        if not isinstance(layer, Pool) and layer.dense:
            count = int(np.prod(shape))
            rule(layer.weights.shape[1] == count, where,
                 f"dense weights take {layer.weights.shape[1]} inputs where {shape} has {count}")
            shape = (layer.channels, 1, 1)
        else:
            if isinstance(layer, Layer):
                rule(shape[0] % layer.groups == 0
                     and layer.weights.shape[1] == shape[0] // layer.groups, where,
                     f"convolution takes {layer.weights.shape[1]} channels in each of "
                     f"{layer.groups} groups where the layer before has {shape[0]} channels")
            sides = [(n + 2 * layer.padding - layer.kernel) // layer.stride + 1 for n in shape[1:]]
            rule(all(n >= 1 for n in sides), where,
                 f"a kernel of {layer.kernel} does not fit a map of {shape[1]} x {shape[2]}")
            shape = (shape[0] if isinstance(layer, Pool) else layer.channels, *sides)
    for stage in network.stages:
        where = f"{name}: weighted layer {stage.index}"
        last = stage.index == len(network.stages)
        rule(stage.layer.spiking or (last and network.readout == "membrane"), where,
             'only the last layer may have reset "none", and only with readout "membrane"')
        rule(not last or not stage.layer.spiking or network.readout != "membrane", where,
             'readout "membrane" needs a last layer with reset "none"')
        rule(stage.layer.dense or not last or stage.shape[1:] == (1, 1), where,
             f"the last layer must give one value a class, not a map of {stage.shape[1:]}")
        low, high = membrane_range(stage, network.steps)
        rule(bits_signed(low, high) <= 32, where,
             f"membranes need {bits_signed(low, high)} bits; at most 32 are kept")
    names, count = network.notes.get("classes"), network.classes
    rule(names is None or isinstance(names, (list, tuple)) and len(names) == count
         and all(isinstance(each, (str, int, float)) for each in names), name,
         f"notes: classes must be a list of {count} names, one a class")


def check_pool(pool, where, encoder, before):
    """Raise BadInput unless ``pool`` is one that may follow the layers ``before``."""
    rule(pool.kind in POOLS, where, f"pool must be one of {', '.join(POOLS)}, not {pool.kind}")
    rule(isinstance(pool.kernel, int) and 1 <= pool.kernel <= 4096, where,
         f"pool kernel must be a whole number from 1, not {pool.kernel}")
    rule(isinstance(pool.stride, int) and 1 <= pool.stride <= 4096, where,
         f"pool stride must be a whole number from 1, not {pool.stride}")
    rule(isinstance(pool.padding, int) and 0 <= pool.padding <= pool.kernel // 2, where,
         f"pool padding must be 0 to half the kernel, not {pool.padding}")
    counted = any(isinstance(layer, Pool) and layer.kind != "max"
                  for layer in takewhile(lambda layer: isinstance(layer, Pool), before[::-1]))
    bare = encoder in ("current", "ternary") and all(isinstance(p, Pool) for p in before)
    rule(pool.kind != "max" or not (counted or bare), where,
         "max pooling needs spikes, not counts, signs or a current")


def check_neuron(layer, where, *, resets, named, number):
    """Raise BadInput unless a layer's choices are among those there are, and its parameters fit.

    Each of the neuron's parameters ``named``, and the bias, is what ``number(values, where, what)``
    lets through, one for all or one a channel.
    """
    neuron = layer.neuron
    rule(neuron.reset in resets, where,
         f"reset must be one of {', '.join(resets)}, not {neuron.reset}")
    rule(neuron.compare in COMPARES, where,
         f"compare must be one of {', '.join(COMPARES)}, not {neuron.compare}")
    rule(neuron.delay in (0, 1), where, f"delay must be 0 or 1, not {neuron.delay}")
    given = {what: getattr(neuron, what) for what in named}
    if layer.bias is not None:
        given["bias"] = layer.bias
    for what, values in given.items():
        values = number(values, where, what)
        rule(values.shape in ((), (layer.channels,)), where,
             f"{what} must be one number or one a channel, not of shape {values.shape}")


def check_layer(layer, where, network):
    """Raise BadInput unless ``layer`` keeps the rules of Layer and Neuron."""
    weights = layer.weights
    rule(isinstance(weights, np.ndarray) and weights.ndim in (2, 4), where,
         "weights must have 2 (dense) or 4 (convolution) dimensions")
    rule(weights.size > 0, where, "weights must not be empty")
    whole(weights, where, "weights")
    rule(isinstance(layer.bits, int) and 2 <= layer.bits <= 8, where,
         f"weight bits must be 2 to 8, not {layer.bits}")
    limit = 2**(layer.bits - 1)
    rule(weights.min() >= -limit and weights.max() < limit, where,
         f"weights must lie in {-limit}..{limit - 1} for {layer.bits} bits")
    if weights.ndim == 4:
        rule(weights.shape[2] == weights.shape[3], where,
             f"kernels must be square, not {weights.shape[2]} x {weights.shape[3]}")
        rule(1 <= layer.kernel <= 7, where, f"kernel must be 1 to 7, not {layer.kernel}")
    rule(isinstance(layer.stride, int) and 1 <= layer.stride <= 64, where,
         f"stride must be 1 to 64, not {layer.stride}")
    rule(isinstance(layer.padding, int) and 0 <= layer.padding < layer.kernel, where,
         f"padding must be 0 to kernel - 1, not {layer.padding}")
    rule(isinstance(layer.groups, int) and layer.groups >= 1
         and layer.channels % layer.groups == 0, where,
         f"groups must divide the {layer.channels} output channels, not {layer.groups}")
    rule(isinstance(layer.frac, int) and 0 <= layer.frac <= 20, where,
         f"frac must be 0 to 20, not {layer.frac}")
    rule(np.isfinite(layer.scale) and layer.scale > 0, where,
         f"scale must be a positive number, not {layer.scale}")
    neuron = layer.neuron
    check_neuron(layer, where, resets=RESETS, named=("threshold", "leak", "v_reset"), number=whole)
    leak = np.asarray(neuron.leak)
    rule((leak >= 0).all() and (leak <= 2**LEAK_BITS).all(), where,
         f"leak must be 0 to {2**LEAK_BITS}, a share dropped in units of 2**-{LEAK_BITS}")
    rule((np.asarray(neuron.threshold) >= 0).all(), where, "threshold must not be negative")
    if layer.norm is not None:
        gain, offset, shift = layer.norm
        for what, values in (("norm gain", gain), ("norm offset", offset)):
            rule(whole(values, where, what).shape == (network.steps, layer.channels), where,
                 f"{what} must be one number a step and channel")
        rule(isinstance(shift, int) and 0 <= shift <= 20, where,
             f"norm shift must be 0 to 20, not {shift}")
