"""Build a float network module by module: what the ways in share.

A weighted layer stays open until its neuron comes, so that batch norms, gains and poolings of
currents behind it are folded into its weights, which is exact; factors on spikes go into the
weights of the layer that reads them.
"""

from dataclasses import replace

import numpy as np

from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.io.errors import BadInput, rule
from golden.io.values import reals
from golden.network import Pool


def snapped(values, noise=2.5e-7):
    """``values`` without the noise of float32: .8999999 is .9, .9374999 is 1 - 2**-4.

    The nearest decimal of up to 5 places, else the nearest multiple of 2**-16, within ``noise``
    (of one, and of larger values themselves); the value itself where there is none.
    """
    values = np.asarray(values, dtype=np.float64)
    found = values.copy()
    grids = [np.rint(values * 2**16) / 2**16, *(np.round(values, n) for n in range(5, -1, -1))]
    for near in grids:  # the coarsest that is near enough wins
        found = np.where(np.abs(values - near) <= noise * np.maximum(1, np.abs(values)),
                         near, found)
    return found


class NetworkBuilder:
    """The layers so far; each method appends or folds one module, named ``where`` in messages.

    Raises BadInput, naming the module and the rule, where it does not fit.
    """

    def __init__(self, shape, steps, encoder="bernoulli"):
        self.shape, self.steps, self.encoder = tuple(shape), steps, encoder
        self.input = self.shape
        self.layers = []
        self.open = None       # the weighted layer that still waits for its neuron
        self.factor = 1.0      # what a spike is worth to the next weights, () or (channels,)
        self.spread = None     # (H, W) of a map whose average the next dense layer takes

    # --- weighted layers --------------------------------------------------------------------------

    def conv(self, where, weights, bias=None, *, stride=1, padding=0, groups=1):
        """Convolve (C, H, W) with weights (out, C / groups, K, K)."""
        weights = reals(weights, where, "weights")
        rule(weights.ndim == 4, where, f"weights must have 4 dimensions, not {weights.ndim}")
        self.gathered(where)
        layer = self.ready(where, weights, bias, stride=stride, padding=padding, groups=groups)
        rule(self.shape[0] == weights.shape[1] * groups, where,
             f"takes {weights.shape[1] * groups} channels where {self.shape[0]} come")
        shape = layer.fit(self.shape, where)
        self.start(layer, groups)
        self.shape = shape

    def dense(self, where, weights, bias=None):
        """Multiply a vector by weights (out, in)."""
        weights = reals(weights, where, "weights")
        rule(weights.ndim == 2, where, f"weights must have 2 dimensions, not {weights.ndim}")
        layer = self.ready(where, weights, bias)
        count = int(np.prod(self.shape))
        rule(count == weights.shape[1], where,
             f"takes {weights.shape[1]} inputs where {count} come")
        area = int(np.prod(self.shape[1:]))
        if self.spread:
            area = int(np.prod(self.spread))
            layer = replace(layer, weights=np.repeat(layer.weights / area, area, axis=1))
            self.spread = None
        if np.ndim(self.factor):
            self.factor = np.repeat(self.factor, area)
        self.start(layer, 1)
        self.shape = layer.output(self.shape)

    def ready(self, where, weights, bias, **options):
        """A checked layer without a neuron, once none is open."""
        rule(self.open is None, where,
             f"follows {self.open.name if self.open else ''} with no neuron between; "
             "two weighted layers need one")
        if bias is not None:
            bias = reals(bias, where, "bias")
            bias = bias if bias.any() else None
        layer = FloatLayer(weights, FloatNeuron(), bias, name=where, **options)
        layer.check(where, self, self.layers)
        return layer

    def start(self, layer, groups):
        """Open ``layer``, with the factor on its inputs in its weights."""
        if np.ndim(self.factor):
            shape = (groups, -1) + (1,) * (layer.weights.ndim - 2)
            per_group = self.factor.reshape(shape)
            parts = np.split(layer.weights, groups)
            weights = np.concatenate([part * by for part, by in zip(parts, per_group, strict=True)])
        else:
            weights = layer.weights * self.factor
        self.open, self.factor = replace(layer, weights=weights), 1.0

    # --- what may stand between weights and neuron, or behind one ---------------------------------

    def affine(self, where, gain, offset=0.0):
        """Make x gain x + offset (batch norm, scale), each () or (channels,)."""
        gain, offset = reals(gain, where, "gain"), reals(offset, where, "offset")
        for what, values in (("gain", gain), ("offset", offset)):
            rule(values.shape in ((), (self.shape[0],)), where,
                 f"{what} must be one number or one a channel, not of shape {values.shape}")
        layer = self.open
        if layer is None:
            rule(not offset.any(), where, "an offset on spikes is not supported; "
                 "put it between the weights and the neuron")
            self.factor = self.factor * gain
            return
        gain, offset = layer.per_channel(gain), layer.per_channel(offset)
        bias = layer.per_channel(0 if layer.bias is None else layer.bias) * gain + offset
        if layer.norm is not None:
            self.open = replace(layer, bias=bias if bias.any() else None,
                                norm=tuple(part * gain for part in layer.norm))
            return
        weights = layer.weights * gain.reshape(-1, *[1] * (layer.weights.ndim - 1))
        self.open = replace(layer, weights=weights, bias=bias if bias.any() else None)

    def norm(self, where, gain, offset):
        """Make x gain[t] x + offset[t] (BNTT), each (T, channels)."""
        layer = self.open
        rule(layer is not None, where, "needs a weighted layer before it")
        rule(layer.norm is None, where, "two norms over time in one layer are not supported")
        gain, offset = reals(gain, where, "gain"), reals(offset, where, "offset")
        bias = layer.per_channel(0 if layer.bias is None else layer.bias)
        layer = replace(layer, norm=(gain, gain * bias + offset), bias=None)
        layer.check(where, self, self.layers)
        self.open = layer

    def pool(self, where, kind, kernel, stride=None, padding=0):
        """Pool spikes; sums and averages of an open layer's currents become its convolution."""
        pool = Pool(kind, kernel, kernel if stride is None else stride, padding)
        self.gathered(where)
        pool.check(where, self, self.layers)
        shape = pool.fit(self.shape, where)
        if kind == "max":
            rule(self.open is None, where, "max pooling between weights and neuron is not "
                 "supported: put it behind the neuron, where it is the OR of spikes")
            rule(np.all(self.factor == np.max(self.factor)), where,
                 "max pooling needs spikes of one height")
        if self.open is None:
            self.layers.append(pool)
        else:
            self.fold(where, pool)
        self.shape = shape

    def fold(self, where, pool):
        """Make the open convolution the one that pools its own output, a larger strided one."""
        layer = self.open
        rule(not layer.dense, where, "pooling needs a map")
        rule(pool.padding == 0, where,
             "padded pooling between weights and neuron is not supported")
        side = layer.kernel + (pool.kernel - 1) * layer.stride
        rule(side <= 7, where, f"pooling before the neuron makes the convolution {side} x {side}; "
             "at most 7 is kept: put it behind the neuron")
        worth = 1 / pool.divisor
        weights = np.zeros((*layer.weights.shape[:2], side, side))
        for y, x in np.ndindex(pool.kernel, pool.kernel):
            y, x = y * layer.stride, x * layer.stride
            weights[..., y:y + layer.kernel, x:x + layer.kernel] += layer.weights * worth
        count = pool.kernel**2 * worth
        self.open = replace(
            layer, weights=weights, stride=layer.stride * pool.stride,
            bias=None if layer.bias is None else layer.bias * count,
            norm=None if layer.norm is None else (layer.norm[0], layer.norm[1] * count),
            notes=(*layer.notes, f"{where} folded into its weights"))

    def reform(self, where, shape):
        """Take a vector as a map (C, H, W) of the same values in the same order."""
        rule(self.open is None and self.spread is None and np.ndim(self.factor) == 0, where,
             "a vector may become a map behind neurons or at the input")
        rule(not self.layers, where, "a vector may become a map at the input only")
        self.shape = self.input = tuple(shape)

    def average_all(self, where):
        """Pool a map to one pixel; if it is not square, by the weights of the dense layer next."""
        if self.shape[1] != self.shape[2]:
            self.gathered(where)
            rule(self.open is None, where, "global pooling between weights and neuron needs a "
                 f"square map, not {self.shape[1]} x {self.shape[2]}: put it behind the neuron")
            self.spread, self.shape = self.shape[1:], (self.shape[0], 1, 1)
        elif self.shape[1] > 1:
            self.pool(where, "avg", self.shape[1])

    def gathered(self, where):
        """Raise BadInput if a global pooling still waits for its dense layer."""
        rule(self.spread is None, where, "a dense layer must follow the global pooling of a map "
             f"that is not square ({' x '.join(map(str, self.spread or ()))})")

    # --- neurons ----------------------------------------------------------------------------------

    def neuron(self, where, neuron, gain=1.0, approximations=(), notes=()):
        """Close the open layer with ``neuron``, its input times ``gain``.

        Neurons with no weights before them get an identity, a depthwise 1 x 1 convolution.
        """
        if self.open is None:
            count = self.shape[0]
            self.conv(where, np.ones((count, 1, 1, 1)), groups=count)
        if np.any(gain != 1):
            self.affine(where, gain)
        name = where if self.open.name == where else f"{self.open.name}, {where}"
        layer = replace(self.open, neuron=neuron, name=name,
                        approximations=(*self.open.approximations, *approximations),
                        notes=(*self.open.notes, *notes))
        layer.check(where, self, self.layers)
        self.layers.append(layer)
        self.open = None

    def over_channels(self, values, where, what):
        """``values``, which broadcast to the output, as () or (channels,).

        Raises BadInput where they differ within a channel.
        """
        values = reals(values, where, what)
        target = self.shape if self.shape[1:] != (1, 1) else self.shape[:1]
        while values.ndim > len(target) and values.shape[0] == 1:
            values = values[0]
        if values.ndim == 3 and len(target) == 1 and values.shape[1:] == (1, 1):
            values = values[:, 0, 0]
        if values.ndim == 1 and values.size == np.prod(target):
            values = values.reshape(target)  # a vector of all outputs, where a map comes
        try:
            full = np.broadcast_to(values, target).reshape(self.shape[0], -1)
        except ValueError:
            raise BadInput(f"{where}: {what} of shape {values.shape} does not fit an output of "
                           f"{' x '.join(map(str, target))}") from None
        first = full[:, :1]
        rule((full == first).all(), where,
             f"{what} must be one number or one a channel; it differs within a channel")
        first = first[:, 0]
        return first[0] if (first == first[0]).all() else first.copy()

    def done(self, readout=None, **fields):
        """The FloatNetwork; weights that end without a neuron accumulate.

        ``readout`` is "membrane" behind an accumulating last layer and "count" otherwise, unless
        given.
        """
        if self.open is not None:
            self.neuron(self.open.name, FloatNeuron(), notes=("accumulates",))
        where = fields.get("name", "network")
        self.gathered(where)
        rule(self.layers and self.layers[-1].weighted, where,
             "the last layer must be a weighted one")
        rule(np.ndim(self.factor) == 0 and self.factor > 0, where,
             "the heights of the last layer's spikes differ")
        if readout is None:
            readout = "count" if self.layers[-1].spiking else "membrane"
        return FloatNetwork(shape=self.input, steps=self.steps, layers=tuple(self.layers),
                            encoder=self.encoder, readout=readout, **fields)
