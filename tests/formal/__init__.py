"""Formal proofs of the gateware: ``python -m tests.formal`` proves all and prints a table."""

from tests.formal import arithmetic, boards, engine, memories, streams

PROOFS = [*arithmetic.PROOFS, *boards.PROOFS, *memories.PROOFS, *streams.PROOFS]
SLOW   = [*memories.SLOW, *engine.PROOFS]     # that were not seen to end in minutes
