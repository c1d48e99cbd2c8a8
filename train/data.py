"""Fashion-MNIST: its idx files as arrays, and a small sample to keep beside the network.

``python -m train.data`` writes ``models/fashion_sample.npz``.
"""

import argparse
import gzip
import io
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np

from golden.io.arguments import whole
from golden.io.errors import BadInput, command
from golden.io.files import output, replacing
from golden.io.reading import contents
from golden.io.text import say

PLACES = (Path.home() / ".cache/sam-snn/fashion-mnist", Path("/usr/share/datasets/fashion-mnist"))
LARGEST = 2**26         # bytes of an idx file; that of 60,000 images has 47 million
HELP = """Fashion-MNIST was not found in {places}. Either of these puts it there:
  sudo apt-get install dataset-fashion-mnist
  git clone --depth 1 https://github.com/zalandoresearch/fashion-mnist &&
    mkdir -p ~/.cache/sam-snn && mv fashion-mnist/data/fashion ~/.cache/sam-snn/fashion-mnist"""
CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat",
           "sandal", "shirt", "sneaker", "bag", "boot")


def install():
    """Install Debian's package of the data if that needs no password; return whether it worked."""
    ask = [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["sudo", "-n"]
    if not shutil.which("apt-get") or (ask and not shutil.which("sudo")):
        return False
    say("installing dataset-fashion-mnist (31 MB) ...", file=sys.stderr)
    return all(subprocess.run([*ask, "apt-get", *words], stdout=subprocess.DEVNULL).returncode == 0
               for words in (["update"], ["install", "-y", "dataset-fashion-mnist"]))


def find(folder=None):
    """Find the folder with the four idx files: ``folder``, the user's cache, then the system's.

    Raises ``FileNotFoundError`` with the command that installs them.
    """
    places = [Path(folder)] if folder is not None else PLACES
    for place in places:
        if (place / "train-images-idx3-ubyte.gz").exists():
            return place
    raise FileNotFoundError(HELP.format(places=", ".join(map(str, places))))


def read_idx(path):
    """Read one gzipped idx file of bytes as an array of its own shape."""
    try:
        with gzip.open(io.BytesIO(contents(path))) as stream:
            raw = stream.read(LARGEST)
        if raw[:3] != b"\0\0\x08":
            raise ValueError
        shape = np.frombuffer(raw, ">u4", count=raw[3], offset=4)
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path}: must be an idx file of unsigned bytes") from None


def load(part, folder=None):
    """Load the ``part`` "train" (60,000) or "t10k" (10,000, the test images).

    Returns
    -------
    images : (N, 28, 28) uint8
    labels : (N,) uint8, an index into ``CLASSES``
    """
    place = find(folder)
    return (read_idx(place / f"{part}-images-idx3-ubyte.gz"),
            read_idx(place / f"{part}-labels-idx1-ubyte.gz"))


def tensors(folder=None):
    """((images, labels) to learn, (images, labels) to test) as torch tensors."""
    import torch
    for part in ("train", "t10k"):
        images, labels = load(part, folder)
        yield torch.from_numpy(images.copy()), torch.from_numpy(labels.astype("int64"))


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.data", description=__doc__)
    parser.add_argument("--data", help="folder with the idx files")
    parser.add_argument("--install", action="store_true",
                        help="install Debian's package if the files are missing")
    parser.add_argument("--count", type=whole(), default=200, help="test images, from the first")
    parser.add_argument("--out", default="models/fashion_sample.npz")
    args = parser.parse_args(argv)
    output(args.out, args.data, suffix=".npz")
    try:
        find(args.data)
    except FileNotFoundError as error:
        if not (args.install and args.data is None and install()):
            raise BadInput(error) from None
    images, labels = load("t10k", args.data)
    with replacing(args.out) as aside:
        np.savez_compressed(aside, images=images[:args.count], labels=labels[:args.count],
                            classes=np.array(CLASSES))


if __name__ == "__main__":
    main()
