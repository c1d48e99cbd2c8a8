"""Build a float network module by module: what the ways in share.

A weighted layer stays open until its neuron comes, so that batch norms, gains and poolings of
currents behind it are folded into its weights, which is exact; factors on spikes go into the
weights of the layer that reads them.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.io.errors import BadInput, rule
from golden.io.values import reals
from golden.network import Pool
from golden.network.ops import Greatest
from golden.network.ops.base import compact, pair
from golden.network.ops.conv import MOST_KERNEL
from golden.network.ops.pool import check_window

if TYPE_CHECKING:
    from golden.network.ops.recurrent import FloatRecurrent
    from golden.neurons.base import RealNeuron


def snapped(values, noise=2.5e-7) -> np.ndarray:
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


def opened(weights: np.ndarray, dilation) -> np.ndarray:
    """``weights`` (O, C, KH, KW) with the zeros of a dilation between them."""
    if tuple(dilation) == (1, 1):
        return weights
    found = np.zeros((*weights.shape[:2], *((k - 1) * d + 1 for k, d in zip(
        weights.shape[2:], dilation, strict=True))))
    found[..., ::dilation[0], ::dilation[1]] = weights
    return found


def grown(layer: FloatLayer) -> np.ndarray:
    """Weights (O, C, KH, KW) of a convolution with one group and no dilation."""
    weights = opened(layer.weights, pair(layer.dilation))
    if layer.groups == 1:
        return weights
    out, each = weights.shape[0] // layer.groups, weights.shape[1]
    found = np.zeros((weights.shape[0], each * layer.groups, *weights.shape[2:]))
    for group in range(layer.groups):
        part = slice(group * out, (group + 1) * out)
        found[part, group * each:(group + 1) * each] = weights[part]
    return found


def total(layer: FloatLayer, offset: np.ndarray):
    """The bias of ``layer`` with ``offset`` added; None where all of it is 0."""
    bias = layer.per_channel(0 if layer.bias is None else layer.bias) + offset
    return bias if bias.any() else None


class NetworkBuilder:
    """The layers so far; each method appends or folds one module, named ``where`` in messages.

    Raises BadInput, naming the module and the rule, where it does not fit.
    """

    def __init__(self, shape: tuple[int, int, int], steps: int, encoder: str = "bernoulli"):
        self.shape, self.steps, self.encoder = tuple(shape), steps, encoder
        self.input = self.shape
        self.layers = []
        self.open = None       # the weighted layer that still waits for its neuron
        self.factor = 1.0      # what a spike is worth to the next weights, () or (channels,)
        self.offset = 0.0      # what is added to the input behind the factor
        self.entered = self.shape   # what the open layer reads
        self.given = [self.shape]   # what the input and each weighted layer hand on
        self.source, self.first = 0, 0      # which of them comes here, and the layers until then
        self.skips = ()        # what joins the open layer's sums
        self.spread = None     # (H, W) of a map whose average the next dense layer takes

    @property
    def before(self):
        """The layers between the input and what comes now."""
        return self.layers if self.source else self.layers[self.first:]

    def stand(self, source):
        """Go on behind weighted layer ``source``, 0 the input, whatever was built since."""
        self.source, self.first, self.shape = source, len(self.layers), self.given[source]
        self.factor, self.offset, self.entered = 1.0, 0.0, self.shape

    # --- weighted layers --------------------------------------------------------------------------

    def conv(self, where: str, weights: np.ndarray, bias: int | np.ndarray | None = None, *,
             stride=1, padding=0, groups: int = 1, dilation=1) -> None:
        """Convolve (C, H, W) with weights (out, C / groups, KH, KW), as golden.network.ops.Conv."""
        weights = reals(weights, where, "weights")
        rule(weights.ndim == 4, where, f"weights must have 4 dimensions, not {weights.ndim}")
        self.gathered(where)
        stride, padding, dilation = map(compact, (stride, padding, dilation))
        layer = self.ready(where, weights, bias, groups=groups, stride=stride, padding=padding,
                           dilation=dilation)
        rule(self.shape[0] == weights.shape[1] * groups, where,
             f"takes {weights.shape[1] * groups} channels where {self.shape[0]} come")
        shape = layer.fit(self.shape, where)
        if self.open is not None:
            self.join(where, layer)
        else:
            self.start(where, layer, groups)
        self.shape = shape

    def dense(self, where: str, weights: np.ndarray, bias: np.ndarray | None = None) -> None:
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
        shape = layer.output(self.shape)
        if self.open is not None:
            self.join(where, layer)
        else:
            if np.ndim(self.factor):
                self.factor = np.repeat(self.factor, area)
            if np.ndim(self.offset):
                self.offset = np.repeat(self.offset, area)
            self.start(where, layer, 1)
        self.shape = shape

    def ready(self, where: str, weights: np.ndarray, bias,
              **options: Any) -> FloatLayer:
        """A checked layer without a neuron."""
        if bias is not None:
            bias = reals(bias, where, "bias")
            bias = bias if bias.any() else None
        layer = FloatLayer(weights, FloatNeuron(), bias, name=where, **options)
        layer.check(where, self, self.layers)
        return layer

    def join(self, where: str, layer: FloatLayer) -> None:
        """Make the open layer the one that gives what ``layer`` gives behind it, exactly."""
        first = self.open
        rule(first.norm is None and first.greatest is None, where,
             f"follows {first.name} with no neuron between; a norm over time or max pooling in "
             "between needs one")
        name, notes = f"{first.name}, {where}", (*first.notes, f"{where} folded into its weights")
        bias = 0 if first.bias is None else first.bias
        if layer.dense:
            sides = int(np.prod(self.shape[1:]))
            weights = first.op.adjoint(
                layer.weights.reshape(-1, *self.shape), self.entered).reshape(layer.channels, -1)
            offset = layer.weights @ np.repeat(first.per_channel(bias), sides)
            self.open = replace(first, weights=weights, bias=total(layer, offset), name=name,
                                notes=notes, stride=1, padding=0, groups=1, dilation=1)
            return
        rule(not first.dense and not any(pair(layer.padding)), where,
             f"follows {first.name} with no neuron between; that is folded where the second has no "
             "padding, and needs a neuron otherwise")
        one, two = grown(first), grown(layer)
        steps = pair(first.stride)
        side = [k + (n - 1) * s for k, n, s in zip(one.shape[2:], two.shape[2:], steps,
                                                   strict=True)]
        rule(max(side) <= MOST_KERNEL, where, f"follows {first.name} with no neuron between; "
             f"together they are a kernel of {max(side)}, and at most {MOST_KERNEL} is kept")
        weights = np.zeros((two.shape[0], one.shape[1], *side))
        for i, j in np.ndindex(*two.shape[2:]):
            y, x = i * steps[0], j * steps[1]
            weights[..., y:y + one.shape[2], x:x + one.shape[3]] += np.einsum(
                "om,mcij->ocij", two[:, :, i, j], one)
        offset = two.sum(axis=(2, 3)) @ first.per_channel(bias)
        stride = compact(tuple(a * b for a, b in zip(steps, pair(layer.stride), strict=True)))
        self.open = replace(first, weights=weights, bias=total(layer, offset), name=name,
                            notes=notes, groups=1, stride=stride, dilation=1)

    def start(self, where: str, layer: FloatLayer, groups: int) -> None:
        """Open ``layer``, with the factor and the offset on its inputs in its weights and bias."""
        self.entered = self.shape
        by_group = lambda values: np.reshape(values, (groups, -1) + (1,) * (layer.weights.ndim - 2))
        parts = np.split(layer.weights, groups)
        if np.any(self.offset):
            rule(not any(pair(layer.padding)), where, "pads the input with zeros behind an offset "
                 "(a normalisation by mean and std), which no bias can do; normalise the images "
                 "themselves, or pad by 0")
            offsets = by_group(np.broadcast_to(self.offset, groups * parts[0].shape[1]))
            sums = np.concatenate([(part * by).reshape(len(part), -1).sum(axis=1)
                                   for part, by in zip(parts, offsets, strict=True)])
            layer = replace(layer, bias=total(layer, sums))
        if np.ndim(self.factor):
            weights = np.concatenate([part * by for part, by in zip(
                parts, by_group(self.factor), strict=True)])
        else:
            weights = layer.weights * self.factor
        self.open, self.factor, self.offset = replace(layer, weights=weights), 1.0, 0.0

    # --- what may stand between weights and neuron, or behind one ---------------------------------

    def affine(self, where: str, gain: float | np.ndarray,
               offset: float | np.ndarray = 0.0) -> None:
        """Make x gain x + offset (batch norm, scale), each () or (channels,)."""
        gain, offset = reals(gain, where, "gain"), reals(offset, where, "offset")
        for what, values in (("gain", gain), ("offset", offset)):
            rule(values.shape in ((), (self.shape[0],)), where,
                 f"{what} must be one number or one a channel, not of shape {values.shape}")
        layer = self.open
        if layer is None:
            rule(not offset.any() or not self.before, where, "an offset on spikes is not "
                 "supported; put it between the weights and the neuron")
            self.factor, self.offset = self.factor * gain, self.offset * gain + offset
            return
        rule(layer.greatest is None or (gain >= 0).all(), where, "a gain below 0 behind max "
             "pooling of currents is not supported; put it before the pooling")
        gain, offset = layer.per_channel(gain), layer.per_channel(offset)
        bias = layer.per_channel(0 if layer.bias is None else layer.bias) * gain + offset
        if layer.norm is not None:
            self.open = replace(layer, bias=bias if bias.any() else None,
                                norm=tuple(part * gain for part in layer.norm))
            return
        weights = layer.weights * gain.reshape(-1, *[1] * (layer.weights.ndim - 1))
        self.open = replace(layer, weights=weights, bias=bias if bias.any() else None)

    def norm(self, where: str, gain: np.ndarray, offset: np.ndarray) -> None:
        """Make x gain[t] x + offset[t] (BNTT), each (T, channels)."""
        layer = self.open
        rule(layer is not None, where, "needs a weighted layer before it")
        rule(layer.norm is None, where, "two norms over time in one layer are not supported")
        gain, offset = reals(gain, where, "gain"), reals(offset, where, "offset")
        bias = layer.per_channel(0 if layer.bias is None else layer.bias)
        layer = replace(layer, norm=(gain, gain * bias + offset), bias=None)
        layer.check(where, self, self.layers)
        self.open = layer

    def pool(self, where: str, kind: str, kernel, stride: int | tuple[int, int] | None = None,
             padding: int | tuple[int, int] = 0, ceil: bool = False) -> None:
        """Pool spikes or, of an open layer, currents.

        Sums and averages of currents become the layer's convolution, and the maximum its
        ``greatest``. ``ceil`` is left out where it changes nothing.
        """
        stride = kernel if stride is None else stride
        kernel, stride, padding = map(compact, (kernel, stride, padding))
        pool = Pool(kind, kernel, stride, padding)
        self.gathered(where)
        if self.open is None:
            pool.check(where, self, self.before)
        else:
            check_window(pool, where)
        if ceil and replace(pool, ceil=True).output(self.shape) != pool.output(self.shape):
            rule(kind != "avg", where, "ceil_mode averages fewer values at the border, which is "
                 "not supported")
            pool = replace(pool, ceil=True)
        shape = pool.fit(self.shape, where)
        if self.open is not None:
            self.pool_currents(where, pool)
        else:
            rule(kind != "max" or np.all(self.factor == np.max(self.factor)) and np.all(
                self.factor > 0), where, "max pooling needs spikes of one height")
            rule(not np.any(self.offset) or kind == "avg" and not any(pair(padding)), where,
                 "pools an input behind an offset; only an average without padding is supported")
            self.layers.append(pool)
        self.shape = shape

    def pool_currents(self, where: str, pool: Pool) -> None:
        """Take a pooling between the open layer's weights and its neurons."""
        layer = self.open
        rule(not layer.dense, where, "pooling needs a map")
        rule(layer.greatest is None, where, "follows max pooling of currents with no neuron "
             "between, which is not supported")
        if pool.kind == "max":
            rule(layer.norm is None or (layer.norm[0] >= 0).all(), where, "max pooling behind a "
                 "norm over time needs gains of at least 0; put the norm behind the pooling")
            self.open = replace(layer, greatest=Greatest(pool.kernel, pool.stride, pool.padding,
                                                         pool.ceil),
                                notes=(*layer.notes, f"{where} takes the greatest current"))
            return
        self.fold(where, pool)

    def fold(self, where: str, pool: Pool) -> None:
        """Make the open convolution the one that pools its own output, a larger strided one."""
        layer = self.open
        rule(not any(pair(pool.padding)) and not pool.ceil, where,
             "padded pooling between weights and neuron is not supported")
        worth, first, steps = 1 / pool.divisor, layer.weights, pair(layer.stride)
        first = opened(first, pair(layer.dilation))
        side = [k + (n - 1) * s for k, n, s in zip(first.shape[2:], pool.window, steps,
                                                   strict=True)]
        rule(max(side) <= MOST_KERNEL, where, "pooling before the neuron makes the convolution "
             f"{side[0]} x {side[1]}; at most {MOST_KERNEL} is kept: put it behind the neuron")
        weights = np.zeros((*first.shape[:2], *side))
        for i, j in np.ndindex(*pool.window):
            y, x = i * steps[0], j * steps[1]
            weights[..., y:y + first.shape[2], x:x + first.shape[3]] += first * worth
        count = pool.area * worth
        stride = compact(tuple(a * b for a, b in zip(steps, pair(pool.stride), strict=True)))
        self.open = replace(
            layer, weights=weights, stride=stride, dilation=1,
            bias=None if layer.bias is None else layer.bias * count,
            norm=None if layer.norm is None else (layer.norm[0], layer.norm[1] * count),
            notes=(*layer.notes, f"{where} folded into its weights"))

    def reform(self, where: str, shape) -> None:
        """Take a vector as a map (C, H, W) of the same values in the same order."""
        rule(self.open is None and not self.layers and np.ndim(self.factor) == 0, where,
             "a vector may become a map at the input only")
        self.shape = self.input = tuple(shape)

    def average_all(self, where: str) -> None:
        """Pool a map to one pixel; if it is not square, by the weights of the dense layer next."""
        if self.shape[1] != self.shape[2] and self.open is None:
            self.gathered(where)
            self.spread, self.shape = self.shape[1:], (self.shape[0], 1, 1)
        elif max(self.shape[1:]) > 1:
            self.pool(where, "avg", self.shape[1:])

    def gathered(self, where) -> None:
        """Raise BadInput if a global pooling still waits for its dense layer."""
        rule(self.spread is None, where, "a dense layer must follow the global pooling of a map "
             f"that is not square ({' x '.join(map(str, self.spread or ()))})")

    # --- neurons ----------------------------------------------------------------------------------

    def neuron(self, where: str, neuron: "RealNeuron", gain: float | np.ndarray = 1.0,
               approximations: tuple = (), notes: tuple[str, ...] = (),
               loop: "FloatRecurrent | None" = None) -> None:
        """Close the open layer with ``neuron``, its input times ``gain``.

        Neurons with no weights before them get an identity, a depthwise 1 x 1 convolution. A
        ``loop`` is a golden.network.ops.FloatRecurrent, whose sum joins the input.
        """
        self.opened(where)
        if np.any(gain != 1):
            self.affine(where, gain)
            self.skips = tuple(replace(skip, weights=skip.weights * self.open.per_channel(
                gain).reshape(-1, *[1] * (skip.weights.ndim - 1))) for skip in self.skips)
        name = where if self.open.name == where else f"{self.open.name}, {where}"
        if loop is not None:
            loop = self.scaled_loop(where, loop, gain)
        layer = replace(self.open, neuron=neuron, name=name, recurrent=loop, skips=self.skips,
                        behind=None if self.source == len(self.given) - 1 else self.source,
                        approximations=(*self.open.approximations, *approximations),
                        notes=(*self.open.notes, *notes))
        layer.check(where, self, self.layers)
        self.layers.append(layer)
        self.given.append(self.shape)
        self.open, self.skips = None, ()
        self.source, self.first = len(self.given) - 1, len(self.layers)

    def opened(self, where):
        """Open an identity, a depthwise 1 x 1 convolution, where no layer is open."""
        if self.open is None:
            count = self.shape[0]
            self.conv(where, np.ones((count, 1, 1, 1)), groups=count)

    def scaled_loop(self, where: str, loop: "FloatRecurrent",
                    gain: float | np.ndarray) -> "FloatRecurrent":
        """``loop`` times ``gain``, of as many dimensions as the open layer's weights."""
        weights = reals(loop.weights, where, "recurrent weights")
        rule(weights.ndim in (2, 4), where,
             f"recurrent weights must have 2 or 4 dimensions, not {weights.ndim}")
        if weights.ndim == 2 and not self.open.dense and self.shape[1:] == (1, 1):
            weights = weights[:, :, None, None]
        gain = self.open.per_channel(gain)
        bias = loop.bias
        if bias is not None:
            bias = reals(bias, where, "recurrent bias")
            rule(bias.shape in ((), gain.shape), where,
                 f"recurrent bias must be one number a channel, not of shape {bias.shape}")
            bias = bias * gain if bias.any() else None
        rule(len(weights) == len(gain), where, f"recurrent weights must lead from {len(gain)} "
             f"outputs to {len(gain)}, not be of shape {weights.shape}")
        weights = weights * gain.reshape(-1, *[1] * (weights.ndim - 1))
        return replace(loop, weights=weights, bias=bias)

    def over_channels(self, values, where: str, what: str) -> float | np.ndarray:
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

    def done(self, readout: str | None = None, **fields: Any) -> FloatNetwork:
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
