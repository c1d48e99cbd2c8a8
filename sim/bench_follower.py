"""Follower as Verilog: every word of a layer, in order, and none before its pixel is whole."""

import json
import os
import random

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge, gather

from golden.network import load
from hw.plan import Plan
from sim.streams import begin, receive, serve, silent

PARAMS = json.loads(os.environ["BENCH_PARAMS"])


async def write(dut, case, each, trains, memory, pace):
    """Store pixel after pixel and say so; until then its places hold something else."""
    await RisingEdge(dut.clk)
    for pixel in range(each.shape[1] * each.shape[2]):
        await ClockCycles(dut.clk, 1 + random.randint(0, pace))
        for channel, chunk in np.ndindex(trains.shape[1:]):
            memory[chunk * each.out_chunk + pixel * each.out_stride + channel] = trains[
                pixel, channel, chunk]
        dut[f"{case}__pixel_done"].value = 1
        await RisingEdge(dut.clk)
        dut[f"{case}__pixel_done"].value = 0
    dut[f"{case}__pixel_done"].value = 0


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(case=list(PARAMS), pace=[0, 2, 60], stall=[0.0, 0.6], contention=[0.0, 0.6])
async def reads_whole_pixels(dut, case, pace, stall, contention):
    """Two images; writer slower or faster than the reader; the memory free only at times."""
    plan = Plan(load(PARAMS[case]["network"]), lanes=PARAMS[case]["lanes"],
                word_steps=PARAMS[case]["word_steps"])
    width, rng = plan.word_steps, np.random.default_rng(cocotb.RANDOM_SEED)
    await begin(dut)
    memory = rng.integers(0, 2**width, 2**plan.train_addr).tolist()
    cocotb.start_soon(serve(dut, f"{case}__addr", f"{case}__en", f"{case}__train", memory,
                            granted=lambda: bool(dut[f"{case}__free"].value), fades=True))

    async def contend():
        while True:
            dut[f"{case}__free"].value = int(random.random() >= contention)
            await RisingEdge(dut.clk)

    cocotb.start_soon(contend())
    for each in plan.passes * 2:
        if not each.storing:
            continue
        channels, pixels = each.shape[0], each.shape[1] * each.shape[2]
        trains = rng.integers(0, 2**width, (pixels, channels, plan.chunks))
        # What is there before its pixel is whole differs from what is to come.
        for place, _ in enumerate(memory):
            memory[place] = random.randrange(2**width)
        want = trains.copy()
        want[:, :, 0] |= 1 << width
        want[:, -1, -1] |= 1 << width + 1
        dut[f"{case}__number"].value = each.number - 1
        await RisingEdge(dut.clk)
        assert not dut[f"{case}__busy"].value
        dut[f"{case}__start"].value = 1
        await RisingEdge(dut.clk)
        dut[f"{case}__start"].value = 0
        _, got = await gather(
            write(dut, case, each, trains, memory, pace),
            receive(dut, f"{case}__o", want.size, stall=stall, patient=True))
        wrong = np.flatnonzero(got != want.ravel())
        assert len(wrong) == 0, f"pass {each.number}: word {wrong[0]} of {want.size} is wrong"
        await RisingEdge(dut.clk)
        assert not dut[f"{case}__busy"].value
        await silent(dut, f"{case}__o", cycles=5)
