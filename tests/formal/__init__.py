"""Formal proofs of the gateware: ``python -m tests.formal``."""

from tests.formal import arithmetic, boards, engine, memories, streams

PROOFS = arithmetic.PROOFS + boards.PROOFS + memories.PROOFS + streams.PROOFS
# Not seen to end in minutes.
SLOW = memories.SLOW + engine.PROOFS
