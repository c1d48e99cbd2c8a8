"""Stores of the engine: every train of a pass once, in its order, at its place, whatever spikes."""

import numpy as np
from amaranth import *
from amaranth.hdl import Assert, Assume, Cover

from golden.network import Layer, Network, Neuron, Pool
from hw.engine.engine import Engine
from hw.plan.planner import Plan
from verify.formal.prove import Proof
from verify.formal.rules import Past, inputs


def columns(*, channels, width, steps, pooled=False, encoder="bernoulli"):
    """A convolution of 1 x 1 over one row of pixels, or over two that are pooled, and a read-out.

    A walk is empty or full as its pixel is silent or not, and short enough to be walked while the
    walk before drains: stores follow each other as closely as they ever can.
    """
    spiking = Neuron(threshold=np.int64(1), leak=np.int64(1 << 15))
    silent = Neuron(threshold=np.int64(1), leak=np.int64(0), reset="none")
    weights = np.resize(np.array([1, -2]), (channels, 1, 1, 1))
    places = channels * (width // 2 if pooled else width)
    layers = [Layer(weights=weights, bits=2, neuron=spiking), Pool("max", 2, 2),
              Layer(weights=np.resize(np.array([1, -1, -2]), (2, places)), bits=2, neuron=silent)]
    return Network(shape=(1, 2 if pooled else 1, width), steps=steps, name="columns",
                   encoder=encoder, layers=tuple(layers if pooled else layers[::2]))


def stored(plan, number, held):
    """``make`` of: the stores of pass ``number`` go where the plan says, none lost or doubled.

    ``held``: also where ends are held up in any cycles.
    """
    each = plan.passes[number]
    order = [(pixel, group, chunk, lane)
             for pixel in range(each.shape[1] * each.shape[2]) for group in range(each.groups)
             for chunk in range(plan.chunks)
             for lane in range(min(each.span, each.shape[0] - group * each.span))]
    places = [pixel * each.out_stride + group * each.span + chunk * each.out_chunk + lane
              for pixel, group, chunk, lane in order]

    def make(m):
        m.submodules.dut = unit = Engine(plan)
        past, begun, ended = Past(m), Signal(), Signal()
        at, count = Signal(plan.train_addr), Signal(range(len(places) + 1))
        close, before = Signal(), Signal()
        m.d.sync += [begun.eq(begun | unit.start), ended.eq(ended | unit.done)]
        m.d.comb += [
            Assume(unit.number == number), Assume(past.known | ~unit.start),
            Assume(~(begun & unit.start)),
            *([] if held else [Assume(~unit.held)]),
            # Where a train goes depends on which are empty, and not on what is in the others.
            Assume(unit.trains.data == 1), Assume(unit.weights.data == 1),
            Assume(unit.bitmap_data == unit.bitmap_data[0].replicate(len(unit.bitmap_data))),
        ]
        with m.If(unit.write.en):
            m.d.sync += [at.eq(at + unit.write.increment), count.eq(count + 1)]
            m.d.comb += [
                Assert(begun), Assert(count < len(places), "a train too many"),
                Assert(at == Array(places)[count], "a train at another's place"),
            ]
        with m.If(unit.done):
            m.d.comb += Assert(count == len(places), "a train was lost")
        last = Array([n + 1 == len(order) or order[n + 1][:3] != order[n][:3]
                      for n in range(len(order))])[count]
        m.d.sync += before.eq(unit.write.en & last)
        m.d.comb += [close.eq(before & unit.write.en), Cover(ended)]
        if plan.can_skip(each):                  # only stores of empty walks come so soon
            m.d.comb += Cover(close)
        return inputs(unit)
    return make


def proof(claim, number, depth, *, lanes, word_steps=4, trains=1, held=False, **options):
    """The Proof of one network and pass; ``depth`` reaches the end of the pass if it hurries."""
    plan = Plan(columns(**options), lanes=lanes, word_steps=word_steps, trains=trains)
    return Proof("hw.engine.engine.Engine", f"every train is stored once, in its place: {claim}",
                 stored(plan, number, held), depth=depth, cover=depth + 8)


PROOFS = [
    proof("3 channels on 2 lanes", 0, 36, lanes=2, channels=3, width=2, steps=4, held=True),
    proof("2 channels on 1 lane", 0, 36, lanes=1, channels=2, width=2, steps=4),
    proof("5 channels on 4 lanes of 4 steps", 0, 38, lanes=4, channels=5, width=2, steps=4),
    proof("3 channels on 2 lanes, two chunks", 0, 46, lanes=2, channels=3, width=1, steps=6),
    proof("2 channels on 1 lane, of constant currents", 0, 44, lanes=1, channels=2, width=2,
          steps=4, encoder="current"),
    # Out of a walk buffer.
    proof("3 channels on 2 lanes, 2 trains a cycle", 0, 42, lanes=2, trains=2, channels=3, width=2,
          steps=4, held=True),
    proof("2 channels on 1 lane, 3 trains a cycle in two slices", 0, 44, lanes=1, word_steps=8,
          trains=3, channels=2, width=1, steps=8),
    proof("max pooling of 3 channels", 1, 36, lanes=2, channels=3, width=2, steps=4, pooled=True),
]
