"""The portable SPRAM and the instantiated cell, in step, against a dict."""

import json
import os
import random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from sim.benches.streams import begin

PARAMS = json.loads(os.environ["BENCH_PARAMS"])


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(case=list(PARAMS), busy=[0.3, 0.9])
async def is_a_memory(dut: Any, case: Any, busy) -> None:
    """Every word read is the one last written there, and stays until the next access."""
    depth = PARAMS[case]["depth"]
    port = {name: dut[f"{case}__{name}"] for name in ("addr", "r_en", "r_data", "w_en", "w_data")}
    await begin(dut)
    words, shown, reads = {}, None, 0
    places = [0, depth - 1, *random.sample(range(depth), min(depth, 30))]
    for _ in range(1500):
        place, word = random.choice(places), random.randrange(2**16)
        writes = random.random() < busy / 2
        looks = random.random() < busy and (writes or place in words)
        port["addr"].value, port["w_data"].value = place, word
        port["w_en"].value, port["r_en"].value = int(writes), int(looks)
        await RisingEdge(dut.clk)
        if shown is not None:
            assert port["r_data"].value == shown, f"{port['r_data'].value} instead of {shown:04x}"
            reads += 1
        if writes:
            words[place], shown = word, None
        elif looks:
            shown = words[place]
    assert reads > 50
