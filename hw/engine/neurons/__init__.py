"""Neuron models in hardware, one a file, which names its class UNIT. Nothing else has to know it.

A file has the name of its model in golden.neurons.MODELS. hw.engine.neurons.base says what a class
must answer.
"""

import importlib
import importlib.util

from golden.io.errors import BadInput

__all__ = ["unit_of"]


def unit_of(model: str, where: str) -> type:
    """The class of a model; raise BadInput that begins with ``where`` if it has no hardware."""
    name = f"{__name__}.{model}"
    try:
        return importlib.import_module(name).UNIT
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise BadInput(f"{where}: neuron model {model} has no hardware, which would be "
                       f"{name.replace('.', '/')}.py") from None
