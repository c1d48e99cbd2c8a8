"""The benchmark: every figure of the table measured, written down and drawn."""

from golden.io.processes import early

early()
