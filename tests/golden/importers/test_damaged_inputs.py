"""Damaged files of the ways in are refused in one line, whatever is wrong with them."""

from contextlib import suppress

import nir
import numpy as np
import pytest

from golden import from_nir
from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.importers.float_network import load as load_float
from golden.importers.nir_export import write_nir
from golden.importers.quantise import quantise
from golden.io.errors import BadInput
from golden.io.nir_data import spikes
from golden.network import Pool, load
from golden.network.ops import Greatest
from verify.fuzz.damage import archive_changed, tree_changed

pytestmark = pytest.mark.slow
COUNT = 250


def network(greatest=None, **options):
    rng = np.random.default_rng(0)
    neuron = FloatNeuron(beta=np.float64(0.75), threshold=np.array([1.0, 2, 3]), reset="zero",
                         v_reset=np.float64(0.5), compare="ge")
    layer = FloatLayer(rng.integers(-3, 4, (3, 1, 3, 2)).astype(float), neuron, padding=(1, 0),
                       stride=(1, 2), dilation=(2, 1), greatest=greatest, **options)
    shape = layer.output((1, 8, 8))
    pool = Pool("sum", (2, 1), 2, ceil=greatest is not None)
    count = int(np.prod(pool.output(shape)))
    return FloatNetwork((1, 8, 8), 7, (layer, pool, FloatLayer(
        rng.integers(-3, 4, (4, count)).astype(float), FloatNeuron())), "frames")


def outcomes(count, damage, read):
    """How many damaged files are read, and how many refused; anything else is raised."""
    found = [0, 0]
    for seed in range(count):
        rng = np.random.default_rng(seed)
        damage(rng)
        try:
            read()
            found[0] += 1
        except BadInput as error:
            assert "\n" not in str(error)
            found[1] += 1
    return found


def test_nir_files_of_this_project(tmp_path):
    """Nodes and metadata."""
    path = tmp_path / "net.nir"
    write_nir(network(), path)
    good = path.read_bytes()

    def change(rng):
        path.write_bytes(good)
        tree_changed(path, rng)

    read, refused = outcomes(COUNT, change, lambda: quantise(from_nir(path)))
    assert refused > COUNT // 4 and read + refused == COUNT


def test_nir_data(tmp_path):
    path = tmp_path / "a.nird"
    grid = nir.TimeGriddedData(np.random.default_rng(0).random((3, 6, 12)) < 0.4, dt=1e-3)
    for form in (grid, grid.to_event(72)):
        nir.write_data(path, nir.NIRGraphData({"input": nir.NIRNodeData({"spikes": form})}))
        good = path.read_bytes()

        def change(rng, good=good):
            path.write_bytes(good)
            with suppress(ValueError):      # where nothing is left for a second change
                tree_changed(path, rng)

        read, refused = outcomes(COUNT, change, lambda: spikes(path, 6, 12))
        assert refused > COUNT // 4


@pytest.mark.parametrize("whole", [False, True])
def test_network_files_with_every_field(tmp_path, whole):
    """Dilation, pairs, max pooling of currents and windows rounded up."""
    path, made = tmp_path / "net.npz", network(Greatest((2, 1), 2, (1, 0), True))
    made = quantise(made) if whole else made
    made.save(path)
    good = path.read_bytes()
    read, refused = outcomes(
        COUNT, lambda rng: path.write_bytes(archive_changed(good, rng)),
        lambda: (load if whole else load_float)(path))
    assert refused > COUNT // 4
