"""A page on this computer that shows live what the chip sees."""
