"""The accelerator in Amaranth."""

from golden.io.processes import early

early()
