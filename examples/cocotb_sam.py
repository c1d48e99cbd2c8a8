"""A cocotb test of an exported SAM unit, to copy: spikes in, a map of each step out.

    sam-snn export verilog sam --network digits --no-tools --out build/sam.v
    python examples/cocotb_sam.py build/sam.v

Needs cocotb 2.1 and a simulator on PATH, Verilator or ($SIM) Icarus.
"""

import math
import os
import sys

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, gather

STEPS, PIXELS, GAMMA = 16, 16, 0.5      # as the head of sam.v says
NOBODY = 0xFFFF                         # the address of no neuron: a step without spikes


async def send(dut, words):
    """Give (tdata, tlast) to the unit."""
    for word, last in words:
        dut.s_axis_events_tdata.value, dut.s_axis_events_tlast.value = word, last
        dut.s_axis_events_tvalid.value = 1
        await RisingEdge(dut.clk)
        while not dut.s_axis_events_tready.value:
            await RisingEdge(dut.clk)
    dut.s_axis_events_tvalid.value = 0


async def receive(dut, count):
    """Take ``count`` words."""
    words, dut.m_axis_map_tready.value = [], 1
    while len(words) < count:
        await RisingEdge(dut.clk)
        if dut.m_axis_map_tvalid.value:
            words.append(dut.m_axis_map_tdata.value.to_unsigned())
    return words


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def two_spikes_make_a_map(dut):
    """Channel 3 at pixel 5 spikes in steps 0 and 2: in step 2 its map is exp(-2 gamma)."""
    dut.s_axis_config_tvalid.value = dut.s_axis_events_tvalid.value = 0
    dut.m_axis_map_tready.value, dut.rst.value = 0, 1
    Clock(dut.clk, 10, unit="ns").start(start_high=False)
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    spikes = [(3 | 5 << 16 if step in (0, 2) else NOBODY, 1) for step in range(STEPS)]
    _, words = await gather(send(dut, spikes), receive(dut, STEPS * PIXELS))
    wanted = {2 * PIXELS + 5: int(math.exp(-2 * GAMMA) * 256)}
    assert {n: word for n, word in enumerate(words) if word} == wanted


if __name__ == "__main__":
    from cocotb_tools.runner import get_runner
    runner = get_runner(os.environ.get("SIM", "verilator"))
    runner.build(sources=sys.argv[1:], hdl_toplevel="sam", build_dir="build/cocotb")
    runner.test(hdl_toplevel="sam", test_module="cocotb_sam", test_dir=os.path.dirname(__file__))
