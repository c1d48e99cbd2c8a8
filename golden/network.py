"""A trained network as integers: a chain of layers, its number formats, and its file.

Everything the model and the hardware know of a network is here; where it came from (training,
NIR, snnTorch) and what is made of it (arrays, Verilog) is elsewhere.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path

import numpy as np

from golden.errors import BadInput
from golden.files import replacing
from golden.formats import LEAK_BITS, bits_signed, leaked

FORMAT = "sam-snn network"
VERSION = 1

RESETS = ("subtract", "subtract_leaked", "zero", "none")
COMPARES = ("gt", "ge")
POOLS = ("sum", "avg", "max")
ENCODERS = ("bernoulli", "frames", "ternary", "current")
READOUTS = ("membrane", "count", "first")
DEFAULT_SEED = 0x2545F491


@dataclass(frozen=True, eq=False)
class Neuron:
    """Leaky integrate and fire in integers, one step: FACTS of the orders are in golden.lif.

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


@dataclass(frozen=True, eq=False)
class Layer:
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
        """``values`` as one int64 a channel."""
        return np.broadcast_to(np.asarray(values, dtype=np.int64), (self.channels,))

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


@dataclass(frozen=True, eq=False)
class Network:
    """A chain of pooling and weighted layers over ``steps`` time steps.

    Parameters
    ----------
    shape : (C, H, W)
        Of the input.
    steps : int
        T, 1 to 255.
    layers : tuple of Pool and Layer
        In the order they are passed.
    encoder : "bernoulli", "frames", "ternary" or "current"
        How pixels become spikes (golden.encode).
    readout : "membrane", "count" or "first"
        How classes are scored (golden.readout).
    seed : int
        Of the encoder's generator; restarted for every image.
    name : str
    notes : dict
        Free text for people: data set, class labels, accuracy, command.

    Raises BadInput, naming the layer and the rule, unless every shape, width and range fits.
    """

    shape: tuple
    steps: int
    layers: tuple
    encoder: str = "bernoulli"
    readout: str = "membrane"
    seed: int = DEFAULT_SEED
    name: str = "network"
    notes: dict = field(default_factory=dict)

    def __post_init__(self):
        check(self)

    @cached_property
    def stages(self):
        """The weighted layers, each with the pooling before it and its shapes."""
        return stages_of(self)

    @property
    def classes(self):
        """Number of classes scored."""
        return self.stages[-1].layer.channels

    @property
    def taps(self):
        """Indices of the layers that spike and so can be tapped."""
        return tuple(stage.index for stage in self.stages if stage.layer.spiking)

    @cached_property
    def digest(self):
        """First 16 hex digits of a SHA-256 over everything that the hardware depends on."""
        header, arrays = flatten(self)
        for key in ("name", "notes"):
            header.pop(key)
        text = json.dumps(header, sort_keys=True).encode()
        for key in sorted(arrays):
            text += key.encode() + np.ascontiguousarray(arrays[key]).tobytes()
        return hashlib.sha256(text).hexdigest()[:16]

    def save(self, path):
        """Write the network as one .npz; a file already there is replaced whole or not at all."""
        header, arrays = flatten(self)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, header=json.dumps(header, sort_keys=True), **arrays)
        with replacing(path) as aside:
            aside.write_bytes(buffer.getvalue())

    def replace(self, **changes):
        """Return a copy with some fields changed, checked again."""
        return replace(self, **changes)


def stages_of(network):
    """The weighted layers of a Network, or of a golden.float_network.FloatNetwork, as Stages."""
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


# --- widths ---------------------------------------------------------------------------------------


def sum_ranges(stage):
    """(low, high), each (channels,): the summed input of a neuron in one step, in weight units."""
    weights = stage.layer.weights.reshape(stage.layer.channels, -1).astype(np.int64)
    low, high = np.minimum(weights, 0).sum(axis=1), np.maximum(weights, 0).sum(axis=1)
    if stage.signed:
        low, high = low - high, high - low
    return low * stage.top, high * stage.top


def input_ranges(stage, steps):
    """(low, high), each (T, channels): what one step adds to a membrane, before any reset."""
    layer, (low, high) = stage.layer, sum_ranges(stage)
    if layer.norm is not None:
        gain, offset, shift = layer.norm
        ends = np.stack([(gain * low) >> shift, (gain * high) >> shift])
        low, high = ends.min(axis=0) + offset, ends.max(axis=0) + offset
    else:
        low, high = (np.broadcast_to(x << layer.frac, (steps, layer.channels))
                     for x in (low, high))
    return low + layer.biases, high + layer.biases


def membrane_range(stage, steps):
    """(low, high) that no membrane of a stage leaves in ``steps`` steps, whatever its input.

    Interval arithmetic over golden.lif, with 0 as the first membrane: an interval of membranes is
    split at the threshold into those that spike and those that do not, each is reset and leaked
    (both are nondecreasing), and the interval of the next input is added.
    """
    layer, neuron = stage.layer, stage.layer.neuron
    threshold, leak = layer.per_channel(neuron.threshold), layer.per_channel(neuron.leak)
    v_reset = layer.per_channel(neuron.v_reset)
    quiet_top = threshold if neuron.compare == "gt" else threshold - 1
    adds = input_ranges(stage, steps)
    # Nothing has spiked before the first step, even where 0 is at the threshold.
    low, high = adds[0][0], adds[1][0]
    lowest, highest = min(0, int(low.min())), max(0, int(high.max()))
    for t in range(1, steps):
        fires, quiet = high > quiet_top, low <= quiet_top
        if neuron.reset == "none":
            ends = [leaked(low, leak), leaked(high, leak)]
        else:
            spike_low, spike_high = np.maximum(low, quiet_top + 1), high
            if neuron.reset == "subtract":
                fired = [leaked(x, leak) - threshold for x in (spike_low, spike_high)]
            elif neuron.reset == "subtract_leaked":
                fired = [leaked(x - threshold, leak) for x in (spike_low, spike_high)]
            else:
                fired = [leaked(v_reset, leak)] * 2
            rest = [leaked(low, leak), leaked(np.minimum(high, quiet_top), leak)]
            ends = [np.where(quiet, np.where(fires, np.minimum(rest[0], fired[0]), rest[0]),
                             fired[0]),
                    np.where(fires, np.where(quiet, np.maximum(rest[1], fired[1]), fired[1]),
                             rest[1])]
        low, high = ends[0] + adds[0][t], ends[1] + adds[1][t]
        lowest, highest = min(lowest, int(low.min())), max(highest, int(high.max()))
    return lowest, highest


