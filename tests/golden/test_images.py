"""Images from files, and what is wrong with them in one line."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from golden.images import load_images
from golden.io.errors import BadInput
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
    assert refused(tmp_path / "none.jpg").endswith(
        "images must be .npy, .npz, NIR data (.nird, .nirdata, .h5, .hdf5) or a folder of PNGs")
    assert refused(tmp_path).endswith("holds no PNG files")


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
    with pytest.raises(BadInput, match="b.png: is 9 x 4 pixels, the network takes 7 x 4"):
        load_images(tmp_path, GREY)
    whole = (tmp_path / "a.png").read_bytes()
    for content in (b"", b"hello", whole[:40], whole[:20] + b"\xff" * 20 + whole[40:]):
        (tmp_path / "b.png").write_bytes(content)
        with pytest.raises(BadInput, match="b.png: not a readable PNG"):
            load_images(tmp_path, GREY)
