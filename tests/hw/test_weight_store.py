"""Weights that are late: a pass waits until its rows are there."""

import numpy as np
import pytest
from amaranth import *
from amaranth.lib.wiring import Component

from golden.run import run
from hw.memory.weight_store import Weights, weight_store
from sim.rtl import Simulation
from verify.networks import draw, images

pytestmark = pytest.mark.slow
DELAYS = (23, 0, 7, 1, 40)     # cycles that the rows of the passes take, in turn


class Late(Component):
    """Has the rows of a pass only some cycles after they are asked for; else all are wrong."""

    WAITS = True

    def __init__(self, *, rows, row_words, passes):
        self._resident = Weights(rows=rows, row_words=row_words, passes=passes)
        self._passes = passes
        super().__init__(weight_store(rows=rows, row_words=row_words, passes=passes))

    def elaborate(self, platform):
        m = Module()
        m.submodules.resident = inner = self._resident
        m.d.comb += [getattr(inner, name).eq(getattr(self, name)) for name in (
            "addr", "en", "w_index", "w_en", "w_data", "w_read")]
        left, there = Signal(range(max(DELAYS) + 1), init=max(DELAYS)), Signal(self.number.shape())
        delays = Array(DELAYS[n % len(DELAYS)] for n in range(self._passes))
        good = Signal()
        with m.If(self.prefetch):
            m.d.sync += [left.eq(delays[self.number]), there.eq(self.number)]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        m.d.comb += [
            self.ready.eq((left == 0) & (there == self.number)),
            self.row.eq(Mux(good, inner.row, ~inner.row)),
        ]
        with m.If(self.en):
            m.d.sync += good.eq(self.ready)
        return m


class Asked(Late):
    """The same, of which nobody waits for ``ready``."""

    WAITS = False


@pytest.mark.rotated
@pytest.mark.parametrize("network, options", [
    (draw(3), {"lanes": 4}), (draw(45, plain=True, steps=(16,)), {}),
    (draw(20), {"lanes": 2, "word_steps": 8})], ids=["few", "plain", "channels"])
def test_equals_golden_however_late(network, options):
    pictures = images(network, 3, 7)
    wanted = run(pictures, network)
    found = Simulation(network, quick=True, store=Late, **options).run(pictures)
    soon = Simulation(network, quick=True, **options).run(pictures)
    assert np.array_equal(found.scores, wanted.scores)
    for tap in network.taps:
        assert np.array_equal(found.spikes[tap], wanted.spikes[tap])
        assert np.array_equal(found.maps[tap], wanted.maps[tap])
    # A cycle to see that they are there, and as many as they take.
    passes = found.causes.shape[1] - 1
    extra = sum(DELAYS[n % len(DELAYS)] + 1 for n in range(passes))
    assert np.array_equal(found.cycles - soon.cycles, [extra] * len(pictures))


def test_without_waiting_it_is_wrong():
    network = draw(3)
    pictures = images(network, 2, 3)
    found = Simulation(network, quick=True, store=Asked, lanes=4).run(pictures)
    assert not np.array_equal(found.scores, run(pictures, network).scores)
