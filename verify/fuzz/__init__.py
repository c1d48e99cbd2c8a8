"""Drawn command lines, damaged files and hostile files: ``python -m tests.fuzz_soak``."""
