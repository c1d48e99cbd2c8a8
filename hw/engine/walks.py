"""What the parts of the walk buffer tell each other."""

from amaranth.lib import data

from hw.plan.buffers import BUFFER_ROWS

__all__ = ["ROW_BITS", "WALKS", "Freed", "now_layout", "piece_layout", "summed"]

WALKS = 16                                # ends of walks in the buffer
ROW_BITS = (BUFFER_ROWS - 1).bit_length()

# Rows and walks that the lanes have done with, counted round twice.
Freed = data.StructLayout({"rows": ROW_BITS + 1, "walks": WALKS.bit_length()})


def summed(trains):
    """Cycles from the weights of a row to its sums: the choice of pairs, the tree."""
    return (trains - 1).bit_length()


def piece_layout(plan):
    """Rows that can be read: of a walk, or of a part of one too long to be kept whole.

    Members
    -------
    less_two : how many rows, less two and modulo 2**ROW_BITS; where ``leads``, of parameters first
    none, single : there is no row of trains; there is no second one
    used : trains of the last row, 0 for all
    leads : the first ``plan.header`` rows are parameters, which do not count
    closes : with them the walk ends
    empty_walk, ends_pass : nothing was added to it and nothing can spike; it is the pass's last
    """
    return data.StructLayout({
        "less_two": ROW_BITS, "none": 1, "single": 1, "used": (plan.trains - 1).bit_length(),
        "leads": 1, "closes": 1, "empty_walk": 1, "ends_pass": 1})


def now_layout(plan):
    """A row that is read.

    ``live`` trains of it count, their steps of ``slice``. It is one of parameters; the sums of the
    slice begin with it; they are handed on behind it, those of an empty walk, of the pass's last.
    """
    return data.StructLayout({
        "slice": range(plan.slices), "live": plan.trains, "param": 1, "first": 1, "load": 1,
        "ends_empty": 1, "ends_pass": 1})
