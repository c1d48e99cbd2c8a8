"""Explanations of a network besides SAM, and how good they are."""
