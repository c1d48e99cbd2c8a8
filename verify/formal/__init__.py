"""Formal proofs of the gateware: ``python -m tests.formal``."""

from verify.formal import arithmetic, boards, memories, stores, streams

PROOFS = (arithmetic.PROOFS + boards.PROOFS + memories.PROOFS + stores.PROOFS
          + streams.PROOFS)
