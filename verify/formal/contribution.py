"""Contributions add up: what leaves of all pixels, and the biases, is the score, bit for bit."""

import numpy as np
from amaranth import *
from amaranth.hdl import Assert, Assume, Cover
from amaranth.lib.wiring import connect

from golden.network import Layer, Network, Neuron
from hw.engine import readout
from hw.explain import contribution
from hw.plan.pixels import plan_by_pixel
from verify.formal.prove import Proof
from verify.formal.rules import Past, inputs, obey

STEPS, PIXELS = 2, 2


def pair():
    """Plan of two pixels of two channels, one class with a bias, one lane, two steps of four."""
    spiking = Neuron(threshold=np.int64(1), leak=np.int64(1 << 15))
    silent = Neuron(threshold=np.int64(0), leak=np.int64(0), reset="none")
    return plan_by_pixel(Network(shape=(1, 1, PIXELS), steps=STEPS, name="pair", layers=(
        Layer(np.array([[[[1]]], [[[-2]]]]), 2, spiking),
        Layer(np.array([[1, -1, -2, 1]]), 2, silent, frac=1, bias=np.array([1])))),
        lanes=1, word_steps=4)


def adds_up(m):
    """With any membranes, whenever steps wait and results are taken, of the first image.

    The membranes of a pixel at the last step have fraction bits of 0, as those of a neuron that was
    added none; a pixel's contribution is its membrane without them, and pixels come in their order.
    A sum is that of the format of a score, which holds every sum there can be (Plan.score_bits).
    """
    plan = pair()
    m.submodules.dut = unit = readout.Readout(plan)
    m.submodules.unit = taker = contribution.Contribution(
        bits=plan.membrane_bits, frac=1, width=plan.membrane_bits - 1)
    connect(m, unit.contribution, taker.i)
    m.d.comb += unit.contribution_waits.eq(taker.busy)
    past = Past(m)
    obey(m, past, taker, covers=False, skip=("i",))

    # --- the drain: steps of a word, of which the first two are of the run ------------------------
    step, waits, moves = Signal(range(4)), Signal(), Signal()
    live = step < STEPS
    stepped = Signal()
    m.d.comb += [
        unit.is_readout.eq(1), unit.chunk.eq(0), unit.step.eq(step),
        unit.speaks.eq(live & waits), unit.stepped.eq(stepped), unit.last.eq(step == 3),
        stepped.eq(Mux(live, unit.all_taken, moves)),
    ]
    with m.If(stepped):
        m.d.sync += step.eq(step + 1)

    # --- what was taken ---------------------------------------------------------------------------
    membrane = unit.membranes[0]
    segment, ends = Signal(range(PIXELS + 2)), Signal()
    of_pixel, at_end = segment < PIXELS, step == STEPS - 1
    biases, held = Signal.like(membrane), [Signal.like(membrane) for _ in range(PIXELS)]
    m.d.comb += [ends.eq(stepped & (step == 3)),
                 Assume(~(unit.all_taken & at_end & of_pixel) | ~membrane[0]),
                 Assume(segment <= PIXELS)]
    with m.If(ends):
        m.d.sync += segment.eq(segment + 1)
    with m.If(unit.all_taken & at_end):
        with m.If(of_pixel):
            m.d.sync += Array(held)[segment].eq(membrane)
        with m.Else():
            m.d.sync += biases.eq(membrane)

    # --- what was given ---------------------------------------------------------------------------
    total, count, scores = Signal(signed(16)), Signal(range(8)), Signal(range(8))
    share = taker.o.payload.as_signed()
    with m.If(taker.o.valid & taker.o.ready):
        m.d.sync += [total.eq(total + share), count.eq(count + 1)]
    with m.If(unit.o.valid & unit.o.ready):
        m.d.sync += scores.eq(scores + 1)
    with m.If(taker.o.valid):
        m.d.comb += [Assert(count < PIXELS), Assert(share == Array(held)[count] >> 1)]
    complete = unit.o.valid & (scores == STEPS - 1)
    given = Mux(taker.o.valid, total + share, total)
    with m.If(complete):
        m.d.comb += [Assert(count + taker.o.valid == PIXELS),
                     Assert(unit.o.payload == ((given << 1) + biases)[:plan.score_bits]
                            .as_signed())]
    m.d.comb += Cover(complete & (given == -1) & (biases == 3))
    m.d.comb += Cover(complete & (count == PIXELS))
    return [waits, moves, *inputs_free(unit, taker)]


def inputs_free(unit, taker):
    """What nothing here drives."""
    return [Value.cast(unit.membranes), unit.o.ready, taker.o.ready]


def keeps(m):
    """The unit's words stay until they are taken, whatever comes as its contract has it."""
    m.submodules.dut = unit = contribution.Contribution(bits=5, frac=2, width=3)
    past = Past(m)
    m.d.comb += Assume(~(unit.i.valid & unit.busy))
    obey(m, past, unit)
    fed, value = past(unit.i.valid), past(unit.i.payload)
    with m.If(past.known & fed):
        m.d.comb += [Assert(unit.o.valid), Assert(unit.o.payload == (value >> 2)[:3])]
    return inputs(unit)


PROOFS = [
    Proof("hw.explain.contribution.Contribution", "contributions and biases add up to the score",
          adds_up, depth=36, cover=36),
    Proof("hw.explain.contribution.Contribution", "streams keep their words", keeps, depth=2,
          induction=True),
]
