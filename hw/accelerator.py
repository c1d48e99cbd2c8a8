"""The accelerator of one network: encoder, engine, SAM unit, and the order of their work."""

import numpy as np
from amaranth import *
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out, connect

from golden.formats import GAMMA, MODES, bits_unsigned, exp_table
from golden.formats import map_bits as exact_bits
from golden.network import Network
from hw.encode.encoder import encoder_for
from hw.engine.constants import held, per_pass
from hw.engine.engine import Engine
from hw.engine.profiler import StallProfiler, activity_layout
from hw.explain.ablation import SpikeMask
from hw.explain.sam import Sam
from hw.explain.tap_reader import TapReader
from hw.explain.traces import Traces
from hw.memory.scrub import Scrub
from hw.memory.signature import SIGN, Signature
from hw.memory.spike_memory import SpikeMemory
from hw.memory.weight_store import Weights
from hw.plan.planner import Plan

__all__ = ["Accelerator", "Register", "Space"]

COUNT_BITS = 24


class Space(enum.Enum, shape=2):
    """What a configuration write goes to."""

    Weights    = 0
    Table      = 1  # of SAM; from 256 on, of the traces
    Registers  = 2
    Experiment = 3  # hw.explain.ablation


class Register(enum.Enum, shape=2):
    """Registers of ``Space.Registers``."""

    Mode     = 0
    SeedLow  = 1
    SeedHigh = 2


