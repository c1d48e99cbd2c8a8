"""The Spike Activation Map unit, and the modes in which it counts."""

from hw.explain.sam.sam import UNIT, Mode, Sam

__all__ = ["UNIT", "Mode", "Sam"]
