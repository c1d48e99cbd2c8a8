"""From a model of torch and snnTorch modules to a network: golden.importers.torch by its old name.

Unlike a NIR file this keeps the reset that the network was trained with.
"""

from golden.importers.torch import trace

__all__ = ["from_snntorch"]


def from_snntorch(model, *, shape, steps, encoder="bernoulli", readout=None, input_scale=None,
                  name="snntorch", **options):
    """golden.importers.torch.trace, with names for all arguments and encoder "bernoulli".

    A Sequential may also hold snn.BatchNormTT, a list of norms, one a step.
    """
    return trace(model, shape, steps=steps, encoder=encoder, readout=readout,
                 input_scale=input_scale, name=name, **options)
