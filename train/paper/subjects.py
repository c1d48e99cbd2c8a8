"""The networks that the experiments look into."""

import hashlib
import importlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from golden.io.errors import BadInput
from golden.network import load

ROOT = Path(__file__).parents[2]
PART = 25      # pictures computed at once, fewer of large networks:
ROOM = 2**22   # neurons of a layer times steps times pictures
EXTRAS = {"torch": "train", "captum": "train", "snntorch": "train", "distributed": "cluster"}


@dataclass(frozen=True)
class Subject:
    """A network, what it is shown, and the ANNs of its shape.

    Members
    -------
    name : str
    file : str
        Under ``models/``.
    pictures : str
        A set of ``train.core.sets``.
    kind : "surrogate" or "conversion"
    ann : tuple of str
        Patterns of the files of its ANNs under ``models/``.
    """

    name: str
    file: str
    pictures: str
    kind: str
    ann: tuple

    @cached_property
    def network(self):
        """The golden Network."""
        return load(ROOT / "models" / self.file)

    @property
    def depths(self):
        """Its last three spiking convolutions, the shallowest first: the paper's 4, 6 and 8."""
        return tuple(stage.index for stage in self.network.stages
                     if stage.layer.spiking and not stage.layer.dense)[-3:]

    @property
    def part(self):
        """How many pictures to compute at once."""
        most = max(stage.neurons for stage in self.network.stages) * self.network.steps
        return int(np.clip(ROOM // most, 5, PART))

    @property
    def ann_files(self):
        """The files of its ANNs."""
        return [path for pattern in self.ann for path in sorted((ROOT / "models").glob(pattern))]

    @cached_property
    def anns(self):
        """Its trained ANNs."""
        needs("torch", "an ANN to compare with")
        from train import reference
        return [reference.revive(path, self.network) for path in self.ann_files]

    @property
    def digest(self):
        """Of all that its answers depend on."""
        return digest(self.network.digest, *(path.read_bytes() for path in self.ann_files))


def digest(*parts):
    """16 hex digits of texts, bytes and arrays."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            part = f"{part.shape}{part.dtype}".encode() + np.ascontiguousarray(part).tobytes()
        found.update(part if isinstance(part, bytes) else str(part).encode())
        found.update(b"\0")
    return found.hexdigest()[:16]


def needs(package, what):
    """Raise BadInput naming the extra unless ``package`` can be imported."""
    try:
        importlib.import_module(package)
    except ImportError:
        raise BadInput(f"{what} needs {package}; pip install -e '.[{EXTRAS[package]}]' "
                       "installs it") from None


FASHION = ("ann/fashion-[0-9].npz",)
OTHERS = ("ann/fashion-[23].npz",)      # the conversion is made of the first
SCENES = ("scenes_ann.npz",)            # the parent of scenes.npz, which its results must say
SUBJECTS = (
    Subject("fashion", "fashion.npz", "fashion", "surrogate", FASHION),
    Subject("fashion-conversion", "fashion-1-conversion.npz", "fashion", "conversion", OTHERS),
    Subject("fashion-bntt", "fashion-bntt.npz", "fashion", "surrogate",
            ("ann/fashion-bntt-[0-9].npz",)),
    Subject("scenes", "scenes.npz", "scenes", "surrogate", SCENES),
    Subject("scenes, plain", "scenes.npz", "scenes-plain", "surrogate", SCENES),
)
# The network of the scenes from other training seeds, for what one network alone cannot settle.
RETRAINED = tuple(Subject(f"scenes-{seed}", f"scenes-{seed}.npz", "scenes", "surrogate", ())
                  for seed in (2, 3, 4, 5))
# Networks of results/PROTOCOL.md: a setting, and the networks trained independently in it.
TRAINED = {
    "scenes": tuple(Subject(name, f"{name}.npz", "scenes", "ReLU, tuned as spikes", ())
                    for name in ("scenes", "scenes-2", "scenes-3", "scenes-4", "scenes-5")),
    "fashion": tuple(Subject(name, f"{name}.npz", "fashion", "surrogate", ())
                     for name in ("fashion", "fashion-2", "fashion-3")),
}
