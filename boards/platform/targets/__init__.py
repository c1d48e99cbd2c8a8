"""One file a board, which names it TARGET. Nothing else has to know of it."""
