"""Every committed network does what its card says, in golden and without torch."""

import re
from pathlib import Path

import numpy as np
import pytest

from golden.importers import float_network
from golden.network import load
from golden.run import run_batched

MODELS = Path(__file__).parents[2] / "models"
SAMPLE = re.compile(r"\| sample \| (\d+) of the (\d+) in `(\w+\.npz)` right")
CARDS = sorted(MODELS.glob("*.md"))
NETWORKS = [path for path in sorted(MODELS.glob("*.npz")) if path.with_suffix(".md").exists()]


def test_every_network_has_a_card():
    others = [path for path in MODELS.glob("*.npz")
              if path not in NETWORKS and not path.stem.endswith(("_sample", "_ann"))]
    assert not others
    assert {path.stem for path in CARDS} - {"README"} == {path.stem for path in NETWORKS}
    assert all(path.stat().st_size < 300_000 for path in MODELS.iterdir() if path.is_file())


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_card(path):
    """The accuracy of the card is the file's, and so many of the sample are right as it says."""
    card, network = path.with_suffix(".md").read_text(), load(path)
    accuracy = network.notes.get("accuracy")
    if accuracy is not None:
        assert f"{100 * accuracy:.2f} %" in card
    right, count, name = SAMPLE.search(card).groups()
    with np.load(MODELS / name) as kept:
        images, labels = kept["images"][:int(count)], kept["labels"][:int(count)]
    assert len(images) == int(count)
    pred = run_batched(images, network, taps=(), keep=False).pred
    assert np.count_nonzero(pred == labels) == int(right)


@pytest.mark.parametrize("path", sorted(MODELS.glob("*_ann.npz")), ids=lambda path: path.stem)
def test_relu_networks(path):
    """Files of ReLU networks can be read, and belong to a network of the same layers."""
    network = float_network.load(path)
    assert 0 < network.notes["accuracy"] <= 1
    assert all(np.any(stage.layer.biases) for stage in network.stages)
