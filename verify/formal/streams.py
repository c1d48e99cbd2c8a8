"""Every component's streams obey the rules, whatever comes and however it is taken."""

import numpy as np
from amaranth import *
from amaranth.hdl import Assert, Assume, Cover

from boards.link import deframer, executor, framer, stuffing
from boards.protocol.identity import BOOT_AT
from golden.network import Layer, Network, Neuron
from hw.encode import bernoulli, current, frames, graded, latency, ternary
from hw.engine import readout
from hw.explain import sam, score_memory, tap_queue, tap_reader, traces
from hw.interface import COUNT_BITS
from hw.plan.planner import Plan
from verify.formal.prove import Proof
from verify.formal.rules import Past, inputs, obey, steady


def tiny(*, steps=3, side=2, kernel=1, classes=2, greatest=None):
    """The smallest network that has everything: a convolution of two channels and a read-out."""
    weights = np.array([[[[1] * kernel] * kernel], [[[-2] * kernel] * kernel]])
    spiking = Neuron(threshold=np.int64(1), leak=np.int64(1 << 15))
    silent = Neuron(threshold=np.int64(1), leak=np.int64(0), reset="none")
    layer = Layer(weights=weights, bits=2, neuron=spiking, greatest=greatest)
    area = int(np.prod(layer.output((1, side, side))))
    dense = np.resize(np.array([1, -1, -2]), (classes, area))
    return Network(shape=(1, side, side), steps=steps, name="tiny", layers=(
        layer, Layer(weights=dense, bits=2, neuron=silent)))


def plan(**options):
    """Plan of the tiny network, one lane and four steps a word."""
    return Plan(tiny(**options), lanes=1, word_steps=4)


def ruled(build, environment=None, **options):
    """``make`` of a proof that the streams of ``build()`` obey the rules.

    ``environment(m, unit, past)`` assumes what the contract asks for, and may return ``unless``.
    """
    def make(m):
        m.submodules.dut = unit = build()
        past = Past(m)
        unless = environment(m, unit, past) if environment else None
        obey(m, past, unit, unless=unless, **options)
        return inputs(unit)
    return make


def deframer_env(m, unit, past):
    # The reader goes back or away: what it was offered goes with it.
    return {"o": unit.rewind | unit.done}


def framer_env(m, unit, past):
    # The executor writes the label before it answers, one request at a time.
    m.d.comb += Assume(~(unit.i_label.valid & unit.i_answer.valid))


def executor_env(m, unit, past):
    """A request overtaken is given up, with what it offered, in two cycles (boards.link.executor).

    Bytes come as the deframer gives them: a word of its stream waits until it is taken.
    """
    steady(m, past, unit.stop)
    given_up = unit.overtaken | past(unit.overtaken)
    return {name: given_up for name in ("o_pixels", "o_config")}


def sam_env(m, unit, past):
    steady(m, past, unit.mode)
    m.d.comb += Assume(~unit.table.en)
    m.d.comb += Assume(~unit.clear)


def scores_env(m, unit, past):
    steady(m, past, unit.official)
    m.d.comb += Assume(~unit.table.en)


def no_writes(m, unit, past):
    m.d.comb += Assume(~unit.table.en)


def weigher_env(m, unit, past):
    steady(m, past, unit.output)
    m.d.comb += Assume(~unit.w_en & ~unit.clear)


def walker_env(m, unit, past):
    """One pass: a start, and no other."""
    begun = Signal()
    steady(m, past, unit.number)
    m.d.sync += begun.eq(begun | unit.start)
    m.d.comb += Assume(~(begun & unit.start))


def follower_env(m, unit, past):
    """As walker_env; a pass is under way after its start."""
    walker_env(m, unit, past)
    begun = Signal()
    m.d.sync += begun.eq(begun | unit.start)
    m.d.comb += Assume(~unit.active | begun)


def tap_queue_env(m, unit, past):
    """At most ``margin`` - 3 words behind ``full``; a cycle without one behind a pixel's last.

    Returns how many came while it is ``full``.
    """
    comes = unit.en & unit.active & (unit.nonzero | unit.pixel_done)
    ends = past(unit.en & unit.active & unit.nonzero & unit.pixel_done, "ends")
    queued, since = comes | ends, Signal(range(unit.margin))
    m.d.sync += since.eq(Mux(unit.full, since + queued, 0))
    m.d.comb += [
        Assume(unit.nonzero == unit.train.any()), Assume(~(ends & comes)),
        Assume(~(unit.full & queued) | (since < unit.margin - 3)),
    ]
    return since


def queue_env(m, unit, past):
    tap_queue_env(m, unit, past)


def readout_env(m, unit, past):
    """Steps of the read-out are taken when all lanes are told."""
    m.d.comb += [Assume(unit.stepped == unit.all_taken), Assume(unit.is_readout)]


def encoder_env(m, unit, past):
    steady(m, past, unit.seed)
    m.d.comb += Assume(unit.seed != 0)


