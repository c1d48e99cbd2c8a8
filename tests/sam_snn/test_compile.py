"""sam_snn.compile: every way in, and all that can be done with what comes out."""

import subprocess
import sys
from pathlib import Path

import nir
import numpy as np
import pytest

import flow.build
import sam_snn
from flow.steps import ToolError
from golden.images import load_images
from golden.importers import float_run
from golden.importers.quantise import quantise
from golden.io.errors import BadInput, Fault
from golden.network import load
from golden.run import run
from tests.helpers.float_networks import images_for
from verify.float_networks import trained
from verify.nir_graphs import conv_net

ROOT = Path(__file__).parents[2]


def test_a_float_network_and_its_file_are_the_same(tmp_path):
    """The integers are quantise's; the report is measured on the images given."""
    network = trained()
    images = images_for(network, count=10)
    labels = float_run.run(images, network).pred
    made = sam_snn.compile(network, images=images, labels=labels, bits=5)
    assert made.network.digest == quantise(network, bits=5, calibrate=images).digest
    assert made.report.accuracy == (1, made.report.predictions)
    assert str(made).startswith("accuracy float 100.00%, integer ")
    for suffix in (".npz", ".json"):
        network.save(tmp_path / f"float{suffix}")
        again = sam_snn.compile(tmp_path / f"float{suffix}", images=images, bits=5)
        assert again.network.digest == made.network.digest


def test_integers_are_taken_as_they_are(tmp_path):
    """A network, its file and its bare name; of the last the sample comes along."""
    made = sam_snn.compile("fashion")
    network = load("fashion")
    images, labels = load_images("fashion", network)
    assert made.network.digest == sam_snn.compile(network).network.digest == network.digest
    assert np.array_equal(made.images, images) and np.array_equal(made.labels, labels)
    right = np.mean(run(images, network, taps=(), keep=False).pred == labels)
    assert f"accuracy {right:.2%} of {len(images)} images" in str(made)
    made.save(tmp_path / "net.npz")
    assert sam_snn.compile(tmp_path / "net.npz").network.digest == network.digest
    with pytest.raises(BadInput, match="is a network of integers already"):
        sam_snn.compile("fashion", steps=9)


def test_a_nir_graph_and_its_file_are_the_same(tmp_path):
    graph = conv_net(np.random.default_rng(0))
    nir.write(tmp_path / "net.nir", graph)
    made = [sam_snn.compile(source, steps=8, bits=8, reset="subtract", name="net")
            for source in (graph, str(tmp_path / "net.nir"))]
    assert made[0].network.digest == made[1].network.digest
    assert [line.verdict for line in made[0].report.lines][1] == "exact"


def test_spikes_that_the_original_gave_are_compared(tmp_path):
    """Equal ones lead the report; one that differs fails, and is no matter of the classes."""
    graph = conv_net(np.random.default_rng(0))
    images = np.random.default_rng(1).integers(0, 256, (3, 1, 8, 8)).astype(np.uint8)
    how = {"reset": "subtract", "steps": 6, "images": images}
    made = sam_snn.compile(graph, **how)
    given = float_run.run(images, made.original).spikes[-1]
    np.save(tmp_path / "spikes.npy", given)
    for reference in (given, tmp_path / "spikes.npy"):
        assert "reference = float network on 3 of 3 predictions, 100 % of spikes" in str(
            sam_snn.compile(graph, reference=reference, **how)).splitlines()[0]
    wrong = given.copy()
    wrong[1, 2, 0] ^= 1
    with pytest.raises(BadInput, match="% of spikes: the network does something") as caught:
        sam_snn.compile(graph, reference=wrong, **how)
    assert "all spikes are equal" not in str(caught.value)
    made = sam_snn.compile(graph, reference=wrong, allow_different=True, **how)
    assert "98.8888 % of spikes" in str(made)
    with pytest.raises(BadInput, match="reference: needs the images that it is of"):
        sam_snn.compile(graph, reference=given, reset="subtract")


def test_run_explain_and_fits():
    """The same as golden's run, sim.explain's maps, and the estimates."""
    made = sam_snn.compile("fashion")
    wanted = run(made.images[:3], made.network)
    found = made.run(limit=3)
    assert np.array_equal(found.scores, wanted.scores)
    assert all(np.array_equal(found.maps[tap], wanted.maps[tap]) for tap in wanted.maps)
    assert np.array_equal(made.run(made.images[:3] / 255).scores, wanted.scores)
    explained = made.explain(made.images[1], layer=2)
    assert explained.pred == wanted.pred[1]
    assert np.array_equal(explained.map, wanted.maps[2][1])
    fits = made.fits("icebreaker")
    assert fits and fits.costs[0].board == "icebreaker" and "estimates" in str(fits)


