"""The networks that come with the project, by bare names, and the sample images of each.

A bare name is letters, digits, ``-`` and ``_``; a file or folder of that name comes first.
"""

import os
import re
from pathlib import Path

from golden.io.errors import rule

__all__ = ["MODELS", "images_file", "network_file", "networks", "pictures_of", "sample_of"]

MODELS = Path(__file__).resolve().parents[2] / "models"
SAMPLE = "_sample"
# Networks that share the sample of another data set's name.
SAMPLES = {"mnist": "dense784"}
BARE = re.compile(r"\w[\w-]*", re.ASCII)


def networks() -> tuple[str, ...]:
    """Names of all networks that come with the project, in order."""
    return tuple(path.stem for path in sorted(MODELS.glob("*.npz"))
                 if not path.stem.endswith((SAMPLE, "_ann")))


def shown(path: Path) -> str:
    """``path`` as a str, from the current folder where it lies below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def found(name: str | Path, *endings: str) -> str | None:
    """File of a bare name with one of the endings, or None; None also where ``name`` is a file."""
    name = os.fspath(name)
    if not BARE.fullmatch(name) or os.path.lexists(name):
        return None
    for ending in endings:
        if (path := MODELS / f"{name}{ending}").is_file():
            return shown(path)
    return None


def network_file(name: str | Path) -> str | Path:
    """Path of the network file that ``name`` means: a bare name's, or ``name`` itself."""
    return found(name, ".npz") or name


def images_file(name: str | Path) -> str | Path:
    """Path of the images that ``name`` means: the sample of a bare name, or ``name`` itself."""
    return found(name, f"{SAMPLE}.npz") or sample_of(name) or found(name, ".npz") or name


def sample_of(name: str | Path) -> str | None:
    """Path of the sample images of a network that comes with the project, or None.

    ``name`` is a bare name or the path of its file.
    """
    path = Path(network_file(name))
    if path.suffix != ".npz" or path.resolve().parent != MODELS or path.stem not in networks():
        return None
    first = re.split("[-_]", path.stem)[0]
    sample = MODELS / f"{SAMPLES.get(first, first)}{SAMPLE}.npz"
    return shown(sample) if sample.is_file() else None


def pictures_of(network: str | Path, named: str | Path | None = None) -> str | Path:
    """Path of images for a network: ``named``, as --images has it, else the network's sample.

    Raises BadInput, naming the network and the option, where there is neither.
    """
    source = named or sample_of(network)
    rule(source is not None, network, "comes with no sample images; name some with --images")
    return source
