"""The driver against the gateware that it will meet, over wires that lose and bend bytes."""

import random
from dataclasses import replace

import numpy as np
import pytest

from boards.host import Board, LinkError
from boards.protocol.codec import Kind, seal, stuff, unseal
from boards.protocol.identity import Identity
from golden.formats import map_top
from golden.io.errors import BadInput
from hw.interface import Register
from tests.helpers.identities import plain_identity
from verify.standin import Bypassed, Standin, Wire

pytestmark = pytest.mark.slow


def board(dut, *, retries=4, **options):
    """A Board on a simulated wire; its timeouts are 2,000 cycles, its first number is 1."""
    wire = Wire(Bypassed(dut), **options)
    found = Board(wire, baud=wire.baud, timeout=2e-3, retries=retries, clock=wire.clock)
    found._seq = 0
    return found


def images(count, shape):
    return np.random.default_rng(1).integers(0, 256, (count, *shape), dtype=np.uint8)


def assert_equal(result, dut, image, written, number):
    """``result`` is what the stand-in computes, put in order."""
    maps, scores, counts = dut.model(image, written, number)
    steps, at = dut.network.steps, 0
    for stage in dut.network.stages:
        _, height, width = stage.shape
        size = steps * height * width
        rows = maps[at:at + size].reshape(height, width, steps)
        at += size
        got = result.maps[stage.index]
        assert got.shape == (steps, height, width) and got.dtype == np.int32
        assert all((got[t] == rows[..., t]).all() for t in range(steps))
    first, last = scores[:2 * steps].reshape(steps, 2), scores[2 * steps:].reshape(steps, 1)
    assert (result.scores == np.hstack([first, last])).all()
    assert (result.logits == result.scores[-1]).all() and result.scores.dtype == np.int32
    assert list(result.counts) == list(counts[:2]) and result.cycles == counts[2]
    assert result.corrupt == (number % 2 == 0)
    assert result.pred == int(np.argmax(result.logits))


@pytest.mark.parametrize("shape, pace", [((1, 15, 20), 1), ((3, 2, 3), 5)])
def test_explains(shape, pace):
    """Two images one after the other, in one and in two blocks, on a chip that was loaded."""
    dut = Standin(shape=shape, pace=pace, words=150)
    written = [*((0, k, 1000 + k) for k in range(150)), (8, 7, 9), (9, 1023, 5), (1, 0, 2)]
    with board(dut) as chip:
        told = chip.identify()
        assert (told.channels, told.height, told.width) == shape
        assert told.label == "0" * 16 and told.digest == dut.network.digest
        chip.load(written, label=told.digest)
        assert chip.identify().label == told.digest
        chip.set_register(Register.MODE, 1)
        written.append((1, 0, 1))
        for number, image in enumerate(images(2, shape), 1):
            assert_equal(chip.explain(image), dut, image, written, number)
        assert chip.damaged == chip.repeated == 0


def test_writes_across_a_page():
    """Words 200 to 299 in one request: both bytes of the index count."""
    dut = Standin(shape=(1, 1, 4))
    with board(dut) as chip:
        chip._write(Kind.WEIGHTS, 200, range(100))
        image = images(1, (1, 1, 4))[0]
        assert_equal(chip.explain(image), dut, image, [(0, 200 + k, k) for k in range(100)], 1)


@pytest.mark.parametrize("counters, width", [(True, 16), (False, 19)])
def test_counts_map_values_at_the_top(counters, width):
    """Of 28 values one is at the top in the first image, and none in the second."""
    dut, top = Standin(shape=(1, 1, 4), map_width=width), map_top(width)
    wire = Wire(Bypassed(dut, counters=counters))
    with Board(wire, baud=wire.baud, timeout=2e-3, clock=wire.clock) as chip:
        for writes, some in (([(0, 0, top - 10 & 0xFFFF)] + [(0, 0, 0xFFFF)] * (top >> 16)
                              + [(0, 0, top >> 16)], 1), ([(0, 0, 100)], 0)):
            chip.configure(writes)
            result = chip.explain(np.zeros((1, 1, 4), np.uint8))
            values = np.concatenate([rows.ravel() for rows in result.maps.values()])
            assert result.saturated == (values == top).sum() == some


@pytest.mark.parametrize("direction", ["up", "down"])
def test_repairs(direction):
    """Every third piece on the wire is damaged or lost: results are late, never wrong."""
    rng = random.Random(0)

    def harm(some, where):
        some = bytearray(some)
        if where == direction and rng.random() < 0.3:
            if rng.random() < 0.5:
                some[rng.randrange(len(some))] ^= 1 << rng.randrange(8)
            else:
                del some[rng.randrange(len(some))]
        return bytes(some)

    dut = Standin(shape=(1, 1, 4))
    with board(dut, harm=harm, retries=20) as chip:
        for image in images(4, (1, 1, 4)):
            result = chip.explain(image)
            # Its third count, the runs so far, depends on how many had to be repeated.
            assert_equal(result, dut, image, [], result.cycles)
        assert chip.repeated > 0


