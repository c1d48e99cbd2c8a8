"""Drive and watch Amaranth ports in Verilog: clock and reset, streams, read ports."""

import json
import os
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.types import Logic, LogicArray
from cocotb.utils import get_sim_time

PERIOD = 10  # ns
INPUTS = json.loads(os.environ.get("BENCH_INPUTS", "[]"))  # of the simulated module


async def begin(dut: Any) -> None:
    """Start the clock, hold every input at 0 and reset for two cycles.

    Memories keep what the test before left in them, as on the chip.
    """
    for name in INPUTS:
        dut[name].value = 0
    dut.rst.value = 1
    Clock(dut.clk, PERIOD, unit="ns").start(start_high=False)
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0


def cycle() -> int:
    """Clock cycles since the simulation began."""
    return round(get_sim_time("ns") / PERIOD)


def number(handle: Any) -> int:
    """Value of a port of any width."""
    value = handle.value
    return int(value) if isinstance(value, Logic) else value.to_unsigned()


class Word:
    """The tdata of an AXI4-Stream and, above it, its tlast if it has one: like one handle."""

    def __init__(self, dut: Any, name: str):
        self.data = dut[f"{name}_tdata"]
        self.last = getattr(dut, f"{name}_tlast", None)

    @property
    def value(self) -> LogicArray:
        """Both, as they are now."""
        width = len(self.data)
        last = 0 if self.last is None else int(self.last.value)
        return LogicArray(number(self.data) | last << width, width + 1)

    @value.setter
    def value(self, word: int) -> None:
        width = len(self.data)
        self.data.value = word & 2**width - 1
        if self.last is not None:
            self.last.value = word >> width


def parts(dut: Any, name: str) -> Iterable[Any]:
    """Handles of the payload, valid and ready of a stream, also as ``hw.ip.axi`` names them."""
    if "_axis_" in name:
        return Word(dut, name), dut[f"{name}_tvalid"], dut[f"{name}_tready"]
    return (dut[f"{name}__{part}"] for part in ("payload", "valid", "ready"))


async def send(dut: Any, name: str, words: Iterable[int], *, idle: float = 0.0) -> None:
    """Offer each word until it is taken; before it, idle in each cycle with this chance."""
    payload, valid, ready = parts(dut, name)
    for word in words:
        valid.value = 0
        while random.random() < idle:
            await RisingEdge(dut.clk)
        payload.value, valid.value = int(word), 1
        await RisingEdge(dut.clk)
        while not ready.value:
            await RisingEdge(dut.clk)
    valid.value = 0


async def receive(dut: Any, name: str, count: int, *, stall: float = 0.0,
                  patient: bool = False) -> list[int]:
    """Take ``count`` words; in each cycle, be not ready with this chance.

    ``patient``: once ready, stay so until a word has come. Asserts that a word once offered stays
    until it is taken.
    """
    payload, valid, ready = parts(dut, name)
    words, offered, takes, word = [], None, False, None
    while len(words) < count:
        takes = (patient and takes and word is None) or random.random() >= stall
        ready.value = int(takes)
        await RisingEdge(dut.clk)
        word = number(payload) if valid.value else None
        assert offered in (None, word), f"{name}: offered {offered}, then {word}"
        offered = None if takes else word
        if takes and word is not None:
            words.append(word)
    ready.value = 0
    return words


async def silent(dut: Any, *names: str, cycles: int = 50) -> None:
    """Assert that nothing more is offered on the streams ``names`` in some more cycles."""
    for _ in range(cycles):
        await RisingEdge(dut.clk)
        for name in names:
            _, valid, _ = parts(dut, name)
            assert not valid.value, f"{name}: a word too many"


async def serve(dut: Any, addr: Any, en: Any, data: Any, contents: Sequence[int], *,
                granted: Callable = lambda: True, fades: bool = False) -> None:
    """Be a synchronous memory for ever: a read appears one cycle later and stays until the next.

    ``addr``, ``en`` and ``data`` are names of ports, ``en`` None where every cycle reads;
    ``contents`` may change meanwhile. ``fades``: in a cycle without a read anything may appear, as
    on an SPRAM that is written.
    """
    addr, en, data = dut[addr], dut[en] if en else None, dut[data]
    while True:
        await RisingEdge(dut.clk)
        if (en is None or en.value) and granted():
            data.value = int(contents[number(addr)])
        elif fades:
            data.value = int(random.choice(contents))


def signed(word: int, width: int) -> int:
    """``word`` as two's complement of ``width`` bits."""
    return word - (word >> width - 1 << width)
