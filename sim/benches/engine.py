"""Engine as Verilog, pass after pass, against golden.run."""

import json
import os
from collections.abc import Iterator
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge, gather

from golden.network import load
from golden.run import run
from golden.synapses import pooled
from hw.interface import score_output, score_words
from hw.plan.planner import Plan
from sim.benches.accelerator import compare, trains
from sim.benches.streams import begin, number, receive, serve, signed, silent

PARAMS = json.loads(os.environ["BENCH_PARAMS"])


def spikes_of_passes(plan: Plan, result) -> Iterator:
    """(T, C, H, W) read by each pass, and those that it stores (None for a read-out)."""
    spikes = result.spikes_input[0]
    for each in plan.passes:
        read = spikes
        if each.merging:
            (pool,) = [pool for pool in each.stage.pools if pool.kind == "max"][:1]
            spikes = pooled(read, pool)
        else:
            spikes = result.spikes[each.stage.index][0] if each.storing else None
        yield each, read, spikes


async def watch(dut: Any, case: Any, found) -> None:
    """Note every train stored by its address, pixels that end, spikes, and the end of the pass."""
    port = {name: dut[f"{case}__{name}"] for name in (
        "write__en", "write__train", "write__increment", "pixel_done", "spikes", "done")}
    while True:
        await RisingEdge(dut.clk)
        found["spikes"] += number(port["spikes"])
        found["done"] += int(port["done"].value)
        ends = bool(port["pixel_done"].value)
        if port["write__en"].value:
            assert not found["late"], "a train after the last one"
            found["stored"].append((found["at"], number(port["write__train"]), ends))
            found["at"] += number(port["write__increment"])
            found["at"] %= 2**len(port["write__increment"])
        else:
            assert not ends, "a pixel ends without a train"


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(case=list(PARAMS), stall=[0.0, 0.7])
async def equals_golden(dut: Any, case: Any, stall: float) -> None:
    """Two images; each pass reads what golden has and stores what golden has, each train once."""
    network = load(PARAMS[case]["network"])
    plan = Plan(network, lanes=PARAMS[case]["lanes"], word_steps=PARAMS[case]["word_steps"])
    images = np.load(PARAMS[case]["images"])
    await begin(dut)
    source, bitmap = [0] * 2**plan.train_addr, [0] * 2**(plan.train_addr - 4)
    rows = [sum(word << 16 * n for n, word in enumerate(row)) for row in plan.weight_image.tolist()]
    cocotb.start_soon(serve(dut, f"{case}__trains__addr", f"{case}__trains__en",
                            f"{case}__trains__data", source))
    cocotb.start_soon(serve(dut, f"{case}__weights__addr", f"{case}__weights__en",
                            f"{case}__weights__data", rows))
    cocotb.start_soon(serve(dut, f"{case}__bitmap_addr", None, f"{case}__bitmap_data", bitmap))
    found = {"stored": [], "at": 0, "spikes": 0, "done": 0, "late": False}
    cocotb.start_soon(watch(dut, case, found))
    for image in images:
        result = run(image[None], network)
        for each, read, stored in spikes_of_passes(plan, result):
            held = trains(read, 0, plan)
            for place, _ in enumerate(source):
                source[place] = held.get((0, place), 0)
            for word, _ in enumerate(bitmap):
                bitmap[word] = sum((source[16 * word + n] != 0) << n for n in range(16))
            found.update(stored=[], at=0, spikes=0, done=0, late=False)
            dut[f"{case}__number"].value = each.number - 1
            dut[f"{case}__start"].value = 1
            await RisingEdge(dut.clk)
            dut[f"{case}__start"].value = 0

            async def done():
                while not found["done"]:
                    await RisingEdge(dut.clk)

            if each is plan.passes[-1]:
                scores, _ = await gather(
                    receive(dut, f"{case}__o", result.scores[0].size, stall=stall), done())
                compare("scores", [signed(word, plan.score_bits) for word in scores],
                        score_words(score_output(
                            classes=network.classes, steps=network.steps, lanes=plan.lanes,
                            bits=plan.score_bits), result.scores)[0])
            else:
                await done()
            found["late"] = each.storing
            await silent(dut, f"{case}__o", cycles=8)
            assert found["done"] == 1
            if stored is None:
                assert not found["stored"]
                continue
            want = {place: train for (_, place), train in trains(stored, 0, plan).items()}
            got = {place: train for place, train, _ in found["stored"]}
            assert len(got) == len(found["stored"]), f"pass {each.number}: a train stored twice"
            assert got.keys() == want.keys(), f"pass {each.number}: not every train was stored"
            wrong = [place for place in sorted(want) if got[place] != want[place]]
            assert not wrong, (
                f"pass {each.number}: {len(wrong)} of {len(want)} trains wrong, first at "
                f"{wrong[0]}: {got[wrong[0]]:b} instead of {want[wrong[0]]:b}")
            # A pixel ends with its last channel's last word, and pixels come in (y, x) order.
            pixel = each.shape[0] * plan.chunks
            ends = [n + 1 for n, (*_, end) in enumerate(found["stored"]) if end]
            assert ends == list(range(pixel, len(want) + 1, pixel))
            if not each.merging:
                assert found["spikes"] == stored.sum(), f"pass {each.number}: count of spikes"