def test_finds_a_lost_frame():
    """One frame of results taken out whole: the image is run again."""
    waiting, lost = bytearray(), []

    def harm(some, where):
        if where == "down":
            return some
        waiting.extend(some)
        *frames, rest = waiting.split(b"~")
        waiting[:] = rest
        for frame in frames:
            if Kind.MAPS in frame[:3] and not lost:
                lost.append(frame)
                frames.remove(frame)
        return b"".join(frame + b"~" for frame in frames)

    dut = Standin(shape=(1, 1, 4))
    with board(dut, harm=harm) as chip:
        image = images(1, (1, 1, 4))[0]
        assert_equal(chip.explain(image), dut, image, [], 1)  # a reset forgets the first run
        assert chip.repeated == 1 and lost


class Mute:
    """A port on which nobody answers, or somebody else does."""

    def __init__(self, answer=b""):
        self.now, self.answer = 0.0, answer

    def write(self, some):
        pass

    def read(self, size):
        self.now += 0.1
        return self.answer

    def clock(self):
        return self.now


@pytest.mark.parametrize("port, text", [
    (Mute(), "no answer to IDENTIFY in 3 times 1 s"),
    (Mute(b"Welcome to ttyUSB0\r\n~"), "bytes came but no frame: another device, or not at"),
    (Mute(b"\x01" * 5000), "bytes came but no frame: another device, or not at 1000000 baud"),
])
def test_gives_up_in_time(port, text):
    with pytest.raises(LinkError, match=text):
        with Board(port, retries=2, clock=port.clock):
            pass
    assert port.now < 4


@pytest.mark.parametrize("other", [5, 9])
def test_tells_versions_apart(other, monkeypatch):
    monkeypatch.setattr("boards.host.secrets.randbelow", lambda _: 0)
    told = bytearray(plain_identity().pack())
    told[3] = other
    port = Mute(stuff(seal(1, Kind.ANSWER, bytes(told))))
    with pytest.raises(LinkError, match=f"speaks protocol version {other}, this program version 6"):
        with Board(port, clock=port.clock):
            pass


def test_refuses_bad_input():
    with board(Standin()) as chip:
        for image, text in [(np.zeros((14, 20), np.uint8), r"image must be \(1, 15, 20\)"),
                            (np.zeros((15, 20)), "image must be of uint8, not float64")]:
            with pytest.raises(BadInput, match=text):
                chip.explain(image)
        with pytest.raises(BadInput, match="writes: index and word must be 0 to 65535"):
            chip.load([(0, 0, 0), (0, 1, -1)], label="0" * 16)
        with pytest.raises(BadInput, match="writes each of its 8 weight words once; these are 2"):
            chip.load([(0, 0, 0), (0, 1, 1)], label="0" * 16)
        with pytest.raises(BadInput, match="weights: words must be 0 to 65535, not -1 to 0"):
            chip._write(Kind.WEIGHTS, 0, [0, -1])
        with pytest.raises(BadInput, match="writes must be rows of space .0, 1 or 8 to 15., i"):
            chip.load([(2, 0, 0)], label="0" * 16)
        with pytest.raises(BadInput, match="label must be 16 hex digits"):
            chip.load([(0, 0, 0)], label="abc")
        with pytest.raises(BadInput, match="seed must be 1 to"):
            chip.set_seed(0)
    with pytest.raises(LinkError, match="not open"):
        chip.identify()


def test_identity_round_trip():
    from boards.platform.top import identify
    told = replace(identify(Standin(), clock_hz=48_000_000), signature="12345678")
    assert Identity.unpack(told.pack()) == told
    with pytest.raises(ValueError, match="not a SAM accelerator"):
        Identity.unpack(b"ABC" + told.pack()[3:])
    for wrong in (told.pack() + b"\0", told.pack()[:-1], told.pack()[:20]):
        with pytest.raises(ValueError, match="an identity (of|that ends)"):
            Identity.unpack(wrong)
    for size in range(4):
        with pytest.raises(ValueError, match="not a SAM accelerator"):
            Identity.unpack(told.pack()[:size])


def test_frames_are_checked():
    frame = seal(3, Kind.PIXELS, b"abc")
    assert unseal(frame) == (3, Kind.PIXELS, b"abc")
    for k in range(8 * len(frame)):
        harmed = bytearray(frame)
        harmed[k // 8] ^= 1 << k % 8
        assert unseal(harmed) is None
    assert unseal(b"\xff\xff") is None
    with pytest.raises(ValueError, match="a frame must be at most 253 bytes, not 254"):
        seal(0, Kind.PIXELS, bytes(250))
