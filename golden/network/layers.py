"""The layers of a chain: operations, weighted layers with their neurons, and each in its place."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from golden.io.errors import rule
from golden.io.values import integers
from golden.network.encoders import encoder_of
from golden.network.ops import WEIGHTED, Greatest, GreatestOf, Norm, Recurrent
from golden.network.ops.base import bounded
from golden.neurons import MODELS
from golden.neurons.base import NeuronModel, check_shape

__all__ = ["Layer", "Layered", "Stage", "Weighted", "array_names", "restored_window", "stages_of"]


def array_names():
    """Names of the arrays that a file may hold of a layer."""
    fields = dict.fromkeys(field.name for model in MODELS.values() for field in model.fields)
    return ("weights", "bias", *fields, "gain", "offset", "recurrent", "recurrent_bias")


class Weighted:
    """What a weighted layer says of itself, be its arrays of whole or of real numbers.

    Members
    -------
    number : function of (values, where, what)
        Checks the layer's numbers and returns them as an array.
    real : dtype
        Of a number of the layer.
    norms : type
        Of ``norm``.
    op : golden.network.ops.weights.Weights
        The operation that sums weights.
    """

    weighted = True
    number, real, norms = staticmethod(integers), np.int64, Norm

    def __post_init__(self):
        if self.norm is not None:
            object.__setattr__(self, "norm", self.norms(*self.norm))

    @cached_property
    def op(self):
        """The operation of the weights, by their dimensions."""
        op = WEIGHTED[self.weights.ndim](self.weights, self.stride, self.padding, self.groups,
                                         self.dilation)
        return op if self.greatest is None else GreatestOf(op, self.greatest)

    @property
    def dense(self):
        """Whether this is a dense layer."""
        return self.weights.ndim == 2

    @property
    def channels(self):
        """Number of output channels."""
        return self.weights.shape[0]

    @property
    def synapses(self):
        """Number of weights, those of a loop among them."""
        return self.weights.size + (0 if self.recurrent is None else self.recurrent.weights.size)

    @property
    def kernel(self):
        """Side of the kernel, the longer one; 1 for a dense layer."""
        return self.op.kernel

    @property
    def window(self):
        """(down, across) of the kernel; (1, 1) for a dense layer."""
        return self.op.window

    @property
    def spiking(self):
        """Whether the layer hands on spikes."""
        return self.neuron.spiking

    def per_channel(self, values):
        """``values`` as one number a channel."""
        return np.broadcast_to(np.asarray(values, dtype=self.real), (self.channels,))

    def fit(self, shape, where):
        """As golden.network.ops.base.Operation.fit."""
        return self.op.fit(shape, where)

    def output(self, shape):
        """Shape of the output for an input of ``shape`` that fits."""
        return self.op.output(shape)

    def check_parts(self, where, steps):
        """Raise BadInput unless weights, neuron, bias and norm keep the rules of their classes."""
        rule(isinstance(self.weights, np.ndarray) and self.weights.ndim in WEIGHTED, where,
             "weights must have 2 (dense) or 4 (convolution) dimensions")
        rule(self.weights.size > 0, where, "weights must not be empty")
        self.number(self.weights, where, "weights")
        self.op.check(where)
        self.neuron.check(where, self.channels)
        if self.bias is not None:
            check_shape(self.number(self.bias, where, "bias"), where, "bias", self.channels)
        if self.norm is not None:
            self.norm.check(where, steps, self.channels)
        if self.recurrent is not None:
            self.recurrent.check(where, self)

    def saved_window(self):
        """Stride and padding, and dilation, max pooling and loop where there are, as in a file."""
        found = {key: list(value) if isinstance(value, tuple) else value
                 for key, value in (("stride", self.stride), ("padding", self.padding))}
        if self.dilation != 1:
            found["dilation"] = self.dilation
        if self.greatest is not None:
            found["greatest"] = self.greatest.save()
        if self.recurrent is not None:
            found.update(self.recurrent.save()[0])
        return found

    def saved_arrays(self):
        """{name: array} of a file, in their order there."""
        found = {"weights": self.weights, "bias": self.bias, **self.neuron.values(np.asarray)}
        if self.norm is not None:
            found.update(self.norm.save()[1])
        if self.recurrent is not None:
            found.update(self.recurrent.save()[1])
        return {key: values for key, values in found.items() if values is not None}


def restored_window(entry):
    """Inverse of Weighted.saved_window; what is absent has its default."""
    found = {key: tuple(value) if isinstance(value, list) else value
             for key in ("stride", "padding", "dilation") if (value := entry.get(key)) is not None}
    return {**found, "greatest": Greatest.restore(entry.get("greatest"))}


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
    neuron : golden.neurons.base.NeuronModel
        Its ``reset`` is "none" in an accumulating read-out.
    frac : int
        A weight of 1 adds 2**frac membrane units.
    bias : int array (out,)
        Added to the membrane every step, in membrane units.
    stride, padding, groups, dilation :
        As in golden.network.ops.Conv; 1, 0, 1, 1 for a dense layer.
    greatest : None or golden.network.ops.Greatest
        Max pooling of the sums, before norm, bias and neurons.
    scale : float
        Real value of one membrane unit; not used by any integer computation.
    norm : None or golden.network.ops.Norm (gain, offset, shift)
        BNTT, in place of the 2**frac: at step t the summed input x of channel c becomes
        floor(gain[t, c] x / 2**shift) + offset[t, c], in membrane units.
    recurrent : None or golden.network.ops.Recurrent
        What the layer's own spikes of the step before add to its sums.
    """

    weights: np.ndarray
    bits: int
    neuron: NeuronModel
    frac: int = 0
    bias: np.ndarray | None = None
    stride: int = 1
    padding: int = 0
    groups: int = 1
    scale: float = 1.0
    norm: tuple | None = None
    dilation: int | tuple = 1
    greatest: Greatest | None = None
    recurrent: Recurrent | None = None

    @property
    def model(self):
        """Name of the neurons' model in golden.neurons.MODELS."""
        return next(name for name, model in MODELS.items() if type(self.neuron) is model)

    @property
    def biases(self):
        """Bias of each channel, zeros where there is none."""
        return self.per_channel(0 if self.bias is None else self.bias)

    def check(self, where, network, before):
        """Raise BadInput unless the layer keeps its rules, whatever stands ``before`` it."""
        rule(isinstance(self.bits, int) and 2 <= self.bits <= 8, where,
             f"weight bits must be 2 to 8, not {self.bits}")
        rule(bounded(self.frac, 0, 20), where, f"frac must be 0 to 20, not {self.frac}")
        rule(np.isfinite(self.scale) and self.scale > 0, where,
             f"scale must be a positive number, not {self.scale}")
        self.check_parts(where, network.steps)
        limit = 2**(self.bits - 1)
        rule(self.weights.min() >= -limit and self.weights.max() < limit, where,
             f"weights must lie in {-limit}..{limit - 1} for {self.bits} bits")
        if self.recurrent is not None:
            rule(self.recurrent.weights.min() >= -limit and self.recurrent.weights.max() < limit,
                 where, f"recurrent weights must lie in {-limit}..{limit - 1} for {self.bits} bits")

    def save(self):
        """(entry, arrays) of a file: a JSON-able dict, and integer arrays by name."""
        norm = {"shift": None} if self.norm is None else self.norm.save()[0]
        entry = {"bits": self.bits, "frac": self.frac, **self.saved_window(),
                 "groups": self.groups, "scale": float(self.scale),
                 **self.neuron.choices(), **norm}
        if self.model != next(iter(MODELS)):
            entry["neuron"] = self.model
        return entry, {key: np.asarray(values).astype(
                           np.int8 if key in ("weights", "recurrent") else np.int64)
                       for key, values in self.saved_arrays().items()}

    @classmethod
    def restore(cls, entry, arrays, where):
        """Inverse of ``save``."""
        model = entry.get("neuron", next(iter(MODELS)))
        rule(model in MODELS, where, f"neuron must be one of {', '.join(MODELS)}, not {model}")
        values = {key: integers(found, where, key) for key, found in arrays.items()}
        neuron = MODELS[model].restore(
            {key: entry[key] for key in ("reset", "compare", "delay")}, values)
        return cls(weights=values["weights"], bits=entry["bits"], neuron=neuron,
                   frac=entry["frac"], bias=values.get("bias"), **restored_window(entry),
                   groups=entry["groups"], scale=entry["scale"], norm=Norm.restore(entry, values),
                   recurrent=Recurrent.restore(entry, values))


