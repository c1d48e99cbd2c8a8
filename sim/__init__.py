"""Simulation of the generated hardware against the golden model."""

from golden.processes import early

early()
