"""The arithmetic of a neuron, of SAM and of attribution: full width, all inputs.

Each specification is written anew, in unlimited integers and by other means than the gateware:
constants' products are sums of shifted terms, roundings are comparisons of remainders, resets are
cases. Only the products of two variables are written as products on both sides: that a product is
one is left to the gate level (tests/verify/test_gate_level.py).
"""

from dataclasses import replace

import numpy as np
from amaranth import *
from amaranth.hdl import Assert, Assume, Cover

from golden.encode import xorshift32
from golden.formats import LEAK_BITS
from golden.network import Layer, Network, Neuron, load, membrane_range, sum_ranges
from hw import arithmetic
from hw.encode import bernoulli
from hw.engine import lane
from hw.engine.neurons import lif_by_sign
from hw.engine.neurons.lif_by_sign import leak_shift
from hw.engine.sums import TreeSums
from hw.engine.walks import summed
from hw.explain import sam, score_memory, traces
from hw.plan.planner import Plan
from verify.formal.prove import Proof
from verify.formal.rules import Past, inputs, opened, state, steady

ONE = 256            # of a score
UNIT = 32768         # of a table entry


def times(value, factor):
    """``value * factor``, ``factor`` unsigned, as a sum of shifted terms."""
    total = C(0)
    for bit in range(len(factor)):
        total = total + Mux(factor[bit], value << bit, 0)
    return total


