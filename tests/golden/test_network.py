"""Network files: what is written is read, what is damaged is refused in one line."""

import io
import json
import time
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from golden.io.errors import BadInput
from golden.network.graph import VERSION, Layer, Network, Neuron, Pool, flatten, load
from golden.run import run
from verify.networks import draw, images

QUIET = Neuron(np.int64(0), np.int64(0), reset="none")


def small(**changes):
    """Two inputs, a neuron, a class."""
    layers = (Layer(np.array([[[[1]], [[-2]]]]), 3, Neuron(np.int64(3), np.int64(4096))),
              Layer(np.array([[2]]), 3, QUIET))
    return Network(**{"shape": (2, 1, 1), "steps": 4, "layers": layers, **changes})


def same(first, second):
    """Whether everything in two networks is equal."""
    (header, arrays), (others, other_arrays) = flatten(first), flatten(second)
    texts = [json.dumps(each, sort_keys=True) for each in (header, others)]
    return (texts[0] == texts[1] and arrays.keys() == other_arrays.keys()
            and all(np.array_equal(arrays[key], other_arrays[key]) for key in arrays))


def refused(path):
    """The one line with which ``load`` refuses a file, or None if it takes it."""
    try:
        load(path)
    except BadInput as error:
        assert str(path) in str(error)
        return str(error)
    return None


def rewrite(path, header=None, **arrays):
    """Write a network file anew with some entries of its header and some arrays replaced."""
    with np.load(path) as archive:
        found = {key: archive[key] for key in archive.files}
    text = json.loads(str(found.pop("header")))
    text.update(header or {})
    found.update(arrays)
    np.savez_compressed(path, header=json.dumps(text),
                        **{key: value for key, value in found.items() if value is not None})


@pytest.mark.parametrize("seed", range(12))
def test_round_trip(seed, tmp_path):
    """Everything comes back, and does the same."""
    network = draw(seed, hardware=False)
    network = network.replace(notes={"classes": [f"c{n}" for n in range(network.classes)],
                                     "accuracy": 0.5})
    network.save(tmp_path / "n.npz")
    again = load(tmp_path / "n.npz")
    assert same(network, again) and again.digest == network.digest
    first, second = (run(images(network, 2), n).arrays() for n in (network, again))
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_digest_is_of_what_the_hardware_depends_on():
    network = small()
    assert network.replace(name="other", notes={"a": 1}).digest == network.digest
    changed = [network.replace(steps=5), network.replace(seed=1), network.replace(encoder="frames"),
               small(layers=(*network.layers[:1], Layer(np.array([[3]]), 3, QUIET)))]
    assert len({network.digest, *(n.digest for n in changed)}) == 5


def test_saving_replaces_whole_or_not_at_all(tmp_path):
    path = tmp_path / "n.npz"
    small().save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        small(notes={"not JSON": object()}).save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_refuses_other_files(tmp_path):
    path = tmp_path / "n.npz"
    assert refused(path).endswith("no such network file")
    for content in (b"", b"PK", b"hello", np.zeros(3).tobytes()):
        path.write_bytes(content)
        assert "not a readable network file" in refused(path)
    np.savez(path, a=1)
    assert "not a readable network file: it has no header of text" in refused(path)
    np.savez(path, header=np.array({"format": 1}, dtype=object), allow_pickle=True)
    assert "not a readable network file" in refused(path)
    np.savez(path, header=json.dumps({"format": "another"}))
    assert "not a network file of this project" in refused(path)
    np.savez(path, header=json.dumps([1]))
    assert "not a network file of this project" in refused(path)


def test_refuses_another_version(tmp_path):
    path = tmp_path / "n.npz"
    small().save(path)
    rewrite(path, {"version": VERSION + 1})
    assert refused(path) == (f"{path}: network format version {VERSION + 1}; "
                             f"this program reads version {VERSION}")


@pytest.mark.parametrize("key, value, rule", [
    ("weights_0", np.array([[[[np.nan]], [[1.0]]]]), "must be finite, found NaN or infinity"),
    ("weights_0", np.array([[[[np.inf]], [[1.0]]]]), "must be finite, found NaN or infinity"),
    ("weights_0", np.array([[[[0.5]], [[1.0]]]]), "weights must be whole numbers"),
    ("weights_0", np.array([[[[9]], [[1]]]]), r"weights must lie in -4..3 for 3 bits"),
    ("weights_0", np.array([["a", "b"]]), "weights must be numbers"),
    ("weights_0", np.zeros((1, 0, 1, 1)), "weights must not be empty"),
    ("weights_0", None, "incomplete network file"),
    ("threshold_0", np.array(np.nan), "threshold must be finite"),
    ("threshold_0", np.array(-1), "threshold must not be negative"),
    ("threshold_0", np.array([1, 2]), "threshold must be one number or one a channel"),
    ("bias_0", np.array([2**39]), "membranes need 42 bits; at most 32 are kept"),
    ("threshold_0", np.array(2.0**60), "threshold must lie within 40 bits"),
    ("leak_0", np.array(65537), "leak must be 0 to 65536"),
    ("weights_1", np.array([[1, 2]]), "dense weights take 2 inputs where"),
])
def test_refuses_arrays(key, value, rule, tmp_path):
    path = tmp_path / "n.npz"
    small().save(path)
    rewrite(path, **{key: value})
    message = refused(path)
    assert rule in message, message


