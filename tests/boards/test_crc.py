"""CRC16 against binascii."""

import binascii

import numpy as np
from amaranth.sim import Simulator

from boards.link.crc import CRC16


def test_equals_binascii():
    """Of random messages; and a message with its CRC leaves zero."""
    rng, dut = np.random.default_rng(0), CRC16()

    async def bench(ctx):
        for size in (1, 2, 9, 100):
            message = rng.bytes(size)
            crc = binascii.crc_hqx(message, 0xFFFF)
            ctx.set(dut.en, 0)
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            ctx.set(dut.en, 1)
            for byte in message:
                ctx.set(dut.data, byte)
                await ctx.tick()
            assert ctx.get(dut.crc) == crc
            for byte in crc.to_bytes(2, "big"):
                assert ctx.get(dut.crc) >> 8 == byte
                ctx.set(dut.data, byte)
                await ctx.tick()
            assert ctx.get(dut.crc) == 0

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


def test_check_value():
    """The catalogue's check value of CRC-16/CCITT with start 0xFFFF: of "123456789"."""
    from boards.protocol.codec import check
    assert check(b"123456789") == 0x29B1
