"""Where the words of an encoder go in memory."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["InputPlacer"]


class InputPlacer(wiring.Component):
    """Follows the words of an encoder: pixel, channel, chunk, plane, the last one innermost.

    Parameters
    ----------
    channels, chunks, planes : int
        Of a pixel; words of a train; trains of a channel.
    stride : int
        Trains set aside for a pixel.
    in_chunk : int
        Trains between the chunks of a neuron.
    trains : int
        Trains of the first chunk, up to the last pixel's last channel.
    addr : int
        Bits of a train's address.

    Members
    -------
    valid, first : In(1)
        A word is written; the first of an image, whatever came before.
    restarted : In(1)
        An image begins; no word comes in this cycle.
    w_addr : In(addr)
        Where the word is written.
    w_increment, w_next_chunk : Out(addr), Out(1)
        From its address to that of the next, and whether that belongs to another chunk
        (hw.memory.spike_memory).
    loaded : Out(1)
        The image's last word is written.
    """

    def __init__(self, *, channels, chunks, planes, stride, in_chunk, trains, addr):
        self.channels, self.chunks, self.planes = channels, chunks, planes
        self.stride, self.in_chunk, self.trains = stride, in_chunk, trains
        super().__init__({
            "valid": In(1), "first": In(1), "restarted": In(1), "w_addr": In(addr),
            "w_increment": Out(addr), "w_next_chunk": Out(1), "loaded": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        channels, chunks, planes, in_chunk = (
            self.channels, self.chunks, self.planes, self.in_chunk)
        channel, chunk, plane = (Signal(range(n)) for n in (channels, chunks, planes))
        # A word of the first pixel is the first of its chunk and plane, whatever came before.
        placed = Mux(self.first, 0, channel)
        last_plane, last_chunk = plane == planes - 1, chunk == chunks - 1
        beyond = Mux(placed == channels - 1, self.stride - channels * planes + 1, 1)
        m.d.comb += [
            self.w_increment.eq(Mux(
                last_plane, Mux(last_chunk, beyond - in_chunk * (chunks - 1),
                                in_chunk - (planes - 1)), 1)),
            self.w_next_chunk.eq(last_plane if chunks > 1 else 0),
        ]
        with m.If(self.valid):
            m.d.sync += [plane.eq(Mux(last_plane, 0, plane + 1)), channel.eq(placed)]
            with m.If(last_plane):
                m.d.sync += chunk.eq(Mux(last_chunk, 0, chunk + 1))
                with m.If(last_chunk):
                    m.d.sync += channel.eq(Mux(placed == channels - 1, 0, placed + 1))

        # The last word is the one behind the last but one, whose address is looked at in time.
        final  = self.trains - 1 + in_chunk * (chunks - 1)
        before = final - (1 if planes > 1 else in_chunk if chunks > 1
                          else 1 if channels > 1 else self.stride)
        at_last = Signal(init=final < 1)
        if final > 0:
            with m.If(self.restarted):
                m.d.sync += at_last.eq(0)
            with m.If(self.valid):
                m.d.sync += at_last.eq(self.w_addr == before)
        m.d.comb += self.loaded.eq(self.valid & at_last)

        return m
