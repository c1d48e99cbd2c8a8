"""What every on-chip explanation shows to the accelerator.

A unit takes the words of a layer's trains as hw.explain.tap_reader.TapReader gives them, has a
table of which single entries are written, and gives words of its own. hw.explain.explanations joins
units by these members alone.

A module of hw.interface.EXPLANATIONS names its class UNIT, which has

    built(plan, layers, **options) -> (unit, hw.interface.Output)

for the trains of ``layers`` (weighted layers that spike, in order) of a plan. Options are those
that the accelerator is given for the stream. A class that has a true SKIPS_SILENT does as well
without the words that are all zero, but for a pixel's last. One that has a true READS_READOUT takes
no trains: its ``i`` are the contributions of hw.engine.readout, and it has no table. One that
multiplies has PRODUCTS: what for, and the multipliers (DSP) that it takes.
"""

from amaranth import *
from amaranth.lib import data, memory, stream
from amaranth.lib.wiring import In, Out

from hw.interface import INDEX_BITS
from hw.memory.ports import NamedSignature

__all__ = [
    "TableWrite", "explanation", "table_memory", "train_words",
]


class TableWrite(NamedSignature):
    """Write of one entry of a table: ``data`` at ``addr`` while ``en``, from its source on.

    An address beyond the table writes nothing.
    """

    def __init__(self):
        super().__init__({"addr": Out(INDEX_BITS), "data": Out(16), "en": Out(1)})


def train_words(word_steps):
    """Stream of words of trains: ``first`` of its neuron, ``last`` of its pixel."""
    return stream.Signature(data.StructLayout({"train": word_steps, "first": 1, "last": 1}))


def explanation(*, word_steps, word):
    """Members of a unit.

    Parameters
    ----------
    word_steps : int
        Steps of a word of a train.
    word : shape
        Of the words given.

    Returns
    -------
    dict of members
        table : In(TableWrite())
            Written while no word is under way.
        busy : Out(1)
            A word taken is not worked off, or words remain to be given.
        i : In(train_words(word_steps))
            Once ready, the unit stays so until it gets a word.
        o : Out(stream.Signature(word))
        and, where a unit has them:
        mode : In(2)
            hw.interface.Register.MODE; steady while an image is under way.
        clear : In(1)
            An image begins.
    """
    return {
        "table": In(TableWrite()),
        "busy": Out(1),
        "i": In(train_words(word_steps)),
        "o": Out(stream.Signature(word)),
    }


def table_memory(m, writes, *, addr, init):
    """A table of 16 bits with 2**addr entries, written by ``writes``, as submodule ``table``.

    Returns its read port, which gives an entry one cycle later.
    """
    m.submodules.table = table = memory.Memory(shape=unsigned(16), depth=1 << addr, init=init)
    entry, write = table.read_port(), table.write_port()
    m.d.comb += [
        write.addr.eq(writes.addr),
        write.data.eq(writes.data),
        write.en.eq(writes.en & (writes.addr >> addr == 0)),
    ]
    return entry