class Accelerator(wiring.Component):
    """Classifies one image after another and shows where the network looked.

    The pixels of an image are encoded as they arrive. Then layer follows layer
    (hw.plan.passes.Pass); the SAM unit follows the engine through each tapped layer and maps leave
    meanwhile, pixel after pixel in (y, x) order, step after step. The next layer waits until the
    unit has read the trains. The counts of spikes follow each layer; the cycles since the first
    pixel end the image, behind all maps. Weights must be written once before the first image; no
    image leaves anything behind for the next.

    Parameters
    ----------
    network : golden.network.Network
    lanes : int
        Output channels computed at once.
    word_steps : int
        Steps computed at once, 4, 8 or 16.
    taps : tuple of int
        Layers to map; empty for no SAM unit.
    gamma, mode : float, str
        Of SAM until others are written.
    attribution : None or int
        Spiking layer whose traces are given (hw.explain.traces); None for none.
    experiments : bool
        Whether spikes can be taken away (hw.explain.ablation).
    scrub : bool
        Whether the weight memory is watched (hw.memory.scrub).
    map_bits : None or int
        Width of a map value at most; sums that it does not hold stay at golden.formats.map_top.
        None for maps that hold every sum.

    Members
    -------
    i_pixels : In(stream.Signature({"data": 8, "first": 1}))
        (y, x, channel) order. ``first`` restarts loading, so that a half-sent image is harmless.
        With encoder "frames" ``word_steps`` bits: the train of each input, chunk after chunk.
    i_config : In(stream.Signature({"data": 16, "index": 16, "space": Space}))
        Writes, taken while no image is under way.
    o_maps : Out(stream.Signature(unsigned(map_width)))
        SAM of each tap in turn, in units of 2**-8.
    o_traces : Out(stream.Signature(unsigned(trace_width)))
        Only with ``attribution``: traces of the layer in (y, x, channel) order, in units of 2**-8.
        Their table has no contents until it is written.
    o_scores : Out(stream.Signature(signed(score_width)))
        Class scores: for each group of ``lanes`` classes, step after step, class after class.
    o_counts : Out(stream.Signature({"data": 24, "last": 1}))
        Spikes of the input, of each spiking layer, and the cycles; with ``scrub`` bit 23 of the
        cycles says that the weights are corrupt.
    monitor : Out({"valid": 1, "pooled": 1, "addr": 16, "train": 16, "number": ...})
        Every train as it is stored, for simulation: of weighted layer ``number``, 0 for the input,
        or, if ``pooled``, of a max pooling before it.
    sign, signed : In(hw.memory.signature.SIGN), Out(8)
        Signs the weight memory, whose word i_config.index is read; while no image is under way.
    activity : Out(hw.engine.profiler.activity_layout)
        What every cycle is spent on, for simulation.
    """

    def __init__(self, network, *, lanes=4, word_steps=16, taps=None, gamma=GAMMA, mode="paper",
                 attribution=None, experiments=False, scrub=False, map_bits=None):
        if not isinstance(network, Network):
            raise TypeError(f"network must be a Network, not {type(network).__name__}")
        self.network = network
        self.taps = network.taps if taps is None else tuple(taps)
        if attribution is not None and attribution not in network.taps:
            raise ValueError(f"attribution must be one of the spiking layers "
                             f"{', '.join(map(str, network.taps))}, not {attribution}")
        self.attribution, self.experiments, self.scrub = attribution, experiments, scrub
        self.table, self.mode = exp_table(gamma, network.steps), MODES.index(mode)
        self.plan = Plan(network, lanes=lanes, word_steps=word_steps)
        stages = {stage.index: stage for stage in network.stages}
        self.exact_width = max((exact_bits(stages[tap].shape[0], network.steps)
                                for tap in self.taps), default=1)
        self.map_width = min(self.exact_width, map_bits or self.exact_width)
        self.score_width = self.plan.score_bits
        maps = [Sam.output(stages[tap].shape, steps=network.steps, bits=self.map_width)
                for tap in self.taps]
        self.maps_per_image = sum(output.words for output in maps)
        self.scores_per_image = network.steps * network.classes
        self.counts_per_image = 2 + len(network.taps)
        width = word_steps if network.encoder == "frames" else 8
        optional = {}
        if attribution is not None:
            output = Traces.output(stages[attribution].shape, steps=network.steps)
            self.trace_width, self.traces_per_image = output.bits, output.words
            optional["o_traces"] = Out(stream.Signature(unsigned(self.trace_width)))
        super().__init__({
            **optional,
            "i_pixels": In(stream.Signature(data.StructLayout({"data": width, "first": 1}))),
            "i_config": In(stream.Signature(data.StructLayout({
                "data": 16, "index": 16, "space": Space}))),
            "o_maps": Out(stream.Signature(unsigned(self.map_width))),
            "o_scores": Out(stream.Signature(signed(self.score_width))),
            "o_counts": Out(stream.Signature(data.StructLayout({"data": COUNT_BITS, "last": 1}))),
            "sign": In(SIGN), "signed": Out(8),
            "monitor": Out(data.StructLayout({
                "valid": 1, "pooled": 1, "addr": 16, "train": 16,
                "number": bits_unsigned(len(network.stages))})),
            "activity": Out(activity_layout),
        })

    def elaborate(self, platform):
        m = Module()
        plan, passes = self.plan, self.plan.passes

        m.submodules.encoder = encoder = encoder_for(self.network, word_steps=plan.word_steps)
        m.submodules.trains  = trains  = SpikeMemory(
            regions=plan.regions, word_steps=plan.word_steps, chunks=plan.chunks)
        m.submodules.weights = weights = Weights(
            rows=plan.weight_rows, row_words=plan.row_words)
        m.submodules.core    = core    = Engine(plan)
        m.submodules.signer  = signer  = Signature(row_words=plan.row_words)

        number  = Signal(range(len(passes)))
        loading = Signal(init=1)
        start   = Signal()
        running = Signal()                                   # a pass is under way
        m.d.comb += [
            core.number.eq(number), core.start.eq(start),
            trains.addr.eq(core.train_addr), trains.en.eq(core.read_en),
            core.train.eq(trains.train),
            trains.bitmap_addr.eq(core.bitmap_addr), core.bitmap_data.eq(trains.bitmap_data),
            *([] if self.scrub else [
                weights.addr.eq(core.row_addr), weights.en.eq(core.read_en)]),
            core.row.eq(weights.row),
        ]
        # A cycle late, before anything is read or written.
        m.d.sync += trains.source.eq(
            Mux(loading, 1, per_pass(number, [p.source for p in passes])))

        # --- configuration ------------------------------------------------------------------------
        mode, seed = Signal(2, init=self.mode), Signal(32, init=self.network.seed)
        config, fresh = self.i_config, Signal(init=1)        # nothing of an image was taken yet
        # From a register, whatever is decided upon it; so a write takes two cycles.
        m.d.sync += config.ready.eq(config.valid & ~config.ready & loading & fresh)
        m.d.comb += [
            weights.w_index.eq(config.p.index), weights.w_data.eq(config.p.data),
            weights.w_en.eq(config.ready & (config.p.space == Space.Weights)),
        ]
        m.d.comb += [
            signer.sign.eq(self.sign), signer.index.eq(config.p.index), signer.row.eq(weights.row),
            weights.w_read.eq(self.sign.read), self.signed.eq(signer.o),
        ]
        with m.If(config.ready & (config.p.space == Space.Registers)):
            with m.Switch(config.p.index[:2]):
                with m.Case(Register.Mode.value):
                    m.d.sync += mode.eq(config.p.data[:2])
                with m.Case(Register.SeedLow.value):
                    m.d.sync += seed[:16].eq(config.p.data)
                with m.Case(Register.SeedHigh.value):
                    m.d.sync += seed[16:].eq(config.p.data)

        # --- scrub: while an image loads, nobody else reads weights -------------------------------
        corrupt = C(0, 0)
        if self.scrub:
            m.submodules.scrub = scrub = Scrub(rows=plan.weight_rows, row_words=plan.row_words)
            corrupt = scrub.corrupt
            m.d.comb += [
                scrub.free.eq(loading & ~self.sign.read),
                scrub.written.eq(weights.w_en), scrub.row.eq(weights.row),
                weights.addr.eq(Mux(loading, scrub.addr, core.row_addr)),
                weights.en.eq(Mux(loading, scrub.en, core.read_en)),
            ]

        # --- load: trains of the input into memory 0 ----------------------------------------------
        channels, in_chunk = self.network.shape[0], passes[0].in_chunk
        channel, chunk, plane = (Signal(range(n)) for n in (channels, plan.chunks, plan.planes))
        placed  = Mux(encoder.o.p.first, 0, channel)
        last_plane, last_chunk = plane == plan.planes - 1, chunk == plan.chunks - 1
        beyond  = Mux(placed == channels - 1, plan.input_stride - channels * plan.planes + 1, 1)
        m.d.comb += [
            encoder.seed.eq(seed),
            encoder.i.payload.eq(self.i_pixels.payload),
            encoder.i.valid.eq(self.i_pixels.valid & loading),
            self.i_pixels.ready.eq(encoder.i.ready & loading),
            encoder.o.ready.eq(1),
        ]
        with m.If(encoder.o.valid):
            # A word of the first pixel is the first of its chunk and plane, whatever came before.
            m.d.sync += [plane.eq(Mux(last_plane, 0, plane + 1)), channel.eq(placed)]
            with m.If(last_plane):
                m.d.sync += chunk.eq(Mux(last_chunk, 0, chunk + 1))
                with m.If(last_chunk):
                    m.d.sync += channel.eq(Mux(placed == channels - 1, 0, placed + 1))
        loaded, restarted = Signal(), Signal()
        m.d.sync += restarted.eq(encoder.restarted)          # no word comes in the cycle after it
        # The last word is the one behind the last but one, whose address is looked at in time.
        final  = plan.input_trains - 1 + in_chunk * (plan.chunks - 1)
        before = final - (1 if plan.planes > 1 else in_chunk if plan.chunks > 1
                          else 1 if channels > 1 else plan.input_stride)
        at_last = Signal(init=final < 1)
        if final > 0:
            with m.If(restarted):
                m.d.sync += at_last.eq(0)
            with m.If(encoder.o.valid):
                m.d.sync += at_last.eq(trains.w_addr == before)
        m.d.comb += loaded.eq(encoder.o.valid & at_last)

        # --- who writes trains --------------------------------------------------------------------
        train = Mux(loading, encoder.o.p.train, core.w_train)
        some  = Mux(loading, encoder.some, core.w_some)
        if self.experiments:
            m.submodules.experiments = experiments = SpikeMask(
                trains=max(plan.regions), word_steps=plan.word_steps,
                layers=len(self.network.stages))
            m.d.comb += [
                experiments.index.eq(config.p.index), experiments.data.eq(config.p.data),
                experiments.en.eq(config.ready & (config.p.space == Space.Experiment)),
                experiments.number.eq(self.monitor.number),
                experiments.pooled.eq(self.monitor.pooled),
                experiments.rewind.eq(trains.w_rewind), experiments.w_en.eq(trains.w_en),
                experiments.addr.eq(trains.w_addr), experiments.jump.eq(trains.w_jump),
                experiments.i.eq(train),
            ]
            train, some = experiments.o, experiments.o.any()
        m.d.comb += [
            # Of the two only one ever writes.
            trains.w_rewind.eq(restarted | start),
            trains.w_en.eq(encoder.o.valid | core.w_en),
            trains.w_train.eq(train), trains.w_some.eq(some),
            trains.w_jump.eq(Mux(loading, Mux(
                last_plane, Mux(last_chunk, beyond - in_chunk * (plan.chunks - 1),
                                in_chunk - (plan.planes - 1)), 1), core.w_jump)),
            trains.w_turn.eq(Mux(loading, last_plane, core.w_turn)),
            self.monitor.valid.eq(trains.w_en),
            self.monitor.number.eq(Mux(loading, 0, per_pass(
                number, [p.stage.index for p in passes]))),
            self.monitor.pooled.eq(~loading & per_pass(
                number, [int(p.merging) for p in passes])),
            self.monitor.addr.eq(trains.w_addr),
            self.monitor.train.eq(trains.w_train),
        ]

        # --- SAM and traces: both hear the words of a layer ---------------------------------------
        # Words are to be read; what was read is not all given.
        following, mapping, listeners, busy = Signal(), Signal(), [], []
        table_en = config.ready & (config.p.space == Space.Table)
        follows = lambda layers: held(
            m, number, [int(not p.merging and p.stage.index in layers) for p in passes])
        traced = () if self.attribution is None else (self.attribution,)
        units = []                             # (unit, its layers, its table's writes, its words)
        if self.taps:
            m.submodules.sam = sam = Sam(
                steps=self.network.steps, word_steps=plan.word_steps, map_width=self.map_width,
                held=self.map_width < self.exact_width, table=self.table)
            m.d.comb += [sam.mode.eq(mode), sam.clear.eq(restarted)]
            own = table_en & ~config.p.index[8] if traced else table_en
            units.append((sam, self.taps, own, self.o_maps))
        if traced:
            m.submodules.traces = traces = Traces(
                steps=self.network.steps, word_steps=plan.word_steps)
            units.append((traces, traced, table_en & config.p.index[8], self.o_traces))
        for unit, layers, writes, words in units:            # by hw.explain.interface alone
            listeners.append((unit.i, follows(layers)))
            busy.append(unit.busy)
            connect(m, unit.o, wiring.flipped(words))
            m.d.comb += [
                unit.table.addr.eq(config.p.index), unit.table.data.eq(config.p.data),
                unit.table.en.eq(writes),
            ]
        if listeners:
            m.submodules.follower = follower = TapReader(plan)
            followed = follows({*self.taps, *traced})
            told(m, follower.o, listeners)
            m.d.comb += [
                follower.number.eq(number),
                follower.start.eq(start), follower.active.eq(running & followed),
                follower.written.eq(trains.w_addr), follower.pixel_done.eq(core.pixel_done),
                follower.free.eq(trains.sam_turn),
                trains.sam_turn.eq(~loading & ~core.w_en),
                follower.train.eq(trains.sam_train),
                trains.sam_addr.eq(follower.addr),
            ]
            m.d.sync += [following.eq(follower.busy), mapping.eq(Cat(busy).any())]

        # --- counts -------------------------------------------------------------------------------
        most = self.network.steps * max(
            [int(np.prod(self.network.shape)), *(stage.neurons for stage in self.network.stages)])
        spikes, cycles = Signal(range(most + 1)), Signal(COUNT_BITS, reset_less=True)
        offers, over = Signal(), Signal()                    # a count is offered; that of cycles
        ending = Cat(cycles[:COUNT_BITS - 1], corrupt) if self.scrub else cycles
        m.d.comb += [
            self.o_counts.valid.eq(offers),
            self.o_counts.p.data.eq(Mux(over, ending, spikes)), self.o_counts.p.last.eq(over),
        ]
        with m.If(restarted):
            m.d.sync += cycles.eq(2)                         # two cycles after the first pixel
        with m.Elif(~fresh & ~over):
            m.d.sync += cycles.eq(cycles + 1)
        # Only one of the two counts at a time.
        tally, tallied = Signal(range(1 + max(plan.word_steps, plan.lanes))), Signal()
        m.d.sync += [
            tally.eq(Mux(restarted, 0, encoder.spikes | core.spikes)),
            spikes.eq(Mux(restarted, 0, spikes + tally)), tallied.eq(~loading),
        ]

        last_pass = held(m, number, [int(p is passes[-1]) for p in passes])

        # --- activity: for simulation only --------------------------------------------------------
        m.submodules.causes = causes = StallProfiler()
        m.d.comb += [
            causes.loading.eq(loading), causes.running.eq(running),
            causes.number.eq(Mux(over, len(passes) - 1, number)),
            causes.blocked.eq(following | (mapping & last_pass) | core.o.valid),
            causes.speaking.eq(number == len(passes) - 1),
            causes.valid.eq(core.activity.valid), causes.kind.eq(core.activity.kind),
            causes.waits.eq(core.activity.waits),
            self.activity.eq(causes.o),
        ]

        # --- order --------------------------------------------------------------------------------
        scores = core.o
        connect(m, scores, wiring.flipped(self.o_scores))
        quiet     = held(m, number, [int(p.merging or not p.storing) for p in passes])
        finished = Signal()
        m.d.sync += start.eq(0)
        with m.If(self.o_counts.ready):
            m.d.sync += offers.eq(0)
        with m.FSM():
            with m.State("Load"):
                with m.If(encoder.i.valid):
                    m.d.sync += fresh.eq(0)
                with m.If(loaded):
                    m.d.sync += loading.eq(0)
                with m.If(~loading & tallied):
                    # Meanwhile the spikes of the last word were counted.
                    m.d.sync += offers.eq(1)
                    m.next = "Count-Input"

            with m.State("Count-Input"):
                with m.If(self.o_counts.ready):
                    m.d.sync += [spikes.eq(0), start.eq(1)]
                    m.next = "Start"

            with m.State("Start"):
                m.d.sync += finished.eq(0)
                m.next = "Run"

            with m.State("Run"):
                m.d.comb += [running.eq(1), causes.finished.eq(finished)]
                with m.If(core.done):
                    m.d.sync += finished.eq(1)
                with m.If(finished & ~following & ~(mapping & last_pass) & ~scores.valid):
                    m.d.sync += offers.eq(~quiet)
                    m.next = "Count"
                    with m.If(quiet):
                        m.next = "Next"

            with m.State("Count"):
                with m.If(self.o_counts.ready):
                    m.next = "Next"

            with m.State("Next"):
                m.d.sync += [
                    spikes.eq(0), number.eq(number + 1), offers.eq(last_pass), over.eq(last_pass)]
                m.next = "Turn"
                with m.If(last_pass):
                    m.next = "End"

            with m.State("Turn"):
                # Constants of the pass follow its number.
                m.d.sync += start.eq(1)
                m.next = "Start"

            with m.State("End"):
                with m.If(self.o_counts.ready):
                    m.d.sync += [
                        over.eq(0), fresh.eq(1), spikes.eq(0), number.eq(0), loading.eq(1),
                    ]
                    m.next = "Load"

        return m


def told(m, source, listeners):
    """Hand each word of ``source`` to every (stream, wanted) at once, when all that want it can.

    Their ready must not depend on valid.
    """
    able = [sink.ready | ~wanted for sink, wanted in listeners]
    m.d.comb += source.ready.eq(Cat(able).all())
    for n, (sink, wanted) in enumerate(listeners):
        others = Cat(able[:n], able[n + 1:]).all()
        m.d.comb += [sink.payload.eq(source.payload), sink.valid.eq(source.valid & wanted & others)]
