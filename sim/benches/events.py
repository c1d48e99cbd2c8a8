"""EventSam and EventAttribution as Verilog against golden, under random gaps and stalls.

A case is a unit of a box or, where it says ``axi``, the module that hw.export writes; ``width`` is
then that of the output's tdata.
"""

import json
import os
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, gather

from golden.explain.traces import attribute, decay_table, traces
from golden.formats import MODES, exp_table
from golden.sam import activation_map
from sim.benches.streams import begin, receive, send, signed, silent

PARAMS = json.loads(os.environ["BENCH_PARAMS"])
SAMS = [case for case in PARAMS if "pixels" in PARAMS[case]]
ATTRIBUTIONS = [case for case in PARAMS if "outputs" in PARAMS[case]]
BEYOND = 0xFFFF


def port(case: Any, name):
    """A stream's name in Verilog."""
    if PARAMS[case].get("axi"):
        return f"{'s' if name[0] == 'i' else 'm'}_axis_{name[2:]}"
    return f"{case}__{name}"


def each(cases, **options: Any):
    """A test of all of ``cases`` with all ``options``; no test where there are none."""
    def decorated(test):
        if not cases:
            return test
        return cocotb.test(timeout_time=1, timeout_unit="ms")(
            cocotb.parametrize(case=cases, **options)(test))
    return decorated


def events(steps, silence, last_bit, rng):
    """Words of the steps' spikes, in any order, some steps ended by a word without a spike."""
    found = []
    for step in steps:
        words = rng.permutation(step).tolist()
        if not words or rng.random() < 0.3:
            words.append(silence)
        words[-1] |= 1 << last_bit
        found += words
    return found


def images(rng, steps: int, shape):
    """(N, T, *shape) spikes of all densities."""
    rates = (0, 1, 0.1, 0.5)
    return np.stack([rng.random((steps, *shape)) < rate for rate in rates]).astype(np.int64)


def compare(got, want) -> None:
    """Assert that words are equal; the message names the first that is not."""
    wrong = np.flatnonzero(np.not_equal(got, want))
    assert len(wrong) == 0, (
        f"word {wrong[0]}: {got[wrong[0]]} instead of {want[wrong[0]]}; {len(wrong)} wrong")


@each(SAMS, mode=MODES, gamma=[0.0, 0.5], stall=[0, 0.6])
async def sam_equals_golden(dut: Any, case: Any, mode: str, gamma: float, stall: float) -> None:
    """Image after image, after one that a reset broke off."""
    steps, channels, pixels, width = (
        PARAMS[case][key] for key in ("steps", "channels", "pixels", "width"))
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    await begin(dut)
    await send(dut, port(case, "i_events"), [channels - 1 | pixels - 1 << 16, 0])
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    table = exp_table(gamma, steps)
    await send(dut, port(case, "i_config"), [
        *(entry | d << 16 for d, entry in enumerate(table.tolist())),
        MODES.index(mode) | 0x100 << 16], idle=stall)
    spikes = images(rng, steps, (channels, 1, pixels))
    words = []
    for step in spikes.reshape(-1, channels, pixels):
        channel, pixel = np.argwhere(step).T
        words += events([channel | pixel << 16], BEYOND, 32, rng)
    want = activation_map(spikes, gamma=gamma, mode=mode).ravel()
    _, got = await gather(
        send(dut, port(case, "i_events"), words, idle=stall),
        receive(dut, port(case, "o_map"), want.size, stall=stall))
    got = np.array(got)
    compare(got & 2**width - 1, want)
    compare(got >> width, np.arange(want.size) % pixels == pixels - 1)
    await silent(dut, port(case, "o_map"), cycles=100)


@each(ATTRIBUTIONS, decay=[0.0, 0.9], stall=[0, 0.6])
async def attribution_equals_golden(dut: Any, case: Any, decay: float, stall: float) -> None:
    """Image after image, each for another output."""
    steps, neurons, outputs, bits, width = (
        PARAMS[case][key] for key in ("steps", "neurons", "outputs", "bits", "width"))
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    await begin(dut)
    table = decay_table(decay, steps)
    weights = rng.integers(-2**(bits - 1), 2**(bits - 1), (neurons, outputs))
    await send(dut, port(case, "i_config"), [
        *(entry | d << 16 for d, entry in enumerate(table.tolist())),
        *(weight & 0xFFFF | (0x8000 + n) << 16
          for n, weight in enumerate(weights.T.ravel().tolist()))], idle=stall)
    spikes = images(rng, steps, (neurons,))
    words = events([np.flatnonzero(step) for step in spikes.reshape(-1, neurons)],
                   BEYOND, 16, rng)
    chosen = [(outputs - 1 - n) % outputs for n in range(len(spikes))]
    want = np.concatenate([attribute(traces(image, table), weights[:, output])
                           for image, output in zip(spikes, chosen, strict=True)])
    sent = [send(dut, port(case, "i_events"), words, idle=stall)]
    if outputs > 1:
        sent.append(send(dut, port(case, "i_output"), chosen, idle=stall))
    got, *_ = await gather(
        receive(dut, port(case, "o_attributions"), want.size, stall=stall), *sent)
    compare([signed(word & 2**width - 1, width) for word in got], want)
    compare([word >> width for word in got], np.arange(want.size) % neurons == neurons - 1)
    await silent(dut, port(case, "o_attributions"), cycles=100)
