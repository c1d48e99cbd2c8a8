"""Experiments on the chip: spikes of chosen neurons are taken away on their way to memory."""

import numpy as np
from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import bits_unsigned
from golden.io.errors import BadInput
from hw.interface import (
    DATA_BITS,
    EXPERIMENT_REGISTERS,
    INDEX_BITS,
    ExperimentRegister,
    Space,
)
from hw.plan.buffers import WORD, address_bits, aligned, channel_stride

__all__ = ["SpikeMask", "mask_writes"]

NONE = 0x8000  # as the layer: nothing is taken away


class SpikeMask(wiring.Component):
    """Takes away the spikes of marked trains of one layer, in chosen steps of the word.

    The neurons' own membranes and the counts stay as they were; all that is read from the trains
    (the layers behind, maps, traces) lacks the spikes (golden.explain.perturb). A train's mark is
    read in the cycle before its write, so that no cycle is lost. After a reset nothing is taken
    away; marks keep what was written, at power-up none.

    Parameters
    ----------
    trains : int
        Trains of the largest layer, a multiple of 16.
    word_steps : int
    layers : int
        The highest layer there is.

    Members
    -------
    index, data, en : In(16), In(16), In(1)
        Write: from 0 on the marks of 16 trains each, bit n for the train at address 16 index + n;
        0x8000 the layer, 0 for the input, 0x8000 (or any that is no layer) for none; 0x8001 the
        steps, bit t for step t of a word.
    number, pooled : In(...), In(1)
        The layer whose trains are written; they are those of a pooling before it.
    rewind, w_en, addr, jump : In(1), In(1), In, In
        As hw.memory.spike_memory.SpikeMemory has them.
    i, o : In(word_steps), Out(word_steps)
        The train written, and what is left of it.
    """

    def __init__(self, *, trains, word_steps, layers):
        self.trains, self.word_steps = trains, word_steps
        addr = address_bits([trains])
        super().__init__({
            "index": In(INDEX_BITS), "data": In(DATA_BITS), "en": In(1),
            "number": In(bits_unsigned(layers)), "pooled": In(1),
            "rewind": In(1), "w_en": In(1), "addr": In(addr), "jump": In(addr),
            "i": In(word_steps), "o": Out(word_steps),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.marks = marks = memory.Memory(
            shape=WORD, depth=self.trains // WORD, init=[])
        read, write = marks.read_port(), marks.write_port()
        layer, off = Signal.like(self.number), Signal(init=1)
        steps = Signal(self.word_steps)
        register = self.index[EXPERIMENT_REGISTERS.bit_length() - 1]
        m.d.comb += [
            write.addr.eq(self.index), write.data.eq(self.data),
            write.en.eq(self.en & ~register),
        ]
        with m.If(self.en & register):
            with m.If(self.index[0]):
                m.d.sync += steps.eq(self.data)
            with m.Else():
                m.d.sync += [layer.eq(self.data), off.eq(self.data[len(layer):].any())]
        following = Signal.like(self.addr)                   # address of the next write
        marked = read.data.bit_select(self.addr[:4], 1)
        meant  = ~off & ~self.pooled & (layer == self.number)
        m.d.comb += [
            following.eq(Mux(self.rewind, 0, self.addr + Mux(self.w_en, self.jump, 0))),
            read.addr.eq(following[4:]),
            self.o.eq(self.i & ~Mux(marked & meant, steps, 0)),
        ]

        return m


def mask_writes(plan, layer, neurons, step=None):
    """Writes that take away spikes of ``layer``, and those that undo it, (n, 3) each.

    As Accelerator.i_config takes them. An experiment follows another by the undoing writes of the
    one before and its own.

    Parameters
    ----------
    plan : hw.plan.planner.Plan
    layer : int
        0 for the input, else a spiking layer.
    neurons : list of int
        In (c, y, x) order, as golden.explain.perturb counts them.
    step : None or int
        The step that loses its spikes; None to silence the neurons.

    Raises BadInput naming the argument that does not fit.
    """
    network = plan.network
    if layer not in (0, *network.taps):
        raise BadInput(f"layer must be 0 or one of {', '.join(map(str, network.taps))}, "
                       f"not {layer}")
    planes = 1 if layer else plan.planes
    channels, height, width = network.stages[layer].source
    found = np.asarray(neurons)
    if (found.ndim != 1 or not found.size or found.dtype.kind not in "iu" or found.min() < 0
            or found.max() >= channels * height * width):
        raise BadInput(f"neurons must be a list of 0 to {channels * height * width - 1}")
    if step is not None and not 0 <= step < network.steps:
        raise BadInput(f"step must be 0 to {network.steps - 1}, not {step}")
    numbers = not layer and plan.steady_bits > 0             # not steps
    if numbers and step is not None:
        raise BadInput(f"encoder {network.encoder} has one number for all steps of an input: a "
                       "step of it cannot be taken away on the chip; without a step all are")
    stride = channel_stride(channels * planes)
    chunk_size = aligned(stride * height * width)
    c, pixel = np.divmod(found, height * width)
    first = pixel * stride + c * planes
    chunks = ([0] if numbers else range(plan.chunks) if step is None
              else [step // plan.word_steps])
    places = np.concatenate([first + plane + chunk * chunk_size
                             for plane in range(planes) for chunk in chunks])
    words = np.unique(places // WORD)
    marks = np.zeros(len(words), dtype=np.int64)
    np.bitwise_or.at(marks, np.searchsorted(words, places // WORD), 1 << places % WORD)
    steps = 2**plan.word_steps - 1 if step is None else 1 << step % plan.word_steps
    rows = lambda *pairs: np.array([(Space.EXPERIMENT, *pair) for pair in pairs], dtype=np.uint16)
    register = ExperimentRegister
    return (rows(*zip(words, marks, strict=True), (register.LAYER, layer), (register.STEPS, steps)),
            rows(*((word, 0) for word in words), (register.LAYER, NONE)))
