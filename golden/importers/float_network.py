"""A trained network as real numbers: what every way in gives, and what golden.quantise takes.

No framework is needed to make, keep or run one: it is a chain of arrays with the exact meaning of
its neurons. golden.importers.float_run executes it, the reference of the fidelity report.
"""

import io
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from golden.io.errors import BadInput
from golden.io.files import replacing
from golden.io.reading import network_parts, tree
from golden.network import (
    DEFAULT_SEED,
    ENCODERS,
    READOUTS,
    RESETS,
    Pool,
    Weighted,
    check_pool,
    rule,
    stages_of,
)
from golden.network.rules import check_neuron

FORMAT = "sam-snn float network"
VERSION = 1

FLOAT_RESETS = (*RESETS, "subtract_now")
UNREADABLE = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError,
              OverflowError)


@dataclass(frozen=True, eq=False)
class FloatNeuron:
    """Leaky integrate and fire in real numbers; each parameter one number or one a channel.

    With s = [u > threshold] one step before and I the input, a step is
    u <- beta u + (1 - beta) v_leak + I and the reset of golden.neurons.lif. "subtract_now" is
    snnTorch's ``reset_delay=False``: with r = [u > threshold], m = beta u + I - threshold r and s =
    [m > threshold], it leaves u = m - threshold (s - r).
    """

    beta: np.ndarray = field(default_factory=lambda: np.float64(1))
    threshold: np.ndarray = field(default_factory=lambda: np.float64(1))
    reset: str = "none"
    compare: str = "gt"
    delay: int = 0
    v_leak: np.ndarray = field(default_factory=lambda: np.float64(0))
    v_reset: np.ndarray = field(default_factory=lambda: np.float64(0))


@dataclass(frozen=True, eq=False)
class FloatLayer(Weighted):
    """A weighted layer in real numbers and the neurons behind it.

    Parameters
    ----------
    weights : (out, in / groups, K, K) or (out, in)
    neuron : FloatNeuron
    bias : None or (out,)
        Added to the membrane every step, behind ``norm``.
    stride, padding, groups : int
    norm : None or (gain, offset), each (T, out)
        BNTT: the summed input x of step t and channel c becomes gain[t, c] x + offset[t, c].
    name : str
        What messages and the report call it: the node or module it came from.
    approximations, notes : tuple of str
        What the way in could not keep, and what a reader may want to know.
    """

    weights: np.ndarray
    neuron: FloatNeuron
    bias: np.ndarray | None = None
    stride: int = 1
    padding: int = 0
    groups: int = 1
    norm: tuple | None = None
    name: str = ""
    approximations: tuple = ()
    notes: tuple = ()

    number = np.float64

    @property
    def biases(self):
        """What a step adds to each channel besides its weighted input, v_leak included."""
        beta, v_leak = self.per_channel(self.neuron.beta), self.per_channel(self.neuron.v_leak)
        return self.per_channel(0 if self.bias is None else self.bias) + (1 - beta) * v_leak


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """A chain of golden.network.Pool and FloatLayer over ``steps`` time steps.

    Fields are those of golden.network.Network; ``input_scale`` is what one unit of the encoder's
    output (a spike, or a pixel step of 0..255 with encoder "current") is worth to the first layer.
    """

    shape: tuple
    steps: int
    layers: tuple
    encoder: str = "bernoulli"
    readout: str = "membrane"
    seed: int = DEFAULT_SEED
    name: str = "network"
    notes: dict = field(default_factory=dict)
    input_scale: float = 1.0

    def __post_init__(self):
        check(self)

    @cached_property
    def stages(self):
        """The weighted layers in their places, as golden.network.Stage."""
        return stages_of(self)

    @property
    def classes(self):
        """Number of classes scored."""
        return self.stages[-1].layer.channels

    def save(self, path):
        """Write as .npz or, by its suffix, as .json; whole or not at all."""
        header, arrays = flatten(self)
        if Path(path).suffix == ".json":
            header["arrays"] = {key: values.tolist() for key, values in arrays.items()}
            found = json.dumps(header, indent=1).encode()
        else:
            buffer = io.BytesIO()
            np.savez_compressed(buffer, header=json.dumps(header), **arrays)
            found = buffer.getvalue()
        with replacing(path) as aside:
            aside.write_bytes(found)

    def replace(self, **changes):
        """Return a copy with some fields changed, checked again."""
        return replace(self, **changes)


# --- rules ----------------------------------------------------------------------------------------


