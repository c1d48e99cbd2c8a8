"""Products with a constant without a multiplier: sums of shifted multiples, rounded down."""

from functools import cache

__all__ = ["adders", "floor_product", "recoded", "rounded_product"]

ODD = (1, 3, 5, 7, 9, 15, 17)   # multiples that take one adder at most
MOST = 9                        # terms of +-1 that every constant of 17 bits has


@cache
def digits(constant, odd, count):
    """At most ``count`` (shift, digit), lowest first, whose digit 2**shift sum up to ``constant``.

    Digits are 1, -1, ``odd`` and -``odd``. None if there are no so few.
    """
    if constant == 0:
        return ()
    if count == 0:
        return None
    low = (constant & -constant).bit_length() - 1
    for digit in dict.fromkeys((odd, 1, -1, -odd)):
        rest = digits((constant >> low) - digit, odd, count - 1)
        if rest is not None:
            return ((low, digit), *((low + shift, each) for shift, each in rest))
    return None


@cache
def recoded(constant):
    """The (shift, digit) of ``constant`` that take the fewest adders, lowest first.

    constant = sum of digit 2**shift, all digits +-1 or +-n of one n of ``ODD``.
    """
    for count in range(1, MOST + 1):
        # As many adders each: a multiple of its own costs one, and saves a term at least.
        for odd in ODD:
            terms = digits(constant, odd, count if odd == 1 else count - 1)
            if terms:
                return terms
    raise ValueError(f"{constant} has more than {MOST} digits")


def adders(constant):
    """Adders of ``floor_product``."""
    terms = recoded(constant)
    return len(terms) - 1 + any(abs(digit) > 1 for _, digit in terms)


def floor_product(value, constant, frac):
    """floor(value constant / 2**frac), for 0 < constant <= 2**frac.

    With constant = sum of digit 2**shift (``recoded``) and
    floor((a + 2**k b) / 2**n) = floor((floor(a / 2**k) + b) / 2**(n - k)), by which what lies below
    the next term is dropped and never added. ``value`` is a number, an array or a signal.
    """
    terms = recoded(constant)
    odd = max(abs(digit) for _, digit in terms)
    multiples = {1: value}
    if odd > 1:                                              # 2**k - 1 or 2**k + 1
        k = (odd - 1).bit_length()
        multiples[odd] = (value << k) - value if odd & odd + 1 == 0 else (value << k - 1) + value

    def total(terms, exact):
        """(shift, negative, number): the terms are +- number 2**shift, rounded down to it."""
        if len(terms) == 1:
            (shift, digit), = terms
            return shift, digit < 0, multiples[abs(digit)]
        half = len(terms) // 2
        low_at, below, low = total(terms[:half], exact)
        at, negative, high = total(terms[half:], True)
        if exact or below:
            high, at = high << (at - low_at), low_at
        else:
            low = low >> (at - low_at)
        if below == negative:
            return at, negative, low + high
        return at, False, (high - low if below else low - high)
    shift, _, found = total(terms, False)
    return found >> (frac - shift)


def rounded_product(value, constant, frac):
    """``value constant / 2**frac`` rounded half up, for 0 < constant < 2**frac.

    One adder more than ``floor_product``: that of half of it, plus one, is halved.
    """
    return (floor_product(value, constant, frac - 1) + 1) >> 1