# --- rules ----------------------------------------------------------------------------------------


def rule(holds, where, text):
    """Raise BadInput naming ``where`` unless the rule ``text`` holds."""
    if not holds:
        raise BadInput(f"{where}: {text}")


def whole(values, where, what):
    """``values`` as an int64 array; raise BadInput unless all are finite whole numbers."""
    try:
        array = np.asarray(values)
        finite = bool(np.isfinite(array).all())
    except TypeError:
        raise BadInput(f"{where}: {what} must be numbers") from None
    rule(finite, where, f"{what} must be finite, found NaN or infinity")
    rule(np.array_equal(array, np.floor(array)), where, f"{what} must be whole numbers")
    rule(array.size == 0 or np.abs(array.astype(float)).max() < 2**40, where,
         f"{what} must lie within 40 bits")
    return array.astype(np.int64)


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
    rule(neuron.reset in RESETS, where,
         f"reset must be one of {', '.join(RESETS)}, not {neuron.reset}")
    rule(neuron.compare in COMPARES, where,
         f"compare must be one of {', '.join(COMPARES)}, not {neuron.compare}")
    rule(neuron.delay in (0, 1), where, f"delay must be 0 or 1, not {neuron.delay}")
    named = {"threshold": neuron.threshold, "leak": neuron.leak, "v_reset": neuron.v_reset}
    if layer.bias is not None:
        named["bias"] = layer.bias
    for what, values in named.items():
        values = whole(values, where, what)
        rule(values.shape in ((), (layer.channels,)), where,
             f"{what} must be one number or one a channel, not of shape {values.shape}")
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


# --- file -----------------------------------------------------------------------------------------

ARRAYS = ("weights", "bias", "threshold", "leak", "v_reset", "gain", "offset")


def flatten(network):
    """(header, arrays): a JSON-able dict and the integer arrays it refers to by layer number."""
    header = {"format": FORMAT, "version": VERSION, "layers": []}
    for key in ("shape", "steps", "encoder", "readout", "seed", "name", "notes"):
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
            "bits": layer.bits, "frac": layer.frac, "stride": layer.stride,
            "padding": layer.padding, "groups": layer.groups, "scale": float(layer.scale),
            "reset": neuron.reset, "compare": neuron.compare, "delay": neuron.delay,
            "shift": layer.norm[2] if layer.norm is not None else None})
        found = {"weights": layer.weights.astype(np.int8), "bias": layer.bias,
                 "threshold": neuron.threshold, "leak": neuron.leak, "v_reset": neuron.v_reset}
        if layer.norm is not None:
            found["gain"], found["offset"] = layer.norm[:2]
        for key, values in found.items():
            if values is not None:
                values = np.asarray(values)
                arrays[f"{key}_{n}"] = values if key == "weights" else values.astype(np.int64)
    return header, arrays


def load(path):
    """Read a network file.

    Raises BadInput naming the file and the rule if it is missing, truncated, of another format or
    version, or breaks a rule of Network.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"{path}: no such network file")
    try:
        # From memory: numpy leaves the file of a damaged archive open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        header = json.loads(str(arrays.pop("header")))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zipfile.zlib.error,
            RuntimeError, MemoryError, SyntaxError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: not a readable network file ({type(error).__name__})") from None
    rule(isinstance(header, dict) and header.get("format") == FORMAT, path,
         "not a network file of this project")
    rule(header.get("version") == VERSION, path,
         f"network format version {header.get('version')}; this program reads version {VERSION}")
    try:
        return restore(header, arrays)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise BadInput(f"{path}: incomplete network file ({type(error).__name__}: {error})"
                       ) from None


def restore(header, arrays):
    """Inverse of ``flatten``."""
    layers = []
    for n, entry in enumerate(header["layers"]):
        if "pool" in entry:
            layers.append(Pool(entry["pool"], entry["kernel"], entry["stride"], entry["padding"]))
            continue
        where = f"layer {n + 1} of {len(header['layers'])}"
        values = {key: whole(arrays[f"{key}_{n}"], where, key)
                  for key in ARRAYS if f"{key}_{n}" in arrays}
        neuron = Neuron(values["threshold"], values["leak"], entry["reset"], entry["compare"],
                        entry["delay"], values["v_reset"])
        norm = (values["gain"], values["offset"], entry["shift"]) if "gain" in values else None
        layers.append(Layer(
            weights=values["weights"], bits=entry["bits"], neuron=neuron, frac=entry["frac"],
            bias=values.get("bias"), stride=entry["stride"], padding=entry["padding"],
            groups=entry["groups"], scale=entry["scale"], norm=norm))
    return Network(shape=tuple(header["shape"]), steps=header["steps"], layers=tuple(layers),
                   encoder=header["encoder"], readout=header["readout"], seed=header["seed"],
                   name=str(header["name"]), notes=dict(header["notes"]))


if __name__ == "__main__":
    from golden.summary import main
    main()
