"""Simulation of the generated hardware against the golden model."""
