"""The signature that a chip computes of its weight memory, and what the driver makes of it."""

from dataclasses import replace

import numpy as np
import pytest

from apps.backends import ChipBackend
from boards import host
from boards.host import Board, LinkError
from boards.platform.top import Top
from boards.protocol.codec import Kind
from boards.protocol.flash_image import FRAMES, OFFSET, flash_image, padded
from boards.protocol.identity import Boot
from golden.formats import exp_table
from golden.run import run
from hw.accelerator import Accelerator
from hw.plan.packing import configuration, signature
from hw.plan.reload import reload
from sim.pins import SimulatedPort
from verify.networks import draw, images

pytestmark = pytest.mark.slow

POLYNOMIAL = 1 << 32 | 1 << 22 | 1 << 2 | 1 << 1 | 1


def long_division(words):
    """The same signature, a bit at a time."""
    s, tops = 0, []
    for word in [*np.repeat(words, 2).tolist(), *6 * words[-1:]]:
        for _ in range(8):
            s <<= 1
            s ^= POLYNOMIAL if s >> 32 else 0
        s ^= word
        tops.append(s >> 24)
    return int.from_bytes(bytes(tops[-4:]), "big")


def some_words(count, seed=0):
    return np.random.default_rng(seed).integers(0, 2**16, count).tolist()


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 100])
def test_by_long_division(count):
    words = some_words(count, count)
    assert signature(words) == long_division(words)


@pytest.mark.parametrize("count", [1, 2, 5, 40, 1000])
def test_any_change_of_two_words_beside_each_other_shows(count):
    """The 32 differences of single bits are independent, so no sum of them is 0."""
    zero = signature([0] * count)
    for at in {0, count // 2, max(0, count - 2)}:
        rows = []
        for n in range(at, min(at + 2, count)):
            for bit in range(16):
                words = [0] * count
                words[n] = 1 << bit
                rows.append(signature(words) ^ zero)
        rank = 0
        for bit in range(32):
            pivot = next((row for row in rows if row >> bit & 1), None)
            if pivot is not None:
                rows = [row ^ pivot if row >> bit & 1 else row for row in rows if row is not pivot]
                rank += 1
        assert rank == 16 * min(2, count - at)


def test_places_count():
    words = some_words(200)
    every = [words, words[::-1], words[1:] + words[:1], words + [0]]
    for n in range(199):
        turned, some = words[:], bytearray(np.array(words, ">u2").tobytes())
        turned[n], turned[n + 1] = turned[n + 1], turned[n]
        # The lower byte of a word and the upper one of the next.
        some[2 * n + 1], some[2 * n + 2] = some[2 * n + 2], some[2 * n + 1]
        every += [turned, np.frombuffer(some, ">u2").tolist()]
    different = set(map(tuple, every))
    assert len({signature(words) for words in different}) == len(different) > 390


class Chip:
    """A network's chip at its simulated pins, and what loads it."""

    def __init__(self, network, lanes, boot=None):
        self.network = network
        self.accelerator = Accelerator(network, lanes=lanes)
        self.top = Top(self.accelerator, clock_hz=4_000_000, baud=1_000_000, boot=boot)
        self.writes = self.of(self.accelerator.plan)

    def of(self, plan):
        return configuration(plan, table=exp_table(0.5, plan.network.steps), mode="paper")

    def port(self, flash=b""):
        return SimulatedPort(self.top, quick=True, flash=flash)

    @staticmethod
    def board(port, **options):
        return Board(port, timeout=20e-3, clock=port.clock, **options)


def weights(writes):
    return writes[writes[:, 0] == 0, 2].tolist()


@pytest.fixture(scope="module")
def chip():
    return Chip(draw(3, steps=(4,), plain=True), 4)


@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16])
def test_chip_and_model_agree(lanes):
    """Rows of one word to several; images are still golden's afterwards."""
    chip = Chip(draw(3, steps=(4,), plain=True), lanes)
    plan, network = chip.accelerator.plan, chip.network
    some = images(network, 1)
    wanted = run(some, network)
    with chip.port() as port, chip.board(port) as board:
        assert board.identify().signature == "0" * 8
        board.load(chip.writes, label=network.digest)
        told = board.identify()
        assert told.words == len(weights(chip.writes)) == plan.weight_rows * plan.row_words
        assert told.signature == f"{long_division(weights(chip.writes)):08x}"
        for _ in range(2):
            assert (board.explain(some[0]).scores == wanted.scores[0]).all()
            assert board.holds(chip.writes)
        assert board.identify().label == network.digest and board.repeated == 0


def test_rows_of_many_words_were_among_them():
    found = {Chip(draw(3, steps=(4,), plain=True), lanes).accelerator.plan.row_words
             for lanes in (1, 2, 4, 8, 16)}
    assert len(found) >= 3


