"""The encoder that a network asks for."""

from hw.encode.bernoulli import Bernoulli
from hw.encode.current import Current
from hw.encode.frames import Frames
from hw.encode.ternary import Ternary

__all__ = ["ENCODERS", "encoder_for"]

# By golden.network's names. Each class takes ``steps`` and ``word_steps`` and has the members of
# hw.encode.interface.
ENCODERS = {"bernoulli": Bernoulli, "ternary": Ternary, "current": Current, "frames": Frames}


def encoder_for(network, *, word_steps):
    """The encoder of a network, for words of ``word_steps`` steps."""
    return ENCODERS[network.encoder](steps=network.steps, word_steps=word_steps)
