"""Weights from flash at power-up, in the chip simulated at its UART and flash pins."""

import numpy as np
import pytest

from boards.host import Board
from boards.platform.top import Top
from boards.protocol.codec import FLAG
from boards.protocol.flash_blocks import blocked
from boards.protocol.flash_image import FRAMES, OFFSET, flash_image, padded, unpacked
from boards.protocol.identity import Boot
from golden.formats import exp_table
from golden.io.errors import BadInput
from golden.run import run
from hw.accelerator import Accelerator
from hw.plan.packing import configuration
from sim.pins import SimulatedPort
from verify.networks import draw, images

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[4, 1])
def chip(request):
    """(Top, writes, flash.bin) of a small network, its flash read by four lines and by one."""
    network = draw(3, steps=(4,), plain=True)
    accelerator = Accelerator(network)
    top = Top(accelerator, clock_hz=4_000_000, baud=1_000_000, boot=FRAMES,
              flash_lines=request.param)
    writes = configuration(accelerator.plan, table=exp_table(0.5, network.steps), mode="paper")
    return top, writes, padded(b"bitstream") + flash_image(writes, label=network.digest)


def powered(top, flash):
    """Port of a chip that has just been powered up with this flash."""
    port = SimulatedPort(top, quick=True, flash=flash)
    port.read(cycles=40 * (len(flash) - OFFSET) + 60_000)
    return port


def assert_explains(board, network):
    some = images(network, 2)
    wanted = run(some, network)
    for n, image in enumerate(some):
        result = board.explain(image)
        assert (result.scores == wanted.scores[n]).all()
        assert all((result.maps[tap] == wanted.maps[tap][n]).all() for tap in network.taps)


def test_boots_the_weights(chip):
    """Nothing is loaded over the wire, and everything is golden's; a reset changes nothing."""
    top, _, flash = chip
    network = top.accelerator.network
    with powered(top, flash) as port, Board(port, timeout=20e-3, clock=port.clock) as board:
        told = board.identify()
        assert (told.boot, told.label) == (Boot.LOADED, network.digest) and not port.failed
        assert_explains(board, network)
        board.reset()
        assert_explains(board, network)


def damaged(flash, where, how):
    """``flash`` with one thing wrong."""
    some = bytearray(flash)
    *others, label = range(FRAMES, len(some), 256)
    if how == "bit":
        some[where] ^= 8
    elif how == "erased":
        some[FRAMES:] = b"\xff" * (len(some) - FRAMES)
    elif how == "zero":
        some[FRAMES:] = bytes(len(some) - FRAMES)
    elif how == "cut":
        some = some[:(FRAMES + len(some)) // 2]
    elif how == "no label":
        some = some[:label]
    elif how == "absent":
        some = some[:OFFSET]
    elif how == "flag":
        some[where] = FLAG
    elif how == "flags":
        some[FRAMES:] = blocked(bytes([FLAG]) * 254 * 8)
    elif how == "blocks changed places":
        first, second = others[:2]
        some[first:second + 256] = some[second:second + 256] + some[first:second]
    elif how == "the check":
        some[others[1] - 1] ^= 1          # of a block whose frames are right
    elif how == "older":
        frames = unpacked(bytes(some))[1]
        some[FRAMES:] = frames
    return bytes(some)


@pytest.mark.parametrize("how, share", [
    ("bit", 0.0), ("bit", 0.3), ("bit", 0.6), ("flag", 0.3), ("erased", 0), ("zero", 0),
    ("cut", 0), ("no label", 0), ("absent", 0), ("flags", 0), ("blocks changed places", 0),
    ("the check", 0), ("older", 0)])
def test_refuses_damaged_images(chip, how, share):
    """The red LED and the identity say so, the label stays 0; loading over the wire still works."""
    top, writes, flash = chip
    network = top.accelerator.network
    where = FRAMES + int(share * (len(flash) - FRAMES - 1))
    with (powered(top, damaged(flash, where, how)) as port,
          Board(port, timeout=20e-3, clock=port.clock) as board):
        told = board.identify()
        assert told.boot == Boot.REFUSED and port.failed and told.label == "0" * 16
        board.load(writes, label=network.digest)
        assert board.identify().label == network.digest
        assert_explains(board, network)


def test_file_is_checked(chip):
    _, writes, flash = chip
    bitstream, frames = unpacked(flash)
    assert bitstream.startswith(b"bitstream") and len(bitstream) == OFFSET
    assert flash_image(writes, label="0" * 16) != flash[OFFSET:]
    for wrong, text in (
            (flash[:OFFSET + 3], "ends before the weight image"),
            (flash[:OFFSET] + b"SAMX" + flash[OFFSET + 4:], "no weight image at 0x40000"),
            (flash[:OFFSET + 4] + b"\1" + flash[OFFSET + 5:], "a weight image of version 1, this "
                                                              "program reads version 2: build"),
            (flash[:-1], "the weight image must be"),
            (flash[:-1] + b"x", "the CRC of the weight image is wrong")):
        with pytest.raises(BadInput, match=text):
            unpacked(wrong)
    with pytest.raises(BadInput, match="a bitstream must be at most"):
        padded(np.zeros(OFFSET + 1, np.uint8).tobytes())
