"""The bytes between the chip and its host: frames, kinds, registers, errors, stuffing, check.

Gateware, driver and documentation take them from here; boards.protocol.identity has what the chip
says of itself.
"""

import binascii
import enum
import re

from hw.interface import Register, Space, code_of

__all__ = [
    "VERSION", "OLD_WRITES", "BLOCK", "FRAME", "CHECK_START", "FLAG", "ESCAPE", "TURN", "MEANINGS",
    "Kind", "Register", "Error", "bytes_of", "check", "kind_of", "kind_of_space", "seal", "unseal",
    "stuff", "unstuff", "blocks",
]

VERSION = 6
OLD_WRITES = range(0x04, 0x08)   # kinds of writes in versions up to 5, now Error.VERSION
BLOCK = 240        # pixels of a full PIXELS request, and about the data of a full report
FRAME = 253        # bytes of the longest request, check included
CHECK_START = 0xFFFF
FLAG, ESCAPE, TURN = 0x7E, 0x7D, 0x20  # RFC 1662


class Kind(enum.IntEnum):
    """What a frame is: requests go to the chip, reports (from 0x80) come from it.

    The low four bits of a write to the accelerator are its space (hw.interface.Space); the low bits
    of a report are the code of its hw.interface.Output. An answer is ANSWER + Error.
    """

    IDENTIFY = 0x01
    RESET = 0x02
    PIXELS = 0x03
    LABEL = 0x0C
    WEIGHTS = 0x10 + Space.WEIGHTS
    REGISTERS = 0x10 + Space.REGISTERS
    EXPERIMENT = 0x10 + Space.EXPERIMENT
    TABLE = 0x10 + Space.TABLE
    ANSWER = 0x80
    MAPS = 0xC0 + code_of("maps")
    SCORES = 0xC0 + code_of("scores")
    COUNTS = 0xC0 + code_of("counts")
    TRACES = 0xC0 + code_of("traces")


def kind_of_space(space):
    """Kind of the writes to a space; of another table than the first, the number alone."""
    kind = Kind.WEIGHTS + int(space)
    return Kind(kind) if kind in iter(Kind) else kind


def kind_of(output):
    """Kind of the frames of a hw.interface.Output; of a further explanation, the number alone."""
    kind = 0xC0 + output.code
    return Kind(kind) if kind in iter(Kind) else kind


class Error(enum.IntEnum):
    """What an answer says of its request: 0, or why nothing was executed."""

    NONE = 0
    KIND = 1
    LENGTH = 2
    BUSY = 3
    ORDER = 4
    STALLED = 5
    VERSION = 6


MEANINGS = {
    Error.NONE: "executed, now or (same sequence number) just before",
    Error.KIND: "no such request",
    Error.LENGTH: "a length that this request never has",
    Error.BUSY: "an image is running; the request may be sent again",
    Error.ORDER: "this block does not follow the last one, or a write comes amid an image; begin "
                 "again at block 0, or RESET",
    Error.STALLED: "begun, and given up since the accelerator took nothing while a whole later "
                   "frame arrived; RESET, then begin again",
    Error.VERSION: f"a write of protocol version {VERSION - 1} or older; this chip speaks version "
                   f"{VERSION}",
}


def bytes_of(bits: int) -> int:
    """The fewest bytes that hold ``bits`` bits."""
    return (bits + 7) // 8


def check(body: bytes) -> int:
    """CRC-16 of ``body``: polynomial 0x1021, start 0xFFFF, most significant bit first."""
    return binascii.crc_hqx(body, CHECK_START)


def seal(seq: int, kind: int | Kind, payload: bytes = b"") -> bytes:
    """Return a frame before stuffing: sequence number, kind, payload, check."""
    body = bytes([seq, kind]) + payload
    if len(body) + 2 > FRAME:
        raise ValueError(f"a frame must be at most {FRAME} bytes, not {len(body) + 2}")
    return body + check(body).to_bytes(2, "big")


def unseal(frame: bytes):
    """Inverse of ``seal``: (seq, kind, payload), or None if the frame is damaged."""
    if not 4 <= len(frame) <= FRAME or check(frame):
        return None
    return frame[0], frame[1], frame[2:-2]


def stuff(frame: bytes) -> bytes:
    """Return the bytes on the wire of a frame, with the FLAG that ends it."""
    escapes = [(byte, bytes([ESCAPE, byte ^ TURN])) for byte in (ESCAPE, FLAG)]
    for byte, escape in escapes:
        frame = frame.replace(bytes([byte]), escape)
    return frame + bytes([FLAG])


def unstuff(some: bytes) -> bytes | None:
    """Inverse of ``stuff``, of bytes up to and without a FLAG; None if it was given up."""
    if some.endswith(bytes([ESCAPE])) and len(re.search(rb"\x7d*$", some)[0]) % 2:
        return None
    return re.sub(rb"\x7d(.)", lambda pair: bytes([pair[1][0] ^ TURN]), some, flags=re.DOTALL)


def blocks(size):
    """Sizes of the blocks that carry an image of ``size`` bytes."""
    if not 1 <= size <= 256 * BLOCK:
        raise ValueError(f"an image must have 1 to {256 * BLOCK} bytes, not {size}")
    whole, rest = divmod(size - 1, BLOCK)
    return [BLOCK] * whole + [rest + 1]
