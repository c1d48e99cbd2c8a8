"""Which recorded calls are sums or products of values of the network."""

from golden.importers.torch_record import torch

__all__ = ["adds", "inverts", "is_zero", "multiplies"]

PRODUCTS = {"mul", "mul_", "multiply"}


def adds(call):
    """Whether a call is the sum of two values of the network."""
    return call.kind in ("add", "add_") and len(call.inputs) == 2 and not call.kwargs


def multiplies(call):
    """Whether a call is the product of two values of the network."""
    return call.kind in PRODUCTS and len(call.inputs) == 2 and not call.kwargs


def inverts(calls):
    """Whether calls are one that takes a value from 1."""
    if len(calls) != 1 or calls[0].kind not in ("__rsub__", "rsub", "sub") or calls[0].kwargs:
        return False
    first, second = ((*calls[0].args, None)[:2] if calls[0].kind == "sub"
                     else (*calls[0].args, None)[1::-1])
    return second is None and first is not None and not is_zero(first) and is_zero(first - 1)


def is_zero(value):
    """Whether a constant that is added changes nothing."""
    return not (value != 0).any() if isinstance(value, torch().Tensor) else value == 0
