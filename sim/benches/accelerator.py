"""The whole Accelerator as Verilog against golden.run: every train, map value, score and count."""

import json
import os
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge, gather

from golden.formats import MODES, exp_table
from golden.network import load
from golden.run import run
from hw.accelerator import Accelerator
from hw.interface import COUNT_BITS, score_words, write_words
from hw.plan.buffers import aligned, channel_stride
from hw.plan.packing import configuration
from hw.plan.planner import Plan
from sim.benches.streams import begin, cycle, receive, send, signed, silent

PARAMS = json.loads(os.environ["BENCH_PARAMS"])
GAMMAS = (0.5, 0.0, 1.3)  # of the images in turn; so are the modes


def trains(spikes, number, plan: Plan):
    """{(number, address): train} of the spikes (T, C, H, W) of a layer."""
    steps, channels, height, width = spikes.shape
    stride = channel_stride(channels)
    padded = np.zeros((plan.chunks * plan.word_steps, channels, height, width), dtype=np.int64)
    padded[:steps] = spikes
    words = np.tensordot(1 << np.arange(plan.word_steps),
                         padded.reshape(plan.chunks, plan.word_steps, -1), (0, 1))
    return {(number, chunk * aligned(stride * height * width) + (y * width + x) * stride + c): word
            for (chunk, c, y, x), word in np.ndenumerate(
                words.reshape(plan.chunks, channels, height, width))}


async def watch(dut: Any, case: Any, plan: Plan, stored) -> None:
    """Note every train stored, failing if one is stored twice."""
    monitor = dut[f"{case}__monitor"]
    while True:
        await RisingEdge(dut.clk)
        word = monitor.value.to_unsigned()
        if word & 3 == 1:                             # of a layer, not of a pooling before it
            place = (word >> 34, word >> 2 & 0xFFFF)
            assert place not in stored, f"stored twice: {place}"
            stored[place] = word >> 18 & 0xFFFF


def compare(what: str, got, want) -> None:
    """Assert that arrays are equal; the message names the first place that is not."""
    wrong = np.argwhere(np.asarray(got) != np.asarray(want))
    assert len(wrong) == 0, (
        f"{what}: {len(wrong)} of {np.size(want)} wrong, first {wrong[0].tolist()}: "
        f"{np.asarray(got)[tuple(wrong[0])]} instead of {np.asarray(want)[tuple(wrong[0])]}")


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(case=list(PARAMS), stall=[0.0, 0.6])
async def equals_golden(dut: Any, case: Any, stall: float) -> None:
    """Images in turn without a reset; seed, table and mode change between them."""
    drawn = load(PARAMS[case]["network"])
    taps = tuple(PARAMS[case]["taps"])
    outputs = Accelerator(drawn, taps=taps, lanes=PARAMS[case]["lanes"],
                          word_steps=PARAMS[case]["word_steps"]).outputs
    plan = Plan(drawn, lanes=PARAMS[case]["lanes"], word_steps=PARAMS[case]["word_steps"])
    images = np.load(PARAMS[case]["images"])
    maps, scores, counts = (f"{case}__o_{name}" for name in ("maps", "scores", "counts"))
    await begin(dut)
    stored = {}
    cocotb.start_soon(watch(dut, case, plan, stored))
    for n, image in enumerate(images):
        network = drawn.replace(seed=(drawn.seed + n * 0x9E3779B9) % 2**32 or 1)
        gamma, mode = GAMMAS[n % 3], MODES[n % 3]
        want = run(image[None], network, gamma=gamma, mode=mode)

        writes = configuration(
            Plan(network, lanes=plan.lanes, word_steps=plan.word_steps),
            table=exp_table(gamma, network.steps), mode=mode)
        if n:
            writes = writes[writes[:, 0] != 0]    # the weights stay
        await send(dut, f"{case}__i_config",
                   write_words(writes), idle=stall)
        pixels = image.transpose(1, 2, 0).ravel().tolist()
        stored.clear()
        if n == 1:
            # An image broken off half-way.
            broken = [255 | (k == 0) << 8 for k in range(len(pixels) // 2)]
            await send(dut, f"{case}__i_pixels", broken, idle=stall)
            await ClockCycles(dut.clk, 3)
            stored.clear()
        start = cycle()
        _, got_maps, got_scores, got_counts = await gather(
            send(dut, f"{case}__i_pixels", [p | (k == 0) << 8 for k, p in enumerate(pixels)],
                 idle=stall),
            receive(dut, maps, sum(want.maps[tap][0].size for tap in taps), stall=stall),
            receive(dut, scores, want.scores[0].size, stall=stall),
            receive(dut, counts, want.counts.shape[1] + 1, stall=stall))
        took = cycle() - start

        # The monitor before what follows from it.
        expected = trains(want.spikes_input[0], 0, plan)
        for tap in network.taps:
            expected |= trains(want.spikes[tap][0], tap, plan)
        found = dict(stored)
        assert found.keys() == expected.keys(), f"image {n}: not every train was stored"
        wrong = [place for place in sorted(expected) if found[place] != expected[place]]
        assert not wrong, (
            f"image {n}: {len(wrong)} trains wrong, first of layer {wrong[0][0]} at "
            f"{wrong[0][1]}: {found[wrong[0]]:b} instead of {expected[wrong[0]]:b}")
        compare(f"image {n}: maps", got_maps, outputs["maps"].words(want.maps)[0] if taps else [])
        compare(f"image {n}: scores", [signed(word, plan.score_bits) for word in got_scores],
                score_words(outputs["scores"], want.scores)[0])
        lasts = [word >> COUNT_BITS for word in got_counts]
        compare(f"image {n}: counts", [word & 0xFFFFFF for word in got_counts[:-1]],
                want.counts[0])
        assert lasts == [0] * (len(lasts) - 1) + [1]
        cycles = got_counts[-1] & 0xFFFFFF
        assert cycles <= took and (stall or took - cycles <= 3), f"{cycles} cycles of {took}"
    await silent(dut, maps, scores, counts)
