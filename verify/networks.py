"""Small networks for tests: drawn from a seed, everything the rules allow."""

import numpy as np

from golden.formats import LEAK_BITS
from golden.importers.agreement import drawn_frames
from golden.network import Layer, Network, Neuron, Pool, output_size
from golden.network.encoders import ENCODERS, encoder_of

LEAKS = (0, 1 << 11, 1 << 12, 1 << 13, 1 << 15, 2**LEAK_BITS, 3 << 12, 5000)


def pick(rng, values):
    """One of ``values``."""
    return values[int(rng.integers(len(values)))]


def neuron(rng, fan_in, bits, frac, channels, *, plain=False, quiet=False, rich=False,
           uniform=False):
    """A neuron whose threshold some inputs reach; ``plain`` for order B, one for all channels.

    ``rich``: perhaps a leak for each channel. ``uniform``: one of any order for all channels.
    """
    top = max(2, int((fan_in * 2.0**(bits - 1))**0.7)) << frac
    shape = () if plain or uniform or rng.random() < 0.6 else (channels,)
    reset = "none" if quiet else "subtract" if plain else pick(
        rng, ("subtract", "subtract_leaked", "zero"))
    leak = np.int64(pick(rng, LEAKS))
    if rich and rng.random() < 0.2:
        leak = rng.integers(0, 2**LEAK_BITS + 1, channels)
    return Neuron(
        threshold=rng.integers(1, top + 1, shape), leak=leak, reset=reset,
        compare="gt" if plain else pick(rng, ("gt", "ge")),
        delay=0 if plain or quiet else int(rng.random() < 0.3),
        v_reset=rng.integers(-top, top // 2, shape) if reset == "zero" else np.int64(0))


def layer(rng, weights, bits, *, plain=False, quiet=False, norm_steps=None, rich=False,
          uniform=False, **place):
    """A layer of these weights: formats, neuron and perhaps biases and a norm drawn."""
    channels, fan_in = len(weights), weights[0].size
    frac = int(rng.integers(0, 4))
    gains = None
    if norm_steps and rng.random() < 0.3:
        gains = (rng.integers(-64, 64, (norm_steps, channels)),
                 rng.integers(-64, 64, (norm_steps, channels)), int(rng.integers(0, 6)))
    return Layer(
        weights=weights, bits=bits, frac=frac, norm=gains,
        neuron=neuron(rng, fan_in, bits, frac, channels, plain=plain, quiet=quiet, rich=rich,
                      uniform=uniform),
        bias=(None if plain or uniform or rng.random() < 0.6
              else rng.integers(-20, 20, channels)), **place)


def drawn_weights(rng, shape, bits):
    """Weights of all values that ``bits`` hold."""
    return rng.integers(-2**(bits - 1), 2**(bits - 1), shape)


def draw(seed, *, steps=(3, 16, 20, 33), plain=False, hardware=True, encoder="bernoulli",
         rich=False, uniform=False, kernels=5):
    """A network of one to three convolutions, of kernels up to ``kernels``, and a dense layer.

    ``plain``: order B, no pools, groups or biases. ``hardware``: nothing that only golden has.
    ``rich``: also norms over time, depthwise and wide layers, leaks for each channel, hidden dense
    layers and global average pooling. ``uniform``: neurons of a layer are alike.
    """
    rng = np.random.default_rng(seed)
    shape = (pick(rng, (1, 2, 3)), *(int(n) for n in rng.integers(4, 9, 2)))
    at, layers = shape, []
    length = pick(rng, steps)
    norm_steps = length if rich or not (hardware or plain) else None
    for _ in range(int(rng.integers(1, 4))):
        if not plain and min(at[1:]) >= 2 and rng.random() < 0.4:
            kernel = int(rng.integers(1, min(3, *at[1:]) + 1))
            spikes = (not isinstance(layers[-1], Pool) if layers
                      else ENCODERS[encoder].spikes)
            pool = Pool(pick(rng, ("sum", "avg", "max") if spikes else ("sum", "avg")), kernel,
                        int(rng.integers(1, 3)),
                        0 if hardware else int(rng.integers(0, kernel // 2 + 1)))
            layers.append(pool)
            at = pool.output(at)
        kernel, stride = int(rng.integers(1, kernels + 1)), int(rng.integers(1, 4))
        padding = int(rng.integers(0, kernel))
        sides = [output_size(n, kernel, stride, padding) for n in at[1:]]
        if min(n + 2 * padding - kernel for n in at[1:]) < 0:
            continue
        groups = pick(rng, [g for g in (1, 1, 2, 3) if at[0] % g == 0]) if not plain else 1
        if rich and rng.random() < 0.3:
            groups = at[0]
        channels = groups * int(rng.integers(1, 9 if groups == 1 else 4))
        if rich and groups == 1 and rng.random() < 0.1:
            channels = int(rng.integers(16, 36))
        bits = int(rng.integers(2, 9))
        layers.append(layer(
            rng, drawn_weights(rng, (channels, at[0] // groups, kernel, kernel), bits), bits,
            plain=plain, norm_steps=norm_steps, rich=rich, uniform=uniform, stride=stride,
            padding=padding, groups=groups))
        at = (channels, *sides)
    if rich and at[1] == at[2] and at[1] > 1 and rng.random() < 0.3:
        layers.append(Pool("avg", at[1], at[1]))
        at = (at[0], 1, 1)
    if rich and rng.random() < 0.3:
        bits, hidden = int(rng.integers(2, 9)), int(rng.integers(1, 20))
        layers.append(layer(rng, drawn_weights(rng, (hidden, int(np.prod(at))), bits), bits,
                            norm_steps=norm_steps, rich=rich))
        at = (hidden, 1, 1)
    readout = "membrane" if plain else pick(rng, ("membrane", "membrane", "count", "first"))
    bits = int(rng.integers(2, 9))
    layers.append(layer(
        rng, drawn_weights(rng, (int(rng.integers(1, 12)), int(np.prod(at))), bits), bits,
        plain=plain, quiet=readout == "membrane", norm_steps=norm_steps, rich=rich,
        uniform=uniform))
    return Network(shape=shape, steps=length, layers=tuple(layers), encoder=encoder,
                   readout=readout, seed=int(rng.integers(1, 2**32)), name=f"drawn {seed}")


def loud(channels, steps, width=2):
    """A network of 1 x ``width`` pixels, each with ``channels`` neurons that spike as it does."""
    silent = Neuron(threshold=np.int64(1), leak=np.int64(0), reset="none")
    return Network(shape=(1, 1, width), steps=steps, encoder="frames", name="loud", layers=(
        Layer(weights=np.full((channels, 1, 1, 1), 2), bits=3,
              neuron=Neuron(threshold=np.int64(1), leak=np.int64(2**LEAK_BITS), reset="zero")),
        Layer(weights=np.resize((1, -1, 2), (3, width * channels)), bits=3, neuron=silent)))


def deep(layers, pool=None):
    """A network of so many spiking layers, each of which hands the spikes of 3 x 1 x 2 neurons on.

    A neuron also fires at every second spike of another channel. Behind layer ``pool``, if any, is
    a max pooling of one pixel.
    """
    weights = np.array([[0, 2, 1], [1, 0, 2], [2, 1, 0]])[:, :, None, None]
    spiking = Layer(weights=weights, bits=3, neuron=Neuron(threshold=np.int64(1),
                                                           leak=np.int64(0)))
    silent = Neuron(threshold=np.int64(1), leak=np.int64(0), reset="none")
    chain = [spiking] * layers
    if pool is not None:
        chain.insert(pool, Pool("max", 1, 1))
    readout = Layer(weights=np.arange(-6, 6).reshape(2, 6), bits=4, neuron=silent)
    return Network(shape=(3, 1, 2), steps=4, encoder="frames", name=f"deep {layers}",
                   layers=(*chain, readout))


def images(network, count, seed=0):
    """Images for a network: noise, and where there are several also black and white ones."""
    rng = np.random.default_rng(seed)
    if encoder_of(network).frames:
        return drawn_frames(rng, count, network)
    found = rng.integers(0, 256, (count, *network.shape), dtype=np.uint8)
    if count > 2:
        found[1], found[2] = 0, 255
    return found
