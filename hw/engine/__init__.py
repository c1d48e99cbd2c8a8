"""The engine: from the trains of one layer to those of the next."""
