"""python -m apps.activations: the busiest channels, by hand, and the picture."""

import numpy as np
import pytest
from PIL import Image

from apps.activations import busiest, main


def test_busiest_by_hand():
    spikes = np.zeros((3, 3, 1, 2), np.uint8)
    spikes[0, 0, 0, 1] = 1
    spikes[:, 1, 0, 0] = spikes[:, 2, 0, 1] = 1
    order, maps = busiest(spikes, 8)
    assert order.tolist() == [1, 2, 0] and maps[:, 0].tolist() == [[3, 0], [0, 3], [0, 1]]
    assert busiest(spikes, 2)[0].tolist() == [1, 2]
    # Of signed activations the sizes count.
    assert busiest(-spikes.astype(int), 1)[1].tolist() == [[[3, 0]]]


@pytest.mark.parametrize("network", ["digits", "dense784"])
def test_the_picture(network, tmp_path, capsys):
    main(["--network", network, "--channels", "3", "--out", str(tmp_path / "a.png")])
    assert "layers, input first" in capsys.readouterr().out
    with Image.open(tmp_path / "a.png") as picture:
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 100


@pytest.mark.parametrize("options, message", [
    (["--index", "999"], "--index must be 0 to"),
    (["--images", "none.npz"], "none.npz: no such file"),
    (["--out", "x.jpg"], "--out x.jpg: must end in .png")])
def test_says_what_is_wrong_in_one_line(options, message, tmp_path, capsys):
    with pytest.raises(SystemExit, match="^2$"):
        main(["--network", "digits", "--out", str(tmp_path / "a.png"), *options])
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {message}") and said.err.count("\n") == 1
