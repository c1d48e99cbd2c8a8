"""Sam as Verilog against golden.sam, under random idle and stall."""

import json
import os
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge, gather

from golden.formats import MODES, exp_table, map_bits, map_top
from golden.sam import activation_map
from sim.benches.streams import begin, cycle, receive, send, silent

PARAMS = json.loads(os.environ["BENCH_PARAMS"])
GAMMAS = (0.0, 0.3, 0.5, 1.0)


def words(spikes, word_steps: int):
    """The stream of pixels (P, T, C): train, then first of its neuron, then last of its pixel."""
    pixels, steps, channels = spikes.shape
    chunks = -(-steps // word_steps)
    padded = np.zeros((pixels, chunks * word_steps, channels), dtype=np.int64)
    padded[:, :steps] = spikes
    trains = (padded.transpose(0, 2, 1).reshape(-1, word_steps) @ (1 << np.arange(word_steps)))
    trains = trains.reshape(pixels, channels, chunks)
    trains[:, :, 0] |= 1 << word_steps
    trains[:, -1, -1] |= 1 << word_steps + 1
    return trains.ravel().tolist()


def expected(spikes, table, mode: str, bits):
    """Map values of the pixels (P, T, C), pixel after pixel."""
    return activation_map(spikes[..., None, None], table=table, mode=mode,
                          map_bits=bits).ravel().tolist()


async def write_table(dut: Any, case: Any, table) -> None:
    """Write all entries of the table."""
    for address, entry in enumerate(table):
        dut[f"{case}__table__addr"].value = address
        dut[f"{case}__table__data"].value = int(entry)
        dut[f"{case}__table__en"].value = 1
        await RisingEdge(dut.clk)
    dut[f"{case}__table__en"].value = 0


async def clear(dut: Any, case: Any) -> None:
    """Clear the map buffer, of which nothing is known."""
    dut[f"{case}__clear"].value = 1
    await RisingEdge(dut.clk)
    dut[f"{case}__clear"].value = 0
    await RisingEdge(dut.clk)
    assert dut[f"{case}__busy"].value
    while dut[f"{case}__busy"].value:
        assert not dut[f"{case}__o__valid"].value
        await RisingEdge(dut.clk)


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(case=list(PARAMS), gamma=GAMMAS, stall=[0.0, 0.6])
async def equals_golden(dut: Any, case: Any, gamma: float, stall: float) -> None:
    """Pixels of every density in every mode, table and mode changed in between."""
    steps, word_steps, channels, bits = (
        PARAMS[case][key] for key in ("steps", "word_steps", "channels", "map_width"))
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    await begin(dut)
    # A pixel that is broken off leaves something in the buffer.
    await send(dut, f"{case}__i", [1 << word_steps | 2**word_steps - 1])
    await ClockCycles(dut.clk, word_steps + 3)
    assert not dut[f"{case}__busy"].value
    await clear(dut, case)
    most = 0
    for n, mode in enumerate(MODES):
        table = exp_table(gamma if mode != "inclusive" else gamma + 0.2, steps)
        await write_table(dut, case, table)
        dut[f"{case}__mode"].value = n
        rates = np.array([0, 1, 0.1, 0.5, 0.9])[:, None, None]
        spikes = (rng.random((len(rates), steps, channels)) < rates).astype(int)
        want = expected(spikes, table, mode, bits)
        _, got = await gather(
            send(dut, f"{case}__i", words(spikes, word_steps), idle=stall),
            receive(dut, f"{case}__o", len(want), stall=stall))
        wrong = np.flatnonzero(np.not_equal(got, want))
        assert len(wrong) == 0, (
            f"{mode}: pixel {wrong[0] // steps}, step {wrong[0] % steps}: "
            f"{got[wrong[0]]} instead of {want[wrong[0]]}")
        most = max(most, *got)
        await silent(dut, f"{case}__o", cycles=10)
        assert not dut[f"{case}__busy"].value
    exact = channels * steps << 8
    largest = min(exact, map_top(bits))
    narrow = PARAMS[case].get("held", False)
    assert (largest < exact) == (bits < map_bits(channels, steps)) == narrow
    assert gamma or most == largest, "the largest sum was not reached"


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(case=list(PARAMS), mode=[0, 2])
async def keeps_its_rate(dut: Any, case: Any, mode: str) -> None:
    """A cycle a word, one a spike (three in official mode) or empty quad before it, one a value."""
    steps, word_steps, channels = (
        PARAMS[case][key] for key in ("steps", "word_steps", "channels"))
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    await begin(dut)
    await clear(dut, case)
    dut[f"{case}__mode"].value = mode
    spikes = (rng.random((4, steps, channels)) < 0.4).astype(int)
    trains = words(spikes, word_steps)
    start = cycle()
    await gather(send(dut, f"{case}__i", trains),
                 receive(dut, f"{case}__o", spikes[..., 0].size))
    each = 3 if mode == 2 else 1
    words_take = 0
    for train in trains:
        quads = [(train >> at & 15).bit_count() for at in range(0, word_steps, 4)]
        while quads and not quads[-1]:
            quads.pop()
        words_take += 1 + sum(max(1, each * count) for count in quads)
    pipeline = 7                                  # from a pixel's last spike to its first value
    assert cycle() - start <= words_take + len(spikes) * (steps + pipeline)
