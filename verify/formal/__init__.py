"""Formal proofs of the gateware: ``python -m tests.formal``."""

from verify.formal import arithmetic, boards, contribution, memories, stores, streams

PROOFS = (arithmetic.PROOFS + boards.PROOFS + contribution.PROOFS + memories.PROOFS
          + stores.PROOFS + streams.PROOFS)
