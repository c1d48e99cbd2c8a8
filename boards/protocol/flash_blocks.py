"""Blocks of flash: contents with a check behind them, which is read with them."""

from boards.protocol.codec import check

__all__ = ["BLOCK", "CONTENTS", "blocked", "unblocked"]

BLOCK = 256               # bytes
CONTENTS = BLOCK - 2      # of them without the check


def blocked(contents, *, fill=b"\xff", size=CONTENTS):
    """Blocks of ``contents``, the last one filled up: each ends in the CRC-16 of its contents.

    The CRC is that of frames (boards.protocol.codec.check), the higher byte first.
    """
    found = b""
    for n in range(0, len(contents), size):
        block = contents[n:n + size].ljust(size, fill)
        found += block + check(block).to_bytes(2, "big")
    return found


def unblocked(blocks, *, size=CONTENTS):
    """Contents of whole blocks; ValueError naming the first that is damaged, or cut short."""
    found = b""
    for n, at in enumerate(range(0, len(blocks), size + 2)):
        block = blocks[at:at + size + 2]
        if len(block) < size + 2:
            raise ValueError(f"block {n} is cut short")
        if check(block):
            raise ValueError(f"block {n} is damaged: its CRC is wrong")
        found += block[:size]
    return found
