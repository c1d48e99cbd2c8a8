"""Networks of many kinds, on which the cost model is checked."""

import numpy as np

from bench.store import ROOT
from golden.network import Layer, Network, Neuron, Pool, load

ACCUMULATE = Neuron(np.int64(0), np.int64(4096), reset="none")


def lif(threshold, **changes):
    """A neuron of order B with leak 1 - 2^-4."""
    return Neuron(threshold=np.int64(threshold), leak=np.int64(4096), **changes)


def drawn(name, shape, steps, parts, *, bits=4, seed=1, **changes):
    """Network of ``parts``: Pools and (channels, kernel, stride, neuron, bias), kernel 0 dense."""
    rng, layers, at = np.random.default_rng(seed), [], shape
    for part in parts:
        if isinstance(part, Pool):
            layers.append(part)
            at = part.output(at)
            continue
        channels, kernel, stride, neuron, biased = part
        size = (channels, at[0], kernel, kernel) if kernel else (channels, int(np.prod(at)))
        place = {"stride": stride, "padding": kernel // 2} if kernel else {}
        layers.append(Layer(
            rng.integers(-2**(bits - 1) + 1, 2**(bits - 1), size), bits, neuron,
            bias=rng.integers(-4, 5, channels) if biased else None, **place))
        at = layers[-1].output(at)
    return Network(shape, steps, tuple(layers), name=name, **changes)


def all_networks():
    """{name: (network, options of hw.plan.planner.Plan)}."""
    read = (10, 0, 1, ACCUMULATE, False)
    found = {
        "fashion": (load("models/fashion.npz"), {}),
        "fashion_small": (load("models/fashion_small.npz"), {}),
        "dense784": (load("models/dense784.npz"), {"lanes": 8, "word_steps": 8}),
    }
    rest = [
        (drawn("one convolution", (1, 12, 12), 8, [(8, 3, 1, lif(12), False), read]),
         {"word_steps": 8}),
        (drawn("eight bits", (2, 16, 16), 16, [
            (8, 3, 2, lif(300), False), (16, 3, 2, lif(900), False), read], bits=8),
         {"lanes": 2}),
        (drawn("two chunks", (1, 8, 8), 32, [(32, 0, 1, lif(20), False), read]), {}),
        (drawn("biases", (1, 14, 14), 16, [
            (8, 3, 1, lif(10), True), (8, 3, 2, lif(20), True), read]), {}),
        (drawn("max pooling", (1, 16, 16), 16, [
            (8, 3, 1, lif(10), False), Pool("max", 2, 2), (16, 3, 1, lif(25), False),
            Pool("max", 2, 2), read]), {}),
        (drawn("leaked resets", (3, 10, 10), 16, [
            (8, 5, 1, lif(60, reset="subtract_leaked"), False),
            (8, 3, 2, lif(30, reset="zero"), False), read], bits=5), {"lanes": 2}),
        (drawn("average pooling", (1, 20, 20), 12, [
            (4, 3, 1, lif(8), False), Pool("avg", 2, 2), (8, 3, 1, lif(30), False), read]),
         {"lanes": 4}),
    ]
    return found | {network.name: (network, options) for network, options in rest}


def command_line(name, network, options):
    """Options of hw.build for one of ``all_networks``, which is saved under build/.

    4 lanes of 16 steps where ``options`` name no others.
    """
    path = ROOT / "networks" / f"{name.replace(' ', '_')}.npz"
    if not path.exists() or load(path).digest != network.digest:
        network.save(path)
    found = ["--network", str(path)]
    for key, value in ({"lanes": 4, "word_steps": 16} | options).items():
        found += [f"--{key.replace('_', '-')}", str(value)]
    return found
