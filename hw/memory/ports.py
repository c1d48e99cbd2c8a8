"""Ports of the train memories, named once: how trains are read and written."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["NamedSignature", "ReadPort", "SpikeWrite"]


class NamedSignature(wiring.Signature):
    """A signature of a class of its own, equal to those of the class that have the same members."""

    def __eq__(self, other):
        return type(self) is type(other) and self.members == other.members


class ReadPort(NamedSignature):
    """Reads of a memory, from the reader on: ``data`` of ``addr`` comes a cycle after ``en``.

    It stays until the next read.
    """

    def __init__(self, addr, data):
        super().__init__({"addr": Out(addr), "en": Out(1), "data": In(data)})


class SpikeWrite(NamedSignature):
    """Writes of trains, from the writer on, each behind the one before.

    Members
    -------
    en : Out(1)
    train : Out(word_steps)
    nonzero : Out(1)
        The train is not all zero.
    increment : Out(addr)
        From this write's address to the next one's, modulo its width.
    next_chunk : Out(1)
        That one belongs to the next chunk.
    """

    def __init__(self, addr, word_steps):
        super().__init__({
            "en": Out(1), "train": Out(word_steps), "nonzero": Out(1), "increment": Out(addr),
            "next_chunk": Out(1)})
