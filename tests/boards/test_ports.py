"""Real serial devices, as far as a pseudo terminal is one: the driver's way through pySerial."""

import os
import select
import threading

import numpy as np
import pytest

from boards.host import Board, LinkError
from boards.platform.top import Top
from boards.ports import open_port
from boards.protocol.codec import FLAG, Kind, seal, stuff, unseal, unstuff
from golden.formats import exp_table
from golden.run import run
from hw.accelerator import Accelerator
from hw.plan.packing import configuration
from sim.pins import SimulatedPort
from tests.helpers.identities import plain_identity
from verify.networks import draw, images

pytestmark = pytest.mark.slow

TOLD = plain_identity(width=4)


class Peer:
    """What is at the other end of a pseudo terminal named ``name``."""

    def __init__(self, answer):
        self.master, slave = os.openpty()
        self.name = os.ttyname(slave)
        self._slave, self._answer, self._ends = slave, answer, False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ends = True
        self._thread.join()
        self.unplug()

    def _serve(self):
        while not self._ends:
            ready, _, _ = select.select([self.master], [], [], 0.01)
            some = os.read(self.master, 4096) if ready else b""
            found = self._answer(some)
            if found is None:
                self.unplug()
                return
            if found:
                os.write(self.master, found)

    def unplug(self):
        """Close both ends."""
        for handle in (self.master, self._slave):
            try:
                os.close(handle)
            except OSError:
                pass


def chip(version=None, unplugged=False):
    """Answer of a chip that knows IDENTIFY and RESET; it vanishes at the first pixels if told."""
    told = bytearray(TOLD.pack())
    if version is not None:
        told[3] = version
    waiting = bytearray()

    def answer(some):
        waiting.extend(some)
        *pieces, rest = waiting.split(bytes([FLAG]))
        waiting[:] = rest
        found = b""
        for piece in pieces:
            frame = unseal(unstuff(bytes(piece)) or b"")
            if frame and frame[1] == Kind.PIXELS and unplugged:
                return None
            if frame:
                found += stuff(seal(frame[0], Kind.ANSWER,
                                    bytes(told) if frame[1] == Kind.IDENTIFY else b""))
        return found

    return answer


def test_a_chip_behind_a_terminal():
    """Identify, load, run: the simulated chip over the operating system's own serial line."""
    network = draw(3, steps=(4,), plain=True)
    accelerator = Accelerator(network)
    top = Top(accelerator, clock_hz=4_000_000, baud=1_000_000)
    some = images(network, 2)
    wanted = run(some, network)
    with SimulatedPort(top, quick=True) as port:
        def answer(sent):
            if sent:
                port.write(sent)
            return port.read(cycles=5000)

        with Peer(answer) as peer, Board(peer.name, timeout=5) as board:
            board.load(configuration(accelerator.plan, table=exp_table(0.5, network.steps),
                                     mode="paper"), label=network.digest)
            for n, image in enumerate(some):
                result = board.explain(image)
                assert (result.scores == wanted.scores[n]).all()
                assert all((rows == wanted.maps[tap][n]).all()
                           for tap, rows in result.maps.items())


def failing(answer, then=lambda board: None, **options):
    """The line of the LinkError that using such a device gives."""
    with Peer(answer) as peer:
        with pytest.raises(LinkError) as error, Board(peer.name, **options) as board:
            then(board)
    assert error.value.filename == peer.name
    return error.value.strerror


def test_wrong_device():
    assert "bytes came but no frame: another device, or not at 1000000 baud" in failing(
        lambda some: b"login: " if some else b"", timeout=0.2, retries=1)
    assert failing(lambda some: b"", timeout=0.1, retries=1) == (
        "no answer to IDENTIFY in 2 times 0.1 s")


def test_other_firmware():
    assert failing(chip(version=2)) == (
        "the chip speaks protocol version 2, this program version 6: build and flash the chip "
        "anew, or use its program")


def test_unplugged_in_mid_run():
    said = failing(chip(unplugged=True),
                   lambda board: board.explain(np.zeros((1, 4), np.uint8)))
    assert said.startswith("unplugged?")


def test_busy_and_absent():
    with Peer(lambda some: b"") as peer:
        first = open_port(peer.name, 1_000_000)
        with pytest.raises(LinkError, match="another program uses this port"):
            open_port(peer.name, 1_000_000)
        first.close()
    with pytest.raises(LinkError, match="there is no such port"):
        open_port("/dev/nowhere", 1_000_000)
