"""What lies in flash behind the bitstream: the requests that load a network, as on the wire."""

import struct
import zlib
from collections.abc import Iterator

from boards.host import load_requests
from boards.protocol.codec import FLAG, seal, stuff, unseal, unstuff
from boards.protocol.flash_blocks import CONTENTS, blocked, unblocked
from golden.io.errors import BadInput

__all__ = ["FRAMES", "HEADER", "OFFSET", "STREAM", "WORDS", "flash_image", "padded", "requests",
           "stream_image", "unpacked", "with_stream"]

OFFSET = 0x40000                     # of the image in flash: beyond the bitstream of any iCE40
HEADER = struct.Struct(">4sBxxxII")  # magic, version, length and CRC-32 of the blocks
FRAMES = OFFSET + HEADER.size        # where the loader begins to read
MAGIC, VERSION = b"SAMW", 2
STREAM = 0x80000                     # of the weights that are streamed, behind the image
WORDS  = STREAM + HEADER.size        # where their blocks begin
STREAMED = b"SAMS"                   # their magic


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


def stream_image(words) -> bytes:
    """Header and blocks of the words of an image (hw.plan.streaming), each the lower byte first."""
    blocks = blocked(words.astype("<u2").tobytes())
    return HEADER.pack(STREAMED, VERSION, len(blocks), zlib.crc32(blocks)) + blocks


def check_stream(found: bytes, where: str) -> None:
    """Raise BadInput where the header and blocks of streamed weights are damaged or cut short."""
    _, version, length, check = HEADER.unpack(found[:HEADER.size].ljust(HEADER.size, b"\0"))
    blocks = found[HEADER.size:]
    if not blocks or (version, len(blocks), zlib.crc32(blocks)) != (VERSION, length, check):
        raise BadInput(f"{where}: the streamed weights at {STREAM:#x} are damaged or cut short: "
                       "build anew")


def with_stream(flash: bytes, words, *, size: int, where: str = "flash.bin") -> bytes:
    """What a flash of ``size`` bytes holds: ``flash``, and behind it the words of an image.

    Raises BadInput, with both sizes, where it has no room for them.
    """
    if len(flash) > STREAM:
        raise BadInput(f"{where}: the weight image must end at {STREAM:#x}, where the streamed "
                       f"weights begin, and ends at {len(flash):#x}: stream more layers (--stream)")
    found = flash + b"\xff" * (STREAM - len(flash)) + stream_image(words)
    if len(found) > size:
        raise BadInput(f"{where}: {len(found):,} bytes, {len(found) - size:,} more than the "
                       f"{size:,} of the board's flash; weights of fewer --bits take fewer")
    return found


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
    end = STREAM if flash[STREAM:STREAM + 4] == STREAMED else len(flash)
    blocks = flash[OFFSET + HEADER.size:end]
    if end == STREAM:                     # filled up between the two
        blocks = blocks[:length]
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
        if end == STREAM:
            check_stream(flash[STREAM:], where)
        return flash[:OFFSET], unblocked(blocks)
    except ValueError as error:
        raise BadInput(f"{where}: {error}") from None
