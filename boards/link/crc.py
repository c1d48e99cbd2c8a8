"""CRC-16 of a stream of bytes."""

from typing import Any

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from boards.protocol.codec import CHECK_START

__all__ = ["CRC16"]


class CRC16(wiring.Component):
    """CRC-16/CCITT, a byte a cycle: crc' = (crc << 8) ^ T[(crc >> 8) ^ data], polynomial 0x1021.

    Starts at 0xFFFF, most significant bit first, nothing inverted. A message followed by its CRC,
    high byte first, leaves 0; feeding ``crc[8:]`` therefore shifts the next byte of the CRC up.

    Members
    -------
    data : In(8)
        Byte to take when ``en`` is set.
    en : In(1)
        Take ``data``.
    clear : In(1)
        Start anew; goes before ``en``.
    crc : Out(16)
        CRC of the bytes taken until the last cycle.
    """

    data: In(8)
    en: In(1)
    clear: In(1)
    crc: Out(16, init=CHECK_START)

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        # x**16 = x**12 + x**5 + 1, so eight steps of the shift register fold the byte in thrice.
        high   = self.crc[8:] ^ self.data
        folded = high ^ (high >> 4)
        with m.If(self.clear):
            m.d.sync += self.crc.eq(CHECK_START)
        with m.Elif(self.en):
            m.d.sync += self.crc.eq((self.crc << 8) ^ (folded << 12) ^ (folded << 5) ^ folded)

        return m
