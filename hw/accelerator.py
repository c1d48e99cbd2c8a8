"""The accelerator of one network: encoder, engine, SAM unit, and the order of their work."""

import numpy as np
from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from golden.formats import GAMMA, MODES, exp_table
from golden.formats import map_bits as exact_bits
from golden.io.errors import BadInput
from golden.network import Network
from golden.network.encoders import encoder_of
from hw.control.counts import COUNT, ResultCounts
from hw.control.monitor import TrainMonitor, monitor_layout
from hw.control.registers import CONFIG, ControlRegisters
from hw.control.rounds import Rounds
from hw.control.sequencer import PassSequencer
from hw.encode.encoder import encoder_for
from hw.encode.loader import InputPlacer
from hw.engine.constants import pass_register, per_pass
from hw.engine.datapath import kept_in_products
from hw.engine.engine import Engine
from hw.engine.profiler import StallProfiler, activity_layout
from hw.explain.ablation import SpikeMask
from hw.explain.explanations import Explanations, explained, reads_readout
from hw.interface import Space, count_output, score_output, streams, table_space
from hw.memory.held import PRODUCTS, shares
from hw.memory.scrub import Scrub
from hw.memory.signature import SIGN, Signature
from hw.memory.spike_memory import SpikeMemory
from hw.memory.weight_store import Weights
from hw.memory.weight_stream import StreamedWeights
from hw.plan.buffers import WORD
from hw.plan.pixels import plan_of

