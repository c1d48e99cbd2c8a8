"""The model of an event camera by hand, and the files of its command."""

import numpy as np
import pytest

from golden.importers import float_network
from golden.io.events import binned, frames_of
from train import saccades
from train.saccades import CONTRAST, DARK, EVENT, SIDE, STEP, main, path, recorded, shown


def test_the_path_goes_straight_through_its_corners():
    places = path()
    looks = saccades.SACCADE // STEP
    assert len(places) == 3 * looks + 1
    assert places[::looks].tolist() == [list(corner) for corner in saccades.CORNERS]
    assert places[looks // 2].tolist() == [5, 3]


def test_a_picture_between_pixels_is_shared_among_four():
    light = shown(np.array([[1.0]]), np.array([4.25, 7.5]))
    assert light[7:9, 4:6].tolist() == [[0.375, 0.125], [0.375, 0.125]] and light.sum() == 1


def test_events_follow_the_logarithm_of_brightness(monkeypatch):
    """A point of 1 that jumps from (2, 3) to (5, 3): both pixels change by log 11 = 2.398."""
    monkeypatch.setattr(saccades, "path", lambda: np.array([(2, 3), (2, 3), (5, 3)]))
    events = recorded(np.array([[1.0]]))
    times = int((np.log(1 + DARK) - np.log(DARK)) / CONTRAST)
    assert times == 6 and events.dtype == EVENT
    assert events.tolist() == [(2, 3, 2 * STEP, False)] * times + [(5, 3, 2 * STEP, True)] * times


def test_what_is_left_of_a_change_counts_with_the_next(monkeypatch):
    """Twice 1.6 CONTRAST are one event and then two."""
    steps = [DARK * np.exp(1.6 * CONTRAST * n) - DARK for n in range(3)]
    monkeypatch.setattr(saccades, "path", lambda: [0, 1, 2])             # looks, no places
    monkeypatch.setattr(saccades, "shown", lambda _, n: np.full((1, 1), steps[n]))
    assert recorded(None)["t"].tolist() == [STEP, 2 * STEP, 2 * STEP]


def test_nothing_moves_nothing_comes(monkeypatch):
    monkeypatch.setattr(saccades, "path", lambda: np.array([(3, 3)] * 4))
    assert len(recorded(np.ones((24, 24)))) == 0


@pytest.mark.slow
def test_the_command_writes_what_it_says(tmp_path, capsys):
    main(["--out", str(tmp_path), "--limit", "6", "--epochs", "1", "--steps", "12"])
    assert "of 6, a tenth by chance" in capsys.readouterr().out
    network = float_network.load(tmp_path / "float.npz")
    assert network.steps == 12 and network.encoder == "frames"
    learnt, test = (np.load(tmp_path / f"{name}.npz") for name in ("calibration", "test"))
    assert learnt["images"].shape == test["images"].shape == (6, 12, 2, SIDE, SIDE)
    files = sorted((tmp_path / "recordings").glob("*/*.npy"), key=lambda file: file.name)
    assert [int(file.parent.name) for file in files] == test["labels"].tolist()
    for file, frames in zip(files, test["images"], strict=True):
        assert np.array_equal(frames_of(file, (2, SIDE, SIDE), 12, 1)[0], frames)
        assert np.array_equal(binned(np.load(file), (2, SIDE, SIDE), 12, 1)[0], frames)
