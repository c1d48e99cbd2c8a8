"""NIR data files become spike frames, or one line of complaint."""

from types import SimpleNamespace

import h5py
import nir
import numpy as np
import pytest

from golden.images import load_images
from golden.io.errors import BadInput
from golden.io.nir_data import spikes

NETWORK = SimpleNamespace(encoder="frames", steps=6, shape=(2, 3, 2), name="n", classes=2)


def drawn():
    return np.random.default_rng(0).random((3, 6, 12)) < 0.4


def written(path, observable, node="input", name="spikes"):
    nir.write_data(path, nir.NIRGraphData({node: nir.NIRNodeData({name: observable})}))
    return path


@pytest.mark.parametrize("node, name", [("input", "spikes"), ("0", "out")])
def test_grids_and_events(tmp_path, node, name):
    """Both forms of the same spikes give the same frames, (c, y, x) as the network has them."""
    data = drawn()
    grid = nir.TimeGriddedData(data, dt=1e-3)
    for form in (grid, grid.to_event(n_events=72), grid.to_event(72, time_shift=5e-4)):
        images, labels = load_images(written(tmp_path / "a.nird", form, node, name), NETWORK)
        assert labels is None and np.array_equal(images.reshape(3, 6, 12), data)
        assert images.shape == (3, 6, 2, 3, 2)


@pytest.mark.parametrize("change, message", [
    (lambda f: f.attrs.modify("__type__", "Other"), "holds no NIRGraphData"),
    (lambda f: f.pop("nodes"), "has no nodes"),
    (lambda f: f["nodes/input/observables"].move("spikes", "a") or
     f["nodes/input/observables"].create_group("b"), "has no observable 'spikes'; .*: a, b"),
    (lambda f: f["nodes/input/observables/spikes"].pop("data"), "has no data"),
    (lambda f: f["nodes/input/observables/spikes"].attrs.modify("__type__", "X"), "X, not spikes"),
    (lambda f: replaced(f, np.full((3, 6, 12), 2)), "only 0 and 1"),
    (lambda f: replaced(f, np.ones((3, 5, 12))), r"6 steps, 12 neurons\), not \(3, 5, 12\)"),
    (lambda f: replaced(f, np.array(["a"], dtype="S1")), "data must be numbers"),
])
def test_refuses(tmp_path, change, message):
    path = written(tmp_path / "a.nird", nir.TimeGriddedData(drawn(), dt=1e-3))
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(BadInput, match=message) as caught:
        spikes(path, 6, 12)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def replaced(file, values):
    group = file["nodes/input/observables/spikes"]
    group.pop("data")
    group["data"] = values


@pytest.mark.parametrize("change, message", [
    ({"n_neurons": 13}, "of 13 neurons where the network takes 12"),
    ({"t_max": -1.0}, "t_max must be positive"), ({"t_max": 1e-3}, "beyond its 12 neurons or"),
])
def test_refuses_events(tmp_path, change, message):
    path = written(tmp_path / "a.h5", nir.TimeGriddedData(drawn(), dt=1e-3).to_event(72))
    with h5py.File(path, "r+") as file:
        file["nodes/input/observables/spikes"].attrs.update(change)
    with pytest.raises(BadInput, match=message):
        spikes(path, 6, 12)


def test_damaged_files_and_other_encoders(tmp_path):
    path = tmp_path / "a.nird"
    path.write_bytes(b"not HDF5")
    with pytest.raises(BadInput, match="not a readable NIR data file"):
        spikes(path, 6, 12)
    with pytest.raises(BadInput, match="only a network of encoder frames"):
        load_images(path, SimpleNamespace(**{**vars(NETWORK), "encoder": "bernoulli"}))
