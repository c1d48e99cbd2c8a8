"""Drawn command lines, damaged files and hostile files: ``python -m verify.fuzz``."""
