"""From a model of torch and snnTorch modules to a network: golden.importers.torch by its old name.

Unlike a NIR file this keeps the reset that the network was trained with.
"""

from typing import TYPE_CHECKING, Any

from golden.importers.torch import trace

if TYPE_CHECKING:
    from golden.importers.float_network import FloatNetwork

__all__ = ["from_snntorch"]


def from_snntorch(model, *, shape: tuple[int, int, int], steps: int, encoder: str = "bernoulli",
                  readout=None, input_scale=None, name: str = "snntorch",
                  **options: Any) -> "FloatNetwork":
    """golden.importers.torch.trace, with names for all arguments and encoder "bernoulli".

    A Sequential may also hold snn.BatchNormTT, a list of norms, one a step.
    """
    return trace(model, shape, steps=steps, encoder=encoder, readout=readout,
                 input_scale=input_scale, name=name, **options)
