"""The encoder that a network asks for."""

from importlib import import_module

from golden.network.encoders import ENCODERS

__all__ = ["UNITS", "encoder_for"]

# By their names in golden.network.encoders, which are those of their files. Each class takes
# ``steps`` and ``word_steps``, has the members of hw.encode.interface, and tells the
# ``pixel_cycles(chunks, word_steps)`` of a pixel that is there.
UNITS = {name: import_module(f"hw.encode.{name}").UNIT for name in ENCODERS}


def encoder_for(network, *, word_steps):
    """The encoder of a network, for words of ``word_steps`` steps."""
    return UNITS[network.encoder](steps=network.steps, word_steps=word_steps)
