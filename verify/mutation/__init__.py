"""Mutation of the gateware: ``python -m tests.mutation`` tells which faults the benches see."""
