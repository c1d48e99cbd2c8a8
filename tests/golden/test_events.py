"""Address events: binned into frames as they say, and refused by name where they cannot be."""

import numpy as np
import pytest

from golden.images import load_images
from golden.io.errors import BadInput
from golden.io.events import Binning, frames_of, holds_events, read_events
from golden.network import Layer, Network, Neuron
from golden.run import run
from sim.run import main
from tests.helpers.exits import exit_code

TONIC = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", bool)])


def written(path, rows, dtype=TONIC):
    """A file of events (x, y, t, p)."""
    np.save(path, np.array([tuple(row) for row in rows], dtype=dtype))
    return path


def network(shape=(2, 3, 4), steps=4, encoder="frames"):
    rng = np.random.default_rng(1)
    layers = (Layer(rng.integers(-3, 5, (5, int(np.prod(shape)))), 4,
                    Neuron(np.int64(3), np.int64(0))),
              Layer(rng.integers(-3, 4, (3, 5)), 4, Neuron(np.int64(0), np.int64(0), reset="none")))
    return Network(shape, steps, layers, encoder=encoder, name="events")


ROWS = [(0, 0, 100, 0), (3, 2, 101, 1), (3, 2, 101, 1), (1, 1, 150, 0), (2, 0, 199, 1),
        (0, 2, 300, 0)]


def test_a_recording_is_cut_into_the_steps_of_a_run(tmp_path):
    path = written(tmp_path / "e.npy", ROWS)
    assert holds_events(path)
    found = frames_of(path, (2, 3, 4), 4, 15)
    want = np.zeros((1, 4, 2, 3, 4), np.uint8)
    # Times from the first are 0, 1, 1, 50, 99, 200; a step is 50 long, and the last one closed.
    want[0, 0, 0, 0, 0] = 1
    want[0, 0, 1, 2, 3] = 2
    want[0, 1, 0, 1, 1] = 1
    want[0, 1, 1, 0, 2] = 1
    want[0, 3, 0, 2, 0] = 1
    assert np.array_equal(found, want)
    assert np.array_equal(frames_of(path, (2, 3, 4), 4, 1), want.clip(0, 1))
    assert np.array_equal(frames_of(path, (1, 3, 4), 4, 15), want.sum(axis=2, keepdims=True))


def test_steps_have_a_length_or_a_number_of_events(tmp_path):
    path = written(tmp_path / "e.npy", ROWS)
    by_time = frames_of(path, (2, 3, 4), 2, 15, Binning(time=30))
    assert by_time.shape == (4, 2, 2, 3, 4)                # steps 0, 0, 0, 1, 3, 6
    assert by_time.sum(axis=(2, 3, 4)).tolist() == [[3, 1], [0, 1], [0, 0], [1, 0]]
    by_count = frames_of(path, (2, 3, 4), 2, 15, Binning(count=2))
    assert by_count.sum(axis=(2, 3, 4)).tolist() == [[2, 2], [2, 0]]


def test_larger_sensors(tmp_path):
    path = written(tmp_path / "e.npy", [(0, 0, 0, 0), (7, 5, 1, 0), (3, 2, 2, 0), (4, 3, 3, 1)])
    summed = frames_of(path, (2, 3, 4), 1, 15, Binning(sensor=(8, 6), fit="sum"))
    want = np.zeros((2, 3, 4), int)
    want[0, 0, 0] = want[0, 2, 3] = want[0, 1, 1] = want[1, 1, 2] = 1
    assert np.array_equal(summed[0, 0], want)
    cropped = frames_of(path, (2, 3, 4), 1, 15, Binning(sensor=(8, 6), fit="crop"))
    want = np.zeros((2, 3, 4), int)
    want[0, 1, 1] = want[1, 2, 2] = 1                      # the middle begins at (2, 1)
    assert np.array_equal(cropped[0, 0], want)


