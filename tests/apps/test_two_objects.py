"""python -m apps.two_objects: two objects in a scene, each where its class is spoken for."""

import numpy as np
import pytest
from PIL import Image

from apps.two_objects import main, pairs_of
from golden.explain.contribution import contributions, difference
from golden.explain.localisation import enlarged
from golden.network import load
from golden.run import run

SCENES = "models/scenes_pairs_sample.npz"


def test_each_object_where_its_class_is_spoken_for():
    """In the scenes of the picture: red on the first object and blue on the second."""
    network, (images, pairs, masks) = load("scenes"), pairs_of(SCENES)
    spikes = run(images[:2], network, taps=(5,)).spikes[5]
    for maps, pair, mask in zip(contributions(spikes, network), pairs, masks, strict=False):
        large = enlarged(difference(maps, *map(int, pair)).astype(float), images.shape[1:])
        first, second = (large[each].mean() for each in mask)
        assert first > 20 and second < -20


@pytest.mark.slow
def test_the_picture(tmp_path, capsys):
    main(["--index", "3", "--out", str(tmp_path / "two.png")])
    assert "adds up: yes, on 1 of 1 images" in capsys.readouterr().out
    with Image.open(tmp_path / "two.png") as picture:
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 1000


@pytest.mark.parametrize("options, message", [
    (["--index", "12"], "--index must be 0 to 11, not 12"),
    (["--network", "digits-latency"], "--network: its scores are no sums over spikes"),
    (["--network", "digits-latency", "--images", "models/scenes_sample.npz"],
     "--network: its scores are no sums"),
    (["--images", "models/scenes_sample.npz"], "models/scenes_sample.npz: not a readable file of "
                                               "scenes: pairs: missing"),
    (["--images", "none.npz"], "none.npz: no such file"),
    (["--out", "x.jpg"], "--out x.jpg: must end in .png")])
def test_says_what_is_wrong_in_one_line(options, message, tmp_path, capsys):
    with pytest.raises(SystemExit, match="^2$"):
        main(["--out", str(tmp_path / "two.png"), *options])
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {message}") and said.err.count("\n") == 1
    assert not said.out
