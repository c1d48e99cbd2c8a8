"""Formal proofs of the gateware: ``python -m tests.formal``."""

from tests.formal import arithmetic, boards, engine, memories, streams

# Proofs that fail on this tree, each for a fault that it found and that is still there.
FOUND = {}
ALL = arithmetic.PROOFS + boards.PROOFS + memories.PROOFS + streams.PROOFS
PROOFS = [proof for proof in ALL if proof.component not in FOUND]
FAILING = [proof for proof in ALL if proof.component in FOUND]
# Not seen to end in minutes.
SLOW = memories.SLOW + engine.PROOFS