@pytest.mark.parametrize(("rows", "binning", "rule"), [
    ([(0, 0, 5, 0), (0, 0, 4, 0)], {}, "event 1 is earlier than the one before it"),
    ([(4, 0, 5, 0)], {}, r"event 0 is at \(4, 0\), beyond the network's 4 x 3: --sensor WxH"),
    ([(0, -1, 5, 0)], {}, r"event 0 is at \(0, -1\), beyond"),
    ([(9, 0, 5, 0)], {"sensor": (8, 6), "fit": "sum"}, "beyond the sensor's 8 x 6"),
    ([(5, 0, 5, 0)], {"sensor": (8, 6)}, "the sensor has 8 x 6 pixels.*--fit crop or sum"),
    ([], {}, "holds no events"),
    ([(0, 0, 0, 0), (0, 0, 2**40, 0)], {"time": 1}, "steps have more than .* take longer ones"),
    ([(0, 0, 0, 0)], {"time": 1, "count": 2}, "--bin-us and --bin-count"),
    ([(0, 0, 0, 0)], {"count": 0}, "--bin-count must be at least 1"),
    ([(0, 0, 0, 0)], {"sensor": (0, 4)}, "--sensor must be WxH"),
])
def test_refused(tmp_path, rows, binning, rule):
    path = written(tmp_path / "e.npy", rows)
    with pytest.raises(BadInput, match=rule):
        frames_of(path, (2, 3, 4), 4, 1, Binning(**binning))


def test_other_records_are_refused(tmp_path):
    odd = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.float64), ("p", np.int8)])
    with pytest.raises(BadInput, match="t of events must be whole numbers"):
        read_events(written(tmp_path / "a.npy", [(0, 0, .5, 0)], odd))
    less = np.dtype([("x", np.int16), ("y", np.int16)])
    with pytest.raises(BadInput, match="must be records of x, y, t, p, not 1 of x, y"):
        read_events(written(tmp_path / "b.npy", [(0, 0)], less))
    signed = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.int8)])
    with pytest.raises(BadInput, match="p of event 0 must be 0 or 1, not -1"):
        read_events(written(tmp_path / "c.npy", [(0, 0, 0, -1)], signed))
    path = written(tmp_path / "d.npy", ROWS)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(BadInput, match="not a readable event file"):
        read_events(path)
    with pytest.raises(BadInput, match="only a network of encoder frames or graded takes, not ber"):
        load_images(written(tmp_path / "f.npy", ROWS), network(encoder="bernoulli"))


def test_a_command_runs_recordings(tmp_path, capsys):
    """Files, folders and folders of classes; the frames are those that the network is shown."""
    net = network()
    net.save(tmp_path / "net.npz")
    for name in ("0", "2"):
        (tmp_path / "set" / name).mkdir(parents=True)
        written(tmp_path / "set" / name / "e.npy", ROWS[int(name):])
    images, labels = load_images(tmp_path / "set", net)
    assert labels.tolist() == [0, 2] and images.shape == (2, 4, 2, 3, 4)
    words = ["--network", str(tmp_path / "net.npz")]
    main([*words, "--events", str(tmp_path / "set"), "--out", str(tmp_path / "r.npz")])
    assert "of 2: accuracy" in capsys.readouterr().out
    assert np.array_equal(np.load(tmp_path / "r.npz")["scores"], run(images, net).scores)
    main([*words, "--events", str(tmp_path / "set/0/e.npy"), "--bin-us", "30"])
    assert "images 2" in capsys.readouterr().out
    for more, rule in ((["--bin-us", "3"], "are for --events"),
                       (["--events", "e.npy", "--images", "i.npy"], "shown one of them"),
                       (["--events", str(tmp_path / "net.npz")], "holds no address events"),
                       (["--events", str(tmp_path / "missing.npy")], "no such")):
        assert exit_code(main, *words, *more) == 2
        assert rule in capsys.readouterr().err
