"""The order of work on an image: loading, pass after pass, and the counts between them."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.constants import pass_register

__all__ = ["PassSequencer"]


class PassSequencer(wiring.Component):
    """Starts each pass when the one before has left nothing behind, and asks for the counts.

    An image is loaded; then come the count of its spikes, the passes in turn, each followed by the
    count of its spikes where it is counted, and the count of cycles, after which the next image
    may come.

    Parameters
    ----------
    counted : sequence of bool
        Of each pass, whether its spikes are given.
    waits : bool
        Whether a pass waits until its weights are there (hw.memory.weight_store).
    rounded : bool
        Whether the passes come round after round; counts only in the last.

    Members
    -------
    begun, loaded : In(1)
        A pixel is offered; the last train of the input is written in this cycle.
    done : In(1)
        The engine has done the last of a pass, from two cycles after ``start`` on.
    following, mapping, scoring : In(1)
        Trains of the pass have yet to be read; results of its trains are under way, for which only
        the last pass waits; scores have yet to leave.
    closes, advance : In(1), Out(1)
        Where ``rounded``: the round is the last (hw.control.rounds); it is over.
    ready : In(1)
        The weights asked for are there; looked at if it ``waits``.
    prefetch : Out(1)
        Asks for the weights of pass ``number``; if it ``waits``, it begins when they are there.
    loading : Out(1)
        The image comes.
    fresh : Out(1)
        Nothing of an image has come.
    number : Out(range(passes))
        The pass.
    last : Out(1)
        It is the last one. As all constants of a pass, right two cycles after ``number`` changed.
    start : Out(1)
        It begins.
    running, finished : Out(1)
        It is under way; the engine is done with it.
    clear : Out(1)
        The count of spikes begins anew.
    o : Out(stream.Signature(unsigned(1)))
        Asks for a count (hw.control.counts.ResultCounts).
    """

    def __init__(self, counted, *, waits=False, rounded=False):
        self.counted, self.waits = [bool(each) for each in counted], waits
        self.rounded = rounded
        super().__init__({
            **({"closes": In(1), "advance": Out(1)} if rounded else {}),
            "begun": In(1), "loaded": In(1), "done": In(1),
            "following": In(1), "mapping": In(1), "scoring": In(1),
            "ready": In(1), "prefetch": Out(1),
            "loading": Out(1, init=1), "fresh": Out(1, init=1),
            "number": Out(range(len(self.counted))), "last": Out(1), "start": Out(1),
            "running": Out(1), "finished": Out(1), "clear": Out(1),
            "o": Out(stream.Signature(unsigned(1))),
        })

    def elaborate(self, platform):
        m = Module()

        passes   = len(self.counted)
        quiet    = pass_register(m, self.number, [int(not each) for each in self.counted])
        ends     = self.last                                 # the pass is the image's last
        if self.rounded:
            quiet, ends = quiet | ~self.closes, self.last & self.closes
        finished = Signal()
        tallied  = Signal()                                  # the spikes of the last word, too
        offers, over = self.o.valid, self.o.payload
        m.d.comb += self.last.eq(
            pass_register(m, self.number, [int(n == passes - 1) for n in range(passes)]))
        m.d.sync += [self.start.eq(0), tallied.eq(~self.loading)]

        def begin():
            """The pass ``number`` begins, with its weights."""
            m.d.comb += self.prefetch.eq(1)
            if self.waits:
                m.next = "Wait-Weights"
            else:
                m.d.sync += self.start.eq(1)
                m.next = "Start"

        with m.If(self.o.ready):
            m.d.sync += offers.eq(0)
        with m.FSM():
            with m.State("Load"):
                with m.If(self.begun):
                    m.d.sync += self.fresh.eq(0)
                with m.If(self.loaded):
                    m.d.sync += self.loading.eq(0)
                with m.If(~self.loading & tallied):
                    m.d.sync += offers.eq(1)
                    m.next = "Count-Input"

            with m.State("Count-Input"):
                with m.If(self.o.ready):
                    m.d.comb += self.clear.eq(1)
                    begin()

            if self.waits:
                with m.State("Wait-Weights"):
                    with m.If(self.ready):
                        m.d.sync += self.start.eq(1)
                        m.next = "Start"

            with m.State("Start"):
                m.d.sync += finished.eq(0)
                m.next = "Run"

            with m.State("Run"):
                m.d.comb += [self.running.eq(1), self.finished.eq(finished)]
                with m.If(self.done):
                    m.d.sync += finished.eq(1)
                with m.If(finished & ~self.following & ~(self.mapping & self.last)
                          & ~self.scoring):
                    m.d.sync += offers.eq(~quiet)
                    m.next = "Count"
                    with m.If(quiet):
                        m.next = "Advance"

            with m.State("Count"):
                with m.If(self.o.ready):
                    m.next = "Advance"

            with m.State("Advance"):
                m.d.comb += self.clear.eq(1)
                m.d.sync += [
                    self.number.eq(self.number + 1), offers.eq(ends), over.eq(ends)]
                if self.rounded:
                    m.d.comb += self.advance.eq(self.last)
                    with m.If(self.last & ~ends):
                        m.d.sync += self.number.eq(0)
                m.next = "Next-Pass"
                with m.If(ends):
                    m.next = "End"

            with m.State("Next-Pass"):
                # Constants of the pass follow its number.
                begin()

            with m.State("End"):
                with m.If(self.o.ready):
                    m.d.comb += self.clear.eq(1)
                    m.d.sync += [
                        over.eq(0), self.fresh.eq(1), self.number.eq(0), self.loading.eq(1)]
                    m.next = "Load"

        return m
