"""Order of work: the passes in turn, registers, counts, and what joins streams."""
