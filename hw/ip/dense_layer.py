"""One dense layer of neurons alone, step by step: one adder and one block RAM or a few."""

import numpy as np
from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import LEAK_BITS, bits_signed, leak_shift
from golden.io.errors import BadInput
from golden.network import membrane_range

__all__ = ["DenseLif", "layer_unit"]

WORD = 16   # spikes of a word at most


class DenseLif(wiring.Component):
    """Spikes of a dense layer's inputs in, spikes or membranes of its neurons out.

    A neuron step is golden.neurons.lif's, bit for bit: u <- leaked(u) - th s + I and its other
    orders, I being the sum of the weights of the inputs that spike. Weights and thresholds are
    initial contents of the memory, membranes lie beside them, and one adder does everything: a step
    takes ``cycles`` cycles, whatever spikes, and as many more as the streams wait.

    The spikes of a step come in words of up to 16, input 0 in bit 0 of the first; so leave those of
    the neurons. ``last`` ends an image; the next one starts from membranes of 0.

    Parameters
    ----------
    weights : (O, N) int array
        In membrane units.
    threshold, v_reset, bias : int array (O,)
    leak : int
        1 - L in units of 2**-16.
    reset, compare, delay :
        As in golden.network.Neuron.
    width : int
        Bits that hold every membrane, in two's complement.

    Members
    -------
    i_spikes : In(stream.Signature({"data": min(16, N), "first": 1, "last": 1}))
        ``first`` and ``last`` word of an image.
    o_spikes : Out(stream.Signature({"data": min(16, O), "last": 1}))
        ``last`` word of an image.
    o_membranes : Out(stream.Signature({"data": signed(width), "last": 1}))
        Instead of o_spikes with reset "none": one a word, neuron after neuron.
    """

    def __init__(self, *, weights, threshold, leak, width, reset="subtract", compare="gt", delay=0,
                 v_reset=0, bias=0):
        self.weights = np.asarray(weights, dtype=np.int64)
        outputs, inputs = self.weights.shape
        spread = lambda values: np.broadcast_to(np.asarray(values, dtype=np.int64), outputs)
        self.threshold, self.v_reset, self.bias = map(spread, (threshold, v_reset, bias))
        self.leak, self.reset, self.compare, self.delay = int(leak), reset, compare, delay
        self.spiking = reset != "none"
        self.in_word, self.out_word = min(WORD, inputs), min(WORD, outputs)
        self.words = -(-inputs // self.in_word)
        ends = (-int(self.threshold.max()) - 1, int(self.weights.min()), int(self.weights.max()))
        self.width = max(width, bits_signed(min(ends), max(ends)))
        self.result = "o_spikes" if self.spiking else "o_membranes"
        out = unsigned(self.out_word) if self.spiking else signed(width)
        super().__init__({
            "i_spikes": In(stream.Signature(data.StructLayout({
                "data": self.in_word, "first": 1, "last": 1}))),
            self.result: Out(stream.Signature(data.StructLayout({"data": out, "last": 1}))),
        })

    @property
    def follows(self):
        """What is done with a neuron after its last weight, state by state."""
        states = ["Bias"] if self.bias.any() else []
        if not self.spiking:
            return [*states, "Tell"]
        states += ["Reset"] if self.reset == "subtract" else []
        states += ["Compare"]
        if self.reset == "subtract_leaked" or (self.reset == "zero" and self.v_reset.any()):
            states += ["Fix"]
        return states

    @property
    def cycles(self):
        """Cycles of a step, from its first word to the word after it, where nothing stalls."""
        outputs = len(self.weights)
        given = -(-outputs // self.out_word) if self.spiking else 0
        visit = 4 + self.in_word                             # fetch, load, leak, store
        return self.words * (1 + outputs * visit) + outputs * len(self.follows) + given

    @property
    def rows(self):
        """Contents of the memory: a membrane for each neuron, then all that is added, in order."""
        outputs, inputs = self.weights.shape
        padded = np.zeros((outputs, self.words * self.in_word), dtype=np.int64)
        padded[:, :inputs] = self.weights
        found = [0] * outputs
        for word in range(self.words):
            for neuron in range(outputs):
                found += padded[neuron, word * self.in_word:(word + 1) * self.in_word].tolist()
                if word == self.words - 1:
                    found += [int(self.bias[neuron])] if self.bias.any() else []
                    found += [-int(self.threshold[neuron]) - 1] if self.spiking else []
                    if "Fix" in self.follows and self.reset == "zero":
                        found.append(int(self.v_reset[neuron]))
        return found

    def elaborate(self, platform):
        m = Module()
        outputs, rows = len(self.weights), self.rows
        spikes, out = self.i_spikes, getattr(self, self.result)

        mask = (1 << self.width) - 1
        m.submodules.rows = contents = memory.Memory(
            shape=self.width + 1, depth=len(rows), init=[row & mask for row in rows])
        read, write = contents.read_port(), contents.write_port()
        pc     = Signal(range(outputs, len(rows)), init=outputs)
        after  = Signal.like(pc)
        neuron = Signal(range(outputs))
        word, count = Signal(range(self.words)), Signal(range(self.in_word))
        bits   = Signal(self.in_word)                        # spikes, the next one lowest
        fresh, ends = Signal(), Signal()                     # the image's first, last step
        fired  = Signal()                                    # s, one step before
        shown  = Signal(self.out_word)                       # spikes, the newest highest
        last_neuron, last_word = neuron == outputs - 1, word == self.words - 1
        last_count = count == self.in_word - 1

        # --- the adder ----------------------------------------------------------------------------
        total  = Signal(signed(self.width))                  # u, and sums on the way to it
        summed = Signal(signed(self.width + 1))
        term   = Signal(signed(self.width))
        carry  = Signal()
        keep, clear = Signal(), Signal()
        row    = read.data[:-1].as_signed()
        shift  = leak_shift(self.leak)
        dropped = (total >> shift if shift is not None
                   else (total * self.leak) >> LEAK_BITS)
        m.d.comb += [term.eq(row), summed.eq(total + term + carry)]
        with m.If(clear):
            m.d.sync += total.eq(0)
        with m.Elif(keep):
            m.d.sync += total.eq(summed)

        # --- memory: rows one after the other, membranes by neuron --------------------------------
        fetching, advance = Signal(), Signal()               # the next row is read
        m.d.comb += [
            after.eq(Mux(pc == len(rows) - 1, outputs, pc + 1)),
            read.addr.eq(Mux(fetching, neuron, pc)),
            read.en.eq(fetching | advance),
            write.addr.eq(neuron),
            write.data.eq(Cat(total, fired)),
        ]
        with m.If(advance):
            m.d.sync += pc.eq(after)

        with m.FSM():
            with m.State("Take"):
                m.d.comb += spikes.ready.eq(1)
                m.d.sync += [bits.eq(spikes.p.data), ends.eq(spikes.p.last)]
                with m.If(spikes.valid):
                    with m.If(word == 0):
                        m.d.sync += fresh.eq(spikes.p.first)
                    m.next = "Fetch"

            with m.State("Fetch"):
                m.d.comb += [fetching.eq(1), clear.eq(1)]
                m.next = "Load"

            with m.State("Load"):
                begins = fresh & (word == 0)
                m.d.comb += [keep.eq(~begins), advance.eq(1)]
                m.d.sync += fired.eq(read.data[-1] & ~begins)
                m.next = "Leak"

            with m.State("Leak"):
                if self.leak:
                    m.d.comb += [term.eq(~dropped), carry.eq(1), keep.eq(word == 0)]
                m.next = "Add"

            with m.State("Add"):
                m.d.comb += [keep.eq(bits[0]), advance.eq(~last_count | last_word)]
                m.d.sync += [
                    bits.eq(bits.rotate_right(1)), count.eq(Mux(last_count, 0, count + 1)),
                ]
                with m.If(last_count):
                    m.next = "Store"
                    with m.If(last_word):
                        m.next = self.follows[0]
                if self.follows[0] == "Tell":                # nothing more is read for a neuron
                    m.d.comb += advance.eq(~last_count)

            for state, following in zip(self.follows, [*self.follows[1:], "Store"], strict=True):
                with m.State(state):
                    m.next = following
                    if state == "Bias":
                        m.d.comb += [keep.eq(1), advance.eq(following != "Tell")]
                    if state == "Reset":                     # u - th, as u + ~th + 1
                        m.d.comb += [carry.eq(1), keep.eq(fired)]
                    if state == "Compare":                   # u - th - 1 or u - th, for its sign
                        crossed = Signal()
                        m.d.comb += [carry.eq(self.compare == "ge"), crossed.eq(~summed[-1])]
                        m.d.sync += [
                            fired.eq(crossed),
                            shown.eq(Cat(shown[1:], fired if self.delay else crossed)),
                        ]
                        if self.reset == "zero":
                            m.d.comb += [clear.eq(crossed), advance.eq(following == "Fix")]
                    if state == "Fix":
                        m.d.comb += [carry.eq(self.reset == "subtract_leaked"), keep.eq(fired)]
                    if state == "Tell":
                        m.next = "Tell"
                        m.d.comb += [
                            out.valid.eq(1), out.p.data.eq(total),
                            out.p.last.eq(ends & last_neuron),
                        ]
                        with m.If(out.ready):
                            m.next = "Store"

            with m.State("Store"):
                m.d.comb += write.en.eq(1)
                m.d.sync += neuron.eq(Mux(last_neuron, 0, neuron + 1))
                m.next = "Fetch"
                with m.If(last_neuron):
                    m.d.sync += word.eq(Mux(last_word, 0, word + 1))
                    m.next = "Take"
                if self.spiking:
                    full = neuron[:4] == WORD - 1 if outputs > WORD else 0
                    with m.If(last_word & (last_neuron | full)):
                        m.next = "Emit"

            if self.spiking:
                # A last word that is not full has its spikes highest.
                spare = -outputs % self.out_word
                last_given = Signal()
                m.d.comb += last_given.eq(neuron == 0)       # it was the last neuron's word
                with m.State("Emit"):
                    m.d.comb += [
                        out.valid.eq(1), out.p.last.eq(ends & last_given),
                        out.p.data.eq(Mux(last_given, shown >> spare, shown) if spare else shown),
                    ]
                    with m.If(out.ready):
                        m.next = "Fetch"
                        with m.If(last_given):
                            m.next = "Take"

        return m


def layer_unit(stage, steps, where):
    """DenseLif of a golden.network.Stage of a network of ``steps`` steps.

    Raises BadInput, beginning with ``where``, if the stage is none that such a unit computes.
    """
    layer, neuron = stage.layer, stage.layer.neuron
    if not layer.dense:
        raise BadInput(f"{where}: layer {stage.index} is a convolution; only a dense layer can be "
                       "exported alone")
    if any(pool.kernel > 1 for pool in stage.pools) or stage.signed or stage.top > 1:
        raise BadInput(f"{where}: layer {stage.index} reads pooled or signed inputs; only a layer "
                       "that reads spikes can be exported alone")
    if layer.recurrent is not None:
        raise BadInput(f"{where}: layer {stage.index} reads its own spikes, which the unit does "
                       "not; --engine golden runs such layers")
    if not stage.plain:
        raise BadInput(f"{where}: layer {stage.index} reads other layers than the one before it, "
                       "which the unit does not; --engine golden runs such layers")
    if layer.norm is not None:
        raise BadInput(f"{where}: layer {stage.index} has a norm over time (BNTT), which the unit "
                       "does not compute")
    if layer.model != "lif":
        raise BadInput(f"{where}: neurons of layer {stage.index} are of model {layer.model}; the "
                       "unit computes lif")
    if np.min(neuron.leak) != np.max(neuron.leak):
        raise BadInput(f"{where}: neurons of layer {stage.index} leak differently; the unit has "
                       "one leak")
    low, high = membrane_range(stage, steps)
    low, high = (min(low, int(np.min(neuron.v_reset))), max(high, int(np.max(neuron.v_reset))))
    return DenseLif(
        weights=layer.weights.astype(np.int64) << layer.frac, threshold=neuron.threshold,
        leak=int(np.max(neuron.leak)), width=bits_signed(low, high), reset=neuron.reset,
        compare=neuron.compare, delay=neuron.delay, v_reset=neuron.v_reset, bias=layer.biases)
