"""What every on-chip explanation shows to the accelerator, and how it describes its words.

A unit takes the words of a layer's trains as hw.explain.tap_reader.TapReader gives them, has a
table of which single entries are written, and gives words of its own. hw.accelerator joins units by
these members alone; what else a unit has (a mode, say) is joined by hand.
"""

from dataclasses import dataclass
from math import prod

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = [
    "NamedSignature", "OutputShape", "TableWrite", "explanation", "table_memory", "train_words",
]


@dataclass(frozen=True)
class OutputShape:
    """The words that a unit gives for an image and a layer.

    Members
    -------
    name : str
    order : tuple of str
        Axes, the slowest first, of "y", "x", "channel", "step".
    shape : tuple of int
        Length of each axis.
    bits : int
        Unsigned width of a word.
    frac : int
        A word is in units of 2**-frac.
    """

    name: str
    order: tuple
    shape: tuple
    bits: int
    frac: int

    @property
    def words(self):
        """How many there are."""
        return prod(self.shape)


class NamedSignature(wiring.Signature):
    """A signature of a class of its own, equal to those of the class that have the same members."""

    def __eq__(self, other):
        return type(self) is type(other) and self.members == other.members


class TableWrite(NamedSignature):
    """Write of one entry of a table: ``data`` at ``addr`` while ``en``, from its source on.

    An address beyond the table writes nothing.
    """

    def __init__(self):
        super().__init__({"addr": Out(8), "data": Out(16), "en": Out(1)})


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
