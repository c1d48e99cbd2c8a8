"""Training: the only room where torch lives."""

from golden.processes import early

early()
