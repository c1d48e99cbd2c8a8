"""A stand-in for the accelerator, and simulated wires to it."""

from collections import deque
from types import SimpleNamespace

import numpy as np
from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from boards.link.layouts import CONFIG, COUNT, pixel
from boards.link.link import Link
from boards.platform.top import attach, identify
from hw.interface import Output, count_output, score_output
from hw.memory.signature import SIGN, Signature
from hw.memory.weight_store import Weights

CYCLE = 1e-6
# Simulations whose testbenches never end. To collect one raises in a finaliser, and a traceback
# formatted there makes Python 3.11 fail wherever it happens to be parsing (python/cpython#106905).
KEPT = []


class Standin(wiring.Component):
    """Has the accelerator's ports; answers with numbers that tell whether all of it arrived.

    With s the sum of i * pixel i (i from 1) and w the sum of data ^ index ^ (space << 14) over all
    writes since power-up: map value i is s + w + i, score i is 20 i - s, both cut to their widths;
    the counts are s, w and the number of images so far, and every second image tells of corrupt
    weights. Takes a pixel every ``pace`` cycles. Its
    weight memory has ``words`` words.
    """

    def __init__(self, *, shape=(1, 15, 20), steps=2, classes=3, lanes=2, map_width=9,
                 score_width=11, pace=1, words=8):
        self.map_width, self.score_width, self.pace = map_width, score_width, pace
        stages = (SimpleNamespace(index=1, shape=(4, 3, 4)),
                  SimpleNamespace(index=2, shape=(2, 2, 1)))
        self.network = SimpleNamespace(digest="0123456789abcdef", shape=shape, steps=steps,
                                       classes=classes, stages=stages, encoder="bernoulli")
        self.plan = SimpleNamespace(lanes=lanes, word_steps=4, weight_rows=words,
                                    resident_rows=words, row_words=1, rounded=False, banks=())
        self.taps = (1, 2)
        self.outputs = {
            "maps": Output("maps", ("y", "x", "step"), {
                stage.index: (*stage.shape[1:], steps) for stage in stages}, map_width),
            "scores": score_output(classes=classes, steps=steps, lanes=lanes, bits=score_width),
            "counts": count_output(layers=1)}
        super().__init__({
            "i_pixels": In(stream.Signature(pixel(8))),
            "i_config": In(stream.Signature(CONFIG)),
            "o_maps": Out(stream.Signature(unsigned(map_width))),
            "o_scores": Out(stream.Signature(signed(score_width))),
            "o_counts": Out(stream.Signature(COUNT)),
            "sign": In(SIGN), "signed": Out(8),
            "corrupt": Out(1), "stuck": In(1),
        })

    def model(self, image, written, images):
        """(maps, scores, counts) in the order of the wire."""
        pixels = image.transpose(1, 2, 0).ravel().astype(np.int64)
        s = int((np.arange(1, len(pixels) + 1) * pixels).sum()) % 2**24
        w = sum(data ^ index ^ (space << 14) for space, index, data in written) % 2**24
        top = 1 << self.score_width
        scores = (20 * np.arange(self.outputs["scores"].count) - s) % top
        return ((s + w + np.arange(self.outputs["maps"].count)) % (1 << self.map_width),
                np.where(scores >= top // 2, scores - top, scores),
                np.array([s, w, images]))

    def elaborate(self, platform):
        m = Module()

        pixels = int(np.prod(self.network.shape))
        place, total, written, images = Signal(24), Signal(24), Signal(24), Signal(24)
        n, wait = Signal(16), Signal(range(self.pace + 1))
        pixel, config = self.i_pixels, self.i_config
        at = Mux(pixel.p.first, 1, place)
        m.d.comb += [
            self.o_maps.p.eq(total + written + n),
            self.corrupt.eq(~images[0]),
            self.o_scores.p.eq(20 * n - total),
            self.o_counts.p.last.eq(n == 2),
            self.o_counts.p.data.eq(Mux(n == 0, total, Mux(n == 1, written, images))),
        ]
        m.submodules.weights = weights = Weights(rows=self.plan.weight_rows, row_words=1)
        m.submodules.signer  = signer  = Signature(row_words=1)
        m.d.comb += [
            weights.w_index.eq(config.p.index), weights.w_data.eq(config.p.data),
            weights.w_en.eq(config.valid & config.ready & (config.p.space == 0)),
            weights.w_read.eq(self.sign.read), signer.row.eq(weights.row),
            signer.sign.eq(self.sign), self.signed.eq(signer.o),
        ]
        with m.If(config.valid & config.ready):
            m.d.sync += written.eq(written + (config.p.data ^ config.p.index
                                              ^ (config.p.space << 14)))

        with m.FSM():
            with m.State("Load"):
                m.d.comb += config.ready.eq(~self.stuck & ((place == 0) | ~pixel.valid))
                m.d.comb += pixel.ready.eq(~self.stuck & (wait == 0))
                m.d.sync += wait.eq(Mux(wait == 0, 0, wait - 1))
                with m.If(pixel.valid & pixel.ready):
                    m.d.sync += [
                        wait.eq(self.pace - 1),
                        place.eq(at + 1),
                        total.eq(Mux(pixel.p.first, 0, total) + at * pixel.p.data),
                    ]
                    with m.If(at == pixels):
                        m.d.sync += [n.eq(0), images.eq(images + 1)]
                        m.next = "Maps"

            for state, port, count, then in (
                    ("Maps", self.o_maps, self.outputs["maps"].count, "Scores"),
                    ("Scores", self.o_scores, self.outputs["scores"].count, "Counts"),
                    ("Counts", self.o_counts, 3, "Load")):
                with m.State(state):
                    m.d.comb += port.valid.eq(1)
                    with m.If(port.ready):
                        m.d.sync += n.eq(n + 1)
                        with m.If(n == count - 1):
                            m.d.sync += n.eq(0)
                            m.next = then

        return m


class Bypassed(wiring.Component):
    """A Link with its accelerator, and bytes where the UART would be."""

    i: In(stream.Signature(8, always_ready=True))
    o: Out(stream.Signature(8))

    def __init__(self, accelerator, **options):
        self.accelerator, self.options = accelerator, options
        super().__init__()

    def elaborate(self, platform):
        m = Module()

        identity = identify(self.accelerator, clock_hz=1_000_000, **self.options)
        m.submodules.link = link = Link(identity=identity)
        wiring.connect(m, wiring.flipped(self.i), link.i)
        wiring.connect(m, link.o, wiring.flipped(self.o))
        attach(m, link, self.accelerator, **self.options)

        return m


class Wire:
    """A port for boards.host.Board on a simulated ``Bypassed``; its clock is the simulation's.

    ``harm(bytes, direction)`` may change what is sent ("down") or received ("up").
    """

    def __init__(self, dut, *, harm=lambda some, direction: some, spacing=32):
        self.dut, self.harm, self.spacing, self.cycles = dut, harm, spacing, 0
        self.baud = round(10 / spacing / CYCLE)
        self._down, self._up, self._stuck = deque(), bytearray(), []
        self._sim = Simulator(dut)
        KEPT.append(self._sim)
        self._sim.add_clock(CYCLE)
        self._sim.add_testbench(self.feed, background=True)
        self._sim.add_testbench(self.drain, background=True)

    async def feed(self, ctx):
        """Send what was written, a byte every ``spacing`` cycles."""
        while True:
            for signal in self._stuck:
                ctx.set(signal, 1)
            ctx.set(self.dut.i.valid, bool(self._down))
            if self._down:
                ctx.set(self.dut.i.payload, self._down.popleft())
            await ctx.tick()
            ctx.set(self.dut.i.valid, 0)
            await ctx.tick().repeat(self.spacing - 1)

    async def drain(self, ctx):
        """Receive a byte whenever there is one."""
        ctx.set(self.dut.o.ready, 1)
        async for _, _, valid, payload in ctx.tick().sample(self.dut.o.valid, self.dut.o.payload):
            self.cycles += 1
            if valid:
                self._up.append(payload)

    def stick(self, signal):
        """Hold an input at 1 from now on."""
        self._stuck.append(signal)

    def clock(self):
        """Simulated seconds."""
        return self.cycles * CYCLE

    def write(self, some):
        """Put bytes on the wire."""
        self._down.extend(self.harm(some, "down"))

    def run(self, cycles):
        """Let time pass."""
        self._sim.run_until((self.cycles + cycles) * CYCLE)

    def read(self, size):
        """What arrives within 200 cycles."""
        self.run(200)
        some, self._up = bytes(self._up[:size]), self._up[size:]
        return self.harm(some, "up") if some else b""
