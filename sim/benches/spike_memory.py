"""Trains as Verilog against dicts: both memories, their bitmap, and who wins."""

import json
import os
import random
from collections.abc import Iterator
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from hw.plan.buffers import aligned, channel_stride
from sim.benches.streams import begin

PARAMS = json.loads(os.environ["BENCH_PARAMS"])


def places(channels: int, pixels, lanes, chunks: int) -> Iterator:
    """(address, chunk) of a layer's trains in the order in which the engine stores them."""
    stride = channel_stride(channels)
    for pixel in range(pixels):
        for first in range(0, channels, lanes):
            for chunk in range(chunks):
                for channel in range(first, min(first + lanes, channels)):
                    yield chunk * aligned(stride * pixels) + pixel * stride + channel, chunk


class Reader:
    """One synchronous read port: reads at random, and checks what came one cycle later.

    ``en`` is None where every cycle reads.
    """

    def __init__(self, addr: int, en, data):
        self.addr, self.en, self.data = addr, en, data
        self.shown, self.next = None, None

    def ask(self, known, rate) -> None:
        """Perhaps read one of the ``known`` places."""
        asks = bool(known) and random.random() < rate
        if asks:
            place, self.next = random.choice(known)
            self.addr.value = place
        else:
            # An address without `en` must do nothing.
            self.addr.value, self.next = random.randrange(2**len(self.addr)), None
        if self.en is not None:
            self.en.value = int(asks)

    def check(self, what: str) -> None:
        """After the edge: what was read before is still there; take over what was asked."""
        if self.shown is not None:
            got = self.data.value.to_unsigned()
            assert got == self.shown, f"{what}: {got:x} instead of {self.shown:x}"
        if self.next is not None or self.en is None:
            self.shown = self.next


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(case=list(PARAMS), idle=[0.0, 0.5])
async def keeps_what_was_written(dut: Any, case: Any, idle) -> None:
    """Layers of random shapes, each written to one memory while the one before is read."""
    regions, width, chunks = (PARAMS[case][key] for key in ("regions", "word_steps", "chunks"))

    def port(name):
        return dut[f"{case}__{name}"]

    def reader(*names):
        return Reader(*(name and port(name) for name in names))

    await begin(dut)
    sources = reader("addr", "en", "train")
    bitmaps = reader("bitmap_addr", None, "bitmap_data")
    behind = reader("sam_addr", None, "sam_train")
    read, marks = [], []
    for layer in range(6):
        source = layer % 2
        while True:
            channels, pixels, lanes = random.randint(1, 40), random.randint(1, 9), 2**layer % 31
            if chunks * aligned(channel_stride(channels) * pixels) <= regions[1 - source]:
                break
        port("source").value = source
        sources.shown = bitmaps.shown = behind.shown = None
        order = list(places(channels, pixels, lanes, chunks))
        port("w_restart").value, port("write__en").value = 1, 0
        port("en").value = 0
        await RisingEdge(dut.clk)
        port("w_restart").value = 0
        written, new_marks, at, checked = [], {}, 0, 0
        while at < len(order) or checked < 2 * len(read):
            writes = at < len(order) and random.random() >= idle
            train = random.choice((0, random.randrange(2**width)))
            port("write__en").value, port("write__train").value = int(writes), train
            port("write__nonzero").value = int(train != 0)
            port("sam_turn").value = int(not writes)
            if writes:
                place, chunk = order[at]
                after, turned = order[at + 1] if at + 1 < len(order) else (0, chunk + 1)
                port("write__increment").value = (after - place) % 2**len(port("write__increment"))
                port("write__next_chunk").value = (
                    int(turned != chunk) if chunks > 1 else random.getrandbits(1)
                )
            sources.ask(read, 0.7)
            bitmaps.ask(marks, 0.7)
            # Not in the cycle of a write, nor a place of which the write is the next to come.
            behind.ask(written, 0 if writes else 0.5)
            await RisingEdge(dut.clk)
            if writes:
                got = port("w_addr").value.to_unsigned()
                assert got == place, f"layer {layer}: train {at} went to {got} instead of {place}"
                written.append((place, train))
                new_marks.setdefault(place // 16, 0)
                new_marks[place // 16] |= (train != 0) << place % 16
                at += 1
                # A write goes through the same port: what it shows then is not said.
                behind.shown = None
            sources.check(f"layer {layer}: source")
            bitmaps.check(f"layer {layer}: bitmap")
            behind.check(f"layer {layer}: reader behind the writer")
            checked += 1
        read, marks = written, list(new_marks.items())
