"""python -m verify.contributions: what it counts, and that a map that does not add up fails it."""

import json

import pytest

from golden.images import load_images
from golden.network import load
from verify import contributions
from verify.contributions import checked, main

DIGITS = ["--of", "digits", "models/digits_sample.npz"]


def test_all_add_up_and_the_log_says_so(tmp_path, capsys):
    with pytest.raises(SystemExit, match="^0$"):
        main([*DIGITS, "--limit", "30", "--out", str(tmp_path / "log.json")])
    log = json.loads((tmp_path / "log.json").read_text())
    assert log["networks"]["digits"]["adds_up"] == 30 and log["stamp"]["sources"]
    assert "adds up: yes, on 30 of 30 images" in capsys.readouterr().out


@pytest.mark.slow
def test_the_rtl_too(capsys):
    with pytest.raises(SystemExit, match="^0$"):
        main([*DIGITS, "--limit", "3", "--rtl", "2"])
    said = capsys.readouterr().out
    assert "RTL adds up: yes, on 2 of 2 images, equal to golden on 2" in said


def test_one_unit_off_fails(monkeypatch, capsys):
    steps = contributions.step_contributions

    def off(spikes, network):
        found = steps(spikes, network)
        found[1, -1, 0, 0, 0] += 1
        return found
    monkeypatch.setattr(contributions, "step_contributions", off)
    with pytest.raises(SystemExit, match="^1$"):
        main([*DIGITS, "--limit", "3"])
    assert "adds up: NO, on 2 of 3 images" in capsys.readouterr().out


@pytest.mark.parametrize("options, message", [
    (["--of", "digits-latency", "models/digits_sample.npz"],
     "digits-latency: its scores are no sums over spikes"),
    ([*DIGITS, "--limit", "0"], "--limit must be at least 1, not 0"),
    ([*DIGITS, "--rtl", "-1"], "--rtl must be at least 0, not -1"),
    (["--of", "digits", "none.npz"], "none.npz: no such file")])
def test_says_what_is_wrong_in_one_line(options, message, capsys):
    with pytest.raises(SystemExit, match="^2$"):
        main(options)
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"error: {message}") and "\n" not in said


def test_counts_by_image():
    network = load("digits")
    images = load_images("models/digits_sample.npz", network)[0][:4]
    ticks = []
    found = checked(network, images, tick=ticks.append)
    assert found["images"] == found["adds_up"] == 4 and found["rtl_images"] == 0
    assert found["low"] < 0 < found["high"] and found["cycles"] is None
    assert ticks == [4]
