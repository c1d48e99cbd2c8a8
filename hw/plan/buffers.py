"""Where the spike trains of layers live: words of memory, strides and addresses.

Trains (the spikes of one neuron over ``steps`` steps, one word) lie in (y, x, channel) order; the
channels of a pixel take a power of two of words below 16 and a multiple of 16 above, so that no
visit crosses a word of the bitmap that marks the trains which are not all zero.
"""

from dataclasses import dataclass

from golden.io.errors import BadInput

__all__ = ["BANKS", "BUFFER_ROWS", "KEPT_ROWS", "SLICE", "SPRAM_WORDS", "WORD", "Buffer", "Node",
           "address_bits", "aligned", "allocate", "banks_of", "channel_stride", "regions",
           "source_shape"]

BANKS = 2          # memories of trains, each of one port: a pass reads one and writes the other

WORD = 16          # bits of a memory word; trains in a word of the bitmap
SPRAM_WORDS = 2**14
BUFFER_ROWS = 256  # rows of a walk buffer (hw.engine.walk_buffer): a block memory's
KEPT_ROWS = BUFFER_ROWS - 8  # and of a walk that it keeps whole, so many being filled late
SLICE = 4          # steps that the lanes sum at once behind a walk buffer


@dataclass(frozen=True)
class Node:
    """What writes trains: the loading of the input (node 0), or a pass, by its number.

    ``inputs`` are the numbers of the nodes whose trains it reads, all smaller than its own; none of
    node 0. ``size`` is in trains, 0 where it stores none.
    """

    inputs: tuple[int, ...]
    size: int


@dataclass(frozen=True)
class Buffer:
    """Where a node's trains lie: ``size`` trains of a bank from ``at`` on, until node ``last``.

    They are written while their node runs, and read while ``last`` and nodes before it do.
    """

    bank: int
    at: int
    size: int
    last: int


def channel_stride(channels):
    """Trains set aside for the channels of a pixel."""
    if channels <= WORD:
        return 1 << (channels - 1).bit_length()
    return -(-channels // WORD) * WORD


def aligned(count):
    """``count`` rounded up to whole words of the bitmap."""
    return -(-count // WORD) * WORD


def address_bits(regions):
    """Bits of a train's address, and of the one behind the last: what is full is not empty."""
    return max(5, max(regions).bit_length())


def source_shape(stage, planes):
    """(C, H, W) of the trains that a stage reads, with the ``planes`` of each input channel."""
    channels, height, width = stage.source
    return (channels * planes if stage.index == 1 else channels), height, width


def banks_of(inputs: list[tuple[int, ...]], where: str = "network") -> tuple[int, ...]:
    """The bank of each node's trains: never that of what it reads; node 0 has bank 0.

    Raises BadInput, beginning with ``where``, if a node's inputs lie in both: a pass reads one.
    """
    banks = [0]
    for number, reads in enumerate(inputs[1:], 1):
        read = {banks[each] for each in reads}
        if len(read) != 1:
            raise BadInput(f"{where}: pass {number} reads the trains of {spoken(reads)}, which lie "
                           "in both memories; a pass reads one and writes the other")
        banks.append(1 - read.pop())
    return tuple(banks)


def spoken(reads):
    """The numbers of nodes for a message."""
    return " and ".join("the input" if each == 0 else f"pass {each}" for each in reads)


def allocate(nodes: list[Node], where: str = "network", *,
             kept: tuple[int, ...] = ()) -> tuple[Buffer, ...]:
    """A Buffer for each node, by live range: two that live at once share no train of a bank.

    A buffer lives from its node to the last that reads it, both included. Each lies as low as it
    can when its node comes, at whole words of the bitmap; so a chain's all lie from 0 on. Those of
    ``kept`` live always, and are placed before the others. Raises BadInput as ``banks_of``.
    """
    first, last = list(range(len(nodes))), list(range(len(nodes)))
    for number, node in enumerate(nodes):
        for each in node.inputs:
            last[each] = max(last[each], number)
    for each in kept:
        first[each], last[each] = 0, len(nodes) - 1
    buffers = {}
    banks = banks_of([node.inputs for node in nodes], where)
    for number in (*kept, *(n for n in range(len(nodes)) if n not in kept)):
        size, at = aligned(nodes[number].size), 0
        alive = sorted((each for n, each in buffers.items() if each.bank == banks[number]
                        and each.last >= first[number] and first[n] <= last[number]),
                       key=lambda each: each.at)
        for each in alive:
            if at + size <= each.at:
                break
            at = max(at, each.at + each.size)
        buffers[number] = Buffer(banks[number], at, size, last[number])
    return tuple(buffers[number] for number in range(len(nodes)))


def regions(buffers: tuple[Buffer, ...]) -> tuple[int, ...]:
    """Trains kept in each of the memories."""
    return tuple(max((each.at + each.size for each in buffers if each.bank == bank), default=0)
                 for bank in range(BANKS))
