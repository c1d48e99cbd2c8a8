"""Mutants are of one design, and a bench tells them from it."""

from collections import Counter

import pytest
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sim.verilate import text_of
from verify.mutation.benches import Frames, chosen
from verify.mutation.equal import equal
from verify.mutation.mutants import WIDTH, mutated

pytestmark = pytest.mark.slow


class Chosen(wiring.Component):
    """A register of b where a, else of a & b, which is 0 then; and a memory of it."""

    a: In(1)
    b: In(1)
    y: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.y.eq(Mux(self.a, self.b, self.a & self.b))
        return m


class Thirds(wiring.Component):
    """Counts 0, 1, 2, and would tell of a 3, were there one."""

    y: Out(1)

    def elaborate(self, platform):
        m = Module()
        count = Signal(2)
        m.d.sync += count.eq(Mux(count >= 2, 0, count + 1))
        m.d.comb += self.y.eq(count == 3)
        return m


def test_frames_see_most_mutants(monkeypatch):
    """Of a dozen faults in the deframer most are seen, and the design itself never is."""
    monkeypatch.setenv("MUTANT", "0")
    monkeypatch.setenv("PATIENCE", "1000")
    bench = Frames({"deframer": ("unit", 12)})
    mutants = bench.build()
    assert len(mutants) == 12 < 2**WIDTH and bench.seen() is None
    seen = []
    for mutant in mutants:
        chosen(mutant.number)
        if bench.seen() is not None:
            seen.append(mutant.number)
    assert len(seen) >= 9
    assert not equal(bench.modules, "unit", seen)
    chosen(0)
    assert bench.seen() is None


def test_equal_are_those_that_cannot_be_seen():
    """Of all mutants of y = a ? b : (a & b) just those of which one sees by hand that they are."""
    text = text_of(Chosen())
    _, modules, mutants = mutated(text, {"all": ("", 60)})
    same = equal(modules, "", [mutant.number for mutant in mutants])
    found = Counter(mutant.change[:12] for mutant in mutants if mutant.number in same)
    # The AND is 0 where it is chosen: held at 0 (its two inputs, its output, the choice's input),
    # with anything for b, or always chosen for b.
    assert found == {"const0 A[0] ": 2, "const0 B[0] ": 1, "const1 B[0] ": 1, "inv B[0] of ": 1,
                     "const0 Y[0] ": 1, "const0 S[0] ": 1}
    assert len(same) < len(mutants) == 33


def test_a_module_that_is_not_there_is_told():
    with pytest.raises(RuntimeError, match="other: no module is there to be changed"):
        mutated(text_of(Chosen()), {"other": ("other", 5)})


def test_equal_looks_at_states_that_are_reached():
    """Held at 0 the output is as it was, for 3 is not counted; held at 1 it is not."""
    text = text_of(Thirds())
    _, modules, mutants = mutated(text, {"all": ("", 60)})
    numbers = {mutant.change[:11]: mutant.number for mutant in mutants
               if " Y[0] of " in mutant.change and " at y[0] " in mutant.change}
    same = equal(modules, "", list(numbers.values()))
    assert {change for change, number in numbers.items() if number in same} == {"const0 Y[0]"}