def is_rounded(quotient, product):
    """Whether ``quotient`` is ``product / UNIT`` rounded half up: the nearest, the upper of two.

    That is 2**15 q <= product + 2**14 < 2**15 (q + 1), so that no shift of the unit is repeated.
    """
    low, high = quotient * UNIT, quotient * UNIT + UNIT
    return (low <= product + UNIT // 2) & (product + UNIT // 2 < high)


# --- identities -----------------------------------------------------------------------------------


def numbers(m):
    """hw.arithmetic's differences and sums are those that their names say, for all operands."""
    value, n, product = Signal(8), Signal(8), Signal(28)
    one, grown, total = Signal(), Signal(13), Signal(20)
    less, more, held = Signal(8), Signal(8), Signal(16)
    m.d.comb += [less.eq(arithmetic.difference(value, ~n)),
                 more.eq(arithmetic.inverted_successor(~n)),
                 held.eq(arithmetic.held_at_top(total, 16)),
                 Assert((less + n)[:8] == value), Assert((~more)[:8] == (n + 1)[:8]),
                 Assert(held == Mux(total < 0xFFFF, total, 0xFFFF))]
    for operand, top in ((total[:16], 0xFFFF), (total, 1 << 20)):
        share = Signal(13)
        m.d.comb += share.eq(arithmetic.by_255(operand))
        with m.If(operand < top):
            m.d.comb += [Assert(255 * share <= operand), Assert(operand < 255 * (share + 1))]
    sum_ = (product + arithmetic.rounding(15, one, unit=8)) >> 15
    m.d.comb += Assert(is_rounded(sum_ - Mux(one, ONE, 0), product))
    with m.If(grown >= ONE):
        m.d.comb += Assert(arithmetic.less_one(grown, one, unit=8) == grown - Mux(one, ONE, 0))
    m.d.comb += [Cover(less > value), Cover(held == 0xFFFF), Cover(one & (sum_ == ONE + 1))]
    return [value, n, product, one, grown, total]


def lowest_ones(m):
    """hw.arithmetic finds the lowest one of every word of 16 and of 4 bits, and takes it out."""
    word, at, found = Signal(16), Signal(4), Signal(4)
    fewer = arithmetic.without_lowest(word)
    rest, first = arithmetic.first_of_four(word[:4])
    # ``at`` is any place that is the lowest: a one there and none below.
    lowest = word.bit_select(at, 1) & ((word & ((1 << at) - 1)[:16]) == 0)
    m.d.comb += found.eq(arithmetic.lowest_index(word))
    with m.If(lowest):
        m.d.comb += [Assert(found == at), Assert((fewer | (1 << at)[:16]) == word),
                     Assert(~fewer.bit_select(at, 1))]
        with m.If(at < 4):
            m.d.comb += [Assert(first == at), Assert(rest == fewer[:4])]
    with m.If(word == 0):
        m.d.comb += [Assert(fewer == 0), Assert(found == 0)]
    with m.If(word[:4] == 0):
        m.d.comb += [Assert(rest == 0), Assert(first == 3)]
    m.d.comb += [Cover(lowest & (at == 15)), Cover(lowest & (at == 2) & (fewer == 0x8000))]
    return [word, at]


# --- LIF ------------------------------------------------------------------------------------------


def rested(each, u, spiked):
    """(u, 1 where it spiked) -> u after reset and leak, as in golden.neurons.lif, in integers."""
    neuron = each.neuron
    threshold, leak = int(np.max(neuron.threshold)), int(np.max(neuron.leak))

    def left(value):
        # L u: what is dropped is the largest d with d 2**16 <= leak u.
        dropped = times(value, C(leak, LEAK_BITS + 1)) >> LEAK_BITS
        return value - dropped
    if neuron.reset == "subtract":
        return Mux(spiked, left(u) - threshold, left(u))
    if neuron.reset == "subtract_leaked":
        return Mux(spiked, left(u - threshold), left(u))
    if neuron.reset == "zero":
        return Mux(spiked, left(C(int(np.max(neuron.v_reset)), signed(32))), left(u))
    return left(u)


def crosses(each, u):
    """Whether a membrane spikes."""
    threshold = int(np.max(each.neuron.threshold))
    return {"gt": u > threshold, "ge": u >= threshold}[each.neuron.compare]


def distance(plan, each):
    """How far a lane's membrane is below u: K of hw.engine.neurons.lif_by_sign, where built."""
    built = plan.parameters.built(each.stage.layer)
    if built is not lif_by_sign.SignLif or each.neuron.reset == "none":
        return 0
    return int(np.max(each.neuron.threshold)) + (each.neuron.compare == "gt")


def in_range(value, low, high):
    """Whether ``low <= value <= high``."""
    return (value >= low) & (value <= high)


def ranges(plan, each):
    """((low, high) of a sum, of a membrane before the last step) of a pass."""
    steps = plan.network.steps - 1
    if each.segments > 1:
        # A read-out whose inputs are walked in parts: no leak, no reset, the parts added behind.
        low, high = plan.segment_range(each.stage, each.segments)
        low, high = int(low.min()), int(high.max())
        scale = steps << each.stage.layer.frac
        return (low, high), (low * scale, high * scale)
    low, high = sum_ranges(each.stage)
    return (int(low.min()), int(high.max())), membrane_range(each.stage, steps)


def lif_step(plan, number):
    """``make`` of two steps in a row of a pass, from any membrane that its layer may have.

    u' = rested(u, s) + 2**frac I and s' = [u' > th], exactly: nothing wraps in the lane's width.
    """
    each = plan.passes[number]
    layer = each.stage.layer

    def make(m):
        unit = lane.Lane(plan)
        m.submodules.dut, inner = opened(unit)
        sum_ = inner.shadow[0]
        m.d.comb += [Assume(unit.number == number), Assume(~unit.load), Assume(~unit.param),
                     Assume(unit.shared.threshold == int(np.max(each.neuron.threshold)))]
        shape = signed(unit.membrane.shape().width + 1)
        membrane = unit.membrane + distance(plan, each)
        handed, fed, before = Signal(sum_.shape()), Signal(sum_.shape()), Signal(shape)
        has_sum, has_fed, has_before, fired = Signal(), Signal(), Signal(), Signal()
        handed_opens, fed_opens, ended = Signal(), Signal(), Signal()
        past = Past(m)
        known = past(past.known)             # constants of the pass are there, two cycles later
        goes_on = unit.step & ~unit.last
        if plan.chunks == 1:
            # All of a train is in one word: with each step but its last, the next sum is fed.
            under_way = Signal()
            with m.If(unit.step):
                m.d.sync += under_way.eq(~unit.last)
            m.d.comb += [Assume(~goes_on | unit.feed),
                         Assume(~unit.feed | unit.step | ~under_way)]
        # A sum is shifted, then fed, then stepped by; each once, a cycle after or later.
        with m.If(unit.shift & known):
            m.d.sync += [handed.eq(sum_), handed_opens.eq(unit.opens), has_sum.eq(1)]
        with m.If(unit.feed):
            m.d.sync += [fed.eq(handed), fed_opens.eq(handed_opens), has_fed.eq(has_sum)]
        with m.Elif(unit.step):
            m.d.sync += has_fed.eq(0)
        with m.If(unit.step & known):
            m.d.sync += [
                has_before.eq(1), before.eq(Mux(unit.last, 0, membrane)),
                ended.eq(unit.last),
                fired.eq(~unit.last & crosses(each, membrane) & (each.neuron.reset != "none")),
            ]
        sums, membranes = ranges(plan, each)
        # The first sum of a train follows the last step of another.
        m.d.comb += Assume(~(unit.step & has_fed & has_before) | (fed_opens == ended))
        real = in_range(before, *map(int, membranes)) & in_range(fed, *sums)
        check = unit.step & has_fed & has_before & real
        after = rested(each, before, fired) + fed * 2**layer.frac
        with m.If(check):
            m.d.comb += Assert(membrane == after)
            if each.neuron.reset != "none":
                told = fired if each.neuron.delay else crosses(each, after)
                m.d.comb += Assert(unit.spike == told)
        m.d.comb += Cover(check & (before == after))
        if each.neuron.reset != "none":
            m.d.comb += Cover(check & unit.spike & fired)
        return inputs(unit)
    return make


def accumulates(plan):
    """``make`` of: a step's sum grows by the weight where the train has a spike, else it stays."""
    def make(m):
        unit = lane.Lane(plan)
        m.submodules.dut, inner = opened(unit)
        past, steps, sums, shadow = Past(m), plan.word_steps, inner.sums.sums, inner.shadow
        low = min(ranges(plan, each)[0][0] for each in plan.passes)
        high = max(ranges(plan, each)[0][1] for each in plan.passes)
        # With ``load`` all steps are named: those sums begin anew.
        m.d.comb += Assume(~unit.load | unit.train.all())
        load, shift = past(unit.load), past(unit.shift)
        train, weight = past(unit.train), past(unit.weight)
        for t in range(steps):
            was, held = past(sums[t]), past(shadow[t])
            behind = past(shadow[t + 1]) if t + 1 < steps else C(0)
            sum_ = was + weight
            with m.If(past.known):
                # A sum of a subset of the weights of one neuron is in the range of all its sums.
                with m.If(load):
                    m.d.comb += [Assert(sums[t] == 0), Assert(shadow[t] == was)]
                with m.Elif(train[t] & in_range(sum_, low, high)):
                    m.d.comb += Assert(sums[t] == sum_)
                with m.Elif(~train[t]):
                    m.d.comb += Assert(sums[t] == was)
                with m.If(~load):
                    m.d.comb += Assert(shadow[t] == Mux(shift, behind, held))
        m.d.comb += [Cover(past.known & load), Cover(past.known & (sums[0] == -3) & ~load)]
        return inputs(unit)
    return make


def by_sign(neuron):
    """``make`` of: a SignLif and a neuron that has u itself go together, for ever.

    For every threshold, and in passes of ``neuron``, of one without spikes and of one without a
    leak, as long as no number is too large for its width, which is the planner's business.
    """
    shift, width = leak_shift([neuron]), 12
    passes = [neuron, replace(neuron, reset="none"), replace(neuron, leak=np.int64(0))]

    def make(m):
        unit = lif_by_sign.SignLif(passes, formats={"threshold": unsigned(6)},
                                   membrane=signed(width), current=signed(8))
        m.submodules.dut, inner = opened(unit)
        past = Past(m)
        ready = past(past.known)             # constants of the pass are there, two cycles later
        steady(m, past, unit.number, unit.threshold)
        spiking, leaks, threshold = unit.number != 1, unit.number != 2, unit.threshold
        held = Mux(spiking, threshold + (neuron.compare == "gt"), 0)         # K

        # --- a sum is shifted, then fed, then stepped by; a first step clears ---------------------
        begun, has, fed = Signal(), Signal(), Signal()
        opens, fed_opens = Signal(), Signal()
        sum_, fed_sum = Signal(signed(8)), Signal(signed(8))
        m.d.comb += [
            Assume(unit.number < len(passes)), Assume(begun | ~(unit.shift | unit.feed)),
            Assume(ready | ~unit.step), Assume(begun | ~unit.step | unit.last),
            Assume(~unit.shift | ~has | unit.feed), Assume(~unit.feed | has),
            Assume(~unit.feed | ~fed | unit.step), Assume(~unit.step | fed | ~begun),
            # Each step of a train but its last goes with the feed of the next.
            Assume(~(unit.shift & ~unit.opens) | unit.feed | (fed & ~unit.step)),
            Assume(~(unit.feed & ~opens) | unit.step),
            Assume(~(unit.step & ~unit.last) | (unit.feed & ~opens)),
            Assume(~(unit.step & unit.last & has) | opens),
        ]
        with m.If(unit.shift):
            m.d.sync += [has.eq(1), opens.eq(unit.opens), sum_.eq(unit.current)]
        with m.Elif(unit.feed):
            m.d.sync += has.eq(0)
        with m.If(unit.feed):
            m.d.sync += [fed.eq(1), fed_opens.eq(opens), fed_sum.eq(sum_)]
        with m.Elif(unit.step):
            m.d.sync += fed.eq(0)

        # --- the neuron that has u ----------------------------------------------------------------
        u, fired, after = Signal(signed(width + 2)), Signal(), Signal(signed(width + 2))
        left = Mux(leaks, u - (u >> shift), u)
        m.d.comb += after.eq(fed_sum + Mux(fed_opens, 0, left - Mux(fired, threshold, 0)))
        spikes = spiking & (after > threshold if neuron.compare == "gt" else after >= threshold)
        with m.If(unit.step):
            m.d.sync += [u.eq(after), fired.eq(spikes), begun.eq(1)]
        m.d.comb += Assume(in_range(after - held, -2**(width - 1), 2**(width - 1) - 1))
        with m.If(unit.step & fed):
            m.d.comb += Assert(unit.membrane == after - held)
            with m.If(spiking):
                m.d.comb += Assert(unit.spike == spikes)

        # --- what the registers hold, for the induction -------------------------------------------
        share = Mux(leaks, held >> shift, 0)
        reset = Mux(fired & ~fed_opens, threshold, 0)
        m.d.comb += [Assert(~ready | past.known), Assert(~begun | ready),
                     Assert(~(has | fed) | begun), Assert(~ready | (inner.distance == held))]
        with m.If(has):
            m.d.comb += [Assert(inner.input == sum_ - Mux(opens, held, share) - 1),
                         Assert(inner.drop == Mux(spiking & ~opens, threshold, 0)),
                         Assert(opens | fed)]
        with m.If(fed):
            m.d.comb += Assert(inner.given == fed_sum - Mux(fed_opens, held, share) - 1 - reset)
        with m.If(fed & ~fed_opens):
            m.d.comb += Assert(inner.kept + inner.carry == left - held + share + 1)
        with m.Elif(begun):
            m.d.comb += [Assert(inner.kept == 0), Assert(inner.carry)]
        crossed = unit.step & fed & ~fed_opens & fired
        m.d.comb += [Cover(crossed & spikes & leaks), Cover(crossed & ~spikes & ~leaks),
                     Cover(unit.step & fed & unit.last & (unit.number == 1) & (after == -9))]
        return inputs(unit)
    return make


def tree(trains):
    """``make`` of: the sum of a step grows by the weights of all trains that have a spike there."""
    def make(m):
        m.submodules.dut = unit = TreeSums(trains=trains, steps=2, weight_bits=5, sum_bits=9)
        past, depth = Past(m), summed(trains)
        given = Signal(signed(9))
        m.d.comb += given.eq(sum(Mux(steps[1], weight, 0) for steps, weight in zip(
            unit.steps, unit.weights, strict=True)))
        known = past.known
        for n in range(depth):
            given, known = past(given, f"given{n}"), past(known, f"known{n}")
        total = Mux(unit.first, 0, unit.sums[1]) + given
        total, fits = past(total, "total"), past(known & in_range(total, -256, 255), "fits")
        with m.If(fits):
            m.d.comb += Assert(unit.sums[1] == total)
        m.d.comb += [Cover(fits & (total == -256) & ~past(unit.first)),
                     Cover(fits & (total == -16 * trains) & past(unit.first))]
        return inputs(unit)
    return make


# --- SAM and attribution --------------------------------------------------------------------------


def ncs(m):
    """A <- 1 + E[d] A rounded half up, 1 at the first spike; and the ghost, z E[t].

    What goes to the map is A - 1, A, or A and then the ghost, by mode.
    """
    unit = sam.Sam(steps=16, word_steps=16, map_width=16)
    m.submodules.dut, inner = opened(unit)
    past, scan, part = Past(m), inner.score.scan, inner.of(inner.score)
    entry, factor, kept = part.entry.data, part.factor, part.kept
    looked, looked_ghost = part.looked, part.looked_ghost
    # At the top of its range in the last step only, when no further spike comes.
    real = (entry <= UNIT) & (factor <= 15 * ONE)
    fed, ghost, opened_ = past(looked & real), past(looked_ghost), past(part.opened)
    product, score, value = past(entry * factor), part.grown >> 15, inner.score.o.value
    ghosts, silent = past(scan.spike & scan.ghost), past(part.silent)
    paper, fresh = past(unit.mode == sam.Mode.Paper.value), past(looked & ~looked_ghost)
    returns, was = past(part.fresh | (looked & looked_ghost)), past(score)
    m.d.comb += [Assume(~past.known | (part.fresh == fresh)),
                 Assume(~past.known | (part.paper == paper))]
    with m.If(past.known & fed):
        m.d.comb += Assert(is_rounded(score - Mux(ghost, 0, ONE), product))
        with m.If(~paper | (score >= ONE)):
            m.d.comb += Assert(value == score - Mux(paper & ~ghost, ONE, 0))
    with m.If(past.known & fresh):
        m.d.comb += Assert(factor == score)
    with m.Elif(past.known):
        m.d.comb += Assert(factor == kept)
    # What is kept, in cases: 0 before a neuron's first spike, z for the ghost, A.
    with m.If(past.known & opened_):
        m.d.comb += Assert(kept == 0)
    with m.Elif(past.known & ghosts):
        m.d.comb += Assert(kept == silent * ONE)
    with m.Elif(past.known & returns):
        m.d.comb += Assert(kept == was)
    m.d.comb += [Cover(past.known & fed & ~ghost & (factor != 2 * ONE) & (factor != ONE)),
                 Cover(past.known & fed & ghost & ~opened_), Cover(past.known & opened_)]
    return inputs(unit)


def spikes_gone_through(m):
    """A word's spikes are looked up each once, the earliest first, and then it is done with.

    In paper and inclusive mode; of a word with any steps, from those that are left.
    """
    unit = sam.Sam(steps=16, word_steps=16, map_width=16)
    m.submodules.dut, inner = opened(unit)
    past, scan, gives = Past(m), inner.scanner.scan, inner.of(inner.scanner).gives
    taken = unit.i.valid & unit.i.ready
    # Spikes of the word that are not looked up yet, by their step.
    left = Signal(16)
    m.d.comb += [Assume(unit.mode != sam.Mode.Official.value), Assume(~unit.clear)]
    with m.If(past.known & scan.spike):
        m.d.comb += Assert(left.bit_select(scan.step, 1))
        m.d.comb += Assert((left & ((1 << scan.step) - 1)[:16]) == 0)
        m.d.sync += left.eq(left & ~(1 << scan.step)[:16])
    with m.If(taken):
        m.d.comb += Assert((left & ~Mux(scan.spike, 1 << scan.step, 0)[:16]) == 0)
        m.d.sync += left.eq(unit.i.p.train)
    m.d.comb += [Cover(taken & (unit.i.p.train == 0x8421)),
                 Cover(scan.spike & (scan.step == 15) & (left == 0x8000)), Cover(gives)]
    return inputs(unit)


def map_sum(bits, *, held=False):
    """M(t) + N, where it fits; what does not stays at all ones if ``held``; 0 once it has left."""
    def make(m):
        unit = sam.Sam(steps=16, word_steps=16, map_width=bits, held=held)
        m.submodules.dut, inner = opened(unit)
        past, part, top = Past(m), inner.of(inner.pixel_map), (1 << bits) - 1
        old, new, given, value = part.old, part.new, part.given, inner.score.o.value
        real = past.known & past(inner.of(inner.score).looked) & ~given & (value <= 16 * ONE)
        with m.If(real):
            m.d.comb += Assert(new.en)
            with m.If(value <= (top - old.data)):
                m.d.comb += Assert(new.data == old.data + value)
            if held:
                with m.Else():
                    m.d.comb += Assert(new.data == top)
        with m.If(given & (~unit.o.valid | unit.o.ready)):
            m.d.comb += [Assert(new.en), Assert(new.data == 0)]
        m.d.comb += [Cover(real & (old.data != 0) & (new.data == top - 1)),
                     Cover(real & (new.data == top) & (old.data == (top if held else top - 1)))]
        return inputs(unit)
    return make


def kept_scores(m):
    """A of hw.explain.score_memory: the same update at a spike, E[d] A when it is read out."""
    unit = score_memory.ScoreMemory(neurons=5, steps=16)
    fragment, inner = opened(unit)
    m.submodules.dut = fragment
    past = Past(m)
    entry = inner.entry.data
    factor, spike, grown = inner.factor, inner.spike, inner.grown
    m.d.comb += Assume(~inner.ghost)         # there is none without ``counting``
    multiplied = past(state(fragment, "Multiply") & (entry <= UNIT) & (factor <= 15 * ONE))
    product = past(entry * factor)
    with m.If(past.known & multiplied):
        m.d.comb += Assert(is_rounded(grown - Mux(spike, ONE, 0), product))
        m.d.comb += Assert(unit.o.valid)
        m.d.comb += Assert(unit.o.payload == grown)
    m.d.comb += Cover(past.known & multiplied & spike & unit.o.valid)
    return inputs(unit)


def traced(m):
    """A of hw.explain.traces: as NCS; at the end E[T - t] A leaves, and 0 without a spike."""
    unit = traces.Traces(steps=16, word_steps=16)
    fragment, inner = opened(unit)
    m.submodules.dut = fragment
    past = Past(m)
    entry = inner.entry.data
    found, alone, ending, kept = inner.found, inner.found_alone, inner.found_ending, inner.kept
    real = (entry <= UNIT) & Mux(ending, kept <= 16 * ONE, kept <= 15 * ONE)
    fed, first, ended = past(found & real), past(alone), past(ending)
    product = past(entry * Mux(alone, 0, kept))
    with m.If(past.known & fed):
        one = Mux(ended, 0, ONE)
        m.d.comb += Assert(is_rounded(kept - one, product))
        with m.If(first):
            m.d.comb += Assert(kept == one)
        with m.If(ended):
            m.d.comb += [Assert(unit.o.payload == kept), Assert(unit.o.valid)]
    m.d.comb += [Cover(past.known & fed & ~first & ~ended), Cover(past.known & fed & ended)]
    return inputs(unit)


def attributed(m):
    """An attribution is trace times weight, exactly, at the full width of both."""
    unit = traces.PathScaler(neurons=3, trace_width=13, bits=8)
    fragment, inner = opened(unit)
    m.submodules.dut = fragment
    past = Past(m)
    weight = inner.weight
    taken, product = past(unit.i.valid & unit.i.ready), past(unit.i.payload * weight)
    with m.If(past.known & taken):
        m.d.comb += [Assert(unit.o.p.data == product), Assert(unit.o.valid)]
    m.d.comb += Cover(past.known & taken & (unit.o.p.data == 0))
    return inputs(unit)


# --- encoder --------------------------------------------------------------------------------------


def generated(m):
    """The generator takes golden's steps, and its bytes are compared with the pixel."""
    unit = bernoulli.Bernoulli(steps=6, word_steps=8)
    fragment, inner = opened(unit)
    m.submodules.dut = fragment
    past = Past(m)
    register, train, quad, started = inner.state, inner.train, inner.quad, inner.started
    # The step is linear over bits: column b is what becomes of bit b alone.
    columns = [int(xorshift32(np.uint32(1 << bit))) for bit in range(32)]

    def step(value):
        return Cat(Cat(value[b] for b in range(32) if columns[b] >> bit & 1).xor()
                   for bit in range(32))
    restarted, was, seed = past(unit.restarted), past(register), past(unit.seed)
    again = past(state(fragment, "Restart"))
    drawing = past(inner.drawing)
    pixel, at, steps = past(unit.i.p.data), past(quad), 6
    following = past(step(register))
    with m.If(past.known & restarted):
        m.d.comb += Assert(register == seed)
    with m.Elif(past.known & (again | drawing)):
        m.d.comb += Assert(register == following)
    with m.Elif(past.known):
        m.d.comb += Assert(register == was)
    with m.If(past.known & drawing):
        for n in range(4):
            below = was.word_select(n, 8) < pixel
            m.d.comb += Assert(train[4 + n] == (below & (at * 4 + n < steps)))
    first = past(state(fragment, "Draw") & unit.i.valid & unit.i.p.first & ~started
                 & ~inner.given)
    m.d.comb += Assert(past.known & first == past.known & restarted)
    m.d.comb += [Cover(past.known & restarted), Cover(past.known & drawing & train.all())]
    return inputs(unit)


def small(neuron, word_steps=16):
    """Plan of a network whose hidden neurons are of this kind."""
    weights = np.array([[[[-8, 7, 3], [5, -6, 1], [2, -4, 7]]]])
    silent = Neuron(threshold=np.int64(1), leak=np.int64(0), reset="none")
    return Plan(Network(shape=(1, 3, 3), steps=16, name="small", layers=(
        Layer(weights=weights, bits=4, frac=2, neuron=neuron),
        Layer(weights=np.array([[3], [-4]]), bits=4, neuron=silent))), word_steps=word_steps)


KINDS = {
    "subtract_leaked, ge, leak 5000": Neuron(
        threshold=np.int64(17), leak=np.int64(5000), reset="subtract_leaked", compare="ge"),
    "subtract, leak 6554 (beta .9)": Neuron(threshold=np.int64(19), leak=np.int64(6554)),
    "subtract, leak 655 (beta .99)": Neuron(threshold=np.int64(19), leak=np.int64(655)),
    "zero, leak 2**-3": Neuron(
        threshold=np.int64(23), leak=np.int64(1 << 13), reset="zero", v_reset=np.int64(-9)),
    "subtract, ge": Neuron(threshold=np.int64(11), leak=np.int64(1 << 12), compare="ge"),
    "subtract, gt": Neuron(threshold=np.int64(13), leak=np.int64(1 << 12)),
    "subtract, delayed": Neuron(threshold=np.int64(11), leak=np.int64(1 << 12), delay=True),
}


def proofs():
    """All of this file."""
    fashion = Plan(load("models/fashion.npz"))
    exact = {"depth": 6, "any_state": True}
    yield from (
        Proof(
            "hw.engine.lane.Lane",
            f"LIF step of fashion, layer {n + 1}, {fashion.membrane_bits} bits",
            lif_step(fashion, n),
            **exact,
        )
        for n in range(len(fashion.passes))
    )
    yield from (
        Proof("hw.engine.lane.Lane", f"LIF step: {name}", lif_step(small(neuron), 0), **exact)
        for name, neuron in KINDS.items()
    )
    yield Proof("hw.engine.lane.Lane", "LIF step: subtract, ge, trains of two words",
                lif_step(small(KINDS["subtract, ge"], word_steps=8), 0), **exact)
    yield Proof(
        "hw.engine.lane.Lane",
        f"sums of fashion, {fashion.sum_bits} bits",
        accumulates(fashion),
        depth=2,
        any_state=True,
    )
    yield from (
        Proof("hw.engine.neurons.lif_by_sign.SignLif",
              f"v is u - K, and a spike its sign: {compare}, leak 2**-{shift}, any threshold",
              by_sign(Neuron(np.int64(63), np.int64(1 << LEAK_BITS - shift), compare=compare)),
              depth=3, induction=True)
        for compare, shift in (("gt", 4), ("ge", 1)))
    yield from (
        Proof("hw.engine.sums.TreeSums", f"sums of {trains} trains a cycle", tree(trains),
              depth=8, any_state=True, cover=24)
        for trains in (2, 3, 4))
    exact = {"depth": 2, "any_state": True}
    yield Proof("hw.arithmetic", "differences and sums of 8 to 28 bits", numbers, depth=1, cover=1)
    yield Proof("hw.arithmetic", "lowest one of 4 and of 16 bits", lowest_ones, depth=1, cover=1)
    yield Proof("hw.explain.sam.Sam", "NCS update, 16 x 13 bits", ncs, **exact)
    yield Proof(
        "hw.explain.sam.Sam",
        "each spike of each word once, earliest first",
        spikes_gone_through,
        depth=22,
        cover=24,
    )
    yield Proof("hw.explain.sam.Sam", "map sum, 19 bits", map_sum(19), **exact)
    yield Proof(
        "hw.explain.sam.Sam", "map sum held at the top of 16 bits", map_sum(16, held=True), **exact
    )
    yield Proof(
        "hw.explain.score_memory.ScoreMemory",
        "NCS and trace update, 16 x 13 bits",
        kept_scores,
        **exact,
    )
    yield Proof("hw.explain.traces.Traces", "trace update, 16 x 13 bits", traced, **exact)
    yield Proof(
        "hw.explain.traces.PathScaler", "trace times weight, 13 x 8 bits", attributed, **exact
    )
    yield Proof("hw.encode.bernoulli.Bernoulli", "generator and comparison", generated, **exact)


PROOFS = [*proofs()]
