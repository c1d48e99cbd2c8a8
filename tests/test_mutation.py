"""Mutants are of one design, and a bench tells them from it."""

from tests.mutation.benches import Frames, chosen
from tests.mutation.mutants import WIDTH


def test_frames_see_most_mutants(monkeypatch):
    """Of a dozen faults in the deframer most are seen, and the design itself never is."""
    monkeypatch.setenv("MUTANT", "0")
    monkeypatch.setenv("PATIENCE", "1000")
    bench = Frames({"deframer": ("unit", 12)})
    mutants = bench.build()
    assert len(mutants) == 12 < 2**WIDTH and bench.seen() is None
    seen = 0
    for mutant in mutants:
        chosen(mutant.number)
        seen += bench.seen() is not None
    assert seen >= 9
    chosen(0)
    assert bench.seen() is None
