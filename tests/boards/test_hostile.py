"""Under the driver a chip that lies, floods, or was left amid something by another program."""

import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from boards import host
from boards.host import PATIENCE, Board, LinkError
from boards.protocol.codec import (
    BLOCK,
    FLAG,
    Kind,
    bytes_of,
    kind_of,
    seal,
    stuff,
    unseal,
    unstuff,
)
from boards.protocol.identity import Identity
from golden.io.errors import command
from hw.interface import Output
from tests.helpers.identities import plain_outputs

pytestmark = pytest.mark.slow

OUTPUTS = plain_outputs(steps=4, classes=3, lanes=4, taps={1: (4, 4)}, map_bits=16, score_bits=16,
                        layers=1)
SOUND = Identity(
    digest="11" * 8, label="11" * 8, clock_hz=24_000_000, channels=1, height=4, width=4, steps=4,
    classes=3, lanes=4, outputs=OUTPUTS)
IMAGE = np.zeros((1, 4, 4), np.uint8)
TIMEOUT = 1.0
TICK = 1e-2  # seconds that a read takes


class Chip:
    """A port with a well-behaved chip; ``told`` is what it says of itself."""

    def __init__(self, told=SOUND):
        self.told, self.now, self.number, self.seen = told, 0.0, 0, []
        self.out, self._in = bytearray(), b""

    def clock(self):
        return self.now

    def write(self, some):
        *pieces, self._in = (self._in + some).split(bytes([FLAG]))
        for piece in pieces:
            frame = unseal(unstuff(piece) or b"")
            if frame:
                self.seen.append(frame)
                self.request(*frame)

    def read(self, size):
        self.now += TICK
        if len(self.out) < size:
            self.flood()
        some, self.out = bytes(self.out[:size]), self.out[size:]
        return some

    def flood(self):
        """Add to ``out`` when little is left there."""

    def send(self, seq, kind, payload=b""):
        self.out += stuff(seal(seq, kind, payload))

    def result(self, kind, payload, size=BLOCK):
        for at in range(0, len(payload), size):
            self.send(self.number, kind, payload[at:at + size])
            self.number = (self.number + 1) % 256

    def request(self, seq, kind, payload):
        self.send(seq, Kind.ANSWER, self.told.pack() if kind == Kind.IDENTIFY else b"")
        if kind == Kind.PIXELS:
            self.results()

    def results(self, byte=b"\0"):
        for output in self.told.outputs.values():
            self.result(kind_of(output), byte * output.count * bytes_of(output.bits))


def said(chip, retries=2):
    """What explaining an image says when it fails, after bounded time and in bounded memory."""
    tracemalloc.start()
    try:
        with pytest.raises(LinkError) as error:
            with Board(chip, timeout=TIMEOUT, retries=retries, clock=chip.clock) as board:
                board.explain(IMAGE)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()
    assert chip.now < (retries + 2) * (PATIENCE + 1) * TIMEOUT
    return error.value.strerror


class Mute(Chip):
    """Answers nothing; sends ``noise`` as fast as it is read."""

    def __init__(self, noise):
        super().__init__()
        self.noise = noise

    def request(self, seq, kind, payload):
        """No answer."""

    def flood(self):
        self.out += self.noise


@pytest.mark.parametrize("noise", [
    stuff(seal(200, Kind.MAPS, b"\0" * 9)), stuff(seal(0, 0x55)), bytes([FLAG]) * 300,
    b"A" * 100_000, b"}" * 3000 + b"a}" + bytes([FLAG])])
def test_nothing_keeps_a_request_waiting(noise):
    """Sound frames without end, FLAGs, and bytes without one."""
    chip = Mute(noise)
    assert re.search("no answer to IDENTIFY|bytes came but no frame", said(chip))
    assert chip.now < 4 * TIMEOUT


def test_answers_to_others_keep_no_request_waiting():
    """Each number but the right one, over and over."""
    class Others(Mute):
        def flood(self):
            if not self.noise and self.seen:
                wrong = set(range(256)) - {frame[0] for frame in self.seen}
                self.noise = b"".join(stuff(seal(seq, Kind.ANSWER, SOUND.pack())) for seq in wrong)
            super().flood()

    chip = Others(b"")
    assert said(chip).startswith("no answer to IDENTIFY in 3 times 1 s") and chip.now < 4 * TIMEOUT


class Endless(Chip):
    """Sends more and more of one thing instead of the results."""

    def __init__(self, more):
        super().__init__()
        self.more, self.begun = more, False

    def results(self):
        self.begun = True

    def flood(self):
        if self.begun:
            self.more(self)


