"""Images from files: arrays and folders of PNGs."""

import io
import zipfile
from pathlib import Path

import numpy as np

from golden.errors import BadInput
from golden.run import check_images


def load_images(path, network):
    """(images, labels) of a file or folder, checked against the network.

    ``path`` is .npy, .npz (its ``images`` or only array, and ``labels`` if there) or a folder of
    PNG files, taken in order of their names; labels are None where the file has none. Raises
    BadInput naming the file and the rule.
    """
    path = Path(path)
    labels = None
    if path.is_dir():
        images = folder(path, network)
    elif path.suffix in (".npy", ".npz"):
        if not path.is_file():
            raise BadInput(f"{path}: no such file")
        try:
            # From memory: numpy leaves the file of a damaged archive open.
            found = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
            if isinstance(found, np.ndarray) != (path.suffix == ".npy"):
                raise ValueError("an array under an archive's name or the other way round")
            if path.suffix == ".npz":
                name = "images" if "images" in found.files else found.files[0]
                labels = found["labels"] if "labels" in found.files else None
                found = found[name]
        except (ValueError, OSError, EOFError, KeyError, IndexError, RuntimeError, TypeError,
                SyntaxError, MemoryError, zipfile.BadZipFile, zipfile.zlib.error) as error:
            raise BadInput(f"{path}: not a readable array ({type(error).__name__})") from None
        images = found
    else:
        raise BadInput(f"{path}: images must be .npy, .npz or a folder of PNGs")
    images = check_images(images, network, where=str(path))
    if not len(images):
        raise BadInput(f"{path}: holds no images")
    if labels is not None and (labels.ndim != 1 or len(labels) != len(images)):
        raise BadInput(f"{path}: labels must be one a image, not of shape {labels.shape}")
    return images, labels


def folder(path, network):
    """Stack the PNG files of a folder."""
    from PIL import Image, UnidentifiedImageError
    # Hidden files are no images: programs keep unfinished and foreign things under such names.
    files = sorted(file for file in path.glob("*.png") if not file.name.startswith("."))
    if not files:
        raise BadInput(f"{path}: holds no PNG files")
    stack = []
    for file in files:
        try:
            with Image.open(file) as picture:
                pixels = np.asarray(picture.convert("L" if network.shape[0] == 1 else "RGB"))
        except (UnidentifiedImageError, OSError, SyntaxError) as error:
            raise BadInput(f"{file}: not a readable PNG ({type(error).__name__})") from None
        stack.append(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))
        if stack[-1].shape != network.shape:
            raise BadInput(f"{file}: image is {stack[-1].shape}, the network takes {network.shape}")
    return np.stack(stack)
