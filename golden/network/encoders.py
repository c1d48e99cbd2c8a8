"""What an encoder is: how images become the activations that the first layer reads.

golden.encode makes them, hw.encode makes their trains; both are found by the encoder's name.
"""

from typing import NamedTuple

__all__ = ["ENCODERS", "Encoder", "encoder_of"]


class Encoder(NamedTuple):
    """How images become activations.

    Members
    -------
    factors : tuple of int
        A channel has a train of spikes, a plane, for each; an activation is the sum of the factors
        whose plane has a spike.
    frames : bool
        Images are (N, T, C, H, W), whole numbers from 0 to ``top``; else (N, C, H, W) uint8.
    steady : bool
        All steps have the same activations.
    """

    factors: tuple = (1,)
    frames: bool = False
    steady: bool = False

    @property
    def planes(self) -> int:
        """Trains of a channel."""
        return len(self.factors)

    @property
    def top(self) -> int:
        """Largest magnitude of an activation."""
        return sum(factor for factor in self.factors if factor > 0)

    @property
    def signed(self) -> bool:
        """Whether activations may be negative."""
        return min(self.factors) < 0

    @property
    def spikes(self) -> bool:
        """Whether activations are spikes: 0 or 1."""
        return self.factors == (1,)


ENCODERS = {
    "bernoulli": Encoder(),
    "frames": Encoder(frames=True),
    "ternary": Encoder((1, -1)),
    "current": Encoder(tuple(1 << bit for bit in range(8)), steady=True),
    "latency": Encoder(),
    "graded": Encoder((1, 2, 4, 8), frames=True),
}


def encoder_of(network) -> Encoder:
    """The Encoder of a network, integer or real."""
    return ENCODERS[network.encoder]
