"""What every encoder shows to the accelerator."""

from amaranth import *
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

__all__ = ["encoder_members", "restart"]


def encoder_members(*, width, word_steps):
    """Members of an encoder.

    Parameters
    ----------
    width : int
        Bits of a pixel.
    word_steps : int
        Steps in a word of a train.

    Returns
    -------
    dict of members
        seed : In(32)
            First state of a random generator, not 0.
        i : In(stream.Signature({"data": width, "first": 1}))
            Pixels; ``first`` of an image.
        o : Out(stream.Signature({"train": word_steps, "first": 1}))
            Trains, bit t for step t of the chunk, pixel after pixel, chunk after chunk, train after
            train of the pixel; ``first`` with the first word of a ``first`` pixel. Bits of steps
            that there are not are 0.
        some : Out(1)
            The train offered is not all zero.
        spikes : Out(range(word_steps + 1))
            Spikes drawn in the cycle before; their sum over an image is that of its trains' spikes.
        restarted : Out(1)
            High in one cycle for each ``first`` pixel; the pixel's first word comes in a later one.
    """
    return {
        "seed": In(32),
        "i": In(stream.Signature(data.StructLayout({"data": width, "first": 1}))),
        "o": Out(stream.Signature(data.StructLayout({"train": word_steps, "first": 1}))),
        "some": Out(1),
        "spikes": Out(range(word_steps + 1)),
        "restarted": Out(1),
    }


def restart(m, encoder):
    """Let a ``first`` pixel wait two cycles, ``restarted`` being high in the first of them.

    Returns whether the pixel offered may be encoded.
    """
    noticed, waited = Signal(), Signal()
    begun = ~encoder.i.p.first | waited
    m.d.comb += encoder.restarted.eq(encoder.i.valid & encoder.i.p.first & ~noticed)
    m.d.sync += waited.eq(noticed)
    with m.If(encoder.restarted):
        m.d.sync += noticed.eq(1)
    with m.Elif(encoder.i.valid & encoder.i.ready):
        m.d.sync += [noticed.eq(0), waited.eq(0)]
    return begun
