"""The Spike Activation Map unit, and the modes in which it counts."""

from hw.explain.sam.sam import Mode, Sam

__all__ = ["Mode", "Sam"]
