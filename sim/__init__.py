"""Simulation of the generated hardware against the golden model."""

from golden.io.processes import early

early()
