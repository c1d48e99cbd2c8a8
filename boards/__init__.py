"""Boards: pins, clocks, the bytes on the wire and the host's side of them."""

from golden.io.processes import early

early()
