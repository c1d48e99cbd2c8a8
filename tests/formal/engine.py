"""The whole accelerator, small: every image that is taken leads to a last count, in a bound."""

from amaranth import *
from amaranth.hdl import Assert, Assume, Cover

from hw.accelerator import Accelerator
from tests.formal.prove import Proof
from tests.formal.rules import Past, inputs, obey, streams, within
from tests.formal.streams import tiny

PIXELS, BOUND = 1, 90       # of the image; cycles from its first pixel to its last count


def finishes(m):
    """Whatever the pixels are and however the outputs stall, three cycles at a time at most."""
    unit = Accelerator(tiny(side=1), lanes=1, word_steps=4)
    m.submodules.dut = unit
    past = Past(m)
    obey(m, past, unit, covers=False)
    for name, port, gives in streams(unit):
        if gives:
            held = Signal(2, name=f"{name}_slow")
            m.d.sync += held.eq(Mux(port.ready, 0, held + 1))
            m.d.comb += Assume(port.ready | (held != 1))
    counts, pixels = unit.o_counts, unit.i_pixels
    last = counts.valid & counts.ready & counts.p.last
    running, taken, done = Signal(), Signal(2), Signal(2)
    m.d.comb += [Assume(~unit.i_config.valid), Assume(pixels.p.first)]
    with m.If(pixels.valid):
        m.d.sync += running.eq(1)
    with m.If(pixels.valid & pixels.ready):
        m.d.sync += taken.eq(taken + 1)
    with m.If(last):
        m.d.sync += [running.eq(0), done.eq(done + 1)]
        m.d.comb += Assert(taken == done + 1)
    m.d.comb += Assert((taken == done) | (taken == done + 1))
    waited = within(m, ~running | last, BOUND)
    m.d.comb += [Cover(done == 1), Cover(last & (waited > 40))]
    return inputs(unit)


PROOFS = [Proof("hw.accelerator.Accelerator",
                f"an image is done within {BOUND} cycles under any stalls", finishes,
                depth=100, cover=100)]
