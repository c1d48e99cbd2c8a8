"""train.sam_speed: the authors' method in torch, three ways, and golden within its bound of it."""

import json

import numpy as np
import pytest
import torch

from train.sam_speed import METHODS, main, script


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_the_formula(name):
    """N_off(t) = sum over spikes t' <= t of exp(-gamma (t - t')) + z(t) exp(-gamma t)."""
    spikes = (np.random.default_rng(0).random((9, 2, 3, 2)) < 0.4).astype(np.uint8)
    got = METHODS[name](torch.from_numpy(spikes).double(), 0.3).numpy()
    want = np.zeros((9, 3, 2))
    for t, c, y, x in np.argwhere(spikes):
        train = spikes[:t + 1, c, y, x]
        want[t, y, x] += np.exp(-0.3 * (t - np.flatnonzero(train))).sum()
        want[t, y, x] += np.count_nonzero(train == 0) * np.exp(-0.3 * t)
    assert np.allclose(got, want, rtol=0, atol=1e-12)


def arguments(**changes):
    options = {"steps": 10, "repeats": 1, "rate": 0.2, **changes}
    return ["--shape", "4", "3", "3", *(str(x) for key, value in options.items()
                                        for x in (f"--{key}", value))]


def test_reports_both_halves(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments(json=tmp_path / "r.json"))
    assert ended.value.code == 0
    entry, = json.loads((tmp_path / "r.json").read_text())["rates"]
    assert set(entry["seconds"]) == {*METHODS, "golden"} and 0 < entry["share of bound"] <= 1
    for name, times in entry["times faster"].items():
        assert times == pytest.approx(entry["seconds"][name] / entry["seconds"]["golden"])
    assert "20% spikes: golden" in capsys.readouterr().out


def test_fails_where_the_maps_differ(monkeypatch):
    """A golden that decays with another gamma is out of bounds."""
    monkeypatch.setattr("train.sam_speed.script", lambda spikes, gamma: script(spikes, gamma + 0.1))
    with pytest.raises(SystemExit) as ended:
        main(arguments())
    assert ended.value.code == 1


@pytest.mark.parametrize("changes", [{"steps": 0}, {"repeats": 0}])
def test_refuses_counts(changes, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments(**changes))
    printed = capsys.readouterr()
    assert ended.value.code == 2 and printed.out == ""
    assert printed.err.endswith(f"argument --{next(iter(changes))}: must be at least 1, not 0\n")


@pytest.mark.parametrize("changes", [{"gamma": 0}, {"gamma": "nan"}, {"rate": 2}])
def test_refuses_in_one_line(changes, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments(**changes))
    printed = capsys.readouterr()
    assert ended.value.code == 2 and printed.out == ""
    assert printed.err == f"error: --{next(iter(changes))} is out of range\n"
