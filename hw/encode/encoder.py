"""The encoder that a network asks for."""

from hw.encode.bernoulli import Bernoulli
from hw.encode.current import Current
from hw.encode.frames import Frames
from hw.encode.graded import Graded
from hw.encode.latency import Latency
from hw.encode.ternary import Ternary

__all__ = ["ENCODERS", "encoder_for"]

# By golden.encode's names. Each class takes ``steps`` and ``word_steps``, has the members of
# hw.encode.interface, and tells the ``pixel_cycles(chunks, word_steps)`` of a pixel that is there.
ENCODERS = {"bernoulli": Bernoulli, "ternary": Ternary, "current": Current, "frames": Frames,
            "latency": Latency, "graded": Graded}


def encoder_for(network, *, word_steps):
    """The encoder of a network, for words of ``word_steps`` steps."""
    return ENCODERS[network.encoder](steps=network.steps, word_steps=word_steps)
