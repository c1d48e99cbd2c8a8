"""The short version of verify.wire_fuzz, and that it would notice."""

import pytest
from amaranth.lib.wiring import Component, In, Out

from verify.wire_fuzz import fuzz

pytestmark = pytest.mark.slow


def test_no_hang_and_no_wrong_answer():
    """5,000 frames; ``python -m tests.fuzz_wire --frames 20000`` for more."""
    tally = fuzz(5000)
    assert tally.sent == 5000 and tally.batches == 50
    assert tally.hangs == tally.wrong == 0
    assert tally.answered == tally.whole > 1500 and tally.refused > 500 and tally.ignored > 2500


class Trusting(Component):
    """In the place of CRC16: every frame is right."""

    data: In(8)
    en: In(1)
    clear: In(1)
    crc: Out(16)

    def elaborate(self, platform):
        from amaranth import Module
        return Module()


def test_notices_a_chip_that_does_not_check(monkeypatch):
    monkeypatch.setattr("boards.link.deframer.CRC16", Trusting)
    assert fuzz(200).wrong > 0