IDENTITY = BOOT_AT + 1                   # the shortest there is
WORDS = {"maps": unsigned(9), "scores": signed(11), "counts": COUNT_BITS}   # framed
SIZES = {"steps": 3, "word_steps": 4}
UNITS = {
    "boards.link.stuffing.Stuffer": (lambda: stuffing.Stuffer(), None, 20, {"induction": True}),
    "boards.link.deframer.Deframer": (lambda: deframer.Deframer(), deframer_env, 26, {"cover": 30}),
    "boards.link.executor.Executor": (
        lambda: executor.Executor(size=3, words=2),
        executor_env,
        18,
        {"cover": 30},
    ),
    "boards.link.framer.Framer": (
        lambda: framer.Framer(identity=bytes(IDENTITY), words=WORDS),
        framer_env,
        20,
        {"collides": True},
    ),
    "hw.encode.bernoulli.Bernoulli": (
        lambda: bernoulli.Bernoulli(**SIZES),
        encoder_env,
        20,
        {},
    ),
    "hw.encode.ternary.Ternary": (
        lambda: ternary.Ternary(**SIZES),
        encoder_env,
        20,
        {},
    ),
    "hw.encode.current.Current": (lambda: current.Current(**SIZES), None, 2, {"induction": True}),
    "hw.encode.frames.Frames": (lambda: frames.Frames(**SIZES), None, 2, {"induction": True}),
    "hw.encode.latency.Latency": (lambda: latency.Latency(**SIZES), None, 20, {}),
    "hw.encode.graded.Graded": (lambda: graded.Graded(**SIZES), None, 2, {"induction": True}),
    "hw.engine.readout.Readout": (lambda: readout.Readout(plan()), readout_env, 14, {}),
    "hw.explain.sam.Sam": (
        lambda: sam.Sam(**SIZES, map_width=11, table=[32768, 19875, 12055, 7312]),
        sam_env,
        16,
        {"cover": 24},
        {"patient": ("i",)},
    ),
    "hw.explain.tap_reader.TapReader": (
        lambda: tap_reader.TapReader(plan()),
        follower_env,
        16,
        {},
        {"patient": ("o",), "prompt": ("o",)},
    ),
    "hw.explain.tap_queue.TapQueue": (
        lambda: tap_queue.TapQueue(word_steps=4, margin=12),
        queue_env,
        16,
        {},
    ),
    "hw.explain.score_memory.ScoreMemory": (
        lambda: score_memory.ScoreMemory(
            neurons=2, steps=3, table=[32768, 19875, 12055, 7312], counting=True
        ),
        scores_env,
        14,
        {"cover": 22},
    ),
    "hw.explain.traces.Traces": (
        lambda: traces.Traces(**SIZES, table=[32768, 19875, 12055, 7312]),
        no_writes,
        16,
        {"cover": 24},
        {"patient": ("i",)},
    ),
    "hw.explain.traces.PathScaler": (
        lambda: traces.PathScaler(
            neurons=2, outputs=2, trace_width=4, bits=3, weights=[1, -2, 3, -4]
        ),
        weigher_env,
        14,
        {},
    ),
}


def marked(build, environment):
    """``make`` of: ``some`` of an encoder tells whether the train it offers has a spike."""
    def make(m):
        m.submodules.dut = unit = build()
        past = Past(m)
        if environment:
            environment(m, unit, past)
        obey(m, past, unit, covers=False)
        with m.If(unit.o.valid):
            m.d.comb += Assert(unit.some == unit.o.p.train.any())
        m.d.comb += [Cover(unit.o.valid & ~unit.some),
                     Cover(unit.o.valid & unit.some & unit.o.p.train[0])]
        return inputs(unit)
    return make


PROOFS = [Proof(name, "streams keep their words", ruled(build, environment, **dict(*rules)),
                depth=depth, **more)
          for name, (build, environment, depth, more, *rules) in UNITS.items()]
WIDE = {"steps": 6, "word_steps": 8}             # two quads a word
PROOFS += [
    Proof("hw.encode.bernoulli.Bernoulli", "some tells of an empty train",
          marked(lambda: bernoulli.Bernoulli(**WIDE), encoder_env), depth=20),
    Proof("hw.encode.ternary.Ternary", "some tells of an empty train",
          marked(lambda: ternary.Ternary(**WIDE), encoder_env), depth=20),
    Proof("hw.encode.current.Current", "some tells of an empty train",
          marked(lambda: current.Current(**WIDE), None), depth=2, induction=True),
    Proof("hw.encode.frames.Frames", "some tells of an empty train",
          marked(lambda: frames.Frames(**WIDE), None), depth=2, induction=True),
    Proof("hw.encode.latency.Latency", "some tells of an empty train",
          marked(lambda: latency.Latency(**WIDE), None), depth=20),
    Proof("hw.encode.graded.Graded", "some tells of an empty train",
          marked(lambda: graded.Graded(**WIDE), None), depth=2, induction=True),
]
