"""What lies in flash behind the bitstream: the requests that load a network, as on the wire."""

import struct
import zlib

from boards.host import load_requests
from boards.protocol.codec import FLAG, seal, stuff, unseal, unstuff
from golden.io.errors import BadInput

__all__ = ["FRAMES", "HEADER", "OFFSET", "flash_image", "padded", "requests", "unpacked"]

OFFSET = 0x40000                     # of the image in flash: beyond the bitstream of any iCE40
HEADER = struct.Struct(">4sBxxxII")  # magic, version, length and CRC-32 of the frames
FRAMES = OFFSET + HEADER.size        # where the loader begins to read
MAGIC, VERSION = b"SAMW", 1


def flash_image(writes, *, label):
    """Header and frames of ``writes``, as hw.plan.packing gives them, ended by the label.

    The chip checks each frame by its CRC-16 and its answer; header and CRC-32 are for programs.
    """
    frames = b"".join(stuff(seal(n % 256, kind, payload))
                      for n, (kind, payload) in enumerate(load_requests(writes, label=label), 1))
    return HEADER.pack(MAGIC, VERSION, len(frames), zlib.crc32(frames)) + frames


def requests(frames):
    """(kind, payload) of each request in the frames of an image, in order."""
    for piece in frames.split(bytes([FLAG]))[:-1]:
        frame = unseal(unstuff(piece) or b"")
        if frame:
            yield frame[1:]


def padded(bitstream):
    """A bitstream filled up to OFFSET; BadInput if it is longer."""
    if len(bitstream) > OFFSET:
        raise BadInput(f"a bitstream must be at most {OFFSET} bytes, not {len(bitstream)}")
    return bitstream + b"\xff" * (OFFSET - len(bitstream))


def unpacked(flash, where="flash.bin"):
    """(bitstream as filled up, frames) of a file's bytes; BadInput if it is none, or damaged."""
    header = flash[OFFSET:OFFSET + HEADER.size]
    if len(header) < HEADER.size:
        raise BadInput(f"{where}: ends before the weight image at {OFFSET:#x}")
    magic, version, length, check = HEADER.unpack(header)
    frames = flash[OFFSET + HEADER.size:]
    if (magic, version) != (MAGIC, VERSION):
        raise BadInput(f"{where}: no weight image of version {VERSION} at {OFFSET:#x}")
    if len(frames) != length:
        raise BadInput(f"{where}: the weight image must be {length} bytes, not {len(frames)}")
    if zlib.crc32(frames) != check:
        raise BadInput(f"{where}: the CRC of the weight image is wrong")
    return flash[:OFFSET], frames
