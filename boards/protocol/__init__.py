"""The bytes between chip and host, for both sides: plain Python and NumPy."""
