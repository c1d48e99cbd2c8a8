"""Encoders as Verilog against golden.encode, under random idle and stall."""

import json
import os
import random
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge, gather

from golden.encode import randoms
from golden.network.encoders import ENCODERS
from sim.benches.streams import begin, cycle, number, receive, send

PARAMS = json.loads(os.environ["BENCH_PARAMS"])


def packed(bits, word_steps: int):
    """Words of (..., T) bits, the last one filled up with 0: (..., chunks)."""
    chunks = -(-bits.shape[-1] // word_steps)
    padded = np.zeros((*bits.shape[:-1], chunks * word_steps), dtype=np.int64)
    padded[..., :bits.shape[-1]] = bits
    return padded.reshape(*bits.shape[:-1], chunks, word_steps) @ (1 << np.arange(word_steps))


def image(kind, length, seed: int, steps: int, word_steps: int):
    """(words in, words out, spikes) of the first ``length`` pixels of an image, without flags."""
    pixels = np.array([random.choice((0, 128, 255, random.randrange(256))) for _ in range(length)])
    table = randoms(seed, length, steps).T.astype(int)
    if kind == "bernoulli":
        bits = table < pixels[:, None]
        return pixels, packed(bits, word_steps), bits.sum()
    if kind == "ternary":
        values = pixels.astype(np.int8).astype(int)[:, None]
        bits = table < 2 * abs(values)
        signs = np.stack([bits & (values > 0), bits & (values < 0)], axis=1)
        return pixels, packed(signs, word_steps).transpose(0, 2, 1), bits.sum()
    if kind == "current":
        held = min(8, word_steps)                # bits of a word, the highest in place of step 0
        parts = pixels[:, None] >> np.arange(0, 8, held) & 2**held - 1
        bits = parts[..., None] >> np.arange(held)[::-1] & 1
        return pixels, packed(bits, word_steps), steps * (pixels > 0).sum()
    if kind == "latency":
        late = ((steps - 1) * (255 - pixels) + 127) // 255
        bits = (np.arange(steps) == late[:, None]) & (pixels[:, None] > 0)
        return pixels, packed(bits, word_steps), bits.sum()
    if kind == "graded":
        counts = np.array([[random.choice((0, random.randrange(16))) for _ in range(steps)]
                           for _ in range(length)])
        planes = packed(counts[:, None] >> np.arange(4)[:, None] & 1, word_steps).transpose(0, 2, 1)
        return planes.ravel(), planes, (counts > 0).sum()
    bits = np.array([[random.getrandbits(1) for _ in range(steps)] for _ in range(length)])
    return packed(bits, word_steps).ravel(), packed(bits, word_steps), bits.sum()


def marked(words, bit):
    """The words as a list, the first one with a bit more."""
    return [int(word) | (n == 0) << bit for n, word in enumerate(np.ravel(words))]


async def tally(dut: Any, case: Any, found) -> None:
    """Sum up the spikes and restarts reported."""
    while True:
        await RisingEdge(dut.clk)
        found["spikes"] += number(dut[f"{case}__spikes"])
        found["restarts"] += int(dut[f"{case}__restarted"].value)
        if dut[f"{case}__o__valid"].value:
            train = number(dut[f"{case}__o__payload"]) % 2**PARAMS[case]["word_steps"]
            assert bool(dut[f"{case}__some"].value) == bool(train)


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(case=list(PARAMS), stall=[0.0, 0.6])
async def equals_golden(dut: Any, case: Any, stall: float) -> None:
    """Images with seeds of their own, one broken off by the next: every word, every spike."""
    kind, steps, word_steps = (PARAMS[case][key] for key in ("kind", "steps", "word_steps"))
    await begin(dut)
    found = {"spikes": 0, "restarts": 0}
    cocotb.start_soon(tally(dut, case, found))
    spikes, lengths = 0, (9, 4, 12, 1)            # each is shorter than an image may be
    for length in lengths:
        seed = random.randrange(1, 2**32)
        pixels, want, fired = image(kind, length, seed, steps, word_steps)
        want, spikes = marked(want, word_steps), spikes + fired
        dut[f"{case}__seed"].value = seed
        words = marked(pixels, word_steps if ENCODERS[kind].frames else 8)
        _, got = await gather(send(dut, f"{case}__i", words, idle=stall),
                              receive(dut, f"{case}__o", len(want), stall=stall))
        assert got == want, f"{got} != {want}"
    await RisingEdge(dut.clk)
    await RisingEdge(dut.clk)
    assert found == {"spikes": spikes, "restarts": len(lengths)}


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(case=list(PARAMS))
async def keeps_its_rate(dut: Any, case: Any) -> None:
    """A pixel every ``pixel_cycles``, two more at ``first``."""
    kind, steps, word_steps = (PARAMS[case][key] for key in ("kind", "steps", "word_steps"))
    await begin(dut)
    dut[f"{case}__seed"].value = 1
    pixels, want, _ = image(kind, 5, 1, steps, word_steps)
    words = marked(pixels, word_steps if ENCODERS[kind].frames else 8)
    start = cycle()
    await gather(send(dut, f"{case}__i", words), receive(dut, f"{case}__o", want.size))
    late = kind == "bernoulli"                   # a word leaves while the next one is drawn
    assert cycle() - start == 5 * PARAMS[case]["pixel_cycles"] + 2 + late
