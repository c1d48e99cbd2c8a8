"""Training: the only room where torch lives."""

from golden.io.processes import early

early()