def real(values, where, what):
    """``values`` as float64; raise BadInput unless all are finite numbers."""
    try:
        array = np.asarray(values)
        rule(array.dtype.kind in "buif", where, f"{what} must be real numbers")
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"{where}: {what} must be real numbers") from None
    rule(np.isfinite(array).all(), where, f"{what} must be finite, found NaN or infinity")
    rule(np.abs(array).max(initial=0) < 1e30, where, f"{what} must be below 1e30")
    return array


def whole(value, low, high):
    """Whether ``value`` is an int from ``low`` to ``high``."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def check_layer(layer, where, steps):
    """Raise BadInput unless ``layer`` keeps the rules of FloatLayer, naming it as ``where``."""
    weights, neuron = real(layer.weights, where, "weights"), layer.neuron
    rule(weights.ndim in (2, 4), where,
         f"weights must have 2 (dense) or 4 (convolution) dimensions, not {weights.ndim}")
    rule(weights.size > 0, where, "weights must not be empty")
    if weights.ndim == 4:
        high, wide = weights.shape[2:]
        rule(high == wide, where, f"kernels must be square, not {high} x {wide}")
        rule(1 <= high <= 7, where, f"kernel must be 1 to 7, not {high}")
    rule(whole(layer.stride, 1, 64), where, f"stride must be 1 to 64, not {layer.stride}")
    rule(whole(layer.padding, 0, layer.kernel - 1), where,
         f"padding must be 0 to kernel - 1, not {layer.padding}")
    rule(whole(layer.groups, 1, layer.channels) and layer.channels % layer.groups == 0, where,
         f"groups must divide the {layer.channels} output channels, not {layer.groups}")
    rule(not layer.dense or layer.groups == 1, where, "a dense layer has one group")
    check_neuron(layer, where, resets=FLOAT_RESETS,
                 named=("beta", "threshold", "v_leak", "v_reset"), number=real)
    beta = np.asarray(neuron.beta)
    rule((beta >= 0).all() and (beta <= 1).all(), where,
         f"beta must be 0 to 1, not {beta.min():g} to {beta.max():g}")
    rule((np.asarray(neuron.threshold) >= 0).all(), where, "threshold must not be negative")
    if layer.norm is not None:
        for what, values in zip(("norm gain", "norm offset"), layer.norm, strict=True):
            rule(real(values, where, what).shape == (steps, layer.channels), where,
                 f"{what} must be one number a step and channel")


def check(network):
    """Raise BadInput unless ``network`` keeps every rule of its docstrings."""
    name = network.name
    rule(whole(network.steps, 1, 255), name,
         f"steps must be 1 to 255, not {network.steps}")
    rule(len(network.shape) == 3 and all(whole(n, 1, 4096) for n in network.shape), name,
         f"the input shape must be (C, H, W), each 1 to 4096, not {network.shape}")
    rule(network.encoder in ENCODERS, name,
         f"encoder must be one of {', '.join(ENCODERS)}, not {network.encoder}")
    rule(network.readout in READOUTS, name,
         f"readout must be one of {', '.join(READOUTS)}, not {network.readout}")
    rule(whole(network.seed, 1, 2**32 - 1), name,
         f"seed must be 1 to 2**32 - 1, not {network.seed}")
    rule(isinstance(network.notes, dict), name, "notes must be named texts")
    rule(np.isfinite(network.input_scale) and network.input_scale > 0, name,
         f"input scale must be a positive number, not {network.input_scale}")
    rule(network.layers and isinstance(network.layers[-1], FloatLayer), name,
         "the last layer must be a weighted one")
    shape = network.shape
    for position, layer in enumerate(network.layers, 1):
        where = getattr(layer, "name", "") or f"{name}: layer {position} of {len(network.layers)}"
        if isinstance(layer, Pool):
            check_pool(layer, where, network.encoder, network.layers[:position - 1])
        else:
            check_layer(layer, where, network.steps)
            count = int(np.prod(shape)) if layer.dense else shape[0] // layer.groups
            rule((layer.dense or shape[0] % layer.groups == 0)
                 and layer.weights.shape[1] == count, where,
                 f"weights take {layer.weights.shape[1]} {'inputs' if layer.dense else 'channels'}"
                 f" where the layer before gives {shape[0]} x {shape[1]} x {shape[2]}")
            if layer.dense:
                shape = (layer.channels, 1, 1)
                continue
        sides = [(n + 2 * layer.padding - layer.kernel) // layer.stride + 1 for n in shape[1:]]
        rule(min(sides) >= 1, where,
             f"a kernel of {layer.kernel} does not fit a map of {shape[1]} x {shape[2]}")
        shape = (shape[0] if isinstance(layer, Pool) else layer.channels, *sides)
    weighted = [layer for layer in network.layers if isinstance(layer, FloatLayer)]
    for n, layer in enumerate(weighted, 1):
        where, last = layer.name or f"{name}: weighted layer {n}", n == len(weighted)
        rule(layer.spiking or last, where, "must spike (its reset is \"none\"): only the last "
             "layer may accumulate")
        rule(not last or layer.spiking == (network.readout != "membrane"), where,
             f'readout "{network.readout}" needs a last layer that '
             + ("accumulates" if layer.spiking else "spikes"))
    rule(weighted[-1].dense or shape[1:] == (1, 1), name,
         f"the last layer must give one value a class, not a map of {shape[1]} x {shape[2]}")


# --- file -----------------------------------------------------------------------------------------

NEURON = ("beta", "threshold", "v_leak", "v_reset")
ARRAYS = ("weights", "bias", "gain", "offset")


def flatten(network):
    """(header, arrays): a JSON-able dict and the float64 arrays it refers to by layer number."""
    header = {"format": FORMAT, "version": VERSION, "layers": []}
    for key in ("shape", "steps", "encoder", "readout", "seed", "name", "notes", "input_scale"):
        header[key] = getattr(network, key)
    header["shape"] = list(network.shape)
    arrays = {}
    for n, layer in enumerate(network.layers):
        if isinstance(layer, Pool):
            header["layers"].append({"pool": layer.kind, "kernel": layer.kernel,
                                     "stride": layer.stride, "padding": layer.padding})
            continue
        neuron = layer.neuron
        header["layers"].append({
            "name": layer.name, "stride": layer.stride, "padding": layer.padding,
            "groups": layer.groups, "reset": neuron.reset, "compare": neuron.compare,
            "delay": neuron.delay, "approximations": list(layer.approximations),
            "notes": list(layer.notes)})
        found = {"weights": layer.weights, "bias": layer.bias,
                 **{key: getattr(neuron, key) for key in NEURON}}
        if layer.norm is not None:
            found["gain"], found["offset"] = layer.norm
        arrays.update({f"{key}_{n}": np.asarray(values, dtype=np.float64)
                       for key, values in found.items() if values is not None})
    return header, arrays


def restore(header, arrays):
    """Inverse of ``flatten``; ``arrays`` may hold nested lists."""
    layers = []
    for n, entry in enumerate(header["layers"]):
        if "pool" in entry:
            layers.append(Pool(entry["pool"], entry["kernel"], entry.get("stride", entry["kernel"]),
                               entry.get("padding", 0)))
            continue
        where = str(entry.get("name") or f"layer {n + 1} of {len(header['layers'])}")
        values = {key: real(arrays[f"{key}_{n}"], where, key)
                  for key in (*ARRAYS, *NEURON)
                  if f"{key}_{n}" in arrays}
        rule("weights" in values, where, "has no weights")
        neuron = FloatNeuron(**{key: entry[key] for key in ("reset", "compare", "delay")
                                if key in entry},
                             **{key: values[key] for key in NEURON if key in values})
        layers.append(FloatLayer(
            values["weights"], neuron, values.get("bias"),
            **{key: entry[key] for key in ("stride", "padding", "groups") if key in entry},
            norm=(values["gain"], values["offset"]) if "gain" in values else None,
            name=str(entry.get("name", "")),
            approximations=tuple(map(str, entry.get("approximations", ()))),
            notes=tuple(map(str, entry.get("notes", ())))))
    known = ("steps", "encoder", "readout", "seed", "name", "notes", "input_scale")
    fields = {key: header[key] for key in known if key in header}
    fields["name"] = str(fields.get("name", "network"))
    return FloatNetwork(shape=tuple(header["shape"]), layers=tuple(layers), **fields)


def load(path):
    """Read a float network file, .npz or .json; raise BadInput naming the file and the rule."""
    path = Path(path)
    what = "float network file"
    if path.suffix == ".json":
        header = tree(path, what)
        arrays = header.get("arrays", {}) if isinstance(header, dict) else {}
    else:
        header, arrays = network_parts(path, what, (*ARRAYS, *NEURON))
    rule(isinstance(header, dict) and header.get("format") == FORMAT, path,
         "not a float network file of this project")
    rule(header.get("version") == VERSION, path,
         f"float network version {header.get('version')}; this program reads version {VERSION}")
    try:
        return restore(header, arrays)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    except UNREADABLE as error:
        raise BadInput(f"{path}: incomplete float network file ({type(error).__name__}: {error})"
                       ) from None
