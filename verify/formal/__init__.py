"""Formal proofs of the gateware: ``python -m tests.formal``."""

from verify.formal import (
    arithmetic,
    banks,
    boards,
    contribution,
    currents,
    memories,
    stores,
    streams,
)

PROOFS = (arithmetic.PROOFS + banks.PROOFS + boards.PROOFS + contribution.PROOFS + currents.PROOFS
          + memories.PROOFS + stores.PROOFS + streams.PROOFS)
