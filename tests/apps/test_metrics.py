"""python -m apps.metrics: the table, its file, and its one-line refusals."""

import json

import numpy as np
import pytest

from apps.metrics import main, masks_of, rows_of
from golden.explain.sanity import randomised
from golden.explain.scorecard import METRICS, Setting, measured
from golden.images import load_images
from golden.network import load
from tests.helpers.two_sided import masks, pictures, two_sided

DIGITS = ("--network", "digits", "--limit", "2", "--points", "3")


@pytest.fixture
def two(tmp_path):
    """The network of two sides, with pictures and masks in one file."""
    two_sided().save(tmp_path / "n.npz")
    np.savez(tmp_path / "i.npz", images=pictures(), labels=np.array([0, 1]),
             masks=np.packbits(masks(), axis=-1))
    return ["--network", str(tmp_path / "n.npz"), "--images", str(tmp_path / "i.npz")]


def test_by_hand(two, tmp_path, capsys):
    """As tests/golden/test_scorecard.py has it; the table has what the file has."""
    main([*two, "--method", "count", "--points", "9", "--out", str(tmp_path / "m.json")])
    kept = json.loads((tmp_path / "m.json").read_text())
    row = kept["pictures"][two[1]]["count"]
    assert row["AUC"] == [9 / 12] * 2 and row["pointing"] == [1, 1] and row["MPRT"] == [1, 1]
    assert row["completeness"] == [None, None] and kept["rows"]["count"]["completeness"] is None
    assert kept["rows"]["count"]["rank"] == pytest.approx([4 / 7] * 3)
    assert kept["setting"]["points"] == 9
    said = capsys.readouterr().out
    assert "two-sided: 2 pictures each" in said and "0.750 [0.75, 0.75]" in said
    assert "rank (more is better)" in said and "completeness (" not in said


def test_several_networks(tmp_path, capsys):
    """Pictures within networks: the numbers are those of each alone."""
    networks = [load("digits"), randomised(load("digits"), 1)]
    networks[1].save(tmp_path / "n.npz")
    main([*DIGITS, "--network", str(tmp_path / "n.npz"), "--images", "models/digits_sample.npz",
          "--method", "sam", "--method", "contribution", "--out", str(tmp_path / "m.json")])
    kept = json.loads((tmp_path / "m.json").read_text())
    images, _ = load_images("models/digits_sample.npz", networks[0])
    want = [measured(network, images[:2], ["sam", "contribution"], setting=Setting(points=3))
            for network in networks]
    for each, path in zip(want, ("digits", str(tmp_path / "n.npz")), strict=True):
        for name in each:
            for metric in METRICS:
                found = kept["pictures"][path][name][metric]
                assert np.array_equal(np.array(found, float), each[name][metric], equal_nan=True)
    assert "AUC" not in capsys.readouterr().out        # digits have no masks
    assert list(kept["rows"]["sam"].values()) == [
        None if each is None else list(each) for each in rows_of(want)["sam"].values()]


def test_methods_that_fit(capsys):
    """Without a choice, those that the network's read-out allows."""
    main(["--network", "digits-latency", "--limit", "2", "--points", "2"])
    said = capsys.readouterr().out
    assert "sam-last" in said and "contribution" not in said


def test_pictures_without_an_answer_are_told(two, tmp_path, capsys):
    frames = pictures()
    frames[1] = 0
    np.savez(tmp_path / "i.npz", images=frames, masks=np.packbits(masks(), axis=-1))
    main([*two, "--method", "count"])
    assert "two-sided, count: pictures without an answer: mass 1, MPRT 1" in capsys.readouterr().out


def test_masks(two, tmp_path):
    assert np.array_equal(masks_of(two[3], (1, 2, 4)), masks())
    assert masks_of("models/digits_sample.npz", (1, 8, 8)) is None
    assert masks_of("x.png", (1, 8, 8)) is None


@pytest.mark.parametrize("options, message", [
    (["--network", "none.npz"], "none.npz: no such network file"),
    (["--method", "contribution", "--network", "digits-latency"],
     "--method contribution: its scores are no sums over spikes"),
    (["--network", "digits"], "--network: names a network twice"),
    (["--out", "m.npz"], "--out m.npz: must end in .json"),
    (["--images", "none.npz"], "none.npz: no such file"),
    (["--images", "models/scenes_sample.npz"], "models/scenes_sample.npz: images must be"),
])
def test_says_what_is_wrong_in_one_line(options, message, capsys):
    with pytest.raises(SystemExit, match="^2$"):
        main([*DIGITS, *options])
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {message}") and said.err.count("\n") == 1 and not said.out


def test_one_image_is_too_few(two, tmp_path, capsys):
    np.save(tmp_path / "i.npy", pictures()[:1])
    with pytest.raises(SystemExit, match="^2$"):
        main([*two[:2], "--images", str(tmp_path / "i.npy")])
    assert "holds one image, and intervals need several" in capsys.readouterr().err
