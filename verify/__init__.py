"""What checks the project as a whole: proofs, mutation, soaks, the oracle of a refactoring."""

from golden.io.processes import early

early()
