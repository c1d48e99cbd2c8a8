"""Files made to break a reader: each is read or refused in one line, in little time and memory.

Every case runs in a process of its own with 1 GiB and 20 seconds of CPU time. Before, most of these
ended in a traceback, took gigabytes or never ended.
"""

import io
import os

import numpy as np
import pytest
from PIL import Image

import apps.board_run
import apps.explain
import golden.accuracy
import golden.importers.cli
import golden.importers.nir
import golden.network.__main__
import sim.run
from golden.images import load_images, picture
from golden.network import load
from golden.run import check_images
from verify.float_networks import trained
from verify.fuzz import hostile
from verify.fuzz.limits import bounded
from verify.networks import draw

NETWORK = draw(11)          # of one channel


def ends(main, words, folder, rule, **limits):
    """The ending of a command, which must be refused by ``rule`` or, where it is "", be 0."""
    done = bounded(main, [str(word) for word in words], folder, **limits)
    assert not done.fault(), (done.fault(), done)
    if rule is not None:
        assert done.code == (2 if rule else 0) and rule in done.err, done
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network, a float network, and images."""
    found = tmp_path_factory.mktemp("hostile")
    NETWORK.save(found / "net.npz")
    trained().save(found / "float.npz")
    images = np.zeros((3, *NETWORK.shape), np.uint8)
    np.savez_compressed(found / "images.npz", images=images, labels=np.array([0, 1, 2]))
    os.mkfifo(found / "fifo")
    return found


@pytest.mark.parametrize("main, file, name", [
    (golden.network.__main__.main, "net.npz", "weights_1"),
    (golden.importers.cli.main, "float.npz", "weights_0"),
    (golden.accuracy.main, "images.npz", "labels")], ids=["network", "float", "images"])
def test_archives(main, file, name, folder, tmp_path):
    path = tmp_path / "a.npz"
    for what, data, rule in hostile.archives((folder / file).read_bytes(), name):
        path.write_bytes(data)
        words = {"net.npz": [path], "float.npz": [path, "--out", "out.npz"],
                 "images.npz": ["--network", folder / "net.npz", "--images", path, "--jobs", 1]
                 }[file]
        done = ends(main, words, tmp_path, None)
        assert done.code == 2, (what, done)
        # Labels are told to be none where they are not even numbers of the right count.
        assert rule in done.err or name == "labels" and "labels must be" in done.err, (what, done)
        assert str(path) in done.err or "weights must be" in done.err, (what, done)
        assert not (tmp_path / "out.npz").exists()


def test_arrays(folder, tmp_path):
    """The same of an .npy."""
    path = tmp_path / "a.npy"
    for what, (data, _) in hostile.ARRAYS.items():
        path.write_bytes(data)
        done = ends(golden.accuracy.main, ["--network", folder / "net.npz", "--images", path],
                    tmp_path, str(path))
        assert done.code == 2, what


def test_images_too_large_for_the_network_are_not_read(folder, tmp_path):
    """A bomb of 2 GiB under the right name."""
    (tmp_path / "a.npz").write_bytes(hostile.zipped([("images.npy", hostile.shaped(
        f"(300000000, {', '.join(map(str, NETWORK.shape))})", "'|u1'", bytes(2**20)))]))
    ends(golden.accuracy.main, ["--network", folder / "net.npz", "--images", "a.npz"], tmp_path,
         "the most that is read at once")


def test_graphs(tmp_path):
    out = tmp_path / "out.npz"
    for what, path, rule in hostile.graphs(tmp_path):
        ends(golden.importers.nir.main, [path, "--reset", "zero", "--out", out], tmp_path, rule)
        assert out.exists() == (not rule), what
        out.unlink(missing_ok=True)


def test_graph_fields_are_those_that_are_read():
    """golden.nir asks a node for nothing that golden.importers.nir_graph leaves in the file."""
    asked = set()

    class Node(dict):
        """Notes what is asked of it, and has everything."""

        def __contains__(self, key):
            asked.add(key)
            return True

        def get(self, key, default=None):
            asked.add(key)
            return self[key]

        def __missing__(self, key):
            asked.add(key)
            if key == "weight":
                return np.ones({"Conv2d": (2, 2, 1, 1), "Conv1d": (2, 2, 1)}.get(
                    self.kind, (2, 2)))
            if key == "metadata":
                return {}
            return {"dilation": 1, "stride": 1, "padding": 0, "groups": 1, "kernel_size": 1,
                    "start_dim": 0, "end_dim": -1, "bias": np.zeros(2), "tau": 1.0,
                    "tau_syn": 1.0, "tau_mem": 1.0, "r": 1.0, "v_reset": 0.0,
                    "v_leak": 0.0, "type": self.kind}.get(key, 1.0)

    from golden.importers.builder import NetworkBuilder
    from golden.importers.nir_graph import FIELDS
    from golden.importers.producers import Rules
    readers = [name for name in dir(golden.importers.nir.Reader) if name.startswith("read_")]
    assert len(readers) == 16
    for name in readers:
        node = Node()
        node.kind = {"read_conv2d": "Conv2d", "read_conv1d": "Conv1d"}.get(name, "Linear")
        reader = golden.importers.nir.Reader(
            NetworkBuilder((2, 1, 1), 4, "bernoulli"), False, Rules.of(dt=0.1))
        if name.removeprefix("read_") in ("lif", "cubalif", "if", "li", "i", "threshold", "scale"):
            reader.read_linear(node, "before")
        getattr(reader, name)(node, "here")
    assert asked - {"metadata"} <= set(FIELDS)
    assert {"weight", "tau", "threshold", "kernel_size"} <= asked


# --- pictures -------------------------------------------------------------------------------------


def test_pictures(folder, tmp_path):
    """In a folder, by themselves, and for the board."""
    grey = np.arange(28, dtype=np.uint8).reshape(4, 7)
    assert NETWORK.shape == (1, 4, 7)
    (tmp_path / "set").mkdir()
    (tmp_path / "set/.left-over.png").write_bytes(b"half")
    path, net = tmp_path / "set/a.PNG", folder / "net.npz"
    for what, data, rule in hostile.pictures(4, 7):
        path.write_bytes(data)
        for main, words in (
                (sim.run.main, ["--images", "set"]),
                (apps.explain.main, ["--image", path, "--out", "e.png", "--method", "attribution"]),
                (apps.board_run.main, [path, "--demo"])):
            done = bounded(main, ["--network", str(net), *map(str, words)], tmp_path)
            assert not done.fault() and (rule is None or done.code == (2 if rule else 0)), (
                what, done)
            assert not rule or rule in done.err and "set/a.PNG" in done.err, (what, done)
        if rule == "":
            assert np.array_equal(picture(path, NETWORK)[0], grey), what


def test_pictures_are_scaled_within_bounds(folder, tmp_path):
    for side in (9000, 60000):
        (tmp_path / "a.png").write_bytes(hostile.png(side, side))
        ends(apps.board_run.main, ["--network", folder / "net.npz", "--demo", "--resize", "a.png"],
             tmp_path, "a.png: has more than 67108864 pixels")


def test_several_pictures_in_a_file(tmp_path):
    frames = [Image.new("L", (7, 4), n) for n in (0, 200)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match="a.png: holds several pictures"):
        load_images(tmp_path, NETWORK)


# --- what is no file ------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["fifo", "/dev/zero", "/dev/stdin", ".", "/proc/self/mem",
                                   "no\0"])
def test_only_files_are_read(place, folder, tmp_path):
    """Neither waited for nor read for ever."""
    good, images = folder / "net.npz", folder / "images.npz"
    os.mkfifo(tmp_path / "fifo")
    for suffix in ("npz", "npy", "png", "json", "nir"):
        if place != "no\0":
            os.symlink(tmp_path / "fifo" if place == "fifo" else place, tmp_path / f"a.{suffix}")
    (tmp_path / "set").mkdir()
    os.mkfifo(tmp_path / "set/x.png")
    odd = {suffix: "no\0" if place == "no\0" else f"a.{suffix}"
           for suffix in ("npz", "npy", "png", "json", "nir")}
    for main, words in (
            (golden.network.__main__.main, [odd["npz"]]),
            (golden.importers.cli.main, [odd["json"], "--out", "o.npz"]),
            (golden.importers.cli.main, [odd["npz"], "--out", "o.npz"]),
            (golden.importers.nir.main, [odd["nir"], "--reset", "zero", "--out", "o.npz"]),
            (sim.run.main, ["--network", odd["npz"], "--images", images]),
            (sim.run.main, ["--network", good, "--images", odd["npz"]]),
            (sim.run.main, ["--network", good, "--images", odd["npy"]]),
            (sim.run.main, ["--network", good, "--images", "set"]),
            (apps.explain.main, ["--network", good, "--image", odd["png"], "--out", "e.png"]),
            (apps.board_run.main, ["--network", good, "--demo", odd["png"]])):
        done = ends(main, words, tmp_path, None)
        assert done.code == 2, done


# --- labels and names -----------------------------------------------------------------------------


@pytest.mark.parametrize("labels, rule", [
    (np.array([0, 1, 99]), "labels must be classes, 0 to 9, not 99 (image 2)"),
    (np.array([0, -1, 2]), "labels must be classes, 0 to 9, not -1 (image 1)"),
    (np.array([0, np.nan, 2]), "labels must be classes, 0 to 9, not nan (image 1)"),
    (np.array([0, 1.5, 2]), "labels must be classes, 0 to 9, not 1.5 (image 1)"),
    (np.array(["cat", "dog", "cat"]), "labels must be the numbers of classes, not <U3"),
    (np.array([True, False, True]), "labels must be the numbers of classes, not bool"),
    (np.array([{}, {}, {}]), "labels must be one number an image: not of numbers or text"),
    (np.array([0, 1]), "labels must be one an image, not of shape (2,)")])
def test_labels(labels, rule, folder, tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((3, *NETWORK.shape), np.uint8), labels=labels)
    for main in (golden.accuracy.main, sim.run.main):
        ends(main, ["--network", folder / "net.npz", "--images", "a.npz"], tmp_path, rule)


def test_labels_as_real_numbers(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((3, *NETWORK.shape), np.uint8),
             labels=np.array([0., 1, 2]))
    assert load_images(tmp_path / "a.npz", NETWORK)[1].tolist() == [0, 1, 2]


def test_arrays_of_a_set(folder, tmp_path):
    """x_test goes with y_test; of others nobody knows which is meant."""
    first, second = (np.full((n, *NETWORK.shape), n, np.uint8) for n in (5, 3))
    path = tmp_path / "a.npz"
    np.savez(path, x_train=first, y_train=np.zeros(5, int), x_test=second, y_test=np.arange(3))
    images, labels = load_images(path, NETWORK)
    assert (images == second).all() and labels.tolist() == [0, 1, 2]
    np.savez(path, first=first, second=second)
    ends(sim.run.main, ["--network", folder / "net.npz", "--images", path], tmp_path,
         "holds several arrays (first: 5 x 1 x 4 x 7 uint8, second: 3 x 1 x 4 x 7 uint8); name "
         "the wanted one images, and its labels labels")
    np.savez(path, x_test=second)
    assert load_images(path, NETWORK)[1] is None
    np.savez(path, pictures=second, labels=np.arange(3), classes=np.array(["a", "b"]))
    assert load_images(path, NETWORK)[1].tolist() == [0, 1, 2]


@pytest.mark.parametrize("classes", [
    5, "ab", ["a"], [["a"]] * 10, [{"a": 1}] * 10, {"0": "zero"}, [None] * 10, True])
def test_names_of_classes(classes, folder, tmp_path):
    data = (folder / "net.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(hostile.header_changed(data, notes={"classes": classes}))
    ends(golden.network.__main__.main, ["a.npz"], tmp_path,
         "notes: classes must be a list of 10 names, one a class")


def test_text_of_files_stays_text(folder, tmp_path):
    """Markup, escape sequences and formulas in every name that a file can have."""
    net, name = load(folder / "net.npz"), hostile.ESCAPES
    net = net.replace(name=name, notes={"classes": [name] * 10, name: name})
    odd = tmp_path / "[/b]\x1b[31m\n.npz"
    net.save(odd)
    images = tmp_path / "a[/b]\x1b[1m.npz"
    images.parent.mkdir()
    images.write_bytes((folder / "images.npz").read_bytes())
    for main, words in (
            (golden.network.__main__.main, [odd]),
            (golden.accuracy.main, ["--network", odd, "--images", images]),
            (sim.run.main, ["--network", odd, "--images", images, "--out", "[/r]\x1b[1m.npz"]),
            (apps.explain.main, ["--network", odd, "--image", images, "--out", "e[/i].png"]),
            (apps.board_run.main, ["--network", odd, images, "--demo", "--png", "f[/i].png"])):
        done = ends(main, words, tmp_path, "")
        assert "[/" in done.out or "digest" in done.out or "correct" in done.out, done
    done = ends(golden.network.__main__.main, [odd], tmp_path, "")
    assert "\\x1b[31m[/red][link=file" in done.out.replace("\n", "").replace(" ", "")
    # A float network whose layers, notes and approximations are such.
    odd = hostile.header_changed((folder / "float.npz").read_bytes(), name=name)
    (tmp_path / "f.npz").write_bytes(odd)
    ends(golden.importers.cli.main, ["f.npz", "--out", "g.npz"], tmp_path, "")
    # Refusals: of a version, a name of a node, a missing file.
    odd = hostile.header_changed((folder / "net.npz").read_bytes(), version=name)
    (tmp_path / "v.npz").write_bytes(odd)
    ends(
        golden.network.__main__.main,
        ["v.npz"],
        tmp_path,
        "network format version a b\\x1b[31m[/red]",
    )
    ends(
        golden.network.__main__.main,
        ["\x1b[1m[/b].npz"],
        tmp_path,
        "\\x1b[1m[/b].npz: no such network",
    )
    hostile.graph(tmp_path / "n.nir", lambda file, nodes: nodes.move("fc", "[red]\x1b[31m"))
    ends(golden.importers.nir.main, ["n.nir", "--reset", "zero", "--out", "o.npz"], tmp_path,
         "there is no node 'fc'")


def test_memory_that_is_not_there(folder, tmp_path):
    """A shape that no machine holds is refused in a line before it is tried."""
    net = load(folder / "net.npz")
    images = io.BytesIO()
    np.save(images, np.zeros((1000, *net.shape), np.uint8))
    (tmp_path / "i.npy").write_bytes(images.getvalue())

    def patch():
        import golden.cost
        golden.cost.os = type("Small", (), {"sysconf": staticmethod(lambda name: 2**8)})
    done = ends(sim.run.main, ["--network", folder / "net.npz", "--images", "i.npy"], tmp_path, "",
                patch=lambda: None)
    assert "images 1000" in done.out
    ends(sim.run.main, ["--network", folder / "net.npz", "--images", "i.npy", "--out", "o.npz"],
         tmp_path, "1000 images take about 0 GiB, this machine has 0: take fewer", patch=patch)


def test_frames_are_checked_without_copies():
    frames = draw(4).replace(encoder="frames")
    some = np.zeros((2, frames.steps, *frames.shape), np.float32)
    some[0, 0, 0, 0, 0] = 1
    assert check_images(some, frames).dtype == np.uint8
    some[0, 0, 0, 0, 0] = 0.5
    with pytest.raises(ValueError, match="spike frames must hold only 0 and 1"):
        check_images(some, frames)
