"""Every train as it is stored, for simulation and for what takes spikes away."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import bits_unsigned
from hw.engine.constants import per_pass

__all__ = ["TrainMonitor", "monitor_layout"]


def monitor_layout(layers):
    """Layout of what a TrainMonitor says of networks of so many weighted layers."""
    return data.StructLayout({
        "valid": 1, "pooled": 1, "addr": 16, "train": 16, "number": bits_unsigned(layers)})


class TrainMonitor(wiring.Component):
    """Says of each train that is written where it goes and whose it is.

    Parameters
    ----------
    layers : sequence of int
        The weighted layer, from 1, of each pass.
    merging : sequence of bool
        Whether a pass is a max pooling before that layer.

    Members
    -------
    loading : In(1)
        The trains of the input are written.
    number : In(range(passes))
        The pass, when they are not.
    en, addr, train : In(1), In(16), In(16)
        The write.
    o : Out(monitor_layout(last layer))
        ``number`` is the weighted layer, 0 for the input, or with ``pooled`` that behind the max
        pooling whose trains they are.
    """

    def __init__(self, *, layers, merging):
        self.layers, self.merging = list(layers), [int(each) for each in merging]
        super().__init__({
            "loading": In(1), "number": In(range(len(self.layers))),
            "en": In(1), "addr": In(16), "train": In(16),
            "o": Out(monitor_layout(max(self.layers))),
        })

    def elaborate(self, platform):
        m = Module()

        m.d.comb += [
            self.o.valid.eq(self.en), self.o.addr.eq(self.addr), self.o.train.eq(self.train),
            self.o.number.eq(Mux(self.loading, 0, per_pass(self.number, self.layers))),
            self.o.pooled.eq(~self.loading & per_pass(self.number, self.merging)),
        ]

        return m
