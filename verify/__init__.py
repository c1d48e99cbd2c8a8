"""What checks the project as a whole: proofs, mutation, soaks, the oracle of a refactoring.

This package imports nothing: verify.oracle measures other trees, with their golden.
"""
