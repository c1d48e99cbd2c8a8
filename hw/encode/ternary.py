"""Encoder "ternary": spikes are drawn of signed pixels, each sign in its own train."""

from hw.encode.bernoulli import Bernoulli

__all__ = ["UNIT", "Ternary"]


class Ternary(Bernoulli):
    """Turns each signed pixel into two trains: spike at step t iff random(t) < 2 |pixel|.

    As Bernoulli, but each chunk leaves as two words, first that of positive spikes, then that of
    negative ones, and takes a cycle more.
    """

    words = 2

    def level(self):
        return abs(self.i.p.data.as_signed()) * 2

    def has_sign(self, minus):
        return self.i.p.data[7] == minus


UNIT = Ternary
