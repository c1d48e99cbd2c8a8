"""The soak and the upsets, small: what they note, go on from, verify and find."""

import json
from pathlib import Path

import numpy as np
import pytest

import verify.soak
from golden.io.evidence import digest
from golden.network import load
from golden.run import run_batched
from verify.networks import draw, images
from verify.seu import Struck, effects

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A network and 60 images of it."""
    folder = tmp_path_factory.mktemp("soak")
    network = draw(1, plain=True, steps=(16,))
    network.save(folder / "net.npz")
    np.savez(folder / "images.npz", images=images(network, 60))
    return folder


def soak(files, *more):
    """Run the command."""
    verify.soak.main(["--network", str(files / "net.npz"), "--images", str(files / "images.npz"),
                   "--jobs", "1", "--work", str(files / "work"), *more])


@pytest.mark.parametrize("mixed", [False, True], ids=["plain", "mixed"])
def test_soak(mixed, files, capsys, monkeypatch):
    """Equal; verified by golden; a part noted is not run again; a log that lies is caught."""
    log, more = files / f"log{mixed}.json", ["--experiments"] * mixed
    soak(files, "--out", str(log), *more)
    assert "60 images equal golden" in capsys.readouterr().out
    soak(files, "--verify", str(log))
    assert "60 images recomputed" in capsys.readouterr().out

    def never(*args, **kwargs):
        raise AssertionError("a part was run again")
    monkeypatch.setattr(verify.soak, "part_of", never)
    soak(files, *more)
    found = json.loads(log.read_text())
    assert found["taps"] == list(load(files / "net.npz").default_taps)
    assert found["stamp"]["sources"] == digest("soak_mixed" if mixed else "soak")
    found["parts"][1]["digest"] = found["parts"][0]["digest"]
    log.write_text(json.dumps(found))
    with pytest.raises(SystemExit) as caught:
        soak(files, "--verify", str(log))
    assert caught.value.code == 1 and "not that of the parts" in capsys.readouterr().err
    log.write_text(json.dumps({**found, "taps": [1]}))
    with pytest.raises(SystemExit) as caught:
        soak(files, "--verify", str(log))
    assert caught.value.code == 2 and "of maps of other layers" in capsys.readouterr().err
    found["digest"] = verify.soak.total(found["parts"])
    log.write_text(json.dumps(found))
    with pytest.raises(SystemExit):
        soak(files, "--verify", str(log))
    assert "part 1 is not golden's" in capsys.readouterr().err


def test_soak_and_upsets_run_the_chip_that_ships(files, monkeypatch):
    """They ask for a simulation that maps the layers that hw.build maps."""
    network, asked = load(files / "net.npz"), []
    assert network.default_taps != network.taps, "else it shows nothing"

    class Asked(Exception):
        """It was."""

    def simulation(network, *, taps=None, **options):
        asked.append(taps)
        raise Asked
    monkeypatch.setattr("sim.rtl.Simulation", simulation)
    for more in ([], ["--experiments"]):
        with pytest.raises(Asked):
            soak(files, "--work", str(files / "taps"), *more)
    with pytest.raises(Asked):
        Struck(network)
    assert asked == [network.default_taps] * 3


def test_soak_sees_a_wrong_spike(files, capsys, monkeypatch):
    """Golden with one threshold moved stands for RTL that is wrong."""
    monkeypatch.setattr(verify.soak, "plain_golden", lambda network, some, number: (
        verify.soak.compared(verify.soak.run(some, network.replace(seed=network.seed + 1)))))
    with pytest.raises(SystemExit) as caught:
        soak(files, "--work", str(files / "other"))
    assert caught.value.code == 1 and "is not golden's" in capsys.readouterr().err


def test_upsets(files):
    """A membrane's top bit in a busy cycle changes something; the image behind is golden's."""
    network = load(files / "net.npz")
    some = images(network, 8, seed=5)
    machine = Struck(network)
    wanted = run_batched(some, network, taps=machine.simulation.taps)
    names = {name: n for n, (_, name, _) in enumerate(machine.registers, 1)}
    kept = max((n for name, n in names.items() if name.startswith("engine.datapath.lane0.")
                and machine.registers[n - 1][0] == "membrane"),
               key=lambda n: machine.registers[n - 1][2])       # the widest: not the spike
    bits = machine.registers[kept - 1][2]
    hit = [(n, 150 + 20 * n, kept, bits - 2) for n in range(0, 8, 2)]
    found = machine.run(some, hit)
    seen = [effects(found, n, wanted, n) for n in range(8)]
    assert set(seen[1::2]) == {"nothing"} and set(seen[::2]) != {"nothing"}
    assert {group for group, _, _ in machine.registers} == {"membrane", "sums", "NCS", "ISI"}
    found = machine.run_weights(some, {1: (0, 3), 4: (1, 2)})
    assert effects(found, 7, wanted, 7) == effects(found, 0, wanted, 0) == "nothing"


def test_a_group_without_registers_is_an_error(files, monkeypatch):
    """A register that was renamed would else be struck no more, and nobody would know."""
    monkeypatch.setitem(verify.seu.GROUPS, "membrane", r"engine\.gone")
    with pytest.raises(RuntimeError, match="no registers of membrane"):
        Struck(load(files / "net.npz"))


def test_log_of_the_soak_is_whole():
    """The committed logs: as many images as they say, and the digest of their parts."""
    for path in Path(__file__).parents[2].glob("docs/proof/soak*.json"):
        log = json.loads(path.read_text())
        assert log["digest"] == verify.soak.total(log["parts"])
        assert sum(part["images"] for part in log["parts"]) == log["images"]
