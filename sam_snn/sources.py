"""What a user has, as a network: torch modules, NIR graphs, float networks, integers, and files.

One function for each way in, so that each joins the importers at one place. Nothing here imports
torch: a module that is handed in brought it.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np

from golden.images import load_images
from golden.importers import float_network
from golden.importers.float_network import FloatNetwork
from golden.importers.outline import parsed
from golden.io.errors import BadInput, rule
from golden.io.reading import network_parts
from golden.io.shipped import network_file
from golden.network import Network, load
from golden.network.encoders import encoder_of
from golden.run import check_images

__all__ = ["drawn_or_read", "pictures", "read"]

NIR = (".nir", ".h5", ".hdf5")


def read(model, *, shape: tuple[int, int, int] | None = None, steps: int | None = None,
         encoder=None, readout=None, name: str | None = None, allow_different: bool = False,
         sample: Any = None, **rules: Any) -> FloatNetwork | Network:
    """FloatNetwork or Network of ``model``.

    Parameters
    ----------
    model : torch module, NIR graph, FloatNetwork, Network, or str
        A str is the path of a NIR graph (.nir), of a float network (.npz, .json) or of a network
        (.npz), the bare name of one that comes with the project, or ``file.py:Class``.
    shape : None or (C, H, W) or (inputs,)
        Of an image; a torch module needs it.
    steps, encoder, readout : None or what FloatNetwork has
        None keeps what the model says; where it says nothing, 16 steps and "bernoulli". A torch
        module whose own loop shows one image in every step says its steps and "current".
    allow_different : bool
        Whether a network that differs from the model is taken all the same.
    sample : None or tensor
        An argument of a torch module, where it takes several kinds or only certain sizes.
    rules :
        Of NIR graphs, which do not say them: producer, reset, dt, compare, decay, start,
        gain, spikes, cut (golden.importers.nir.from_nir).

    Raises BadInput naming the model and the rule.
    """
    options = {key: value for key, value in (
        ("steps", steps), ("encoder", encoder), ("readout", readout)) if value is not None}
    if isinstance(model, Network):
        rule(not options or all(getattr(model, key) == value for key, value in options.items()),
             model.name, f"is a network of integers already: its {', '.join(options)} stay")
        return model
    if isinstance(model, FloatNetwork):
        return model.replace(**options)
    if hasattr(model, "nodes") and hasattr(model, "edges"):
        return graph(model, options, shape, rules, allow_different, name)
    if hasattr(model, "named_children"):
        return traced(model, shape, options, allow_different, name, sample)
    rule(isinstance(model, (str, Path)), "model", "must be a torch module, a NIR graph, a network "
         f"or the path of one, not {type(model).__name__}")
    path, _, inside = str(model).rpartition(":")
    if path.endswith(".py"):
        return read(instance(path, inside), shape=shape, **options, name=name or inside,
                    allow_different=allow_different, sample=sample)
    path = Path(network_file(model))
    if path.suffix in NIR:
        return graph(path, options, shape, rules, allow_different, name)
    if path.suffix == ".json":
        return float_network.load(path).replace(**options)
    if path.suffix == ".npz" and is_float(path):
        return float_network.load(path).replace(**options)
    return read(load(model), **options)


def is_float(path: Path) -> bool:
    """Whether an .npz is a float network's, by its header; BadInput where it is none of ours."""
    header, _ = network_parts(path, "network file", ())
    return isinstance(header, dict) and header.get("format") == float_network.FORMAT


def graph(source, options: dict[str, int], shape, rules: dict, allow_different: bool,
          name: str | None) -> FloatNetwork:
    """FloatNetwork of a NIR graph or its file."""
    from golden.importers.nir import from_nir
    if shape is not None:
        shape = tuple(shape) if len(shape) == 3 else (*shape, 1, 1)
    return from_nir(source, shape=shape, name=name, allow_different=allow_different,
                    **{"steps": 16, **options}, **rules)


def traced(module: str, shape, options, allow_different: bool, name, sample: Any):
    """FloatNetwork of a torch module, which the tracer compared with it."""
    from golden.importers.torch import trace
    name = name or type(module).__name__
    rule(shape is not None, name, "a torch module does not say the shape of its images: give "
         "shape, as (1, 28, 28) (--shape 1,28,28)")
    found = trace(module, shape, name=name, allow_different=allow_different, sample=sample,
                  **options)
    if found.encoder == "frames" and "encoder" not in options:
        # It takes spikes, and what a user has are mostly pictures.
        found = found.replace(encoder="bernoulli")
    return found


def instance(path: str, inside: str):
    """What ``inside`` names in a Python file: an object, or what a class or function gives.

    The file is run. Raises BadInput, naming it, for whatever it raises.
    """
    where = f"{path}:{inside}"
    rule(Path(path).is_file(), path, "no such file")
    rule(inside.isidentifier(), where, "must end in the name of a class, a function or an object")
    spec = importlib.util.spec_from_file_location(f"sam_snn_model_{Path(path).stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(Path(path).resolve().parent))
    try:
        spec.loader.exec_module(module)
        rule(hasattr(module, inside), where, f"there is no {inside} in the file")
        found = getattr(module, inside)
        if callable(found) and not hasattr(found, "named_children") or isinstance(found, type):
            found = found()
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(f"{where}: {type(error).__name__}: {error}") from None
    finally:
        sys.path.pop(0)
    rule(hasattr(found, "named_children") or isinstance(found, (FloatNetwork, Network)), where,
         f"is no torch module and no network, but {type(found).__name__}")
    if hasattr(found, "eval"):
        found.eval()
    return found


def pictures(images, network: FloatNetwork | Network, *, labels=None,
             resize: bool = False) -> tuple:
    """(images, labels) as a network takes them.

    ``images`` are a path or bare name (golden.images.load_images), or an array. Real numbers of 0
    to 1, as torch has pixels, are taken times 255; labels become int64.
    """
    if isinstance(images, (str, Path)):
        images, found = load_images(images, network, resize=resize)
        labels = found if labels is None else labels
    else:
        images = np.asarray(images.detach().cpu() if hasattr(images, "detach") else images)
        if images.dtype.kind == "f" and not encoder_of(network).frames:
            rule(images.size and 0 <= images.min() and images.max() <= 1, "images",
                 "pixels must be uint8, or real numbers from 0 to 1")
            images = np.rint(images * 255).astype(np.uint8)
        if images.ndim == 2 and network.shape == (images.shape[1], 1, 1):
            images = images[:, :, None, None]
        images = check_images(images, network)
    if labels is not None:
        labels = np.asarray(labels.detach().cpu() if hasattr(labels, "detach") else labels)
        rule(labels.shape == (len(images),) and np.isin(labels, np.arange(network.classes)).all(),
             "labels", f"must be a class, 0 to {network.classes - 1}, for each of the "
             f"{len(images)} images")
        labels = labels.astype(np.int64)
    return images, labels


def drawn_or_read(words: list[str], *, steps: int | None = None, bits: int = 4, encoder=None,
                  beta: float = 0.9, **options: Any) -> tuple:
    """(Network or FloatNetwork, Outline or None) of a list of layers or of a model's name."""
    text = " ".join(words)
    known = Path(network_file(text)).exists() or ".py:" in text or text.endswith((".npz", *NIR))
    if len(words) == 1 and (known or not any(c.isdigit() for c in text)):
        return read(text, steps=steps, encoder=encoder, **options), None
    found = parsed(text, steps=16 if steps is None else steps, bits=bits,
                   encoder=encoder or "bernoulli", beta=beta)
    return found.network(), found
