"""A record of what the hardware is and does, and what a tree of sources changed of it."""
