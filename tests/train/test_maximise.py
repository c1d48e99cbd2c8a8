"""python -m train.maximise: the pictures are answered as their class more often than noise is."""

import numpy as np
import pytest
from PIL import Image

from train.maximise import main

pytestmark = pytest.mark.slow


def test_pictures_of_classes(tmp_path, capsys):
    """Digits, in twenty steps: eight of the ten classes at least, where chance is one in ten."""
    main(["--network", "digits", "--steps", "20", "--out", str(tmp_path / "m.png")])
    said = capsys.readouterr().out
    assert int(said.split(": ")[1].split(" of ")[0]) >= 8
    with Image.open(tmp_path / "m.png") as picture:
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50


@pytest.mark.parametrize("options, message", [
    (["--network", "none.npz"], "none.npz: no such network file"),
    (["--network", "fashion", "--out", "x.jpg"], "--out x.jpg: must end in .png"),
    (["--network", "digits-latency"], "digits-latency: readout first has no gradient")])
def test_says_what_is_wrong_in_one_line(options, message, tmp_path, capsys):
    with pytest.raises(SystemExit, match="^2$"):
        main(["--out", str(tmp_path / "m.png"), *options])
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {message}") and said.err.count("\n") == 1
