"""A trained network as real numbers: what every way in gives, and what golden.quantise takes.

No framework is needed to make, keep or run one: it is arrays with the exact meaning of its neurons.
golden.importers.float_run executes it, the reference of the fidelity report.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from golden.io.errors import BadInput, rule
from golden.io.files import replacing
from golden.io.reading import network_parts, tree
from golden.io.values import reals
from golden.network import DEFAULT_SEED, Pool, Weighted
from golden.network.graph import format_of
from golden.network.layers import Layered, restored_places, restored_window, skip_names
from golden.network.ops import FloatNorm, FloatRecurrent, FloatSkip, Greatest
from golden.network.rules import check
from golden.neurons import REALS
from golden.neurons.base import RealNeuron
from golden.neurons.lif import FloatLIF as FloatNeuron

if TYPE_CHECKING:
    from golden.importers.builder import NetworkBuilder

__all__ = ["FloatLayer", "FloatNetwork", "FloatNeuron", "load"]

FORMAT = "sam-snn float network"
VERSION = 3     # the newest: see golden.network.graph.format_of

UNREADABLE = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError,
              OverflowError)


@dataclass(frozen=True, eq=False)
class FloatLayer(Weighted):
    """A weighted layer in real numbers and the neurons behind it.

    Parameters
    ----------
    weights : (out, in / groups, K, K) or (out, in)
    neuron : golden.neurons.base.RealNeuron
    bias : None or (out,)
        Added to the membrane every step, behind ``norm``.
    stride, padding, groups, dilation, greatest :
        As in golden.network.Layer.
    norm : None or golden.network.ops.FloatNorm (gain, offset), each (T, out)
        BNTT: the summed input x of step t and channel c becomes gain[t, c] x + offset[t, c].
    recurrent : None or golden.network.ops.FloatRecurrent
        What the layer's own spikes of the step before add to its sums.
    behind : None or int
        As in golden.network.Layer.
    skips : tuple of golden.network.ops.FloatSkip
        What the spikes of other layers add to its sums.
    name : str
        What messages and the report call it: the node or module it came from.
    approximations, notes : tuple of str
        What the way in could not keep, and what a reader may want to know.
    """

    weights: np.ndarray
    neuron: RealNeuron
    bias: np.ndarray | None = None
    stride: int = 1
    padding: int = 0
    groups: int = 1
    norm: tuple | None = None
    name: str = ""
    approximations: tuple = ()
    notes: tuple = ()
    dilation: int | tuple = 1
    greatest: Greatest | None = None
    recurrent: FloatRecurrent | None = None
    behind: int | None = None
    skips: tuple = ()

    number, real, norms, joins = staticmethod(reals), np.float64, FloatNorm, FloatSkip

    @property
    def biases(self) -> np.ndarray:
        """What a step adds to each channel besides its weighted input."""
        bias = self.per_channel(0 if self.bias is None else self.bias)
        return bias + self.neuron.biases(self.per_channel)

    def check(self, where: str, network: "NetworkBuilder | FloatNetwork", before: Sequence) -> None:
        """Raise BadInput unless the layer keeps its rules, whatever stands ``before`` it."""
        self.check_parts(where, network.steps)

    def save(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """(entry, arrays) of a file: a JSON-able dict, and float64 arrays by name."""
        entry = {"name": self.name, **self.saved_window(),
                 "groups": self.groups, **self.neuron.choices(),
                 "approximations": list(self.approximations), "notes": list(self.notes)}
        model = next(name for name, kind in REALS.items() if type(self.neuron) is kind)
        if model != next(iter(REALS)):
            entry["neuron"] = model
        return entry, {key: np.asarray(values, dtype=np.float64)
                       for key, values in self.saved_arrays().items()}

    @classmethod
    def restore(cls, entry: dict[str, Any], arrays: dict, where: str) -> "FloatLayer":
        """Inverse of ``save``; ``arrays`` may hold nested lists."""
        values = {key: reals(found, where, key) for key, found in arrays.items()}
        rule("weights" in values, where, "has no weights")
        model = entry.get("neuron", next(iter(REALS)))
        rule(model in REALS, where, f"neuron must be one of {', '.join(REALS)}, not {model}")
        return cls(values["weights"], REALS[model].restore(entry, values), values.get("bias"),
                   **restored_window(entry), groups=entry.get("groups", 1),
                   norm=FloatNorm.restore(entry, values),
                   recurrent=FloatRecurrent.restore(entry, values),
                   **restored_places(entry, values, FloatSkip), name=str(entry.get("name", "")),
                   approximations=tuple(map(str, entry.get("approximations", ()))),
                   notes=tuple(map(str, entry.get("notes", ()))))


@dataclass(frozen=True, eq=False)
class FloatNetwork(Layered):
    """golden.network.Pool and FloatLayer over ``steps`` time steps, as a golden.network.Network.

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
        rule(np.isfinite(self.input_scale) and self.input_scale > 0, self.name,
             f"input scale must be a positive number, not {self.input_scale}")

    def save(self, path: str | Path) -> None:
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


# --- file -----------------------------------------------------------------------------------------

ARRAYS = ("weights", "bias", *dict.fromkeys(
    field.name for neuron in REALS.values() for field in neuron.fields), "gain", "offset",
    "recurrent", "recurrent_bias", *skip_names())


def flatten(network: FloatNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(header, arrays): a JSON-able dict and the float64 arrays it refers to by layer number."""
    header = {"format": FORMAT, "version": format_of(network), "layers": []}
    for key in ("shape", "steps", "encoder", "readout", "seed", "name", "notes", "input_scale"):
        header[key] = getattr(network, key)
    header["shape"] = list(network.shape)
    arrays = {}
    for n, layer in enumerate(network.layers):
        entry, found = layer.save()
        header["layers"].append(entry)
        arrays.update({f"{key}_{n}": values for key, values in found.items()})
    return header, arrays


def restore(header: dict[str, Any], arrays: dict) -> FloatNetwork:
    """Inverse of ``flatten``; ``arrays`` may hold nested lists."""
    layers = []
    for n, entry in enumerate(header["layers"]):
        if "pool" in entry:
            layers.append(Pool.restore(entry))
            continue
        found = {key: arrays[f"{key}_{n}"] for key in ARRAYS if f"{key}_{n}" in arrays}
        where = str(entry.get("name") or f"layer {n + 1} of {len(header['layers'])}")
        layers.append(FloatLayer.restore(entry, found, where))
    known = ("steps", "encoder", "readout", "seed", "name", "notes", "input_scale")
    fields = {key: header[key] for key in known if key in header}
    fields["name"] = str(fields.get("name", "network"))
    return FloatNetwork(shape=tuple(header["shape"]), layers=tuple(layers), **fields)


def load(path: str | Path) -> FloatNetwork:
    """Read a float network file, .npz or .json; raise BadInput naming the file and the rule."""
    path = Path(path)
    what = "float network file"
    if path.suffix == ".json":
        header = tree(path, what)
        arrays = header.get("arrays", {}) if isinstance(header, dict) else {}
    else:
        header, arrays = network_parts(path, what, ARRAYS)
    rule(isinstance(header, dict) and header.get("format") == FORMAT, path,
         "not a float network file of this project")
    rule(header.get("version") in range(1, VERSION + 1), path,
         f"float network version {header.get('version')}; this program reads version {VERSION}")
    try:
        return restore(header, arrays)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    except UNREADABLE as error:
        raise BadInput(f"{path}: incomplete float network file ({type(error).__name__}: {error})"
                       ) from None
