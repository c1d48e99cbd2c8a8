"""TapReader as Verilog: every word of a layer, in order, and none before it is written."""

import json
import os
import random
from typing import TYPE_CHECKING, Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge

from golden.network import load
from hw.plan.planner import Plan
from sim.benches.streams import begin, receive, serve, silent

if TYPE_CHECKING:
    from hw.plan.passes import Pass

PARAMS = json.loads(os.environ["BENCH_PARAMS"])


def stores(plan: Plan, each: "Pass", trains):
    """[(address, word, whether a pixel ends), ...] in the order in which the engine stores them."""
    found = []
    for pixel in range(len(trains)):
        for first in range(0, trains.shape[1], each.span):
            for chunk in range(plan.chunks):
                for channel in range(first, min(first + each.span, trains.shape[1])):
                    found.append((chunk * each.out_chunk + pixel * each.out_stride + channel,
                                  int(trains[pixel, channel, chunk]), False))
        found[-1] = (*found[-1][:2], True)
    return found


async def write(dut: Any, case: Any, plan: Plan, each: "Pass", trains, memory, port, pace) -> None:
    """Store word after word as the engine does; until then its place holds something else."""
    orders = stores(plan, each, trains)
    end = len(trains) * each.out_stride % 2**plan.train_addr
    dut[f"{case}__written"].value = 0
    for (address, word, ends), following in zip(
            orders, [*(order[0] for order in orders[1:]), end], strict=True):
        await ClockCycles(dut.clk, 1 + random.randint(0, pace))
        port["writes"], dut[f"{case}__pixel_done"].value = True, int(ends)
        dut[f"{case}__free"].value = 0
        await RisingEdge(dut.clk)
        memory[address] = word
        port["writes"], dut[f"{case}__pixel_done"].value = False, 0
        dut[f"{case}__written"].value = following


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(case=list(PARAMS), pace=[0, 2, 60], stall=[0.0, 0.6, 1.0],
                     contention=[0.0, 0.6])
async def reads_what_is_written(dut: Any, case: Any, pace, stall: float, contention) -> None:
    """Two images; writer slower or faster than the reader; the memory free only at times.

    With a stall of 1 nothing is taken before all is written.
    """
    port = {"writes": False}
    plan = Plan(load(PARAMS[case]["network"]), lanes=PARAMS[case]["lanes"],
                word_steps=PARAMS[case]["word_steps"])
    width, rng = plan.word_steps, np.random.default_rng(cocotb.RANDOM_SEED)
    await begin(dut)
    memory = rng.integers(0, 2**width, 2**plan.train_addr).tolist()
    cocotb.start_soon(serve(dut, f"{case}__addr", f"{case}__en", f"{case}__train", memory,
                            granted=lambda: bool(dut[f"{case}__free"].value), fades=True))

    async def contend():
        while True:
            dut[f"{case}__free"].value = int(random.random() >= contention and not port["writes"])
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
        dut[f"{case}__active"].value = 1
        writer = cocotb.start_soon(write(dut, case, plan, each, trains, memory, port, pace))
        if stall == 1:
            await writer
        got = await receive(dut, f"{case}__o", want.size, stall=stall % 1, patient=True)
        wrong = np.flatnonzero(got != want.ravel())
        assert len(wrong) == 0, f"pass {each.number}: word {wrong[0]} of {want.size} is wrong"
        await RisingEdge(dut.clk)
        assert not dut[f"{case}__busy"].value
        await silent(dut, f"{case}__o", cycles=5)
        dut[f"{case}__active"].value = 0
