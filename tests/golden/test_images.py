"""Images from files, and what is wrong with them in one line."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from golden.images import load_images
from golden.io.errors import BadInput
from golden.io.files import output
from golden.io.shipped import MODELS, network_file, networks, sample_of
from golden.network import load
from golden.run import run
from verify.networks import draw

GREY, RGB = draw(11), draw(8)      # of (1, 4, 7) and (3, 5, 5)


def pictures(network, count=3):
    return np.random.default_rng(0).integers(0, 256, (count, *network.shape), dtype=np.uint8)


def refused(path, network=GREY):
    """The line with which the file is refused."""
    with pytest.raises(BadInput) as caught:
        load_images(path, network)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("network", [GREY, RGB], ids=["grey", "rgb"])
def test_arrays(network, tmp_path):
    images = pictures(network)
    np.save(tmp_path / "a.npy", images)
    np.savez(tmp_path / "named.npz", labels=np.arange(3), images=images, classes=["a", "b"])
    np.savez(tmp_path / "only.npz", anything=images)
    for name, labels in (("a.npy", None), ("named.npz", [0, 1, 2]), ("only.npz", None)):
        found, told = load_images(tmp_path / name, network)
        assert np.array_equal(found, images)
        assert told is None if labels is None else told.tolist() == labels


def test_one_channel_may_be_left_out(tmp_path):
    images = pictures(GREY)
    np.save(tmp_path / "a.npy", images[:, 0])
    assert np.array_equal(load_images(tmp_path / "a.npy", GREY)[0], images)


@pytest.mark.parametrize("network", [GREY, RGB], ids=["grey", "rgb"])
def test_folder_of_pictures_in_order_of_names(network, tmp_path):
    images = pictures(network)
    for name, image in zip("bca", images, strict=True):
        pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    found, labels = load_images(tmp_path, network)
    assert np.array_equal(found, images[[2, 0, 1]]) and labels is None


def test_refuses_what_is_not_there(tmp_path):
    assert refused(tmp_path / "none.npy").endswith("no such file")
    assert refused(tmp_path / "none.jpg").endswith("no such file")
    text = refused(tmp_path / "none.txt")
    assert "images must be .npy, .npz, NIR data (.nird, .nirdata, .h5, .hdf5), a picture (" in text
    assert "no such file or folder" in refused(tmp_path / "none")
    assert "holds no pictures (" in refused(tmp_path)


@pytest.mark.parametrize("images, rule", [
    (np.zeros((2, 5, 5), np.uint8), "images must be (N, 1, 4, 7) for this network, not (2, 1,"),
    (np.zeros((2, 3, 4, 7), np.uint8), "for this network, not (2, 3, 4, 7)"),
    (np.zeros((4, 7), np.uint8), "for this network, not (4, 7)"),
    (np.zeros((2, 4, 7)), "pixels must be uint8, not float64"),
    (np.zeros((2, 4, 7), bool), "pixels must be uint8, not bool"),
    (np.zeros((0, 4, 7), np.uint8), "holds no images"),
    (np.array("text"), "for this network, not ()"),
])
def test_refuses_shapes_and_types(images, rule, tmp_path):
    np.save(tmp_path / "a.npy", images)
    message = refused(tmp_path / "a.npy")
    assert rule in message, message


@pytest.mark.parametrize("labels", [np.arange(2), np.zeros((3, 1)), np.int64(3)])
def test_refuses_labels(labels, tmp_path):
    np.savez(tmp_path / "a.npz", images=pictures(GREY), labels=labels)
    assert "labels must be one an image, not of shape" in refused(tmp_path / "a.npz")


def test_refuses_damage(tmp_path):
    """Junk, cut files, pickles, an archive under an array's name and the other way round."""
    stored, packed = io.BytesIO(), io.BytesIO()
    np.save(stored, pictures(GREY))
    np.savez_compressed(packed, images=pictures(GREY))
    pickled, empty = io.BytesIO(), io.BytesIO()
    np.save(pickled, np.array([{}], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(empty, "w"):
        pass
    locked = bytearray(packed.getvalue())
    locked[locked.rindex(b"PK\x01\x02") + 8] |= 1          # marked as encrypted
    for suffix in (".npy", ".npz"):
        path = tmp_path / f"a{suffix}"
        other = packed if suffix == ".npy" else stored
        whole = stored if suffix == ".npy" else packed
        for content in (b"", b"hello", other.getvalue(), pickled.getvalue(), empty.getvalue(),
                        bytes(locked), whole.getvalue()[:-30], whole.getvalue()[:60]):
            path.write_bytes(content)
            assert "not a readable array" in refused(path), content[:20]


def test_refuses_pictures(tmp_path):
    Image.new("L", (7, 4)).save(tmp_path / "a.png")
    Image.new("L", (9, 4)).save(tmp_path / "b.png")
    with pytest.raises(BadInput, match="7 x 4; --resize scales it"):
        load_images(tmp_path, GREY)
    whole = (tmp_path / "a.png").read_bytes()
    for content in (b"", b"hello", whole[:40], whole[:20] + b"\xff" * 20 + whole[40:]):
        (tmp_path / "b.png").write_bytes(content)
        with pytest.raises(BadInput, match="b.png: not a readable picture"):
            load_images(tmp_path, GREY)


def saved(folder, name, image):
    """A picture of a grey image (1, H, W)."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image[0]).save(folder / name)


def test_a_picture_alone_and_other_sizes(tmp_path):
    """Any of the formats; --resize scales."""
    saved(tmp_path, "a.png", pictures(GREY)[0])
    assert np.array_equal(load_images(tmp_path / "a.png", GREY)[0], pictures(GREY)[:1])
    Image.new("L", (9, 9), 7).save(tmp_path / "b.jpeg")
    with pytest.raises(BadInput, match="--resize scales it"):
        load_images(tmp_path / "b.jpeg", GREY)
    assert load_images(tmp_path / "b.jpeg", GREY, resize=True)[0].tolist() == [[[[7] * 7] * 4]]


@pytest.mark.parametrize("names, labels", [
    (("ankle boot", "Shirt"), [0, 0, 1]),      # by the network's names, whatever their case
    (("2", "10"), [10, 10, 2]),                # by numbers; folders in order of their names
    (("x", "y"), None)])
def test_a_folder_for_each_class(names, labels, tmp_path):
    """Labels are the classes' numbers; names that say nothing are refused."""
    network = GREY
    if names[0] == "ankle boot":
        network = GREY.replace(notes={"classes": ["Shirt", "Ankle boot",
                                                  *map(str, range(2, GREY.classes))]})
    classes = sorted(names)
    some = pictures(GREY)
    for name, image in zip((classes[0], classes[0], classes[1]), some, strict=True):
        saved(tmp_path / name, f"{image.sum()}.png", image)
    if labels is None:
        assert "folders for" in refused(tmp_path, network)
        return
    if max(labels) >= GREY.classes:
        assert f"folders must be classes, 0 to {GREY.classes - 1}, not 10" in refused(tmp_path)
        return
    found, told = load_images(tmp_path, network)
    assert told.tolist() == labels and len(found) == 3


def test_as_many_folders_as_classes_are_the_classes_in_order(tmp_path):
    for n in range(GREY.classes):
        saved(tmp_path / f"kind {n:02}", "a.png", pictures(GREY)[0])
    assert load_images(tmp_path, GREY)[1].tolist() == list(range(GREY.classes))


@pytest.mark.parametrize("name", networks())
def test_every_network_brings_images_that_fit(name):
    """Found by its bare name, from any folder; and not by chance are most of them right."""
    network = load(name)
    images, labels = load_images(name, network)
    assert sample_of(name) == sample_of(network_file(name)) is not None
    right = run(images[:12], network, keep=False).pred == labels[:12]
    assert right.mean() > 2 / network.classes, name


def test_bare_names_are_the_same_in_any_folder(tmp_path, monkeypatch):
    """A file of that name comes first; what is no name of the project stays as it is."""
    here = load("fashion").digest
    monkeypatch.chdir(tmp_path)
    assert load("fashion").digest == here
    assert network_file("no_such") == "no_such" and sample_of("no_such") is None
    assert network_file("models/fashion.npz") == "models/fashion.npz"
    with pytest.raises(BadInput, match="^no_such: no such network file, and none of the project"):
        load("no_such")
    GREY.save(tmp_path / "fashion")
    assert load("fashion").digest == GREY.digest and sample_of("fashion") is None


def test_nothing_is_written_over_an_input_named_by_a_bare_name():
    for name in ("fashion", "fashion.npz"):
        source = name if name == "fashion" else MODELS / name
        with pytest.raises(BadInput, match="is the same file as"):
            output(MODELS / "fashion.npz", source)
    with pytest.raises(BadInput, match="is the same file as"):
        output(MODELS / "fashion_sample.npz", "fashion")
