"""What a person starts: explanations and pictures, the board, its live view."""

from golden.io.processes import early

early()