@pytest.mark.parametrize("more, text", [
    (lambda chip: chip.result(Kind.MAPS, bytes(5000)), "results are longer than the chip"),
    (lambda chip: chip.result(Kind.TRACES, bytes(5000)), "results are longer than the chip"),
    (lambda chip: chip.send(77, Kind.ANSWER), "the results of an image stopped coming"),
    (lambda chip: chip.send(77, 0x99), "the results of an image stopped coming"),
])
def test_nothing_keeps_an_image_waiting(more, text):
    assert said(Endless(more)).startswith(text)


def test_empty_results_keep_no_image_waiting():
    """Result frames in order, without data."""
    def more(chip):
        chip.send(chip.number, Kind.MAPS)
        chip.number = (chip.number + 1) % 256

    assert said(Endless(more)).startswith("the results of an image stopped coming")


def test_a_trickle_ends():
    """A byte of the maps just before each timeout: 30 timeouts, then it is given up."""
    def more(chip):
        if chip.now > chip.__dict__.get("next", 0):
            chip.next = chip.now + 0.9 * TIMEOUT
            chip.result(Kind.MAPS, b"\0")

    assert said(Endless(more), retries=1).startswith("the results of an image did not end")


def changed(name, **fields):
    """OUTPUTS with one of them changed."""
    return {"outputs": {**OUTPUTS, name: replace(OUTPUTS[name], **fields)}}


def further(name, *args):
    return {"outputs": {**OUTPUTS, name: Output(name, *args)}}


PLACE, LAYERS = ("y", "x", "channel"), "layers from 1 on, in order, not "


@pytest.mark.parametrize("wrong, text", [
    ({"clock_hz": 0}, "clock_hz must be at least 1, not 0"),
    ({"channels": 0}, "channels must be at least 1, not 0"),
    ({"height": 0}, "height must be at least 1, not 0"),
    ({"width": 0}, "width must be at least 1, not 0"),
    ({"steps": 0}, "steps must be at least 1, not 0"),
    ({"classes": 0}, "classes must be at least 1, not 0"),
    ({"lanes": 0}, "lanes must be at least 1, not 0"),
    ({"word_steps": 0}, "word_steps must be at least 1, not 0"),
    ({"words": 0}, "words must be 1 to 65536, not 0"),
    ({"words": 2**16 + 1}, "words must be 1 to 65536, not 65537"),
    ({"form": 7}, "form must be 0 to 2, not 7"),
    ({"form": 1}, "words a pixel of maps must be 1 in this form, not [4]"),
    ({"form": 2, **changed("maps", shape={1: (4, 4, 5)})}, "bits of maps must be 8 in this form, "
                                                           "not 16"),
    ({"boot": 9}, "boot must be 0 to 3, not 9"),
    ({"experiments": 255}, "experiments must be 0 or 1, not 255"),
    ({"pixel_bits": 0}, "pixel_bits must be 8, not 0"),
    ({"pixel_bits": 16}, "pixel_bits must be 8, not 16"),
    ({"frames": 1, "pixel_bits": 0}, "pixel_bits must be 1 to 16, not 0"),
    ({"frames": 2}, "frames must be 1 or 4 for 4 steps, not 2"),
    ({"height": 400, "width": 400}, "image_bytes must be at most 61440, not 160000"),
    ({"outputs": {}}, "outputs must be maps, scores, counts, and others, not none"),
    ({"outputs": {name: OUTPUTS[name] for name in ("maps", "counts")}},
     "outputs must be maps, scores, counts, and others, not maps, counts"),
    ({"outputs": {name: OUTPUTS[name] for name in ("scores", "maps", "counts")}},
     "streams before maps must be in order, not ['scores']"),
    (changed("maps", bits=0), "bits of maps must be 1 to 32, not 0"),
    (changed("maps", bits=127), "bits of maps must be 1 to 32, not 127"),
    (changed("scores", bits=0), "bits of scores must be 1 to 32, not 0"),
    (changed("scores", signed=False), "scores must be signed, for 4 steps and 3"),
    (changed("scores", shape={0: (4, 4)}), "scores must be signed, for 4 steps and 3 classes, 4 at "
                                           "once, not 16"),
    (changed("scores", shape={0: (4, 2), 2: (4, 1)}), "scores must be signed, for 4 steps and 3"),
    (changed("maps", shape={1: (4, 4, 3)}), "words a pixel of maps must be 4 in this form, not "),
    (changed("maps", shape={2: (4, 4, 4), 1: (4, 4, 4)}), f"parts of maps must be {LAYERS}[2, 1]"),
    (changed("maps", shape={0: (4, 4, 4)}), f"parts of maps must be {LAYERS}[0]"),
    (changed("maps", shape={1: (0, 4, 4)}), "lengths of maps must be at least 1, not 0"),
    (changed("maps", order=("y", "x", "channel")), "axes of maps must be those of its words, not "
                                                   "y, x, channel"),
    (changed("maps", order=("y", "x", "step")), "axes of maps must be steps in rounds, else words"),
    (changed("maps", round_steps=2), "rounds must be those of maps and scores, at most those"),
    (changed("counts", round_steps=2), "rounds must be those of maps and scores, at most those"),
    (changed("counts", bits=24), "bits of counts must be 32, not 24"),
    (changed("counts", shape={"spikes": (2,), "cycles": (1,)}),
     "parts of counts must be spikes, flags and cycles, in order, not ['spikes', 'cycles']"),
    (changed("counts", shape={"spikes": (2,), "flags": (2,), "cycles": (1,)}),
     "lengths of counts must be one of each behind the spikes, not [2, 1]"),
    (further("traces", PLACE, {1: (1, 1, 1)}, 33), "bits of traces must be 1 to 32, not 33"),
    (further("traces", PLACE, {0: (1, 1, 1)}, 8), f"parts of traces must be {LAYERS}[0]"),
    (further("traces", PLACE, {1: (1, 1, 1), 2: (1, 1, 1)}, 8),
     "parts of traces must be one layer, not [1, 2]"),
    (further("traces", PLACE, {}, 8), f"parts of traces must be {LAYERS}[]"),
    (further("contributions", (), {1: ()}, 8), "axes of contributions must be those of its words"),
    (further("traces", PLACE, {1: (65535, 1000, 1)}, 8), "words of traces must be at most 1677721"),
    ({"outputs": {**further("traces", PLACE, {1: (4096, 4096, 1)}, 8)["outputs"]}},
     "results must be at most 16777216 words, not 16777296"),
])
def test_an_identity_that_makes_no_sense(wrong, text, capsys):
    """Each field, in a frame whose CRC is right; in a command one line and exit code 2."""
    chip = Chip(replace(SOUND, **wrong))
    assert said(chip).startswith("the identity makes no sense: " + text)

    @command
    def main():
        with Board(chip, timeout=TIMEOUT, clock=chip.clock):
            pass

    with pytest.raises(SystemExit, match="2"):
        main()
    assert capsys.readouterr().err.count("\n") == 1


