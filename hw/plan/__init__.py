"""The planner: what of a network lives where, and the programs that walk it."""
