"""SAM and attribution of spikes that come one by one, as addresses, from anyone's network."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out, connect

from golden.formats import SCORE_FRAC, score_bits
from hw.explain.sam import Mode
from hw.explain.score_memory import ScoreMemory
from hw.explain.traces import PathScaler

__all__ = ["EventAttribution", "EventSam"]

MODE    = 0x100   # index of the configuration write that sets the mode of EventSam
WEIGHTS = 0x8000  # and of EventAttribution's first weight

CONFIG = stream.Signature(data.StructLayout({"data": 16, "index": 16}))


def table_writes(m, config, table):
    """Writes of ``config`` to an index below 256 go to ``table``; whether a write is taken."""
    writing = config.valid & config.ready
    m.d.comb += [
        table.addr.eq(config.p.index), table.data.eq(config.p.data),
        table.en.eq(writing & (config.p.index >> 8 == 0)),
    ]
    return writing


def take(m, config, events, touch, *, known, neuron):
    """Take a write or, if none is offered, an event, as soon as ScoreMemory's ``touch`` is ready.

    An event that is ``known`` becomes a spike of ``neuron``; another one is taken and dropped.
    """
    m.d.comb += [
        config.ready.eq(touch.ready),
        events.ready.eq(touch.ready & ~config.valid),
        touch.valid.eq(events.valid & ~config.valid & known),
        touch.p.spike.eq(1), touch.p.neuron.eq(neuron),
    ]


class EventSam(wiring.Component):
    """Spike Activation Map of a layer, step after step.

    As golden.sam.activation_map. Events come in the order of steps; within a step in any order, a
    neuron at most once. Each takes six cycles (nine in official mode). After the last of a step
    the step's map leaves, one pixel a cycle, and after that of the last step the unit takes
    ``4 channels pixels`` cycles to forget the image, as after a reset.

    Parameters
    ----------
    channels, pixels, steps : int
    map_width : int
        Width of a map value, wide enough for every sum (golden.formats.map_bits).
    table : sequence of int
        E[d] until others are written.
    mode : int
        hw.explain.sam.Mode until another is written.

    Members
    -------
    i_events : In(stream.Signature({"channel": 16, "pixel": 16, "last": 1}))
        A spike; ``last`` of its step. A neuron beyond the layer is no spike, for steps without any.
    i_config : In(stream.Signature({"data": 16, "index": 16}))
        Writes, between images: E[index] = exp(-gamma index) in units of 2**-15; at 0x100 the mode.
    o_map : Out(stream.Signature({"data": map_width, "last": 1}))
        M of each pixel in units of 2**-8; ``last`` of the step.
    """

    def __init__(self, *, channels, pixels, steps, map_width, table=(), mode=0):
        self.channels, self.pixels, self.steps = channels, pixels, steps
        self.map_width, self.mode = map_width, int(mode)
        self.table = table
        super().__init__({
            "i_events": In(stream.Signature(data.StructLayout({
                "channel": 16, "pixel": 16, "last": 1}))),
            "i_config": In(CONFIG),
            "o_map": Out(stream.Signature(data.StructLayout({"data": map_width, "last": 1}))),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.scores = scores = ScoreMemory(
            neurons=self.channels * self.pixels, steps=self.steps, table=self.table, counting=True)
        m.submodules.map = buffer = memory.Memory(
            shape=unsigned(self.map_width), depth=self.pixels, init=[])
        old, new = buffer.read_port(), buffer.write_port()

        events, config, touch = self.i_events, self.i_config, scores.i
        writing = table_writes(m, config, scores.table)
        mode   = Signal(Mode, init=Mode(self.mode))
        now    = Signal(range(self.steps))
        swept  = Signal(range(self.channels * self.pixels))
        known  = (events.p.channel < self.channels) & (events.p.pixel < self.pixels)
        pixel, ended = Signal(range(self.pixels)), Signal()
        given, ahead = Signal(range(self.pixels + 1)), Signal()
        leaving = Signal(range(self.pixels))                 # the pixel at ``o_map``
        spare = Mux(mode == Mode.Paper, 1 << SCORE_FRAC, 0)  # the spike itself
        total = old.data + (scores.o.payload - spare)[:score_bits(self.steps)]
        m.d.comb += [
            scores.official.eq(mode == Mode.Official),
            scores.o.ready.eq(1),
            touch.p.now.eq(now),
            self.o_map.p.data.eq(old.data), self.o_map.p.last.eq(leaving == self.pixels - 1),
            self.o_map.valid.eq(ahead),
            old.addr.eq(pixel), new.addr.eq(pixel), new.data.eq(total),
        ]
        with m.If(writing & (config.p.index == MODE)):
            m.d.sync += mode.eq(config.p.data[:2])

        with m.FSM():
            with m.State("Forget"):
                m.d.comb += [
                    touch.valid.eq(1), touch.p.neuron.eq(swept),
                    new.addr.eq(swept), new.data.eq(0), new.en.eq(swept < self.pixels),
                ]
                with m.If(touch.ready):
                    m.d.sync += swept.eq(swept + 1)
                    with m.If(swept == self.channels * self.pixels - 1):
                        m.d.sync += swept.eq(0)
                        m.next = "Event"

            with m.State("Event"):
                take(m, config, events, touch, known=known,
                     neuron=events.p.pixel[:len(pixel)] * self.channels + events.p.channel)
                m.d.sync += [pixel.eq(events.p.pixel), ended.eq(events.p.last), given.eq(0)]
                with m.If(events.valid & events.ready):
                    with m.If(known):
                        m.next = "Add"
                    with m.Elif(events.p.last):
                        m.next = "Emit"

            with m.State("Add"):
                m.d.comb += new.en.eq(scores.o.valid)
                with m.If(scores.o.valid):
                    m.next = "Event"
                    with m.If(ended):
                        m.next = "Emit"

            with m.State("Emit"):
                m.d.comb += [
                    old.addr.eq(given), old.en.eq(~ahead | self.o_map.ready),
                    new.addr.eq(leaving), new.data.eq(0), new.en.eq(ahead & self.o_map.ready),
                ]
                with m.If(old.en):
                    m.d.sync += [
                        ahead.eq(given != self.pixels), leaving.eq(given), given.eq(given + 1)]
                    with m.If(given == self.pixels):
                        m.d.sync += now.eq(Mux(now == self.steps - 1, 0, now + 1))
                        m.next = "Event"
                        with m.If(now == self.steps - 1):
                            m.next = "Forget"

        return m


class EventAttribution(wiring.Component):
    """Attribution of each neuron for one output, at the end of an image.

    As golden.explain.traces. Events come in the order of steps; within a step in any order, a
    neuron at most once; each takes five cycles. After the last step, with several outputs once one
    is chosen, the attributions leave, a neuron in five cycles. After a reset the unit is busy for
    ``4 neurons`` cycles.

    Parameters
    ----------
    neurons, steps, outputs, bits : int
        ``bits`` is the width of a weight.
    weights : sequence of int
        As hw.explain.traces.PathScaler takes them.
    table : sequence of int
        E[d], d = 0 .. T, until others are written.

    Members
    -------
    i_events : In(stream.Signature({"neuron": 16, "last": 1}))
        A spike; ``last`` of its step. A neuron beyond the layer is no spike, for steps without any.
    i_config : In(stream.Signature({"data": 16, "index": 16}))
        Writes, between images: E[index] = decay**index in units of 2**-15; at 0x8000 + n weight n.
    i_output : In(stream.Signature(16))
        Only with several outputs: which one is explained, one word an image, wanted only when all
        events were taken, so that it may be the class that the network has found.
    o_attributions : Out(stream.Signature({"data": signed(...), "last": 1}))
        Trace (in units of 2**-8) times weight, neuron after neuron; ``last`` of the image.
    """

    def __init__(self, *, neurons, steps, outputs=1, bits=8, weights=(), table=()):
        self.neurons, self.steps, self.outputs, self.table = neurons, steps, outputs, table
        self.weigher = PathScaler(neurons=neurons, outputs=outputs, bits=bits, weights=weights,
                               trace_width=score_bits(steps))
        optional = {"i_output": In(stream.Signature(unsigned(16)))} if outputs > 1 else {}
        super().__init__({
            "i_events": In(stream.Signature(data.StructLayout({"neuron": 16, "last": 1}))),
            "i_config": In(CONFIG), **optional,
            "o_attributions": Out(self.weigher.o.signature),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.scores = scores = ScoreMemory(
            neurons=self.neurons, steps=self.steps, table=self.table)
        m.submodules.weigher = weigher = self.weigher
        connect(m, weigher.o, wiring.flipped(self.o_attributions))

        events, config, touch = self.i_events, self.i_config, scores.i
        writing = table_writes(m, config, scores.table)
        now    = Signal(range(self.steps + 1))
        swept  = Signal(range(self.neurons))
        mute   = Signal(init=1)                              # what is read out is not given
        ended, waited = Signal(), Signal()
        known  = events.p.neuron < self.neurons
        m.d.comb += [
            scores.o.ready.eq(1),
            touch.p.now.eq(now),
            weigher.w_index.eq(config.p.index), weigher.w_data.eq(config.p.data),
            weigher.w_en.eq(writing & config.p.index[15]),
            weigher.i.payload.eq(scores.o.payload),
        ]

        output = Signal(range(self.outputs))
        m.d.comb += weigher.output.eq(output)

        with m.FSM():
            with m.State("Read"):
                m.d.comb += [touch.valid.eq(1), touch.p.neuron.eq(swept)]
                with m.If(touch.ready):
                    m.next = "Emit"

            with m.State("Emit"):
                m.d.comb += [
                    weigher.i.valid.eq(scores.o.valid & ~mute),
                    scores.o.ready.eq(weigher.i.ready | mute),
                ]
                with m.If(scores.o.valid & scores.o.ready):
                    m.d.sync += swept.eq(swept + 1)
                    m.next = "Read"
                    with m.If(swept == self.neurons - 1):
                        m.d.sync += [swept.eq(0), mute.eq(0), now.eq(0)]
                        m.next = "Event"

            with m.State("Event"):
                take(m, config, events, touch, known=known, neuron=events.p.neuron)
                m.d.sync += [ended.eq(events.p.last), waited.eq(0)]
                with m.If(events.valid & events.ready):
                    with m.If(known):
                        m.next = "Keep"
                    with m.Elif(events.p.last):
                        m.next = "Step"

            with m.State("Keep"):
                with m.If(scores.o.valid):
                    m.next = "Event"
                    with m.If(ended):
                        m.next = "Step"

            with m.State("Step"):
                m.d.sync += now.eq(now + 1)
                m.next = "Event"
                with m.If(now == self.steps - 1):
                    m.next = "Choose"

            with m.State("Choose"):
                if self.outputs > 1:
                    m.d.comb += self.i_output.ready.eq(~waited)
                    with m.If(self.i_output.valid & ~waited):
                        m.d.sync += [output.eq(self.i_output.payload), waited.eq(1)]
                    with m.If(waited):
                        m.next = "Read"
                else:
                    m.next = "Read"

        return m
