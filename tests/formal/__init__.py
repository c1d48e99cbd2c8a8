"""Formal proofs of the gateware: ``python -m tests.formal``."""

from tests.formal import arithmetic, boards, engine, memories, streams

# Proofs that fail on this tree, each for a fault that it found and that is still there.
FOUND = {
    "boards.executor.Executor":
        "the byte before is offered, in the cycle in which it is acknowledged, as the lower byte of"
        " a write (`offer` in state Low must ask for `there`, not for `self.i.valid`)",
}
ALL = arithmetic.PROOFS + boards.PROOFS + memories.PROOFS + streams.PROOFS
PROOFS = [proof for proof in ALL if proof.component not in FOUND]
FAILING = [proof for proof in ALL if proof.component in FOUND]
# Not seen to end in minutes.
SLOW = memories.SLOW + engine.PROOFS
