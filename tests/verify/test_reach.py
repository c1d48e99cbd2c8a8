"""The walk through all states of a small accelerator sees what goes wrong in few of them."""

import pytest

from hw import accelerator
from hw.engine import datapath, writer
from tests.helpers.planted import changed
from verify.formal.reach import explored


@pytest.mark.parametrize("old, new, what", [
    ("with m.If(self.o_counts.ready):\n            m.d.sync += offers.eq(0)",
     "m.d.sync += offers.eq(0)", "wrong: count"),
    ("with m.If(core.done):", "with m.If(core.done & self.o_maps.ready):",
     "wrong: an image never ends"),
])
def test_red_with(old, new, what):
    """A count that is given up when nobody takes it; an end overlooked while a map is stalled."""
    with pytest.raises(AssertionError, match=what):
        explored(changed(accelerator, old, new).Accelerator, most=200_000)


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
