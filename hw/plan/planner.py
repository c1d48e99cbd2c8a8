"""The memory planner: what of a network lives where, in which formats."""

from dataclasses import dataclass
from functools import cached_property

from golden.formats import bits_signed
from golden.io.errors import BadInput
from golden.network import Network, membrane_range, sum_ranges
from golden.network.encoders import encoder_of
from hw.plan.buffers import (
    KEPT_ROWS,
    SLICE,
    SPRAM_WORDS,
    WORD,
    Node,
    address_bits,
    aligned,
    allocate,
    channel_stride,
    regions,
    source_shape,
)
from hw.plan.packing import norm_rows, weight_image
from hw.plan.parameters import BIAS, Parameters
from hw.plan.programs import Programs
from hw.plan.schedule import STATE_BITS, Schedule
from hw.plan.size import EngineSize
from hw.plan.skips import check_skips
from hw.plan.streaming import Streaming
from hw.plan.widths import (
    bits_of,
    held_bits,
    product_blocks,
    segment_range,
    stored_factors,
    stored_weights,
)

__all__ = ["MOST_PASSES", "Plan"]

MOST_PASSES = 250  # so that what counts layers or passes has room in a byte (boards.protocol.codec)


@dataclass(frozen=True)
class Plan(Schedule, Streaming):
    """Everything derived from a network for the engine: widths, addresses, programs, contents.

    Parameters
    ----------
    network : Network
    lanes : int
        Output channels computed at once, a power of two up to 16.
    word_steps : int
        Time steps of one train word, 4, 8 or 16; longer runs take several chunks.
    trains : int
        Trains whose weights are added in a cycle: 1, or 2 to 4 out of a walk buffer, which then
        go through the adders a slice of ``slice_steps`` steps after another.
    by_pixel : bool
        Whether the inputs of the read-out are cut into their pixels (hw.plan.pixels).
    schedule : str
        What is outermost. "layers": each layer is walked once, with all steps. Else there are
        ``rounds`` of all layers, between which the neurons wait in memory (hw.engine.state): a
        round of "chunks" has the steps of a word, one of "steps" a single one. "auto" is "steps"
        for layers that read their own spikes (hw.plan.loops), else "layers".
    from_flash : "auto" or tuple of int
        Layers whose weights are streamed (hw.plan.streaming); "auto": as few as let all fit.

    Raises BadInput saying what is over and by how much if the network does not fit.
    """

    network: Network
    lanes: int = 4
    word_steps: int = 16
    trains: int = 1
    by_pixel: bool = False
    schedule: str = "auto"
    from_flash: str | tuple[int, ...] = ()

    def __post_init__(self):
        EngineSize(self.lanes, self.word_steps, self.trains).check()
        for stage in self.network.stages:
            beyond = [what for each in (*stage.pools, stage.layer.op) for what in each.beyond]
            if beyond:
                raise BadInput(f"{self.network.name}: weighted layer {stage.index}: "
                               f"{', '.join(beyond)}: no gateware computes that yet; the integer "
                               "model does (--engine golden)")
        check_skips(self.network)
        self.check_legs()
        self.check_schedule()
        if self.planes > 1 and any(pool.kind == "max" for pool in self.network.stages[0].pools):
            raise BadInput(f"{self.network.name}: max pooling of the input needs spikes, not "
                           f"encoder {self.network.encoder}")
        if len(self.passes) > MOST_PASSES:
            raise BadInput(f"{self.network.name}: does not fit: {len(self.passes)} weighted layers "
                           f"and max poolings, and the hardware numbers {MOST_PASSES}")
        self.check_streaming()
        for what, used, limit in self.usage:
            if used > limit:
                raise BadInput(
                    f"{self.network.name}: does not fit: {what} needs {used}, {used - limit} more "
                    f"than the {limit} there are")

    def check_legs(self):
        """Raise BadInput where the greatest of several sums, or the sum of their bits, is asked of
        what cannot take it.
        """
        for stage in self.network.stages:
            if stage.layer.greatest is None:
                continue
            where = f"{self.network.name}: max pooling before the neurons of layer {stage.index}"
            if stage is self.network.stages[-1]:
                raise BadInput(f"{where}: a read-out takes every sum as it comes; the integer "
                               "model does it (--engine golden)")
            if self.buffered:
                raise BadInput(f"{where} takes sums that are added one train a cycle: --trains 1")
        if self.steady_bits and self.buffered:
            raise BadInput(f"{self.network.name}: encoder {self.network.encoder} takes sums that "
                           "are added one train a cycle: --trains 1")

    @property
    def chunks(self):
        """Words of one neuron's train."""
        return 1 if self.rounded else self.run_chunks

    @property
    def buffered(self):
        """Whether a walk buffer stands between the dispatcher and the lanes."""
        return self.trains > 1

    @cached_property
    def in_legs(self):
        """Whether walks have legs: the greatest of several sums goes to the neurons."""
        return any(each.legs > 1 for each in self.passes)

    @property
    def combines(self):
        """Whether neurons take what several sums make together: those of legs, or of bits."""
        return self.in_legs or self.steady_bits > 0

    @cached_property
    def legs_outside(self):
        """Whether legs lie outside the map of sums, at its edges."""
        return any(each.reaches for each in self.passes)

    @property
    def slice_steps(self):
        """Steps of a word that are summed at once: accumulators of a lane."""
        return SLICE if self.buffered else self.walk_steps

    @property
    def slices(self):
        """Slices of a word, each of which the lanes add and drain by itself."""
        return self.walk_steps // self.slice_steps

    def streams(self, each):
        """Whether walks of a pass are too long for the walk buffer to hold them whole."""
        rows = self.header * self.per_channel + -(-each.window * len(each.program) // self.trains)
        return self.buffered and not each.merging and rows > KEPT_ROWS

    def turns(self, each):
        """How often the front walks each walk of a pass.

        Once, or once for each slice where the lanes cannot find it in the walk buffer again.
        """
        return self.slices if self.streams(each) else 1

    @cached_property
    def planes(self):
        """Trains of an input channel: positive and negative spikes, or the bits of a number."""
        return len(self.input_factors)

    @cached_property
    def steady_bits(self):
        """Bits of a pixel that a train of the input holds, the highest first, where all steps of
        the input are the same (hw.engine.steady); else 0: trains hold steps.
        """
        return held_bits(encoder_of(self.network), self.word_steps)

    @cached_property
    def input_factors(self):
        """What each train of an input channel is worth."""
        return stored_factors(encoder_of(self.network), self.word_steps)

    @property
    def input_chunks(self):
        """Words of one input's train."""
        return 1 if self.steady_bits else self.run_chunks

    def source(self, stage):
        """(C, H, W) of the trains that a stage reads, with the planes of the input."""
        return source_shape(stage, self.planes)

    def weights(self, stage):
        """Weights (out, in / groups, taps) of a stage, one for each plane of the input."""
        return stored_weights(stage, self.input_factors)

    @cached_property
    def weight_bits(self):
        """Width of a weight in memory: that of the widest layer."""
        ends = [self.weights(stage) for stage in self.network.stages]
        return max(*(stage.layer.bits for stage in self.network.stages),
                   *(bits_signed(int(w.min()), int(w.max())) for w in ends))

    @cached_property
    def row_words(self):
        """16-bit words of a weight row, which holds one weight a lane; a power of two."""
        return 1 << (-(-self.lanes * self.weight_bits // WORD) - 1).bit_length()

    @cached_property
    def segments(self):
        """Parts into which the inputs of the read-out are cut, each walked and drained by itself.

        As few as make its accumulators as narrow as those of the layers before, at most eight; 1
        where their membranes, summed, would not be exactly the membrane of the whole. By pixel:
        its pixels, and behind them one that reads nothing and adds the biases, where there are any.
        """
        *before, last = self.network.stages
        if self.by_pixel:
            return self.reading + (BIAS in self.parameters.kept(self.per_channel))
        layer = last.layer
        if (self.rounded or not before or not layer.dense or last.pools or not last.plain
                or self.per_channel or self.normed or self.network.readout != "membrane"
                or not self.parameters.unit(layer).splits(layer.neuron)):
            return 1
        enough = bits_of([sum_ranges(stage) for stage in before])
        channels, height, width = self.source(last)
        words = aligned(channel_stride(channels) * (height * width - 1) + channels) // WORD
        for count in (1, 2, 4, 8):
            if words % count == 0 and bits_of([self.segment_range(last, count)]) <= enough:
                return count
        return 1

    @cached_property
    def reading(self):
        """Segments of the read-out that read spikes."""
        if not self.by_pixel:
            return self.segments
        _, height, width = self.source(self.network.stages[-1])
        return height * width

    def segment_range(self, stage, segments):
        """(low, high) of the sums of a dense stage whose inputs are cut into segments."""
        return segment_range(self.weights(stage), self.source(stage), segments)

    def width_of_sums(self, ranges):
        """Bits that hold the sums of every stage, whose ``ranges(stage)`` are (low, high), and of
        the segments of the read-out.
        """
        *before, last = self.network.stages
        cut = self.segments > 1
        ends = [ranges(stage) for stage in (before if cut else self.network.stages)]
        return bits_of(ends + ([self.segment_range(last, self.reading)] if cut else []))

    @cached_property
    def sum_bits(self):
        """Width of an accumulator."""
        return self.width_of_sums(self.added)

    @cached_property
    def current_bits(self):
        """Width of what a neuron takes: a sum, or that of the sums of ``steady_bits`` bits."""
        return self.width_of_sums(sum_ranges)

    def added(self, stage):
        """(low, high), each (channels,), of what an accumulator adds up in a walk of a stage."""
        low, high = sum_ranges(stage)
        if stage.index > 1 or not self.steady_bits:
            return low, high
        # Of one bit of each number; sums are linear in what they are of.
        top, factors = encoder_of(self.network).top, sum(self.input_factors)
        return low // top * factors, high // top * factors

    @cached_property
    def membrane_bits(self):
        """Width of a membrane, before and after a reset, and of what a unit keeps of it."""
        stages, steps = self.network.stages, self.network.steps
        held = lambda stage: self.parameters.built(stage.layer).held(
            stage.layer.neuron, *membrane_range(stage, steps))
        ends = [held(stage) for stage in (stages[:-1] if self.segments > 1 else stages)]
        ends += self.parameters.membranes()
        if self.segments > 1:
            low, high = self.segment_range(stages[-1], self.reading)
            scale = steps << stages[-1].layer.frac
            ends += [(low * scale, high * scale), (stages[-1].layer.biases * steps,) * 2]
        return bits_of(ends)

    @cached_property
    def contribution_bits(self):
        """Signed width of a pixel's contribution to a class, where segments are pixels."""
        low, high = self.segment_range(self.network.stages[-1], self.reading)
        return bits_of([(low * self.network.steps, high * self.network.steps)])

    def can_skip(self, each):
        """Whether a walk of a pass that adds nothing gives no spike."""
        if (each.merging or self.chunks > 1 or self.rounded or self.per_channel
                or self.normed or self.streams(each)):
            return False
        unit = self.parameters.unit(each.stage.layer)
        return each is not self.passes[-1] and unit.silent(each.neuron)

    @cached_property
    def parameters(self):
        """The hw.plan.parameters.Parameters of the network's neurons."""
        return Parameters(tuple(stage.layer for stage in self.network.stages), self.network.name)

    @cached_property
    def per_channel(self):
        """Whether neurons of one layer differ, so that parameters come with every group."""
        return self.parameters.per_channel

    @cached_property
    def formats(self):
        """{name: hw.plan.parameters.Format} of every parameter of the neurons, and of the bias."""
        return self.parameters.formats(self.membrane_bits)

    @cached_property
    def kept(self):
        """{name: Format} of each parameter kept in the weight memory, lowest first."""
        return {name: self.formats[name] for name in self.parameters.kept(self.per_channel)}

    @property
    def products(self):
        """(what, how many) of the multipliers of 16 x 16 bits that the lanes take.

        Only products of two variables: one with a constant of a pass is a sum of shifts
        (hw.engine.multiples).
        """
        kept = self.kept if self.per_channel else {}
        found = [product for unit in self.parameters.units.values()
                 for product in unit.products(kept, self.membrane_bits)]
        if self.normed:
            found.append(("norms over time (BNTT)", self.current_bits, self.norm_bits[0]))
        return tuple((what, self.lanes * product_blocks(*bits)) for what, *bits in found)

    @cached_property
    def header(self):
        """Weight rows of one set of parameters, for which whole bitmap words are set aside.

        So the rows of a visit begin at a multiple of its window, and no sum finds one.
        """
        bits = sum(format.bits for format in self.kept.values())
        return -(-bits // (self.weight_bits if self.per_channel else self.row_words * WORD))

    @cached_property
    def passes(self):
        """The passes in their order."""
        made = Programs(network=self.network, planes=self.planes, lanes=self.lanes,
                        header=self.header, per_channel=self.per_channel,
                        segments=self.segments, pixels=self.reading if self.by_pixel else 0,
                        steady=self.steady_bits > 0, sliced=self.order == "steps")
        return self.with_rows(made.passes())

    @cached_property
    def input_stride(self):
        """Trains of an input pixel."""
        return channel_stride(self.network.shape[0] * self.planes)

    @cached_property
    def train_addr(self):
        """Bits of a train's address."""
        return address_bits((sum(self.regions),) if self.looped else self.regions)

    @cached_property
    def row_addr(self):
        """Bits of a weight row's address."""
        return max(1, (self.weight_rows - 1).bit_length())

    @cached_property
    def input_trains(self):
        """Trains of the input's first chunk, up to the last pixel's last channel."""
        channels, height, width = self.network.shape
        return self.input_stride * (height * width - 1) + channels * self.planes

    @cached_property
    def buffers(self):
        """The hw.plan.buffers.Buffer of the input's trains, and of each pass's."""
        channels, height, width = self.source(self.network.stages[0])
        size = lambda each: self.chunks * each.out_chunk * (1 + each.looped) * each.storing
        loaded = self.input_chunks * aligned(self.input_stride * height * width)
        kept = (0, *(each.number for each in self.passes if each.looped))
        return allocate([Node((), loaded),
                         *(Node(each.inputs, size(each)) for each in self.passes)],
                        self.network.name, kept=kept if self.rounded else ())

    @cached_property
    def regions(self):
        """Trains kept in each of the two memories."""
        return regions(self.buffers)

    @cached_property
    def normed(self):
        """Whether any layer has a norm over time (BNTT)."""
        return any(stage.layer.norm is not None for stage in self.network.stages)

    @cached_property
    def norm_rows(self):
        """(rows, lanes, 2) of gain and offset, a row a step: pass, group, step.

        A layer without a norm has its fraction bits as gain.
        """
        return norm_rows(self)

    @cached_property
    def norm_bits(self):
        """Widths of gain and offset, both signed."""
        return tuple(bits_signed(int(self.norm_rows[..., n].min()),
                                 int(self.norm_rows[..., n].max())) for n in range(2))

    @cached_property
    def program_length(self):
        """Entries of all programs."""
        return sum(len(each.headers) + len(each.program) for each in self.passes)

    @cached_property
    def program_fields(self):
        """{name: bits} of a program entry, only as wide as its visits need."""
        visits = [v for each in self.passes for v in (*each.headers, *each.program)]
        size = lambda values: max(1, max(values).bit_length())
        below = any(v.row < 0 for v in visits)           # rows of headers, modulo the address
        return {
            "offset": size(v.offset for v in visits),
            "row":    self.row_addr if below else size(v.row for v in visits),
            "dy":     size(v.dy for v in visits),
            "dx":     size(v.dx for v in visits),
            "param":  1,
            "last":   1,
            **({"leg": 1} if self.in_legs else {}),
            **({"down": size(v.down for v in visits), "across": size(v.across for v in visits)}
               if self.legs_outside else {}),
            **({"first": 1, "later": 1} if self.looped else {}),
            **({"term": size(v.term for v in visits), "whole": 1} if self.joined else {}),
        }

    @property
    def usage(self):
        """(what, used, limit) of each memory that has a limit."""
        return (
            ("train memory 0 (input and even layers), words", self.regions[0], SPRAM_WORDS),
            ("train memory 1 (odd layers), words", self.regions[1], SPRAM_WORDS),
            ("weight memory, rows", self.weight_rows, self.row_limit),
            *([("memory of waiting neurons, bits",
                self.state_walks * self.lanes * self.state_bits, STATE_BITS)]
              if self.rounded else []),
        )

    @cached_property
    def weight_image(self):
        """Contents of the weight memory: (resident_rows, row_words) of 16-bit words."""
        return weight_image(self)
