"""A trained network as integers: a chain of layers, and its file.

Everything the model and the hardware know of a network is here and, in parts, in the modules beside
it (layers, ops, ranges, rules), whose names this module has too. Where it came from (training, NIR,
snnTorch) and what is made of it (arrays, Verilog) is elsewhere.
"""

import hashlib
import io
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from golden.io.errors import BadInput, rule
from golden.io.files import replacing
from golden.io.reading import network_parts
from golden.io.shipped import network_file, networks
from golden.network.encoders import ENCODERS
from golden.network.layers import Layer, Layered, Stage, Weighted, array_names, stages_of
from golden.network.ops import POOLS, Conv, Dense, Norm, Pool, Recurrent, output_size
from golden.network.ranges import input_ranges, membrane_range, sum_ranges
from golden.network.rules import READOUTS, check, check_widths
from golden.neurons.base import COMPARES, Field, NeuronModel
from golden.neurons.lif import LIF as Neuron
from golden.neurons.lif import RESETS

__all__ = [
    "COMPARES", "DEFAULT_SEED", "ENCODERS", "POOLS", "READOUTS", "RESETS", "Conv", "Dense", "Field",
    "Layer", "Network", "Neuron", "NeuronModel", "Norm", "Pool", "Recurrent", "Stage", "Weighted",
    "flatten", "input_ranges", "load", "membrane_range", "output_size", "restore", "rule",
    "stages_of", "sum_ranges",
]

FORMAT = "sam-snn network"
VERSION = 2     # the newest; a network without loops is a file of version 1
DEFAULT_SEED = 0x2545F491


@dataclass(frozen=True, eq=False)
class Network(Layered):
    """A chain of pooling and weighted layers over ``steps`` time steps.

    Parameters
    ----------
    shape : (C, H, W)
        Of the input.
    steps : int
        T, 1 to golden.formats.MOST_STEPS.
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
        Free text for people: data set, accuracy, command; ``classes`` are the classes' names.

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
        check_widths(self)

    def label(self, number):
        """What people call a class: its name, or its number where it has none."""
        names = self.notes.get("classes")
        return str(number) if names is None else str(names[number])

    @property
    def taps(self):
        """Indices of the layers that spike and so can be tapped."""
        return tuple(stage.index for stage in self.stages if stage.layer.spiking)

    @property
    def map_taps(self):
        """The taps of more than one pixel: those whose map says where."""
        return tuple(tap for tap in self.taps if self.stages[tap - 1].shape[1:] != (1, 1))

    @property
    def default_taps(self):
        """The ``map_taps`` but the first, whose map shows what the input shows already.

        All of them where there is no other.
        """
        return self.map_taps[1:] or self.map_taps

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


# --- file -----------------------------------------------------------------------------------------


def flatten(network):
    """(header, arrays): a JSON-able dict and the integer arrays it refers to by layer number."""
    header = {"format": FORMAT, "version": 2 if network.recurrent else 1, "layers": []}
    for key in ("shape", "steps", "encoder", "readout", "seed", "name", "notes"):
        header[key] = getattr(network, key)
    header["shape"] = list(network.shape)
    arrays = {}
    for n, layer in enumerate(network.layers):
        entry, found = layer.save()
        header["layers"].append(entry)
        arrays.update({f"{key}_{n}": values for key, values in found.items()})
    return header, arrays


def load(path):
    """Read a network file.

    ``path`` may be the bare name of a network that comes with the project (golden.io.shipped).
    Raises BadInput naming the file and the rule if it is missing, truncated, of another format or
    version, or breaks a rule of Network.
    """
    path = Path(network_file(path))
    rule(path.suffix or path.exists(), path, "no such network file, and none of the project's: "
         f"those are {', '.join(networks())}")
    header, arrays = network_parts(path, "network file", array_names())
    rule(isinstance(header, dict) and header.get("format") == FORMAT, path,
         "not a network file of this project")
    rule(header.get("version") in range(1, VERSION + 1), path,
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
            layers.append(Pool.restore(entry))
            continue
        found = {key: arrays[f"{key}_{n}"] for key in array_names() if f"{key}_{n}" in arrays}
        layers.append(Layer.restore(entry, found, f"layer {n + 1} of {len(header['layers'])}"))
    return Network(shape=tuple(header["shape"]), steps=header["steps"], layers=tuple(layers),
                   encoder=header["encoder"], readout=header["readout"], seed=header["seed"],
                   name=str(header["name"]), notes=dict(header["notes"]))