def test_explained_is_saved_as_a_picture(tmp_path):
    made = sam_snn.compile("digits")
    made.explain(method="causal").save(tmp_path / "e.png")
    assert (tmp_path / "e.png").read_bytes().startswith(b"\x89PNG")
    with np.load(tmp_path / "e.npz") as found:
        assert str(found["method"]) == "causal"
    with pytest.raises(BadInput, match="--method must be one of|--method: must be one of"):
        made.explain(method="x")


@pytest.mark.slow
def test_the_rtl_equals_golden():
    made = sam_snn.compile("digits")
    golden, rtl = made.run(limit=2), made.run(limit=2, engine="rtl")
    assert np.array_equal(rtl.scores, golden.scores) and rtl.cycles is not None


def test_auto_takes_the_fewest_bits_that_lose_little(tmp_path):
    network = trained()
    images = images_for(network, count=20)
    labels = float_run.run(images, network).pred
    loss = [100 * (1 - sam_snn.compile(network, images=images, labels=labels, bits=bits)
                   .report.accuracy[1]) for bits in range(2, 9)]
    for points in (0.5, 10, 100):
        wanted = next((bits for bits, lost in enumerate(loss, 2) if lost <= points), None)
        if wanted is None:
            with pytest.raises(BadInput, match="every width from 2 to 8 bits loses more than"):
                sam_snn.compile(network, images=images, labels=labels, bits="auto", loss=points)
            continue
        made = sam_snn.compile(network, images=images, labels=labels, bits="auto", loss=points)
        assert {stage.layer.bits for stage in made.network.stages} == {wanted}
    with pytest.raises(BadInput, match="^bits: are compared on images"):
        sam_snn.compile(network, bits="auto")


@pytest.mark.parametrize("model, options, rule", [
    (3, {}, "^model: must be a torch module"),
    ("none.npz", {}, "^none.npz: no such network file"),
    ("no_such", {}, "^no_such: no such network file, and none of the project's"),
    ("none.py:Net", {}, "^none.py: no such file"),
    ("setup.py:x y", {}, "must end in the name of a class"),
    ("fashion", {"images": np.zeros((2, 3, 3), np.uint8)}, "images must be"),
    ("fashion", {"images": np.full((2, 28, 28), 7.5)}, "real numbers from 0 to 1"),
    ("fashion", {"images": "no/such"}, "^no/such: no such file or folder"),
    ("fashion", {"images": "fashion", "labels": [1, 2]}, "^labels: must be a class, 0 to 9"),
])
def test_what_is_wrong_is_told_in_one_line(model, options, rule):
    with pytest.raises(BadInput, match=rule) as caught:
        sam_snn.compile(model, **options)
    assert "\n" not in str(caught.value)


def test_a_file_of_python_that_fails_is_told(tmp_path):
    (tmp_path / "m.py").write_text("def bad():\n    raise KeyError('x')\n\n\ndef other():\n"
                                   "    return 3\n")
    for name, said in (("bad", "KeyError: 'x'"), ("other", "is no torch module and no network"),
                       ("none", "there is no none in the file")):
        with pytest.raises(BadInput, match=said):
            sam_snn.compile(f"{tmp_path / 'm.py'}:{name}", shape=(1, 4, 4))


def test_another_package_of_a_rooms_name_is_told(tmp_path):
    """Where it was imported before; after the import the rooms come first."""
    (tmp_path / "sim.py").write_text("mine = 1\n")
    for first, code in (("sim, sam_snn", 1), ("sam_snn, sim.run", 0)):
        done = subprocess.run([sys.executable, "-c", f"import {first}"], cwd=tmp_path, text=True,
                              capture_output=True, env={"PYTHONPATH": str(ROOT)} if code == 0
                              else {"PYTHONPATH": f"{tmp_path}:{ROOT}"})
        assert done.returncode == code, done.stderr
        assert not code or "sam_snn needs its own package 'sim'" in done.stderr


def test_build_gives_the_network_to_flow_build(tmp_path, monkeypatch):
    """With the board's family and the options; what a tool says becomes a Fault."""
    seen = []

    def build(config, console, *, out, seed, jobs):
        seen.append((config, load(config.network).digest, out))
        if len(seen) == 2:
            raise ToolError("no\nroom")
        return {"lc": 1}
    monkeypatch.setattr(flow.build, "build", build)
    made = sam_snn.compile("digits")
    assert made.build("ulx3s", out=tmp_path / "b", lanes=4) == {"lc": 1}
    config, digest, out = seen[0]
    assert (config.device, config.board, config.lanes) == ("ecp5", "ulx3s", 4)
    assert digest == made.network.digest and out == str(tmp_path / "b")
    with pytest.raises(Fault, match="digits: no room"):
        made.build(out=tmp_path / "b")
    with pytest.raises(BadInput, match="--board must be one of"):
        made.build("x", out=tmp_path / "b")
