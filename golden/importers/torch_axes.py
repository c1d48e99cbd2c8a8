"""Which axis of a recorded tensor a call takes apart or moves."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from golden.importers.torch_record import Call

__all__ = ["cut_at", "one_index", "turned"]


def one_index(dim, index: int, dims: int):
    """The index of one place along one axis."""
    return tuple(index if n == dim % dims else slice(None) for n in range(dims))


def cut_at(index, dims, tensor):
    """(axis, place) of an index that takes one place along one axis; None of any other."""
    index = index if isinstance(index, tuple) else (index,)
    if Ellipsis in [each for each in index if not isinstance(each, tensor)]:
        at = next(n for n, each in enumerate(index) if each is Ellipsis)
        index = (*index[:at], *[slice(None)] * (dims - len(index) + 1), *index[at + 1:])
    found = [(n, int(each)) for n, each in enumerate(index)
             if isinstance(each, (int, tensor)) and not isinstance(each, bool)
             and not (isinstance(each, tensor) and each.ndim)]
    rest = [each for n, each in enumerate(index) if n not in [at for at, _ in found]]
    if len(found) != 1 or any(each != slice(None) for each in rest):
        return None
    return found[0]


def turned(call: "Call", dims: int) -> list[int]:
    """Order of the axes behind a permute or transpose."""
    numbers = [n for each in call.args[1:] for n in (each if isinstance(each, tuple) else (each,))]
    numbers = [n % dims for n in (numbers or call.kwargs.get("dims") or ())]
    if call.kind == "permute":
        return numbers
    order = list(range(dims))
    if call.kind in ("transpose", "swapaxes") and len(numbers) == 2:
        a, b = numbers
        order[a], order[b] = order[b], order[a]
        return order
    return order[::-1]      # of a kind that is not known here: refused by its order
