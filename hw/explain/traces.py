# amaranth: UnusedElaboratable=no
"""Spike attribution: what is left of each neuron's spikes, and its share in an output."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import MOST_STEPS, SCORE_FRAC, TABLE_FRAC, bits_signed, score_bits
from hw.arithmetic import lowest_index, rounding, without_lowest
from hw.explain.interface import explanation, table_memory
from hw.interface import Output
from hw.memory.spram import DEPTH, SPRAM

__all__ = ["UNIT", "PathScaler", "Traces"]

EBR_BITS = 4096  # of the iCE40's small memories
FEW_EBR = 8      # weights that take more go to one SPRAM


class Traces(wiring.Component):
    """Trace of each neuron after the last step, from the words of its train.

    As in golden.explain.traces.traces, by the interval and the table of the SAM unit: at a spike, d
    steps after the neuron's one before, A <- 1 + E[d] A, A = 1 at the first; in the end the trace
    is E[T - t] A, t the last spike, or 0 without one. Both round half up.

    A word takes one cycle a spike and at least two; a neuron's last word one more for its trace,
    which leaves three cycles later. Traces leave at most once in three cycles, in the order of the
    neurons. ``first`` of a word starts a neuron anew; ``last`` is not looked at.

    Parameters
    ----------
    steps : int
        T, 1 to golden.formats.MOST_STEPS.
    word_steps : int
        Steps of a word.
    table : sequence of int
        E[d], d = 0 .. T, until others are written.

    Members
    -------
    table, busy, i, o :
        As hw.explain.interface.explanation has them. The table is E[d] = decay**d in units of
        2**-15. The words given are traces, in units of 2**-8.
    """

    PRODUCTS = ("traces", 1)

    def __init__(self, *, steps, word_steps, table=()):
        if not 1 <= steps <= MOST_STEPS:
            raise ValueError(f"steps must be 1 to {MOST_STEPS}, not {steps}")
        self.steps, self.word_steps = steps, word_steps
        self.entries = [int(entry) for entry in table]
        super().__init__(explanation(word_steps=word_steps, word=unsigned(score_bits(steps))))

    @classmethod
    def built(cls, plan, layers):
        """(Traces, Output) of one layer: a trace a neuron."""
        (layer,), steps = layers, plan.network.steps
        channels, height, width = plan.network.stages[layer - 1].shape
        return cls(steps=steps, word_steps=plan.word_steps), Output(
            "traces", ("y", "x", "channel"), {layer: (height, width, channels)}, score_bits(steps),
            frac=SCORE_FRAC,
            meaning=f"traces of layer {layer}, unsigned in 2**-8, (y, x, channel) order")

    def elaborate(self, platform):
        m = Module()

        chunks = -(-self.steps // self.word_steps)
        time   = unsigned(self.steps.bit_length())           # 0 .. T
        score  = unsigned(score_bits(self.steps))

        entry  = table_memory(m, self.table, addr=time.width, init=self.entries)

        # --- take: the spikes of a word, earliest first, then the end of its neuron ---------------
        rest   = Signal(self.word_steps)
        chunk  = Signal(range(chunks))
        fewer  = without_lowest(rest)
        index  = Signal(range(self.word_steps))
        m.d.comb += index.eq(lowest_index(rest))
        fresh  = Signal()                                    # the neuron has not spiked yet

        # --- look up: E[d] ------------------------------------------------------------------------
        looked, alone, ending = Signal(), Signal(), Signal()
        now    = Signal(time)                                # t of the spike looked up, or T
        spiked = Signal(time)                                # t of the neuron's last spike
        m.d.comb += [entry.addr.eq(now - spiked), entry.en.eq(looked)]
        with m.If(looked):
            m.d.sync += spiked.eq(now)

        # --- multiply -----------------------------------------------------------------------------
        found, found_alone, found_ending = Signal(), Signal(), Signal()
        kept    = Signal(score)                              # A at the neuron's last spike
        product = Signal(score.width + 16)
        m.d.sync += [found.eq(looked), found_alone.eq(alone), found_ending.eq(ending)]
        m.d.comb += product.eq(entry.data * Mux(found_alone, 0, kept))
        grown = (product + rounding(TABLE_FRAC, ~found_ending, unit=SCORE_FRAC)) >> TABLE_FRAC
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(found):
            m.d.sync += kept.eq(grown)
            with m.If(found_ending):
                m.d.sync += self.o.valid.eq(1)
        # A neuron's trace stays in a register of its own while the next one grows.
        with m.If(found & found_ending):
            m.d.sync += self.o.payload.eq(grown)
        under_way = (looked & ending) | (found & found_ending) | (self.o.valid & ~self.o.ready)

        m.d.sync += looked.eq(0)
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("Idle") | looked | found | self.o.valid)
            with m.State("Idle"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += rest.eq(self.i.p.train)
                with m.If(self.i.valid):
                    m.d.sync += chunk.eq(Mux(self.i.p.first, 0, chunk + 1))
                    with m.If(self.i.p.first):
                        m.d.sync += fresh.eq(1)
                    m.next = "Spikes"

            with m.State("Spikes"):
                last_chunk = chunk == chunks - 1
                m.d.sync += [ending.eq(0), alone.eq(fresh)]
                with m.If(rest != 0):
                    m.d.sync += [
                        now.eq(chunk * self.word_steps + index), looked.eq(1), fresh.eq(0),
                        rest.eq(fewer),
                    ]
                    with m.If((fewer == 0) & ~last_chunk):
                        m.next = "Idle"
                with m.Elif(~last_chunk):
                    m.next = "Idle"
                with m.Elif(~under_way):
                    m.d.sync += [now.eq(self.steps), ending.eq(1), looked.eq(1)]
                    m.next = "Idle"

        return m


UNIT = Traces


class PathScaler(wiring.Component):
    """Each trace times the path weight of its neuron to one of several outputs, exact.

    As golden.explain.traces.attribute; the traces of an image come in the order of the neurons and
    image follows image. Takes and gives one a cycle, a cycle later. Weights lie one an entry, in
    EBR with their first contents up to eight of them, above in one SPRAM, whose contents must be
    written.

    Parameters
    ----------
    neurons, outputs : int
        Up to 16,384 weights in all.
    trace_width : int
        Unsigned width of a trace.
    bits : int
        Signed width of a weight, up to 16.
    weights : sequence of int
        Weight of neuron n to output k at k neurons + n, until others are written.

    Members
    -------
    output : In(range(outputs))
        The output chosen; steady from two cycles before an image's first trace to its last.
    w_index, w_data, w_en : In(14), In(16), In(1)
        Write one weight; between images only.
    clear : In(1)
        The next trace is that of neuron 0, as after the last neuron's.
    i : In(stream.Signature(unsigned(trace_width)))
    o : Out(stream.Signature({"data": signed(...), "last": 1}))
        Attribution, in units of the trace's times the weight's; ``last`` of the image.
    """

    def __init__(self, *, neurons, trace_width, bits, outputs=1, weights=()):
        if neurons < 1 or outputs < 1 or neurons * outputs > DEPTH:
            raise ValueError(f"neurons times outputs must be 1 to {DEPTH}, not {neurons} times "
                             f"{outputs}")
        if not 2 <= bits <= 16:
            raise ValueError(f"bits must be 2 to 16, not {bits}")
        self.neurons, self.outputs, self.bits = neurons, outputs, bits
        self.weights = [int(weight) for weight in weights]
        top = (2**trace_width - 1) << bits - 1
        self.width = bits_signed(-top, top)
        super().__init__({
            "output": In(range(outputs)),
            "w_index": In(14), "w_data": In(16), "w_en": In(1),
            "clear": In(1),
            "i": In(stream.Signature(unsigned(trace_width))),
            "o": Out(stream.Signature(data.StructLayout({
                "data": signed(self.width), "last": 1}))),
        })

    @property
    def in_spram(self):
        """Whether the weights are kept in SPRAM, without contents at power-up."""
        return self.neurons * self.outputs * self.bits > FEW_EBR * EBR_BITS

    def elaborate(self, platform):
        m = Module()

        depth = self.neurons * self.outputs
        addr, weight = Signal(range(depth)), Signal(signed(self.bits))
        if self.in_spram:
            m.submodules.weights = spram = SPRAM(depth=depth)
            m.d.comb += [
                spram.addr.eq(Mux(self.w_en, self.w_index, addr)), spram.r_en.eq(1),
                spram.w_en.eq(self.w_en), spram.w_data.eq(self.w_data),
                weight.eq(spram.r_data[:self.bits].as_signed()),
            ]
        else:
            m.submodules.weights = mem = memory.Memory(
                shape=signed(self.bits), depth=depth, init=self.weights)
            read, write = mem.read_port(), mem.write_port()
            m.d.comb += [
                read.addr.eq(addr), weight.eq(read.data),
                write.addr.eq(self.w_index), write.en.eq(self.w_en & (self.w_index < depth)),
                write.data.eq(self.w_data[:self.bits].as_signed()),
            ]

        # The weight of the next trace is always the one read.
        base, neuron, taken = Signal(range(depth)), Signal(range(self.neurons)), Signal()
        last = neuron == self.neurons - 1
        following = Signal.like(neuron)
        m.d.comb += [
            taken.eq(self.i.valid & self.i.ready),
            self.i.ready.eq(~self.o.valid | self.o.ready),
            following.eq(Mux(self.clear | (taken & last), 0, neuron + taken)),
            addr.eq(base + following),
        ]
        m.d.sync += [base.eq(self.output * self.neurons), neuron.eq(following)]
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
        with m.If(taken):
            m.d.sync += [self.o.p.data.eq(self.i.payload * weight), self.o.p.last.eq(last)]

        return m
