"""The SoC of examples/litex_sam.py: an image through its Wishbone master, against golden."""

import json
import os
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from golden.sam import activation_map
from hw.ip.axi_lite import DATA, ID, LAST, STATUS, base

PARAMS = json.loads(os.environ["BENCH_PARAMS"])
EVENTS, MAP = 0, 2                          # ports of an EventSam
NOBODY = 0xFFFF


async def access(dut: Any, address: int, word: int | None = None) -> int:
    """Write a word, or read one where there is none; the word that is read."""
    dut.wb_adr.value, dut.wb_sel.value = PARAMS["base"] + address, 15
    dut.wb_we.value, dut.wb_dat_w.value = word is not None, word or 0
    dut.wb_cyc.value = dut.wb_stb.value = 1
    await RisingEdge(dut.sys_clk)
    while not dut.wb_ack.value:
        await RisingEdge(dut.sys_clk)
    assert not dut.wb_err.value
    dut.wb_cyc.value = dut.wb_stb.value = 0
    found = dut.wb_dat_r.value
    await RisingEdge(dut.sys_clk)
    return found.to_unsigned() if word is None else word


async def ready(dut: Any, port: int) -> None:
    """Poll until DATA of a port can be written or read."""
    while not await access(dut, base(port) + STATUS):
        pass


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def a_processor_reads_the_map_of_golden(dut: Any) -> None:
    """Spikes of one image, a step after another; the map of each is read behind it."""
    steps, channels, pixels = (PARAMS[key] for key in ("steps", "channels", "pixels"))
    for name in ("adr", "dat_w", "sel", "cyc", "stb", "we", "cti", "bte"):
        dut[f"wb_{name}"].value = 0
    dut.sim_trace.value, dut.sys_rst.value = 0, 1
    Clock(dut.sys_clk, 10, unit="ns").start(start_high=False)
    await ClockCycles(dut.sys_clk, 4)
    dut.sys_rst.value = 0
    await ClockCycles(dut.sys_clk, 4)
    assert await access(dut, 0) == ID
    spikes = np.random.default_rng(cocotb.RANDOM_SEED).random((steps, channels, pixels)) < 0.1
    wanted = activation_map(spikes.astype(np.int64).reshape(1, steps, channels, 1, pixels),
                            gamma=0.5, mode="paper").reshape(steps, pixels)
    for step in range(steps):
        words = [int(c | p << 16) for c, p in np.argwhere(spikes[step])] or [NOBODY]
        for n, word in enumerate(words):
            await ready(dut, EVENTS)
            await access(dut, base(EVENTS) + LAST, int(n == len(words) - 1))
            await access(dut, base(EVENTS) + DATA, word)
        for pixel in range(pixels):
            await ready(dut, MAP)
            got = await access(dut, base(MAP) + DATA)
            assert got == wanted[step, pixel], f"step {step}, pixel {pixel}: {got}"
    assert wanted.any() and not await access(dut, base(MAP) + STATUS)