def test_refuses_truncated_files(tmp_path):
    """Cut off after any number of bytes."""
    path = tmp_path / "n.npz"
    small().save(path)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert refused(path), f"{length} of {len(data)} bytes were taken"


def test_refuses_or_equals_with_any_byte_flipped(tmp_path):
    """One bit, and all bits, of every byte of the file: never a traceback, never another network.

    The archive's second headers, dates and attributes carry nothing, so that such a file may still
    be read.
    """
    path = tmp_path / "n.npz"
    network = small()
    network.save(path)
    data, taken = path.read_bytes(), 0
    for at in range(len(data)):
        for mask in (1 << at % 8, 0xFF):
            path.write_bytes(data[:at] + bytes([data[at] ^ mask]) + data[at + 1:])
            if refused(path) is None:
                assert same(load(path), network), f"byte {at}: another network"
                taken += 1
    assert 0 < taken < len(data)


JUNK = (None, True, -1, 0, 3, 2**70, 0.5, 1e300, float("nan"), "x", [], [1, 2, 3], {}, [None],
        "bernoulli")


def test_refuses_or_reads_any_header(tmp_path):
    """Every field of the header replaced by junk: one line or a valid network."""
    path = tmp_path / "n.npz"
    network = small(layers=(Pool("sum", 1, 1), *small().layers))
    network.save(path)
    header, _ = flatten(network)
    for junk in JUNK:
        for key in header:
            rewrite(path, {**header, key: junk})
            refused(path)
        for n, entry in enumerate(header["layers"]):
            for key in entry:
                layers = list(header["layers"])
                layers[n] = {**entry, key: junk}
                rewrite(path, {**header, "layers": layers})
                refused(path)


@pytest.mark.parametrize("changes, rule", [
    ({"steps": 0}, "steps must be 1 to 1023, not 0"),
    ({"steps": 1024}, "steps must be 1 to 1023, not 1024"),
    ({"shape": (2, 1)}, r"the input shape must be \(C, H, W\)"),
    ({"encoder": "poisson"}, "encoder must be one of bernoulli, frames, ternary, current, "
                              "latency, graded, not"),
    ({"readout": "sum"}, "readout must be one of membrane, count, first, not sum"),
    ({"readout": "count"}, 'readout "count" needs a last layer that spikes'),
    ({"seed": 0}, r"seed must be 1 to 2\*\*32 - 1, not 0"),
    ({"layers": ()}, "the last layer must be a weighted one"),
    ({"layers": (Pool("sum", 1, 1),)}, "the last layer must be a weighted one"),
    ({"layers": (Pool("sum", 2, 1), *small().layers)}, "a kernel of 2 does not fit a map of 1 x 1"),
    ({"shape": (3, 1, 1)}, "convolution takes 2 channels in each of 1 groups"),
])
def test_rules_of_networks(changes, rule):
    with pytest.raises(BadInput, match=rule):
        small(**changes)


def test_max_pooling_needs_spikes():
    """The same Pool may stand in two places; each is judged by what comes before it."""
    weights, pool = np.ones((1, 1, 1, 1), dtype=np.int64), Pool("max", 1, 1)
    spiking = Layer(weights, 2, Neuron(np.int64(1), np.int64(0)))
    last = Layer(np.ones((1, 1), dtype=np.int64), 2, QUIET)
    Network((1, 1, 1), 2, (pool, spiking, pool, last))
    with pytest.raises(BadInput, match="layer 4 of 5: max pooling needs spikes"):
        Network((1, 1, 1), 2, (pool, spiking, Pool("sum", 1, 1), pool, last))


def test_from_memory_or_disk_alike(tmp_path):
    """A file of arrays only, saved by numpy itself, with floats that are whole numbers."""
    path, buffer = tmp_path / "n.npz", io.BytesIO()
    header, arrays = flatten(small())
    np.savez(buffer, header=json.dumps(header),
             **{key: values.astype(float) for key, values in arrays.items()})
    path.write_bytes(buffer.getvalue())
    assert same(load(path), small())


@pytest.mark.slow
def test_twelve_million_weights_load_at_once(tmp_path):
    """In under 2 seconds of the CPU, and without a second copy of them in memory."""
    sizes, rng, layers = (3072, 3000, 1000, 10), np.random.default_rng(1), []
    for before, after in pairwise(sizes):
        last = after == sizes[-1]
        layers.append(Layer(weights=rng.integers(-8, 8, (after, before)), bits=4, neuron=Neuron(
            threshold=np.int64(500), leak=np.int64(0 if last else 4096),
            reset="none" if last else "subtract")))
    made = Network(shape=(3, 32, 32), steps=16, layers=tuple(layers), name="large")
    made.save(tmp_path / "large.npz")
    began = time.process_time()
    found = load(tmp_path / "large.npz")
    assert time.process_time() - began < 2
    weights = sum(layer.weights.nbytes for layer in found.layers)
    assert weights == 8 * 12_226_000 and found.digest == made.digest
    tracemalloc.start()
    load(tmp_path / "large.npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.3 * weights
