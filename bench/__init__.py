"""The benchmark: every figure of the table measured, written down and drawn."""

from golden.processes import early

early()