def test_what_was_written_shows_and_how_does_not(chip):
    """Parts written later, in any order and twice; a word astray; two that changed places."""
    with chip.port() as port, chip.board(port) as board:
        board.load(chip.writes, label=chip.network.digest)
        rows = chip.writes[chip.writes[:, 0] == 0].astype(np.int64)
        half = rows[len(rows) // 3:]
        board.configure(half)
        board.configure(half[::-1][:40])
        board.reset()
        assert board.holds(chip.writes)

        first = rows[0]
        other = next(row for row in rows if row[2] != first[2])
        for wrong in ([[0, first[1], first[2] ^ 1]], [[0, rows[-1][1], rows[-1][2] ^ 0x8000]],
                      [[0, first[1], other[2]], [0, other[1], first[2]]]):
            board.configure(wrong)
            assert not board.holds(chip.writes)
            board.configure([first, other, rows[-1]])
            assert board.holds(chip.writes)


def test_is_of_when_the_label_was_written(chip):
    """Written later it stays as it was, until LABEL is written; images go on as before."""
    image = images(chip.network, 1)[0]
    with chip.port() as port, chip.board(port) as board:
        board.load(chip.writes, label=chip.network.digest)
        before = board.identify().signature
        board.configure([(0, 0, weights(chip.writes)[0] ^ 4)])
        assert board.identify().signature == before
        board._request([(Kind.LABEL, bytes(2))])
        assert board.identify().signature != before
        board.configure([(0, 0, weights(chip.writes)[0])])
        wanted = run(image[None], chip.network)
        assert (board.explain(image).scores == wanted.scores[0]).all()


def test_another_network_of_the_same_shape(chip):
    """hw.plan.reload: the driver loads and checks its weights as those of the first."""
    network = chip.network
    layers = []
    for layer in network.layers:
        if hasattr(layer, "weights"):
            layer = replace(layer, weights=layer.weights[::-1].copy())
        layers.append(layer)
    other = type(network)(**{**{name: getattr(network, name) for name in
                                network.__dataclass_fields__}, "layers": tuple(layers)})
    writes = chip.of(reload(chip.accelerator.plan, other))
    assert weights(writes) != weights(chip.writes)
    with chip.port() as port, chip.board(port) as board:
        board.load(chip.writes, label=network.digest)
        board.load(writes, label=other.digest)
        told = board.identify()
        assert told.signature == f"{signature(weights(writes)):08x}" and told.label == other.digest
        assert board.holds(writes) and not board.holds(chip.writes)


class Forgetful(Board):
    """Loads all but one word, as a driver with a fault would."""

    def configure(self, writes):
        writes = np.asarray(writes)
        super().configure(np.delete(writes, np.flatnonzero(writes[:, 2])[0], axis=0))


def test_a_load_that_failed_does_not_pass(chip):
    """One word missing: an error that tells both signatures, and the label is 0."""
    with chip.port() as port:
        with Forgetful(port, timeout=20e-3, clock=port.clock) as board:
            with pytest.raises(LinkError, match="the chip holds other weights than were written: "
                                                "their signature is [0-9a-f]{8}, not [0-9a-f]{8}"):
                board.load(chip.writes, label=chip.network.digest)
            assert board.identify().label == "0" * 16


def test_a_label_alone_is_not_believed(chip):
    """Other weights under this network's label: refused in one line. A true label is not loaded."""
    words = chip.writes.astype(np.int64)
    words[words[:, 0] == 0, 2] ^= 1
    with chip.port() as port, chip.board(port) as board:
        board.load(words, label=chip.network.digest)
        with pytest.raises(LinkError, match="labelled .* but by their signature they are others"):
            ChipBackend(board, chip.network)
        board.load(chip.writes, label=chip.network.digest)
        before = board.sent
        engine = ChipBackend(board, chip.network)
        assert board.sent - before < 500
        image = images(chip.network, 1)[0]
        assert (engine.explain(image).scores == run(image[None], chip.network).scores[0]).all()


def test_flash_is_covered(seed=3):
    """What the loader read at power-up is signed, right or wrong; nothing comes over the wire."""
    chip = Chip(draw(seed, steps=(4,), plain=True), 4, boot=FRAMES)
    digest = chip.network.digest
    wrong = chip.writes.copy()
    wrong[7, 2] ^= 2
    for writes in (chip.writes, wrong):
        flash = padded(b"bits") + flash_image(writes, label=digest)
        with chip.port(flash) as port:
            port.read(cycles=40 * (len(flash) - OFFSET) + 60_000)
            with chip.board(port) as board:
                told = board.identify()
                assert (told.boot, told.label) == (Boot.LOADED, digest)
                assert told.signature == f"{signature(weights(writes)):08x}"
                assert board.holds(chip.writes) == (writes is chip.writes)


def test_the_loader_waits_for_a_memory_longer_than_its_patience(monkeypatch):
    """1,248 words are signed in more cycles than a frame may take (boards.link.boot.PATIENCE)."""
    monkeypatch.setattr("boards.link.boot.PATIENCE", 2500)
    test_flash_is_covered(seed=22)


def test_the_driver_compares(chip, monkeypatch):
    """Without the comparison the tests above would not fail: it is there."""
    monkeypatch.setattr(host, "signature", lambda words: 0)
    with chip.port() as port, chip.board(port) as board:
        with pytest.raises(LinkError, match="not 00000000"):
            board.load(chip.writes, label=chip.network.digest)
