"""python -m apps.side_by_side: a row for each method, and its one-line refusals."""

import numpy as np
import pytest
from PIL import Image

from apps.side_by_side import DEFAULT, draw, main
from golden.explain import explain
from tests.helpers.two_sided import masks, pictures, two_sided


def test_a_row_for_each_method():
    """Steps share a scale, which ends at the largest; methods of the whole run have one panel."""
    picture, network = pictures()[0], two_sided()
    found = {name: (explain(picture, network, name, gamma=0.0), 1) for name in ("sam", "zplus")}
    figure = draw(picture, found, "two sides", masks()[0])
    shown = [[axes.images[-1] for axes in figure.axes if axes.get_title() == title]
             for title in ("t = 1", "sum of all steps", "the whole run")]
    assert [len(each) for each in shown] == [2, 1, 1]      # three steps fill six panels
    step, total, whole = (each[0] for each in shown)
    assert step.get_clim() == (0, 2) and total.get_clim() == (0, 3)
    assert step.get_array()[0, 0] == 1 and total.get_array()[0, 0] == 3
    assert whole.get_clim() == (-1.5, 1.5) and whole.get_array()[0, 0] == 1.5
    # What is transparent and what is not, behind the colour map.
    clear = total.cmap(total.norm(total.get_array()))[..., 3]
    assert clear[0, 0] > 0.8 and np.count_nonzero(clear) == 1


def test_the_picture(tmp_path, capsys):
    main(["--network", "digits", "--method", "count", "--method", "occlusion", "--out",
          str(tmp_path / "m.png")])
    assert "digits, image 0: predicted" in capsys.readouterr().out
    with Image.open(tmp_path / "m.png") as picture:
        assert min(picture.size) > 300
    assert {"sam", "contribution"} < set(DEFAULT)


@pytest.mark.parametrize("options, message", [
    (["--network", "dense784", "--method", "sam"],
     "--method: sam would show layer 1, whose neurons are at one pixel"),
    (["--network", "digits-latency"], "--method contribution: its scores are no sums over spikes"),
    (["--network", "digits", "--index", "999"], "--index must be 0 to 359, not 999"),
    (["--network", "digits", "--out", "m.jpg"], "--out m.jpg: must end in .png"),
])
def test_says_what_is_wrong_in_one_line(options, message, tmp_path, capsys):
    with pytest.raises(SystemExit, match="^2$"):
        main(["--out", str(tmp_path / "m.png"), *options])
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {message}") and said.err.count("\n") == 1
    assert not list(tmp_path.iterdir())
