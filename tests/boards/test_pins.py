"""The whole chip in Verilator at its UART pins, under the very driver that a user runs."""

import subprocess
import sys

import numpy as np
import pytest

from apps.backends import ChipBackend, opened, same
from boards.host import Board
from boards.platform.top import Top
from boards.protocol.identity import MapEncoding
from golden.explain.perturb import NetworkModel
from golden.explain.traces import decay_table, traces
from golden.formats import GAMMA, exp_table
from golden.network import load
from golden.run import run
from hw.accelerator import Accelerator
from hw.explain.ablation import mask_writes
from hw.plan.packing import configuration
from sim.pins import SimulatedPort
from tests.hw.test_loops import NETWORKS
from verify.networks import draw, images, loud

pytestmark = pytest.mark.slow

DEMO = "models/fashion.npz"
DECAY = 0.9


def assert_equal(result, wanted, n=0):
    """A Result of the chip is image ``n`` of golden's."""
    assert (result.scores == wanted.scores[n]).all() and result.scores.dtype == np.int32
    assert (result.logits == wanted.logits[n]).all() and result.pred == wanted.pred[n]
    assert (result.counts == wanted.counts[n]).all()
    assert set(result.maps) == set(wanted.maps)
    for tap, rows in result.maps.items():
        assert (rows == wanted.maps[tap][n]).all() and rows.dtype == np.int32
        assert (result.sums[tap] == rows.sum(axis=0)).all()


def test_ten_real_images():
    """Fashion-MNIST on the chip of the demo, gamma and mode changed over the wire on the way."""
    pictures = np.load("models/fashion_sample.npz")["images"][:10, None]
    with opened(DEMO, demo="rtl") as engine:
        network, link = engine.network, engine.board
        told = link.identify()
        assert told.label == told.digest == network.digest
        wanted = run(pictures, network, taps=engine.taps)
        for n, picture in enumerate(pictures[:8]):
            result = engine.explain(picture)
            assert_equal(result, wanted, n)
            assert result.saturated == 0 and 0 < result.waits < result.cycles
        engine.set(0.1, "official")
        wanted = run(pictures, network, taps=engine.taps, gamma=0.1, mode="official")
        for n in (8, 9):
            assert_equal(engine.explain(pictures[n]), wanted, n)
        assert link.damaged == link.repeated == 0


