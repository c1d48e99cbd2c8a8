"""Training: the only room where torch lives."""
