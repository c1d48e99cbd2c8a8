"""Traces and PathScaler as Verilog against golden.explain, under random gaps and stalls."""

import json
import os
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge, gather

from golden.explain.traces import attribute, decay_table, traces
from sim.benches.sam import words, write_table
from sim.benches.streams import begin, cycle, receive, send, signed, silent

PARAMS = json.loads(os.environ["BENCH_PARAMS"])
TRACES = [case for case in PARAMS if "word_steps" in PARAMS[case]]
WEIGHERS = [case for case in PARAMS if "outputs" in PARAMS[case]]


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(case=TRACES, decay=[0.0, 0.5, 0.9, 1 - 2**-20], stall=[0, 0.7])
async def traces_equal_golden(dut: Any, case: Any, decay: float, stall: float) -> None:
    """Neurons of every density, a table written before, after a train that was broken off."""
    steps, word_steps = PARAMS[case]["steps"], PARAMS[case]["word_steps"]
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    await begin(dut)
    table = decay_table(decay, steps)
    await write_table(dut, case, table)
    if steps > word_steps:
        await send(dut, f"{case}__i", [1 << word_steps | 2**word_steps - 1])
    rates = np.array([0, 1, 0.1, 0.5, 0.9])[:, None, None]
    spikes = (rng.random((len(rates), steps, 7)) < rates).astype(int)
    spikes[-1, :, 0] = np.arange(steps) == 0                 # the longest wait
    spikes[-1, :, 1] = np.arange(steps) == steps - 1         # the shortest
    want = traces(spikes.transpose(1, 0, 2), table).ravel().tolist()
    _, got = await gather(
        send(dut, f"{case}__i", words(spikes, word_steps), idle=stall),
        receive(dut, f"{case}__o", len(want), stall=stall))
    wrong = np.flatnonzero(np.not_equal(got, want))
    assert len(wrong) == 0, (
        f"neuron {wrong[0]}: {got[wrong[0]]} instead of {want[wrong[0]]}; {len(wrong)} wrong")
    await silent(dut, f"{case}__o", cycles=10)
    assert not dut[f"{case}__busy"].value


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(case=TRACES)
async def keeps_its_rate(dut: Any, case: Any) -> None:
    """A cycle a spike, at least two a word, one more a neuron and at least three."""
    steps, word_steps = PARAMS[case]["steps"], PARAMS[case]["word_steps"]
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    await begin(dut)
    spikes = (rng.random((1, steps, 40)) < 0.3).astype(int)
    trains = words(spikes, word_steps)
    start = cycle()
    await gather(send(dut, f"{case}__i", trains),
                 receive(dut, f"{case}__o", 40))
    fires = [(train & (1 << word_steps) - 1).bit_count() for train in trains]
    chunks = -(-steps // word_steps)
    took = 0
    for n in range(0, len(fires), chunks):
        took += max(3, sum(max(2, 1 + count) for count in fires[n:n + chunks])
                    + (fires[n + chunks - 1] > 0))
    assert cycle() - start <= took + 4


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(case=WEIGHERS, stall=[0, 0.7])
async def weighed_equals_golden(dut: Any, case: Any, stall: float) -> None:
    """First the contents built in, then others; image after image, another output each."""
    neurons, width, bits, outputs, in_spram = (
        PARAMS[case][key] for key in ("neurons", "trace_width", "bits", "outputs", "in_spram"))
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    await begin(dut)
    weights = rng.integers(-2**(bits - 1), 2**(bits - 1), (neurons, outputs))
    weights[0], weights[-1] = -2**(bits - 1), 2**(bits - 1) - 1
    for index, weight in enumerate(weights.T.ravel().tolist()):
        dut[f"{case}__w_index"].value = index
        dut[f"{case}__w_data"].value = weight & 0xFFFF
        dut[f"{case}__w_en"].value = 1
        await RisingEdge(dut.clk)
    dut[f"{case}__w_en"].value = 0
    assert in_spram == (neurons * outputs * bits > 2**15)
    for image, output in enumerate([0, outputs - 1, outputs // 2]):
        if outputs > 1:
            dut[f"{case}__output"].value = output
        dut[f"{case}__clear"].value = int(image == 0)
        await ClockCycles(dut.clk, 2)
        dut[f"{case}__clear"].value = 0
        await ClockCycles(dut.clk, 2)
        trace = rng.integers(0, 2**width, neurons)
        trace[0] = trace[-1] = 2**width - 1
        want = attribute(trace, weights[:, output])
        _, got = await gather(
            send(dut, f"{case}__i", trace.tolist(), idle=stall),
            receive(dut, f"{case}__o", neurons, stall=stall))
        size = width + bits
        lasts = [word >> size for word in got]
        assert lasts == [0] * (neurons - 1) + [1]
        got = [signed(word & (1 << size) - 1, size) for word in got]
        wrong = np.flatnonzero(np.not_equal(got, want))
        assert len(wrong) == 0, (
            f"neuron {wrong[0]}: {got[wrong[0]]} instead of {want[wrong[0]]}")
    await silent(dut, f"{case}__o", cycles=10)
