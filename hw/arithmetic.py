"""Identities of binary numbers that save cells; verify.formal.arithmetic proves each of them."""

from amaranth import *

__all__ = ["by_255", "difference", "first_of_four", "held_at_top", "inverted_successor", "less_one",
           "lowest_index", "rounding", "without_lowest"]


def by_255(value):
    """floor(value / 255), of 0 <= value < 2**16 - 1, or < 2**20 where ``value`` is wider.

    With n = value + 1 it is (n + floor(n / 256)) >> 8, since 256 n / 255 = n + n / 256 + ..., and
    what is left out never reaches the next whole number. Above 16 bits a term more is needed:
    (n + floor((n + floor(n / 256)) / 256)) >> 8.
    """
    n = value + 1
    share = n >> 8 if len(value) <= 16 else (n + (n >> 8)) >> 8
    return (n + share) >> 8


def difference(value, inverted):
    """Of ``inverted`` = ~n the difference value - n, modulo the width it is assigned to.

    ~n = -n - 1, so that value - n = value + ~n + 1: one adder with a carry, whose operand needs no
    inverter.
    """
    return value + inverted + 1


def inverted_successor(inverted):
    """~(n + 1), from ``inverted`` = ~n, modulo its width.

    ~(n + 1) = -n - 2 = ~n - 1.
    """
    return inverted - 1


def without_lowest(bits):
    """``bits`` without its lowest one: x & (x - 1); 0 stays 0.

    x - 1 differs from x in the lowest one and the zeros below it.
    """
    return bits & (bits - 1)[:len(bits)]


def lowest_index(bits):
    """Where the lowest one of ``bits`` is, 0 if there is none.

    x & ~(x & (x - 1)) is that one alone; an OR of the places of each index bit encodes it.
    """
    alone = bits & ~without_lowest(bits)
    return Cat(Cat(alone[n] for n in range(len(bits)) if n >> bit & 1).any()
               for bit in range((len(bits) - 1).bit_length()))


def first_of_four(bits):
    """(the ones of four bits without the lowest, where the lowest is), 3 if there is none.

    Bit n stays where a lower bit is set: a function of at most four bits, as are the two of the
    index, which is 1 or 3 where bit 0 is not set and bit 1 is or bit 2 is not, and 2 or 3 where
    neither of the first two is.
    """
    rest = Cat(bits[n] & bits[:n].any() for n in range(4))
    return rest, Cat(~bits[0] & (bits[1] | ~bits[2]), ~bits[:2].any())


def rounding(frac, one, *, unit):
    """Addend by which a product is rounded half up and grows by ``one`` (1 bit) in a single sum.

    floor((p + half + one 2**(frac + unit)) / 2**frac) = rounded(p, frac) + one 2**unit, half being
    2**(frac - 1) (golden.formats.rounded). The two addends share no bit, so that their sum is a
    concatenation.
    """
    return Cat(C(1 << frac - 1, frac + unit), one)


def less_one(value, one, *, unit):
    """The difference value - one 2**unit, modulo the width of ``value``; ``one`` has one bit.

    The lowest ``unit`` bits stay as they are; the adder is that much shorter.
    """
    return Cat(value[:unit], value[unit:] - one)


def held_at_top(total, width):
    """min(total, 2**width - 1).

    What does not fit has a one above, which becomes all ones by an OR; no comparison is needed. The
    top plus anything but 0 has a one above again, or is the top: a sum that got there stays.
    """
    return total[:width] | total[width:].any().replicate(width)
