"""The parts of a chain in integers: neurons, poolings, weighted layers, and each in its place."""

from dataclasses import dataclass, field

import numpy as np

RESETS = ("subtract", "subtract_leaked", "zero", "none")
COMPARES = ("gt", "ge")
POOLS = ("sum", "avg", "max")


@dataclass(frozen=True, eq=False)
class Neuron:
    """Leaky integrate and fire in integers, one step; its orders are in golden.neurons.lif.

    Parameters
    ----------
    threshold : int array, () or (channels,)
        Threshold in membrane units.
    leak : int array, () or (channels,)
        1 - L in units of 2**-16: 0 keeps everything, 4096 is L = 1 - 2**-4.
    reset : "subtract", "subtract_leaked", "zero" or "none"
        What a spike does to the membrane; "none" marks a read-out that never spikes.
    compare : "gt" or "ge"
        Whether a membrane at the threshold spikes ("ge") or not.
    delay : 0 or 1
        Steps between the crossing and the spike that the next layer sees.
    v_reset : int array, () or (channels,)
        Membrane after a spike where ``reset`` is "zero".
    """

    threshold: np.ndarray
    leak: np.ndarray
    reset: str = "subtract"
    compare: str = "gt"
    delay: int = 0
    v_reset: np.ndarray = field(default_factory=lambda: np.int64(0))


@dataclass(frozen=True, eq=False)
class Pool:
    """Pooling of spikes: "sum" and "avg" hand on the count in the window, "max" its OR.

    An average is its count; the factor 1 / kernel**2 belongs to the next layer's scale, so that
    nothing is rounded.
    """

    kind: str
    kernel: int
    stride: int
    padding: int = 0


class Weighted:
    """What the arrays of a weighted layer say of it, be they of integers or of real numbers."""

    number = np.int64

    @property
    def dense(self):
        """Whether this is a dense layer."""
        return self.weights.ndim == 2

    @property
    def channels(self):
        """Number of output channels."""
        return self.weights.shape[0]

    @property
    def kernel(self):
        """Side of the kernel; 1 for a dense layer."""
        return 1 if self.dense else self.weights.shape[2]

    @property
    def spiking(self):
        """Whether the layer hands on spikes."""
        return self.neuron.reset != "none"

    def per_channel(self, values):
        """``values`` as one ``number`` a channel."""
        return np.broadcast_to(np.asarray(values, dtype=self.number), (self.channels,))


@dataclass(frozen=True, eq=False)
class Layer(Weighted):
    """A weighted layer and the neurons behind it.

    Parameters
    ----------
    weights : int array
        (out, in / groups, K, K) for a convolution, (out, in) for a dense layer, whose inputs are in
        (channel, y, x) order.
    bits : int
        Width of a weight in two's complement, 2 to 8.
    neuron : Neuron
        Its ``reset`` is "none" in an accumulating read-out.
    frac : int
        A weight of 1 adds 2**frac membrane units.
    bias : int array (out,)
        Added to the membrane every step, in membrane units.
    stride, padding, groups : int
        As in a convolution; 1, 0, 1 for a dense layer.
    scale : float
        Real value of one membrane unit; not used by any integer computation.
    norm : None or (gain, offset, shift)
        BNTT: at step t the summed input x of channel c becomes
        floor(gain[t, c] x / 2**shift) + offset[t, c], in membrane units.
    """

    weights: np.ndarray
    bits: int
    neuron: Neuron
    frac: int = 0
    bias: np.ndarray | None = None
    stride: int = 1
    padding: int = 0
    groups: int = 1
    scale: float = 1.0
    norm: tuple | None = None

    @property
    def biases(self):
        """Bias of each channel, zeros where there is none."""
        return self.per_channel(0 if self.bias is None else self.bias)


@dataclass(frozen=True)
class Stage:
    """One weighted layer in its place: what it reads and what it gives.

    ``index`` counts weighted layers from 1 and is the name of a tap, as in the paper. ``source`` is
    the (C, H, W) of the spikes read, ``pooled`` the same after ``pools``, ``shape`` that of the
    output, ``top`` the largest activation that reaches a weight, and ``signed`` whether activations
    of the opposite sign do too.
    """

    index: int
    layer: Layer
    pools: tuple
    source: tuple
    pooled: tuple
    shape: tuple
    top: int
    signed: bool

    @property
    def neurons(self):
        """Number of output neurons."""
        return int(np.prod(self.shape))

    @property
    def inputs(self):
        """Number of spike trains read."""
        return int(np.prod(self.source))


def stages_of(network):
    """The weighted layers of a Network, or of a FloatNetwork of golden.importers, as Stages."""
    stages, pools, source, shape = [], [], network.shape, network.shape
    top, signed = (255 if network.encoder == "current" else 1), network.encoder == "ternary"
    for layer in network.layers:
        if isinstance(layer, Pool):
            pools.append(layer)
            side = lambda n, p=layer: (n + 2 * p.padding - p.kernel) // p.stride + 1
            shape = (shape[0], side(shape[1]), side(shape[2]))
            top = top if layer.kind == "max" else top * layer.kernel**2
            continue
        if layer.dense:
            after = (layer.channels, 1, 1)
        else:
            side = lambda n, c=layer: (n + 2 * c.padding - c.kernel) // c.stride + 1
            after = (layer.channels, side(shape[1]), side(shape[2]))
        stages.append(Stage(len(stages) + 1, layer, tuple(pools), source, shape, after, top,
                            signed))
        pools, source, shape, top, signed = [], after, after, 1, False
    return tuple(stages)