__all__ = ["Accelerator"]


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
        Steps of a word, 4, 8 or 16.
    trains : int
        Trains added in a cycle, 1 to 4.
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
    explain : dict of stream -> tuple of int
        Layers of each explanation of hw.interface.EXPLANATIONS beside maps and traces.
        Contributions are those of the deepest spiking layer; the read-out is then walked pixel by
        pixel (hw.plan.pixels).
    schedule : str
        Of hw.plan.planner.Plan; "chunks" and "steps" have maps, and nothing else that explains.
    store : class
        What keeps the weights, with the members of hw.memory.weight_store.weight_store; where some
        are streamed, hw.memory.weight_stream.StreamedWeights does.
    from_flash : str or tuple of int
        Of hw.plan.planner.Plan: layers whose weights are streamed.

    Attributes
    ----------
    outputs : dict of stream -> hw.interface.Output
        What every stream of results gives, in the order of their codes.
    products : tuple of (str, int)
        What multiplies, and the multipliers (DSP) that it takes.
    held_products : int
        Multipliers of an iCE40UP5K that hold registers (hw.memory.held): of those that are left,
        where the lanes come out of a walk buffer.

    Members
    -------
    i_pixels : In(stream.Signature({"data": 8, "first": 1}))
        (y, x, channel) order. ``first`` restarts loading, so that a half-sent image is harmless.
        Where the encoder takes frames, ``word_steps`` bits: the trains of each input, chunk after
        chunk, plane after plane.
    i_config : In(stream.Signature(hw.control.registers.CONFIG))
        Writes, taken while no image is under way.
    o_scores : Out(stream.Signature(signed(score_width)))
        Class scores: for each group of ``lanes`` classes, step after step, class after class.
    o_maps : Out(stream.Signature(unsigned(map_width)))
        SAM of each tap in turn, in units of 2**-8.
    one for each other explanation, by its ``Output.port``
        As ``outputs`` has it. The traces' table has no contents until it is written.
    o_counts : Out(stream.Signature(hw.control.counts.COUNT))
        Spikes of the input, of each spiking layer, and the cycles.
    corrupt : Out(1)
        The weight memory no longer holds what was written; always 0 without ``scrub``.
    i_weights : In(stream.Signature(16))
        Where weights are streamed: the words of Plan.weight_stream for each image.
    weights_read : Out(1)
        There: they are wanted, from the first each time that it becomes 1.
    monitor : Out(hw.control.monitor.monitor_layout(layers))
        Every train as it is stored, for simulation: of weighted layer ``number``, 0 for the input,
        or, if ``pooled``, of a max pooling before it.
    sign, signed : In(hw.memory.signature.SIGN), Out(8)
        Signs the weight memory, whose word i_config.index is read; while no image is under way.
    activity : Out(hw.engine.profiler.activity_layout)
        What every cycle is spent on, for simulation.
    """

    def __init__(self, network, *, lanes=4, word_steps=16, trains=1, taps=None, gamma=GAMMA,
                 mode="paper", attribution=None, experiments=False, scrub=False, map_bits=None,
                 explain=None, store=Weights, schedule="auto", from_flash=()):
        if not isinstance(network, Network):
            raise TypeError(f"network must be a Network, not {type(network).__name__}")
        self.network = network
        self.taps = network.taps if taps is None else tuple(taps)
        if attribution is not None and attribution not in network.taps:
            raise ValueError(f"attribution must be one of the spiking layers "
                             f"{', '.join(map(str, network.taps))}, not {attribution}")
        self.attribution, self.experiments, self.scrub = attribution, experiments, scrub
        self.table, self.mode = exp_table(gamma, network.steps), MODES.index(mode)
        layers = {"maps": self.taps, "traces": () if attribution is None else (attribution,),
                  **(explain or {})}
        self.of_readout = reads_readout(layers)
        self.plan = plan_of(network, by_pixel=bool(self.of_readout), lanes=lanes,
                            word_steps=word_steps, trains=trains, schedule=schedule,
                            from_flash=from_flash)
        self.store = StreamedWeights if self.plan.banks else store
        if experiments:
            self.plan.check_experiments()
        if self.plan.rounded and (explain or experiments or attribution is not None):
            raise BadInput(f"{network.name}: --schedule {self.plan.order} has maps, and no traces, "
                           "contributions or experiments yet")
        if network.branched and experiments:
            raise BadInput(f"{network.name}: layers read others than the one before them, of which "
                           "no experiments are run on the chip")
        self.exact_width = max((exact_bits(network.stages[tap - 1].shape[0], network.steps)
                                for tap in self.taps), default=1)
        self.explained = explained(
            self.plan, layers, {"maps": {"bits": map_bits, "table": self.table}})
        found = {name: each.output for name, each in self.explained.items()}
        found["scores"] = score_output(classes=network.classes, steps=network.steps, lanes=lanes,
                                       bits=self.plan.score_bits,
                                       round_steps=self.plan.walk_steps if self.plan.rounded
                                       else None)
        found["counts"] = count_output(layers=len(network.taps))
        self.outputs = {name: found[name] for name in streams() if name in found}
        self.map_width = found["maps"].bits if self.taps else 1
        self.products = (*self.plan.products, *(
            each.unit.PRODUCTS for each in self.explained.values()
            if hasattr(each.unit, "PRODUCTS")))
        spare = PRODUCTS - sum(count for _, count in self.products)
        self.held_products = sum(shares(max(0, spare), *kept_in_products(self.plan)))
        width = word_steps if encoder_of(network).frames else 8
        super().__init__({
            **{each.output.port: Out(stream.Signature(unsigned(each.output.bits)))
               for each in self.explained.values()},
            "i_pixels": In(stream.Signature(data.StructLayout({"data": width, "first": 1}))),
            "i_config": In(stream.Signature(CONFIG)),
            "o_maps": Out(stream.Signature(unsigned(self.map_width))),
            "o_scores": Out(stream.Signature(signed(self.plan.score_bits))),
            "o_counts": Out(stream.Signature(COUNT)), "corrupt": Out(1),
            "sign": In(SIGN), "signed": Out(8),
            "monitor": Out(monitor_layout(len(network.stages))),
            "activity": Out(activity_layout),
            **({"i_weights": In(stream.Signature(WORD)), "weights_read": Out(1)}
               if self.plan.banks else {}),
        })

    def elaborate(self, platform):
        m = Module()
        plan, passes, network = self.plan, self.plan.passes, self.network

        m.submodules.registers = registers = ControlRegisters(mode=self.mode, seed=network.seed)
        m.submodules.encoder   = encoder   = encoder_for(network, word_steps=plan.word_steps)
        m.submodules.placer    = placer    = InputPlacer(
            channels=network.shape[0], chunks=plan.input_chunks, planes=plan.planes,
            stride=plan.input_stride, in_chunk=passes[0].in_chunk, trains=plan.input_trains,
            addr=plan.train_addr)
        m.submodules.trains    = trains    = SpikeMemory(
            regions=plan.regions, word_steps=plan.word_steps, placed=plan.placed,
            chunks=plan.input_chunks if plan.rounded else plan.chunks, addr=plan.train_addr,
            grain=plan.lanes if plan.groups_outermost else WORD)
        m.submodules.weights   = weights   = self.store(
            rows=plan.weight_rows, row_words=plan.row_words, passes=len(passes),
            **({"banks": plan.banks, "blocks": plan.blocks} if plan.banks else {}))
        m.submodules.signer    = signer    = Signature(row_words=plan.row_words)
        m.submodules.engine    = engine    = Engine(plan, products=self.held_products)
        m.submodules.monitor   = monitor   = TrainMonitor(
            layers=[p.stage.index for p in passes], merging=[p.merging for p in passes])
        m.submodules.counts    = counts    = ResultCounts(
            most=network.steps * max(int(np.prod(network.shape)),
                                     *(stage.neurons for stage in network.stages)),
            step=max(plan.word_steps, plan.lanes),
            passes=len(passes) if plan.rounded else 0)
        m.submodules.sequencer = sequencer = PassSequencer(
            [p.storing and not p.merging for p in passes], waits=self.store.WAITS,
            rounded=plan.rounded)
        m.submodules.profiler = profiler = StallProfiler()

        loading, number = sequencer.loading, sequencer.number
        restarted = Signal()                                 # no word comes in this cycle
        m.d.sync += restarted.eq(encoder.restarted)

        if plan.rounded:
            self.order_rounds(m)
        elif plan.placed:
            at = pass_register(m, number, [plan.target_at(p) for p in passes])
            m.d.comb += trains.w_base.eq(Mux(loading, 0, at))

        # --- configuration, while no image is under way -------------------------------------------
        connect(m, flipped(self.i_config), registers.i)
        m.d.comb += [
            registers.allowed.eq(loading & sequencer.fresh),
            encoder.seed.eq(registers.seed),
            weights.w_index.eq(registers.index), weights.w_data.eq(registers.data),
            weights.w_en.eq(registers.written[Space.WEIGHTS]), weights.w_read.eq(self.sign.read),
            signer.sign.eq(self.sign), signer.index.eq(registers.index), signer.row.eq(weights.row),
            self.signed.eq(signer.o),
        ]

        # --- the engine reads trains and weights --------------------------------------------------
        m.d.comb += [
            engine.number.eq(number),
            engine.start.eq(sequencer.start),
            trains.addr.eq(engine.trains.addr),
            trains.en.eq(engine.trains.en),
            engine.trains.data.eq(trains.train),
            trains.bitmap_addr.eq(engine.bitmap_addr),
            engine.bitmap_data.eq(trains.bitmap_data),
            weights.addr.eq(engine.weights.addr),
            weights.en.eq(engine.weights.en),
            engine.weights.data.eq(weights.row),
            weights.number.eq(number), weights.prefetch.eq(sequencer.prefetch),
            sequencer.ready.eq(weights.ready),
        ]
        if plan.banks:
            self.stream_weights(m)
        connect(m, engine.o, flipped(self.o_scores))
        # A cycle late, before anything is read or written.
        m.d.sync += trains.source.eq(Mux(loading, 1, per_pass(number, [p.source for p in passes])))
        if self.scrub:
            # While an image loads, nobody else reads weights.
            m.submodules.scrub = scrub = Scrub(rows=plan.resident_rows, row_words=plan.row_words)
            m.d.comb += [
                # What is signed stays at the port until the signature is read.
                scrub.free.eq(loading & ~self.sign.read & ~self.sign.turn
                              & ~(self.i_weights.valid if plan.banks else 0)),
                scrub.written.eq(weights.w_en), scrub.row.eq(weights.row),
                self.corrupt.eq(scrub.corrupt),
            ]
            with m.If(loading):
                m.d.comb += [weights.addr.eq(scrub.addr), weights.en.eq(scrub.en)]

        # --- trains are written by the encoder, then by the engine --------------------------------
        m.d.comb += [
            encoder.i.payload.eq(self.i_pixels.payload),
            encoder.i.valid.eq(self.i_pixels.valid & loading),
            self.i_pixels.ready.eq(encoder.i.ready & loading),
            encoder.o.ready.eq(1),
            placer.valid.eq(encoder.o.valid), placer.first.eq(encoder.o.p.first),
            placer.restarted.eq(restarted), placer.w_addr.eq(trains.w_addr),
            trains.w_restart.eq(restarted | sequencer.start),
            # Of the two only one ever writes.
            trains.write.en.eq(encoder.o.valid | engine.write.en),
            trains.write.increment.eq(Mux(loading, placer.w_increment, engine.write.increment)),
            trains.write.next_chunk.eq(Mux(loading, placer.w_next_chunk,
                                           0 if plan.rounded else engine.write.next_chunk)),
            monitor.loading.eq(loading), monitor.number.eq(number), monitor.en.eq(trains.write.en),
            monitor.addr.eq(trains.w_addr), monitor.train.eq(trains.write.train),
            self.monitor.eq(monitor.o),
        ]
        train = Mux(loading, encoder.o.p.train, engine.write.train)
        some  = Mux(loading, encoder.some, engine.write.nonzero)
        stored = engine.write.train, engine.write.nonzero    # of these, the engine's
        if self.experiments:
            train = self.masked(m, train)
            some  = train.any()
            stored = train, some
        m.d.comb += [trains.write.train.eq(train), trains.write.nonzero.eq(some)]

        # --- explanations: trains are read between the writes, contributions come by themselves ---
        of_trains = {name: each for name, each in self.explained.items()
                     if name not in self.of_readout}
        if of_trains:
            self.explain(m, of_trains, *stored, restarted)
        for name in self.of_readout:
            self.explain_readout(m, name)

        # --- order and counts ---------------------------------------------------------------------
        giving = engine.o.valid                              # scores, or contributions, leave
        for name in self.of_readout:
            giving = giving | self.explained[name].unit.busy
        connect(m, sequencer.o, counts.i)
        connect(m, counts.o, flipped(self.o_counts))
        m.d.comb += [
            sequencer.begun.eq(encoder.i.valid), sequencer.loaded.eq(placer.loaded),
            sequencer.done.eq(engine.done), sequencer.scoring.eq(giving),
            counts.restarted.eq(restarted), counts.counting.eq(~sequencer.fresh),
            # Only one of the two at a time.
            counts.spikes.eq(encoder.spikes | engine.spikes), counts.clear.eq(sequencer.clear),
        ]

        # --- activity: for simulation only --------------------------------------------------------
        m.d.comb += [
            profiler.loading.eq(loading), profiler.running.eq(sequencer.running),
            profiler.number.eq(Mux(sequencer.o.payload, len(passes) - 1, number)),
            profiler.finished.eq(sequencer.finished),
            profiler.blocked.eq(sequencer.following | (sequencer.mapping & sequencer.last)
                              | giving),
            profiler.is_readout.eq(number == len(passes) - 1),
            profiler.valid.eq(engine.activity.valid), profiler.op.eq(engine.activity.op),
            profiler.ends.eq(engine.activity.ends), profiler.held.eq(engine.held),
            profiler.waits.eq(engine.activity.waits), profiler.lacks.eq(engine.activity.lacks),
            self.activity.eq(profiler.o),
        ]

        return m

    def stream_weights(self, m):
        """Weights that pass by: from whom, and who goes through them."""
        weights, engine = m.submodules.weights, m.submodules.engine
        connect(m, flipped(self.i_weights), weights.i)
        m.d.comb += [
            weights.image.eq(~m.submodules.sequencer.fresh), self.weights_read.eq(weights.read),
            engine.full.eq(weights.full), engine.bank.eq(weights.bank),
            weights.onward.eq(engine.onward), weights.free.eq(engine.frees),
        ]

    def explain_readout(self, m, name):
        """The explanation ``name`` of what the read-out sums up."""
        unit, engine, port = self.explained[name].unit, m.submodules.engine, f"o_{name}"
        m.submodules[name] = unit
        connect(m, engine.contribution, unit.i)
        connect(m, unit.o, flipped(getattr(self, port)))
        m.d.comb += engine.contribution_waits.eq(unit.busy)

    def order_rounds(self, m):
        """Which round it is, for all who ask."""
        plan, number = self.plan, m.submodules.sequencer.number
        sequencer, engine = m.submodules.sequencer, m.submodules.engine
        slices = plan.word_steps // plan.walk_steps
        m.submodules.rounds = rounds = Rounds(
            rounds=plan.rounds, slices=slices, in_chunk=plan.passes[0].in_chunk,
            addr=plan.train_addr)
        fixed = lambda values: pass_register(m, number, list(values))
        m.d.comb += [
            rounds.advance.eq(sequencer.advance), sequencer.closes.eq(rounds.last),
            engine.round.eq(rounds.number), engine.fresh.eq(rounds.first),
            engine.closes.eq(rounds.last), engine.offset.eq(rounds.offset),
            engine.slice.eq(Mux(fixed(int(0 in p.inputs) for p in plan.passes), rounds.slice, 0)),
            m.submodules.trains.w_base.eq(Mux(sequencer.loading, 0, Mux(
                rounds.number & 1, fixed(plan.target_at(p, True) for p in plan.passes),
                fixed(plan.target_at(p) for p in plan.passes)))),
            m.submodules.counts.number.eq(number), m.submodules.counts.fresh.eq(rounds.first),
            m.submodules.counts.start.eq(sequencer.start),
        ]

    def masked(self, m, train):
        """``train`` as it is to be stored, without the spikes that are taken away."""
        trains, registers, monitor = (
            m.submodules.trains, m.submodules.registers, m.submodules.monitor)
        m.submodules.experiments = experiments = SpikeMask(
            trains=max(self.plan.regions), word_steps=self.plan.word_steps,
            layers=len(self.network.stages))
        m.d.comb += [
            experiments.index.eq(registers.index), experiments.data.eq(registers.data),
            experiments.en.eq(registers.written[Space.EXPERIMENT]),
            experiments.number.eq(monitor.o.number), experiments.pooled.eq(monitor.o.pooled),
            experiments.rewind.eq(trains.w_restart), experiments.w_en.eq(trains.write.en),
            experiments.addr.eq(trains.w_addr), experiments.jump.eq(trains.write.increment),
            experiments.i.eq(train),
        ]
        return experiments.o

    def explain(self, m, units, train, some, restarted):
        """The explanations ``units`` of each ``train`` as it is stored.

        ``some``: it is not all zero; ``restarted``: an image begins.
        """
        plan, trains, engine = self.plan, m.submodules.trains, m.submodules.engine
        sequencer, registers = m.submodules.sequencer, m.submodules.registers
        loading, number = sequencer.loading, sequencer.number
        m.submodules.explain = explanations = Explanations(plan, units)
        m.d.comb += [
            explanations.number.eq(number), explanations.start.eq(sequencer.start),
            explanations.running.eq(sequencer.running),
            explanations.written.eq(trains.w_addr),
            explanations.pixel_done.eq(engine.pixel_done),
            explanations.en.eq(engine.write.en), explanations.stored.eq(train),
            explanations.nonzero.eq(some), engine.held.eq(explanations.full),
            explanations.mode.eq(registers.mode), explanations.clear.eq(restarted),
            explanations.index.eq(registers.index), explanations.data.eq(registers.data),
            explanations.table_en.eq(Cat(registers.written[table_space(name)] for name in units)),
            *([explanations.base.eq(trains.w_base)] if plan.placed else []),
            *([explanations.round.eq(m.submodules.rounds.number)] if plan.rounded else []),
            sequencer.following.eq(explanations.following),
            sequencer.mapping.eq(explanations.mapping),
        ]
        if not explanations.queued:
            m.d.comb += [
                trains.sam_turn.eq(~loading & ~engine.write.en),
                explanations.free.eq(trains.sam_turn),
                trains.sam_addr.eq(explanations.addr), explanations.train.eq(trains.sam_train),
            ]
        for each in units.values():
            port = each.output.port
            connect(m, getattr(explanations, port), flipped(getattr(self, port)))
