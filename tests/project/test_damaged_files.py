"""Damaged files: 500 of them, each read or refused in one line, none with a traceback."""

import nir
import numpy as np
import pytest

from golden.importers import cli, quantise
from golden.importers import nir as golden_nir
from golden.network import __main__ as summary
from verify.float_networks import trained
from verify.fuzz.damage import (
    COUNT,
    KINDS,
    archive_changed,
    bytes_changed,
    json_changed,
    tree_changed,
)
from verify.nir_graphs import conv_net


def outcome(main, arguments, out, capsys):
    """Run a command on a damaged file and check how it ends."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as done:
        assert done.code == 2
        shown = capsys.readouterr().err
        assert shown.startswith("error: ") and shown.count("\n") == 1, shown
        assert not out.exists(), "an output file of a refused input"
        return "refused"
    capsys.readouterr()
    out.unlink(missing_ok=True)
    return "read"


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """One good file of each kind."""
    folder = tmp_path_factory.mktemp("good")
    graph = conv_net(np.random.default_rng(0))
    nir.write(folder / "net.nir", graph)
    network = trained()
    network.save(folder / "float.npz")
    network.save(folder / "float.json")
    quantise.quantise(network).save(folder / "net.npz")
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_end_in_one_line(kind, originals, tmp_path, capsys, monkeypatch):
    """Success or exit 2; nothing half written, no temporary file left."""
    monkeypatch.setenv("COLUMNS", "200")
    rng = np.random.default_rng(sorted(kind.encode()))
    source = originals / {"nir bytes": "net.nir", "nir fields": "net.nir", "npz": "net.npz",
                          "float npz": "float.npz", "float json": "float.json"}[kind]
    out = tmp_path / "out" / "made.npz"
    out.parent.mkdir()
    found = {"read": 0, "refused": 0}
    for _ in range(COUNT):
        bad = tmp_path / f"bad{source.suffix}"
        bad.write_bytes(source.read_bytes())
        if kind == "nir fields":
            tree_changed(bad, rng)
        elif kind == "float json" and rng.integers(4):
            bad.write_text(json_changed(source.read_text(), rng))
        elif source.suffix == ".npz" and rng.integers(4):
            bad.write_bytes(archive_changed(source.read_bytes(), rng))
        else:
            bad.write_bytes(bytes_changed(source.read_bytes(), rng))
        if kind.startswith("nir"):
            ending = outcome(golden_nir.main, [bad, "--reset", "subtract", "--out", out], out,
                             capsys)
        elif kind == "npz":
            ending = outcome(summary.main, [bad], out, capsys)
        else:
            ending = outcome(cli.main, [bad, "--out", out], out, capsys)
        found[ending] += 1
        assert not list(out.parent.iterdir())
    assert found["refused"] > COUNT // 4
