"""From a design to a bitstream: estimate, synthesis, place and route, report, export."""

from golden.io.processes import early

early()
