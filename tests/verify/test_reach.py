"""The walk through all states of a small accelerator sees what goes wrong in few of them."""

import pytest

from hw import accelerator
from hw.control import sequencer
from hw.engine import datapath, writer
from tests.helpers.planted import changed
from verify.formal.reach import explored

pytestmark = pytest.mark.slow


def test_red_with_a_count_given_up(monkeypatch):
    """A count that is given up when nobody takes it."""
    broken = changed(sequencer, "with m.If(self.o.ready):\n            m.d.sync += offers.eq(0)",
                     "m.d.sync += offers.eq(0)")
    monkeypatch.setattr(accelerator, "PassSequencer", broken.PassSequencer)
    with pytest.raises(AssertionError, match="wrong: count"):
        explored(most=200_000)


def test_red_with_an_end_overlooked():
    """The end of a pass is overlooked while a map is stalled."""
    broken = changed(accelerator, "sequencer.done.eq(engine.done)",
                     "sequencer.done.eq(engine.done & self.o_maps.ready)")
    with pytest.raises(AssertionError, match="wrong: an image never ends"):
        explored(broken.Accelerator, most=200_000)


def test_red_with_a_jump_that_is_late(monkeypatch):
    """Behind a full walk a store of a silent one follows at once: the row of pixels sees it."""
    here = """        with m.If(begins):
            m.d.sync += [
                busy.eq(1), last_group.eq(closing), at_used.eq(single),
                jump.eq("""
    late = """        m.d.sync += jump.eq(Mux(last_chunk, Mux(last_group, beyond, within),
                                onwards))
"""
    broken = changed(writer, here, late + here.replace("jump.eq", "Signal.like(jump).eq"))
    monkeypatch.setattr(datapath, "Writer", broken.Writer)
    with pytest.raises(AssertionError, match="wrong: "):
        explored(walk="row")
