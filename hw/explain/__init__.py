"""Explanations on the chip: SAM, traces, and spikes taken away."""
