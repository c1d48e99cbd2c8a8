"""Images from files: arrays, pictures and folders of them."""

import io
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from golden.io.errors import BadInput, rule
from golden.io.events import Binning, frames_of, holds_events
from golden.io.nir_data import SUFFIXES, spikes
from golden.io.reading import MOST_BYTES, Archive, array, contents
from golden.io.shipped import images_file
from golden.network.encoders import encoder_of
from golden.run import check_images, check_shape

if TYPE_CHECKING:
    from golden.importers.float_network import FloatNetwork
    from golden.io.reading import Head
    from golden.network.graph import Network

MOST_PIXELS = 2**26         # of a picture that is to be scaled
PAIRS = (("images", "labels"), ("x_test", "y_test"))
RASTERS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


def load_images(path, network: "FloatNetwork | Network", *, resize: bool = False,
                binning: Binning | None = None) -> tuple:
    """(images, labels) of a file or folder, checked against the network.

    ``path`` is .npy, .npz, a picture, a folder of pictures, a folder of folders of pictures, one a
    class, or the bare name of images that come with the project (golden.io.shipped). Pictures are
    taken in order of their names. Of an .npz come ``images`` with ``labels``, or else ``x_test``
    with ``y_test``, or else its only array besides labels and classes. NIR data files
    (golden.io.nir_data) hold spike frames. An .npy of records holds address events
    (golden.io.events), and so do folders of those, for networks of frames; ``binning`` says how
    they become frames. Labels are int64, None where the file has none.
    ``resize`` scales pictures to the network's size. Raises BadInput naming the file and the rule.
    """
    path, labels = Path(images_file(path)), None
    suffix = path.suffix.lower()
    of_events = suffix == ".npy" and holds_events(path)
    if of_events or (path.is_dir() and encoder_of(network).frames):
        images, labels = recordings(path, network, binning or Binning())
    elif binning is not None:
        rule(path.exists(), path, "no such file or folder")
        raise BadInput(f"{path}: holds no address events: an .npy of records, or a folder of them")
    elif path.is_dir():
        images, labels = folder(path, network, resize=resize)
    elif suffix == ".npy":
        images = array(path, accept=lambda head: fits(head, network, path))
    elif suffix == ".npz":
        archive = Archive(path, "array")
        name, marks = chosen(archive)
        if isinstance(archive.heads[name], str):
            raise BadInput(f"{path}: not a readable array: {name}: {archive.heads[name]}")
        fits(archive.heads[name], network, path)
        images = archive.read(name)
        if marks is not None:
            labels = checked_labels(archive, marks, len(images), network)
    elif suffix in PICTURES:
        images = picture(path, network, resize=resize)[None]
    elif suffix in SUFFIXES:
        rule(encoder_of(network).frames, path, "holds spikes, which only a network of encoder "
             f"frames or graded takes, not {network.encoder}")
        images = spikes(path, network.steps, math.prod(network.shape))
        images = images.reshape(*images.shape[:2], *network.shape)
    elif not suffix and not path.exists():
        raise BadInput(f"{path}: no such file or folder, and no images that come with the project")
    else:
        raise BadInput(f"{path}: images must be .npy, .npz, NIR data ({', '.join(SUFFIXES)}), a "
                       f"picture ({', '.join(PICTURES)}) or a folder of pictures")
    images = check_images(images, network, where=str(path))
    rule(len(images), path, "holds no images")
    return images, labels


def recordings(path: Path, network, binning: Binning) -> tuple:
    """(frames, labels or None) of an event file, or of a folder as ``folder`` takes them."""
    encoder, labels = encoder_of(network), None
    rule(encoder.frames, path, "holds address events, which only a network of encoder frames or "
         f"graded takes, not {network.encoder}")
    files = [path]
    if path.is_dir():
        files, classes = filed(path, network, lambda part: [
            file for file in listed(part) if file.suffix.lower() == ".npy"])
        rule(files, path, "holds no event files (.npy)")
    parts = [frames_of(file, network.shape, network.steps, encoder.top, binning) for file in files]
    if path.is_dir() and classes is not None:
        labels = np.repeat(classes, [len(part) for part in parts])
    return np.concatenate(parts), labels


def fits(head: "Head", network, where: Path) -> None:
    """Raise BadInput unless an array with this head can be the network's images."""
    rule(head.size <= MOST_BYTES and head.count <= MOST_BYTES, where,
         f"{head} are over {MOST_BYTES} bytes, the most that is read at once")
    check_shape(head.shape, head.dtype, network, where)


def chosen(archive: Archive) -> tuple:
    """(name of the images, name of the labels or None) in an Archive."""
    heads = archive.heads
    for name, marks in PAIRS:
        if name in heads and (marks in heads or name == "images"):
            return name, marks if marks in heads else None
    rest = [name for name in heads if name not in ("labels", "classes")]
    rule(rest, archive.path, "not a readable array: holds none")
    rule(len(rest) == 1, archive.path, "holds several arrays ("
         + ", ".join(f"{name}: {heads[name]}" for name in rest[:20])
         + "); name the wanted one images, and its labels labels")
    return rest[0], "labels" if "labels" in heads else None


