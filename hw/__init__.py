"""The accelerator in Amaranth."""

from golden.processes import early

early()