def test_selftest_of_the_view():
    """The page of a demo over the same simulation; the command prints its latency."""
    done = subprocess.run([sys.executable, "-m", "boards.view", "--demo", "rtl", "--selftest"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("equals the model: yes") == 2 and " ms from request" in done.stdout


@pytest.fixture(scope="module")
def everything():
    """A small network with all that the protocol knows, loaded over the pins."""
    network = draw(3, steps=(4,), plain=True)
    accelerator = Accelerator(network, attribution=1, experiments=True)
    top = Top(
        accelerator, clock_hz=4_000_000, baud=1_000_000, counters=True, form=MapEncoding.BYTES
    )
    with (SimulatedPort(top, quick=True) as port,
          Board(port, timeout=20e-3, clock=port.clock) as board):
        board.load(configuration(
            accelerator.plan, table=exp_table(0.5, network.steps), mode="paper",
            decays=decay_table(DECAY, network.steps)), label=network.digest)
        yield board, port, accelerator


def test_traces_counters_and_bytes(everything):
    board, _, accelerator = everything
    network = accelerator.network
    some = images(network, 3)
    wanted = run(some, network)
    for n, image in enumerate(some):
        result = board.explain(image)
        assert (result.scores == wanted.scores[n]).all()
        assert (result.counts == wanted.counts[n]).all()
        left = traces(wanted.spikes[1][n], decay_table(DECAY, network.steps))
        assert (result.traces == left).all() and result.traces.shape == left.shape
        for tap, full in wanted.maps.items():
            full = full[n].astype(np.int64)
            exponent = np.maximum(0, [[int(v).bit_length() - 8 for v in row]
                                      for row in np.bitwise_or.reduce(full)])
            assert (result.maps[tap] == full >> exponent << exponent).all()
        assert result.saturated == 0


def test_experiments(everything):
    """Neurons and single spikes taken away and given back; a repeat under way forgets nothing."""
    board, port, accelerator = everything
    network, image = accelerator.network, images(accelerator.network, 1, 5)[0]
    whole = run(image[None], network)
    for layer, neurons, step in ((0, [0, 3, 7], None), (1, [1, 2], None), (1, [0], 2)):
        done, undone = mask_writes(accelerator.plan, layer, neurons, step)
        spikes = (whole.spikes[layer] if layer else whole.spikes_input)[0]
        left = spikes.reshape(network.steps, -1).copy()
        left[slice(None) if step is None else step, neurons] = 0
        board.configure(done)
        board.reset()
        assert (board.explain(image).logits == NetworkModel(network, layer)(left)).all()
        board.configure(undone)
        assert (board.explain(image).logits == whole.logits[0]).all()
    assert board.identify().experiments


def test_breaks_and_noise_leave_no_trace(everything):
    """The line held at 0 amid a request, and noise: the next image is right."""
    board, port, accelerator = everything
    image, rng = images(accelerator.network, 1, 6)[0], np.random.default_rng(0)
    wanted = run(image[None], accelerator.network)
    for cycles in (3, 20, 400, 5000):
        port.write(rng.bytes(20))
        port.read(cycles=300)
        port.hold(cycles)
        port.read(cycles=100)
        assert (board.explain(image).scores == wanted.scores[0]).all()


@pytest.mark.parametrize("drift", [-0.02, 0.02])
def test_clocks_apart(drift):
    """Host and chip two percent apart at the worst divisor, 4: half of what uart.py states."""
    network = draw(3, steps=(4,), plain=True)
    accelerator = Accelerator(network, attribution=1, experiments=True)
    top = Top(
        accelerator, clock_hz=4_000_000, baud=1_000_000, counters=True, form=MapEncoding.BYTES
    )
    with (SimulatedPort(top, quick=True, drift=drift) as port,
          Board(port, timeout=20e-3, clock=port.clock) as board):
        assert board.identify().digest == network.digest and board.damaged == 0


@pytest.mark.parametrize(
    "form, bits",
    [
        (MapEncoding.FULL, None),
        (MapEncoding.FULL, 16),
        (MapEncoding.SUM, None),
        (MapEncoding.BYTES, 17),
    ],
)
def test_maps_beyond_two_bytes(form, bits):
    """Every neuron of 66 channels in every step: exact in three bytes, in sums, in bytes, or held.

    The engine of the view compares with a model that is held alike.
    """
    network = loud(66, 16)
    accelerator = Accelerator(network, map_bits=bits)
    top = Top(accelerator, clock_hz=4_000_000, baud=1_000_000, counters=True, form=form)
    frames = np.ones((16, *network.shape), np.uint8)
    wanted = run(frames[None], network, gamma=0, map_bits=bits)
    maps = wanted.maps[1][0].astype(np.int64)
    assert maps.max() == (2**bits - 1 if bits else 66 * 15 * 256)
    with (SimulatedPort(top, quick=True) as port,
          Board(port, timeout=20e-3, clock=port.clock) as board):
        engine = ChipBackend(board, network)
        engine.set(0, "paper")
        result = engine.explain(frames)
        assert result.saturated == (0 if bits is None else wanted.saturated[0] > 0
                                    and wanted.saturated[0])
        if form == MapEncoding.BYTES:
            exponent = np.array([[int(v).bit_length() - 8 for v in row] for row in maps[-1]])
            assert (result.maps[1] == maps >> exponent << exponent).all()
        else:
            assert (result.sums[1] == maps.sum(axis=0)).all()
            assert same(result, engine.model(frames)[0])


@pytest.mark.parametrize("seed, word_steps, encoder", [
    (4, 16, "frames"), (5, 8, "frames"), (6, 8, "graded")])
def test_spike_frames(seed, word_steps, encoder):
    """Trains instead of pixels, in words of two bytes and of one, one or several for each input;
    the maps summed on the chip.
    """
    network = draw(seed, steps=(20,), plain=True, encoder=encoder)
    accelerator = Accelerator(network, word_steps=word_steps)
    top = Top(accelerator, clock_hz=4_000_000, baud=1_000_000, form=MapEncoding.SUM)
    frames = images(network, 2, seed)
    wanted = run(frames, network)
    with (SimulatedPort(top, quick=True) as port,
          Board(port, timeout=20e-3, clock=port.clock) as board):
        board.load(configuration(accelerator.plan, table=exp_table(0.5, 20), mode="paper"),
                   label=network.digest)
        for n, some in enumerate(frames):
            result = board.explain(some)
            assert (result.scores == wanted.scores[n]).all() and not result.maps
            assert (result.counts == wanted.counts[n]).all()
            for tap, rows in wanted.maps.items():
                assert (result.sums[tap] == rows[n].sum(axis=0)).all()


@pytest.mark.parametrize("name, schedule", [("all", "steps"), ("frames", "chunks")])
def test_rounds(name, schedule):
    """Scores and maps that leave round after round, of a network with loops and of one without."""
    network = NETWORKS[name] if name in NETWORKS else draw(
        4, steps=(20,), plain=True, encoder="frames")
    accelerator = Accelerator(network, word_steps=8, schedule=schedule)
    top = Top(accelerator, clock_hz=4_000_000, baud=1_000_000)
    assert top.identity.round_steps == {"steps": 1, "chunks": 8}[schedule]
    frames = images(network, 2, 4)
    wanted = run(frames, network)
    table = exp_table(GAMMA, network.steps)
    with (SimulatedPort(top, quick=True) as port,
          Board(port, timeout=20e-3, clock=port.clock) as board):
        board.load(configuration(accelerator.plan, table=table, mode="paper"),
                   label=network.digest)
        for n, some in enumerate(frames):
            assert_equal(board.explain(some), wanted, n)


def test_the_demo_says_what_it_simulates():
    network = load(DEMO)
    with opened(DEMO, demo="golden") as engine:
        assert "no chip" in engine.notice and engine.network.digest == network.digest