@dataclass(frozen=True)
class Stage:
    """One weighted layer in its place: what it reads and what it gives.

    ``index`` counts weighted layers from 1 and is the name of a tap, as in the paper. ``source`` is
    the (C, H, W) of the spikes read, ``pooled`` the same after ``pools``, ``shape`` that of the
    output, ``top`` the largest activation that reaches a weight, and ``signed`` whether activations
    of the opposite sign do too. ``inputs`` are the indices of the stages whose spikes it reads, 0
    the network's input; the one before, unless it is told otherwise.
    """

    index: int
    layer: Layer
    pools: tuple
    source: tuple
    pooled: tuple
    shape: tuple
    top: int
    signed: bool
    inputs: tuple = ()

    def __post_init__(self):
        object.__setattr__(self, "inputs", self.inputs or (self.index - 1,))

    @property
    def neurons(self):
        """Number of output neurons."""
        return int(np.prod(self.shape))

    @property
    def trains(self):
        """Number of spike trains read."""
        return int(np.prod(self.source))

    @property
    def shapes(self):
        """(C, H, W) before each pool and behind the last."""
        found = [self.source]
        for pool in self.pools:
            found.append(pool.output(found[-1]))
        return tuple(found)

    def words(self):
        """The stage for people: its pooling, then its weights."""
        loop = self.layer.recurrent
        return ", ".join([*(pool.words() for pool in self.pools),
                          self.layer.op.words(self.pooled),
                          *([] if loop is None else [loop.words()])])


class Layered:
    """What networks of layers share, be their numbers whole or real."""

    @cached_property
    def stages(self):
        """The weighted layers, each with the pooling before it and its shapes."""
        return stages_of(self)

    @property
    def recurrent(self):
        """The weighted layers that read their own spikes, as Stages."""
        return tuple(stage for stage in self.stages if stage.layer.recurrent is not None)

    @property
    def classes(self):
        """Number of classes scored."""
        return self.stages[-1].layer.channels

    def replace(self, **changes):
        """Return a copy with some fields changed, checked again."""
        return replace(self, **changes)


def stages_of(network):
    """The weighted layers of a Network, or of a FloatNetwork of golden.importers, as Stages."""
    stages, pools, source, shape = [], [], network.shape, network.shape
    top, signed = encoder_of(network).top, encoder_of(network).signed
    for layer in network.layers:
        after = layer.output(shape)
        if layer.weighted:
            stages.append(Stage(len(stages) + 1, layer, tuple(pools), source, shape, after, top,
                                signed))
            pools, source, top, signed = [], after, 1, False
        else:
            pools.append(layer)
            top = layer.top(top)
        shape = after
    return tuple(stages)
