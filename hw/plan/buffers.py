"""Where the spike trains of layers live: words of memory, strides and addresses.

Trains (the spikes of one neuron over ``steps`` steps, one word) lie in (y, x, channel) order; the
channels of a pixel take a power of two of words below 16 and a multiple of 16 above, so that no
visit crosses a word of the bitmap that marks the trains which are not all zero.
"""

__all__ = ["SPRAM_WORDS", "WORD", "address_bits", "aligned", "channel_stride", "regions",
           "source_shape"]

WORD = 16          # bits of a memory word; trains in a word of the bitmap
SPRAM_WORDS = 2**14


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


def regions(passes, chunks):
    """Trains kept in each of the two memories by passes whose trains take ``chunks`` words."""
    sizes = [passes[0].in_chunk, 0]
    for each in passes:
        if each.storing:
            sizes[1 - each.source] = max(sizes[1 - each.source], each.out_chunk)
    return tuple(chunks * size for size in sizes)