def checked_labels(archive: Archive, name: str, count: int,
                   network: "FloatNetwork | Network") -> np.ndarray:
    """The labels of ``count`` images as int64; raise BadInput unless all are classes."""
    head = archive.heads[name]
    rule(not isinstance(head, str), archive.path, f"{name} must be one number an image: {head}")
    rule(head.shape == (count,), archive.path,
         f"labels must be one an image, not of shape {head.shape}")
    rule(head.dtype.kind in "iuf", archive.path,
         f"{name} must be the numbers of classes, not {head.dtype}")
    found = archive.read(name)
    wrong = np.flatnonzero(~np.isin(found, np.arange(network.classes)))
    rule(not wrong.size, archive.path,
         f"{name} must be classes, 0 to {network.classes - 1}, not "
         f"{found[wrong[0]] if wrong.size else ''} (image {wrong[0] if wrong.size else ''})")
    return found.astype(np.int64)


# --- pictures -------------------------------------------------------------------------------------


def listed(path: Path) -> list[Path]:
    """Files and folders in a folder by name, but for those whose names begin with a dot."""
    try:
        return sorted(file for file in path.iterdir() if not file.name.startswith("."))
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None


def pictures_in(path: Path) -> list[Path]:
    """Pictures in a folder, by name."""
    return [file for file in listed(path) if file.suffix.lower() in PICTURES]


def filed(path: Path, network: "Network", files_in: Callable) -> tuple:
    """(files, their classes or None) of a folder, or of folders of files, one a class."""
    files, labels = files_in(path), None
    parts = [part for part in listed(path) if part.is_dir()]
    found = [] if files else [files_in(part) for part in parts]
    if any(found):
        classes = classes_of(path, [part.name for part in parts], network)
        files = [file for some in found for file in some]
        labels = np.repeat(np.array(classes, dtype=np.int64), [len(some) for some in found])
    return files, labels


def folder(path: Path, network, *, resize: bool = False) -> tuple:
    """(images, labels or None) of a folder of pictures, or of folders of them, one a class."""
    files, labels = filed(path, network, pictures_in)
    rule(files, path, f"holds no pictures ({', '.join(PICTURES)})")
    rule(len(files) * math.prod(network.shape) <= MOST_BYTES, path,
         f"{len(files)} pictures are over {MOST_BYTES} bytes, the most that is read at once")
    return np.stack([picture(file, network, resize=resize) for file in files]), labels


def classes_of(path: Path, names: list[str], network: "Network") -> list[int]:
    """Class of each folder name: by the network's names, else by number, else by order."""
    known = [str(network.label(n)).casefold() for n in range(network.classes)]
    if all(name.casefold() in known for name in names):
        return [known.index(name.casefold()) for name in names]
    if all(name.isdecimal() and name.isascii() and len(name) < 9 for name in names):
        numbers = [int(name) for name in names]
        rule(max(numbers) < network.classes, path,
             f"folders must be classes, 0 to {network.classes - 1}, not {max(numbers)}")
        return numbers
    rule(len(names) == network.classes, path,
         f"{len(names)} folders for {network.classes} classes: name them by their classes or by "
         "their numbers")
    return list(range(len(names)))


def picture(path: Path, network, *, resize: bool = False) -> np.ndarray:
    """A picture as the network takes it, uint8 (C, H, W).

    Of samples of 16 bits the upper eight are taken. Colours become grey where the network has one
    channel. Transparent pixels have no value and are refused, as are several pictures in a file.
    ``resize`` scales others than those of the network's size, which are refused otherwise. Raises
    BadInput naming the file and the rule.
    """
    from PIL import Image, UnidentifiedImageError
    rule(not encoder_of(network).frames, path,
         "this network takes spike frames, an .npy or .npz of them")
    rule(network.shape[0] in (1, 3), path, f"a picture has 1 or 3 channels, the network takes "
         f"{network.shape[0]}: give an .npy or .npz")
    data, size = contents(path), network.shape[:0:-1]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")     # of large pictures, which are refused below
            with Image.open(io.BytesIO(data), formats=RASTERS) as found:
                found.verify()                  # checksums, and that nothing is cut off
            with Image.open(io.BytesIO(data), formats=RASTERS) as found:
                rule(getattr(found, "n_frames", 1) == 1, path, "holds several pictures")
                if found.size != size:
                    rule(resize, path, f"is {found.size[0]} x {found.size[1]} pixels, the "
                         f"network takes {size[0]} x {size[1]}; --resize scales it")
                    rule(math.prod(found.size) <= MOST_PIXELS, path,
                         f"has more than {MOST_PIXELS} pixels")
                flat = opaque(found, path).convert("L" if network.shape[0] == 1 else "RGB")
                pixels = np.asarray(flat if flat.size == size else flat.resize(size))
    except BadInput:
        raise
    except Image.DecompressionBombError:
        raise BadInput(f"{path}: has more than {MOST_PIXELS} pixels") from None
    # Pillow lets nearly anything through that its decoders meet.
    except Exception as error:
        kind = "no picture" if isinstance(error, UnidentifiedImageError) else "damaged"
        raise BadInput(f"{path}: not a readable picture: {kind} ({type(error).__name__})"
                       ) from None
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1).copy()


def opaque(image, where: Path):
    """A Pillow image of 8 bits a sample, without transparency; raise BadInput where it has some."""
    from PIL import Image
    if image.mode.startswith("I"):              # grey of 16 bits
        rule("transparency" not in image.info, where, "has transparent pixels: flatten it first")
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        alpha = np.asarray(image.convert("RGBA").getchannel("A"))
        rule(alpha.min() == 255, where, "has transparent pixels: flatten it first")
        return image.convert("RGBA")
    return image
