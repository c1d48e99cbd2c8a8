"""The SAM unit in an Amaranth design that is not ours: `python examples/foreign_top.py`.

A design has spikes of its own, here of neurons that count down; EventSam is a part of it.
"""

import numpy as np
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import Out
from amaranth.sim import Simulator

from golden.formats import exp_table, map_bits
from golden.sam import activation_map
from hw.ip.events import EventSam

STEPS, PERIODS = 8, (1, 2, 3, 5)        # neuron n fires in every PERIODS[n]th step


class Foreign(wiring.Component):
    """Looks at a neuron in each cycle and sends its address where it fires; the map leaves."""

    def __init__(self):
        self.sam = EventSam(channels=1, pixels=len(PERIODS), steps=STEPS,
                            map_width=map_bits(1, STEPS), table=exp_table(0.5, STEPS))
        super().__init__({"o_map": Out(self.sam.o_map.signature)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.sam = sam = self.sam
        wiring.connect(m, sam.o_map, wiring.flipped(self.o_map))
        counts = Array(Signal(range(period), name=f"count{n}", init=period - 1)
                       for n, period in enumerate(PERIODS))
        neuron, last = Signal(range(len(PERIODS))), len(PERIODS) - 1
        fires = counts[neuron] == 0
        m.d.comb += [
            sam.i_events.valid.eq(fires | (neuron == last)),    # a word ends each step
            sam.i_events.p.pixel.eq(neuron), sam.i_events.p.last.eq(neuron == last),
            sam.i_events.p.channel.eq(~fires)]                  # 1 is no channel: no spike
        with m.If(~sam.i_events.valid | sam.i_events.ready):
            m.d.sync += neuron.eq(Mux(neuron == last, 0, neuron + 1))
            for n, period in enumerate(PERIODS):
                with m.If(neuron == n):
                    m.d.sync += counts[n].eq(Mux(fires, period - 1, counts[n] - 1))
        return m


def main():
    """Simulate one image; return the map of the chip and the model's, (T, neurons)."""
    dut, words = Foreign(), []

    async def take(ctx):
        ctx.set(dut.o_map.ready, 1)
        while len(words) < STEPS * len(PERIODS):
            _, _, valid, word = await ctx.tick().sample(dut.o_map.valid, dut.o_map.p.data)
            words.extend([word] * valid)
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(take)
    sim.run()
    spikes = np.array([[t % p == p - 1 for p in PERIODS] for t in range(STEPS)], dtype=np.int64)
    model = activation_map(spikes[None, :, None, None], gamma=0.5, mode="paper")
    return np.reshape(words, spikes.shape), np.reshape(model, spikes.shape)


if __name__ == "__main__":
    chip, model = main()
    print(chip, "equal to the model" if (chip == model).all() else "NOT equal to the model")
