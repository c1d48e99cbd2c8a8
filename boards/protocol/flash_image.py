"""What lies in flash behind the bitstream: the requests that load a network, as on the wire."""

import struct
import zlib
from collections.abc import Iterator

from boards.host import load_requests
from boards.protocol.codec import FLAG, seal, stuff, unseal, unstuff
from boards.protocol.flash_blocks import CONTENTS, blocked, unblocked
from golden.io.errors import BadInput

__all__ = ["FRAMES", "HEADER", "OFFSET", "flash_image", "padded", "requests", "unpacked"]

OFFSET = 0x40000                     # of the image in flash: beyond the bitstream of any iCE40
HEADER = struct.Struct(">4sBxxxII")  # magic, version, length and CRC-32 of the blocks
FRAMES = OFFSET + HEADER.size        # where the loader begins to read
MAGIC, VERSION = b"SAMW", 2


def flash_image(writes, *, label):
    """Header and blocks of ``writes``, as hw.plan.packing gives them, ended by the label.

    The frames lie in blocks (boards.protocol.flash_blocks), filled up by empty frames; that of the
    label begins a block of its own, so that the chip has checked all blocks before it reads it, as
    it has each frame by its CRC-16 and its answer. Header and CRC-32 are for programs.
    """
    *frames, last = (stuff(seal(n % 256, kind, payload))
                     for n, (kind, payload) in enumerate(load_requests(writes, label=label), 1))
    fill = bytes([FLAG])
    first = b"".join(frames)
    first += fill * (-len(first) % CONTENTS)
    blocks = blocked(first + last, fill=fill)
    return HEADER.pack(MAGIC, VERSION, len(blocks), zlib.crc32(blocks)) + blocks


def requests(frames: bytes) -> Iterator[tuple[int, bytes]]:
    """(kind, payload) of each request in the frames of an image, in order."""
    for piece in frames.split(bytes([FLAG]))[:-1]:
        frame = unseal(unstuff(piece) or b"")
        if frame:
            yield frame[1:]


def padded(bitstream: bytes) -> bytes:
    """A bitstream filled up to OFFSET; BadInput if it is longer."""
    if len(bitstream) > OFFSET:
        raise BadInput(f"a bitstream must be at most {OFFSET} bytes, not {len(bitstream)}")
    return bitstream + b"\xff" * (OFFSET - len(bitstream))


def unpacked(flash: bytes, where: str = "flash.bin") -> tuple[bytes, bytes]:
    """(bitstream as filled up, frames) of a file's bytes; BadInput if it is none, or damaged."""
    header = flash[OFFSET:OFFSET + HEADER.size]
    if len(header) < HEADER.size:
        raise BadInput(f"{where}: ends before the weight image at {OFFSET:#x}")
    magic, version, length, check = HEADER.unpack(header)
    blocks = flash[OFFSET + HEADER.size:]
    if magic != MAGIC:
        raise BadInput(f"{where}: no weight image at {OFFSET:#x}")
    if version != VERSION:
        raise BadInput(f"{where}: a weight image of version {version}, this program reads version "
                       f"{VERSION}: build anew")
    if len(blocks) != length:
        raise BadInput(f"{where}: the weight image must be {length} bytes, not {len(blocks)}")
    if zlib.crc32(blocks) != check:
        raise BadInput(f"{where}: the CRC of the weight image is wrong")
    try:
        return flash[:OFFSET], unblocked(blocks)
    except ValueError as error:
        raise BadInput(f"{where}: {error}") from None