def test_a_sound_identity_is_taken():
    chip = Chip()
    with Board(chip, timeout=TIMEOUT, clock=chip.clock) as board:
        assert board.explain(IMAGE).pred == 0 and board.repeated == 0


def test_programs_begin_at_different_numbers():
    """All 256, evenly enough."""
    starts = [Board(None)._seq for _ in range(4000)]
    assert set(starts) == set(range(256))


def left(stale):
    """Whether a result is an old one, where the first RESET is lost and number ``stale`` answered.

    The image of a program that was killed ends in the meantime.
    """
    class Left(Chip):
        lost = False

        def request(self, seq, kind, payload):
            if kind == Kind.RESET and not self.lost:
                self.lost, self.number = True, 100
                self.send(stale, Kind.ANSWER)
                self.results(b"\7")
            else:
                super().request(seq, kind, payload)

    chip = Left()
    with Board(chip, timeout=TIMEOUT, clock=chip.clock) as board:
        return bool(board.explain(IMAGE).scores.any()), board._seq


@pytest.mark.parametrize("start", [0, 1, 2, 77, 254, 255])
def test_an_old_image_is_never_the_new_ones_answer(start, monkeypatch):
    """A late answer of each number, the right one among them."""
    monkeypatch.setattr(host.secrets, "randbelow", lambda _: start)
    for stale in range(256):
        assert not left(stale)[0]


def test_answers_to_others_are_no_identity():
    """An empty answer that has IDENTIFY's number, and an identity that has RESET's."""
    class Late(Chip):
        def request(self, seq, kind, payload):
            self.send(seq, Kind.ANSWER, b"" if kind == Kind.IDENTIFY else SOUND.pack())
            super().request(seq, kind, payload)

    chip = Late()
    with Board(chip, timeout=TIMEOUT, clock=chip.clock) as board:
        assert board.explain(IMAGE).pred == 0
