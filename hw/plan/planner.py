"""The memory planner: what of a network lives where, and the programs that walk it.

A pass is one walk of the engine over a layer. Trains (the spikes of one neuron over ``steps``
steps, one word) lie in (y, x, channel) order; the channels of a pixel take a power of two of words
below 16 and a multiple of 16 above, so that no visit crosses a word of the bitmap that marks the
trains which are not all zero.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from golden.formats import MODES, bits_signed, bits_unsigned
from golden.io.errors import BadInput
from golden.network import Network, Stage, membrane_range, sum_ranges

WORD = 16          # bits of a memory word; trains in a word of the bitmap
SPRAM_WORDS = 2**14
MOST_PASSES = 250  # so that what counts layers or passes has room in a byte (boards.protocol.codec)


def channel_stride(channels):
    """Trains set aside for the channels of a pixel."""
    if channels <= WORD:
        return 1 << (channels - 1).bit_length()
    return -(-channels // WORD) * WORD


def aligned(count):
    """``count`` rounded up to whole words of the bitmap."""
    return -(-count // WORD) * WORD


def address_bits(regions):
    """Bits of a train's address, and of the one behind the last: what is full is not empty."""
    return max(5, max(regions).bit_length())


def bits_of(ends):
    """Bits of the two's complement format that holds all of some (low, high), arrays or not."""
    return bits_signed(min(int(np.min(low)) for low, _ in ends),
                       max(int(np.max(high)) for _, high in ends))


def multipliers(*widths):
    """Multipliers of 16 x 16 bits that Yosys takes for one product of two signed widths.

    It cuts what is wider into pieces of 16 bits and the rest; a piece of one bit, and a product of
    pieces that has fewer than 11 bits, is made of logic.
    """
    pieces = lambda width: [16] * ((width - 1) // 16) + [width - (width - 1) // 16 * 16]
    return sum(min(a, b) > 1 and a + b > 10 for a in pieces(widths[0]) for b in pieces(widths[1]))


@dataclass(frozen=True)
class Visit:
    """One word of the bitmap in a receptive field, relative to the output pixel.

    ``offset`` is its distance in trains, ``row`` the weight row of its first channel relative to
    its group, and ``dy, dx`` its place in the kernel, for clipping at the map's edge. With
    ``param`` it stands for ``offset + 1`` rows of neuron parameters instead.
    """

    dy: int
    dx: int
    offset: int
    row: int
    param: bool = False


@dataclass(frozen=True)
class Pass:
    """One walk over a layer: ``program`` for every group of output channels of every pixel.

    A weighted layer is one pass, and so is each max pooling, which hands on the OR of its window's
    trains. Numbers are in trains (addresses), weight rows, pixels or channels, as their names say.
    """

    number: int
    stage: Stage
    merging: bool           # max pooling: trains are merged, nothing is added
    shape: tuple            # (C, H, W) of the output
    headers: tuple          # Visits of parameters: once a pass, or with Plan.per_channel a group
    program: tuple          # Visits of a walk
    window: int             # channels of a visit
    span: int               # output channels of a group
    rows: int               # weight rows of a group
    row_base: int           # first weight row of the first group
    group_step: int         # addresses from one group's receptive field to the next one's
    stride: int             # pooled pixels from one output pixel to the next
    origin: int             # y and x of the first receptive field, in pooled pixels
    limits: tuple           # (H, W) of the map, in pooled pixels
    base: int               # address of the first receptive field's corner, may be negative
    pixel_step: int         # addresses from one output pixel to the next
    line_step: int          # and from the start of one row to the next
    in_chunk: int           # trains between the chunks of one input neuron
    out_stride: int         # trains of an output pixel
    out_chunk: int          # trains between the chunks of one output neuron
    segments: int = 1       # parts into which the inputs of a read-out are cut

    @property
    def grid(self):
        """(lines, columns) of walks: output pixels, or the segments of a read-out."""
        return (1, self.segments) if self.segments > 1 else self.shape[1:]

    @property
    def all_rows(self):
        """Weight rows of the pass, but for a header before them."""
        return self.segments * self.groups * self.rows

    @property
    def runs_on(self):
        """Whether the weight rows of a pixel follow those of the pixel before."""
        return self.segments > 1

    @property
    def source(self):
        """Which of the two train memories is read; the other is written."""
        return (self.number - 1) % 2

    @property
    def groups(self):
        """Groups of output channels."""
        return -(-self.shape[0] // self.span)

    @property
    def neuron(self):
        """Neuron of a weighted pass."""
        return self.stage.layer.neuron

    @property
    def storing(self):
        """Whether the pass writes trains."""
        return self.merging or self.stage.layer.spiking


@dataclass(frozen=True)
class Plan:
    """Everything derived from a network for the engine: widths, addresses, programs, contents.

    Parameters
    ----------
    network : Network
    lanes : int
        Output channels computed at once, a power of two up to 16.
    word_steps : int
        Time steps of one train word, 4, 8 or 16; longer runs take several chunks.

    Raises BadInput saying what is over and by how much if the network does not fit.
    """

    network: Network
    lanes: int = 4
    word_steps: int = 16

    def __post_init__(self):
        if self.lanes not in (1, 2, 4, 8, 16):
            raise BadInput(f"lanes must be 1, 2, 4, 8 or 16, not {self.lanes}")
        if self.word_steps not in (4, 8, 16):
            raise BadInput(f"steps of a word must be 4, 8 or 16, not {self.word_steps}")
        if self.planes > 1 and any(pool.kind == "max" for pool in self.network.stages[0].pools):
            raise BadInput(f"{self.network.name}: max pooling of the input needs spikes, not "
                           f"encoder {self.network.encoder}")
        if len(self.passes) > MOST_PASSES:
            raise BadInput(f"{self.network.name}: does not fit: {len(self.passes)} weighted layers "
                           f"and max poolings, and the hardware numbers {MOST_PASSES}")
        if self.lanes > self.word_steps:
            raise BadInput(f"lanes must not be more than the {self.word_steps} steps of a word")
        for what, used, limit in self.usage:
            if used > limit:
                raise BadInput(
                    f"{self.network.name}: does not fit: {what} needs {used}, {used - limit} more "
                    f"than the {limit} there are")

    @cached_property
    def chunks(self):
        """Words of one neuron's train."""
        return -(-self.network.steps // self.word_steps)

    @cached_property
    def planes(self):
        """Trains of an input channel: positive and negative spikes, or the bits of a current."""
        return {"ternary": 2, "current": 8}.get(self.network.encoder, 1)

    def source(self, stage):
        """(C, H, W) of the trains that a stage reads, with the planes of the input."""
        channels, height, width = stage.source
        return (channels * self.planes if stage.index == 1 else channels), height, width

    def weights(self, stage):
        """Weights (out, in / groups, taps) of a stage as stored, one for each plane of the input.

        A current's bit p counts 2**p times; a negative spike counts -1 times.
        """
        layer = stage.layer
        _, height, width = stage.pooled
        taps = height * width if layer.dense else layer.kernel**2
        weights = layer.weights.reshape(layer.channels, -1, taps).astype(np.int64)
        if stage.index > 1 or self.planes == 1:
            return weights
        factors = np.array([1, -1]) if self.planes == 2 else 1 << np.arange(8)
        planes = weights[:, :, None] * factors[:, None]
        return planes.reshape(layer.channels, -1, taps)

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
        where their membranes, summed, would not be exactly the membrane of the whole.
        """
        *before, last = self.network.stages
        layer = last.layer
        if (not before or layer.spiking or not layer.dense or last.pools or self.per_channel
                or self.normed or self.network.readout != "membrane" or np.any(layer.neuron.leak)):
            return 1
        enough = bits_of([sum_ranges(stage) for stage in before])
        channels, height, width = self.source(last)
        words = aligned(channel_stride(channels) * (height * width - 1) + channels) // WORD
        for count in (1, 2, 4, 8):
            if words % count == 0 and bits_of([self.segment_range(last, count)]) <= enough:
                return count
        return 1

    def segment_range(self, stage, segments):
        """(low, high) of the sums of a dense stage whose inputs are cut into segments."""
        channels, height, width = self.source(stage)
        weights = self.weights(stage).reshape(-1, channels, height * width).transpose(0, 2, 1)
        places = np.arange(height * width)[:, None] * channel_stride(channels) + np.arange(channels)
        parts = np.zeros((len(weights), aligned(places[-1, -1] + 1)), dtype=np.int64)
        parts[:, places] = weights
        parts = parts.reshape(len(weights), segments, -1)
        return np.minimum(parts, 0).sum(axis=2), np.maximum(parts, 0).sum(axis=2)

    @cached_property
    def sum_bits(self):
        """Width of an accumulator."""
        *before, last = self.network.stages
        cut = self.segments > 1
        ends = [sum_ranges(stage) for stage in (before if cut else self.network.stages)]
        return bits_of(ends + ([self.segment_range(last, self.segments)] if cut else []))

    @cached_property
    def membrane_bits(self):
        """Width of a membrane, before and after a reset."""
        stages, steps = self.network.stages, self.network.steps
        ends = [membrane_range(stage, steps)
                for stage in (stages[:-1] if self.segments > 1 else stages)]
        ends += [(np.min(stage.layer.neuron.v_reset), np.max(stage.layer.neuron.v_reset))
                 for stage in stages if stage.layer.neuron.reset == "zero"]
        if self.segments > 1:
            low, high = self.segment_range(stages[-1], self.segments)
            scale = steps << stages[-1].layer.frac
            ends.append((low * scale, high * scale))
        return bits_of(ends)

    @cached_property
    def score_bits(self):
        """Width of a score, in two's complement."""
        if self.network.readout != "membrane":
            return 9
        return max(self.membrane_bits,
                   bits_of([membrane_range(self.network.stages[-1], self.network.steps)]))

    def can_skip(self, each):
        """Whether a walk of a pass that adds nothing gives no spike."""
        if each.merging or self.chunks > 1 or self.per_channel or self.normed:
            return False
        lowest = int(np.min(each.neuron.threshold)) - (each.neuron.compare == "ge")
        return each is not self.passes[-1] and lowest >= 0

    @cached_property
    def threshold_bits(self):
        """Width of a threshold."""
        return bits_unsigned(max(int(np.max(stage.layer.neuron.threshold))
                                 for stage in self.network.stages))

    @cached_property
    def leak_bits(self):
        """Width of a leak, which may come by channel."""
        return bits_unsigned(max(int(np.max(stage.layer.neuron.leak))
                                 for stage in self.network.stages))

    @cached_property
    def per_channel(self):
        """Whether neurons of one layer differ, so that parameters come with every group."""
        def varies(layer):
            neuron = layer.neuron
            return (layer.bias is not None and np.any(layer.bias)
                    or any(np.min(values) != np.max(values)
                           for values in (neuron.threshold, neuron.leak, neuron.v_reset))
                    # Lanes without a channel must stay quiet, with a threshold of their own.
                    or (neuron.compare == "ge" and not np.all(neuron.threshold)))
        return any(varies(stage.layer) for stage in self.network.stages)

    @cached_property
    def fields(self):
        """(name, bits) of each parameter kept in the weight memory, lowest first."""
        layers = [stage.layer for stage in self.network.stages]
        found = [("threshold", self.threshold_bits)]
        if self.per_channel:
            if any(layer.bias is not None for layer in layers):
                found.append(("bias", self.membrane_bits))
            if any(layer.neuron.reset == "zero" and np.any(layer.neuron.v_reset)
                   for layer in layers):
                found.append(("v_reset", self.membrane_bits))
            if any(np.min(layer.neuron.leak) != np.max(layer.neuron.leak) for layer in layers):
                found.append(("leak", self.leak_bits))
        return tuple(found)

    @property
    def multipliers(self):
        """(what, how many) of the multipliers of 16 x 16 bits that the lanes take.

        Only products of two variables: a leak of a pass is a sum of shifts (hw.engine.multiples).
        """
        found, leak = [], dict(self.fields).get("leak")
        if leak:
            found.append(("leaks of channels",
                          self.lanes * multipliers(self.membrane_bits, leak + 1)))
        if self.normed:
            found.append(("norms over time (BNTT)",
                          self.lanes * multipliers(self.sum_bits, self.norm_bits[0])))
        return tuple(found)

    @cached_property
    def header(self):
        """Weight rows of one set of parameters, for which whole bitmap words are set aside.

        So the rows of a visit begin at a multiple of its window, and no sum finds one.
        """
        bits = sum(width for _, width in self.fields)
        return -(-bits // (self.weight_bits if self.per_channel else self.row_words * WORD))

    @cached_property
    def passes(self):
        """The passes in their order."""
        passes, row_base = [], 0
        for stage in self.network.stages:
            shape, sums = self.source(stage), []
            for pool in stage.pools:
                where = f"{self.network.name}: pooling before weighted layer {stage.index}"
                if pool.padding:
                    raise BadInput(f"{where}: the hardware pools without padding")
                if pool.kind == "max":
                    if sums:
                        raise BadInput(f"{where}: max pooling needs spikes, not counts")
                    passes.append(self.merge(len(passes) + 1, stage, pool, shape))
                    shape = passes[-1].shape
                else:
                    sums.append(pool)
            passes.append(self.weigh(len(passes) + 1, stage, sums, shape, row_base))
            row_base = aligned(passes[-1].row_base + passes[-1].all_rows)
        return tuple(passes)

    def merge(self, number, stage, pool, shape):
        """The Pass of a max pooling: one channel a group."""
        channels, height, width = shape
        stride = channel_stride(channels)
        after = tuple((n - pool.kernel) // pool.stride + 1 for n in (height, width))
        program = tuple(Visit(0, 0, (y * width + x) * stride, 0)
                        for y in range(pool.kernel) for x in range(pool.kernel))
        return Pass(
            number=number, stage=stage, merging=True, shape=(channels, *after), headers=(),
            program=program, window=1, span=1, rows=0, row_base=0, group_step=1, stride=1,
            origin=0, limits=after, base=0, pixel_step=pool.stride * stride,
            line_step=pool.stride * width * stride, in_chunk=aligned(stride * height * width),
            out_stride=stride, out_chunk=aligned(stride * after[0] * after[1]))

    def weigh(self, number, stage, sums, shape, row_base):
        """The Pass of a weighted layer and the sum poolings before it.

        A pooled pixel is the sum of its window, so its weights count for each pixel of the window.
        """
        layer = stage.layer
        channels, height, width = shape
        stride = channel_stride(channels)
        in_chunk = aligned(stride * height * width)
        side, step = layer.padding, layer.stride
        kernel, limits = layer.kernel, stage.pooled[1:]
        if layer.dense:
            # A dense layer is a convolution whose kernel is the whole pooled map.
            side, step, kernel = 0, 1, None
        scale, spots = 1, [0]
        for pool in reversed(sums):
            spots = [pool.stride * spot + n for spot in spots for n in range(pool.kernel)]
            scale *= pool.stride
        lead = aligned(self.header) if self.per_channel else 0
        window, inputs, group_step = self.windows(layer, channels, stride)
        words = -(-inputs // WORD)
        program, segments = [], 1
        pixel_step = step * scale * stride
        if layer.dense and not sums:
            # Its trains lie one after the other.
            segments = self.segments if stage is self.network.stages[-1] else 1
            window = min(channel_stride(stride * height * width), WORD)
            program = [Visit(0, 0, WORD * word, lead + WORD * word)
                       for word in range(-(-stride * height * width // WORD) // segments)]
            limits, rows = (1, segments), lead + window * len(program)
            pixel_step = WORD * len(program)
        else:
            tall, wide = (limits if layer.dense else (kernel, kernel))
            for ky in range(tall):
                for kx in range(wide):
                    for py in spots:
                        for px in spots:
                            at = ((ky * scale + py) * width + kx * scale + px) * stride
                            row = lead + (ky * wide + kx) * words * window
                            program += [Visit(0 if layer.dense else ky, 0 if layer.dense else kx,
                                              at + WORD * word, row + WORD * word)
                                        for word in range(words)]
            limits = (1, 1) if layer.dense else limits
            rows = lead + tall * wide * words * window
        if self.per_channel:
            rows = aligned(rows)
        headers = []
        for at in range(0, self.header, WORD):
            count = min(WORD, self.header - at)
            headers.append(Visit(0, 0, count - 1,
                                 at if self.per_channel else at - aligned(self.header),
                                 param=True))
        out = channel_stride(layer.channels)
        return Pass(
            number=number, stage=stage, merging=False, shape=stage.shape, headers=tuple(headers),
            program=tuple(program), window=window, span=self.lanes, rows=rows,
            row_base=row_base + (0 if self.per_channel else aligned(self.header)),
            group_step=group_step,
            stride=step, origin=-side, limits=limits,
            base=-(side * scale * width + side * scale) * stride,
            pixel_step=pixel_step, line_step=step * scale * width * stride,
            in_chunk=in_chunk, out_stride=out,
            out_chunk=aligned(out * stage.shape[1] * stage.shape[2]), segments=segments)

    def windows(self, layer, channels, stride):
        """(channels of a visit, channels a group of lanes reads, step between groups).

        Where the lanes cover whole groups of a grouped convolution, they read only those channels;
        otherwise all, with zero weights.
        """
        if layer.groups > 1:
            outputs = layer.channels // layer.groups
            inputs = channels // layer.groups * max(1, self.lanes // outputs)
            if (self.lanes % outputs == 0 and inputs < channels
                    and (WORD % inputs == 0 or inputs % WORD == 0)):
                return min(inputs, WORD), inputs, inputs
        return min(stride, WORD), stride, 0

    def lane_weights(self, each):
        """(groups, rows, lanes) weights of a pass, headers left 0; segments one after the other."""
        layer = each.stage.layer
        channels = self.source(each.stage)[0]
        stride = channel_stride(channels)
        window, inputs, group_step = self.windows(layer, channels, stride)
        part = self.weights(each.stage)
        taps = part.shape[2]
        full = np.zeros((each.groups * self.lanes, channels, taps), dtype=np.int64)
        outputs, reads = layer.channels // layer.groups, channels // layer.groups
        for channel in range(layer.channels):
            first = channel // outputs * reads
            full[channel, first:first + reads] = part[channel]
        rows = np.zeros((each.groups, each.segments * each.rows, self.lanes), dtype=np.int64)
        lead = aligned(self.header) if self.per_channel else 0
        pitch = window * -(-inputs // WORD)
        for group in range(each.groups):
            low = group * group_step
            chosen = full[group * self.lanes:(group + 1) * self.lanes, low:low + inputs]
            placed = np.zeros((self.lanes, taps, pitch), dtype=np.int64)
            placed[:, :, :chosen.shape[1]] = chosen.transpose(0, 2, 1)
            flat = placed.reshape(self.lanes, -1).T
            rows[group, lead:lead + len(flat)] = flat
        return rows

    @cached_property
    def input_stride(self):
        """Trains of an input pixel."""
        return channel_stride(self.network.shape[0] * self.planes)

    @cached_property
    def train_addr(self):
        """Bits of a train's address."""
        return address_bits(self.regions)

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
    def regions(self):
        """Trains kept in each of the two memories."""
        sizes = [self.passes[0].in_chunk, 0]
        for each in self.passes:
            if each.storing:
                sizes[1 - each.source] = max(sizes[1 - each.source], each.out_chunk)
        return tuple(self.chunks * size for size in sizes)

    @cached_property
    def normed(self):
        """Whether any layer has a norm over time (BNTT)."""
        return any(stage.layer.norm is not None for stage in self.network.stages)

    @cached_property
    def norm_rows(self):
        """(rows, lanes, 2) of gain and offset, a row a step: pass, group, step.

        A layer without a norm has its fraction bits as gain.
        """
        rows = []
        for each in self.passes:
            if each.merging:
                continue
            layer, steps = each.stage.layer, self.network.steps
            table = np.zeros((steps, each.groups * self.lanes, 2), dtype=np.int64)
            if layer.norm is None:
                table[..., 0] = 1 << layer.frac
            else:
                table[:, :layer.channels, 0] = layer.norm[0]
                table[:, :layer.channels, 1] = layer.norm[1]
            rows.append(table.reshape(steps, each.groups, self.lanes, 2).transpose(1, 0, 2, 3)
                        .reshape(-1, self.lanes, 2))
        return np.concatenate(rows)

    @cached_property
    def norm_bits(self):
        """Widths of gain and offset, both signed."""
        return tuple(bits_signed(int(self.norm_rows[..., n].min()),
                                 int(self.norm_rows[..., n].max())) for n in range(2))

    @cached_property
    def weight_rows(self):
        """Rows of the weight memory in use."""
        return self.passes[-1].row_base + self.passes[-1].all_rows

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
        }

    @property
    def usage(self):
        """(what, used, limit) of each memory that has a limit."""
        return (
            ("train memory 0 (input and even layers), words", self.regions[0], SPRAM_WORDS),
            ("train memory 1 (odd layers), words", self.regions[1], SPRAM_WORDS),
            ("weight memory, rows", self.weight_rows, SPRAM_WORDS),
        )

    @cached_property
    def weight_image(self):
        """Contents of the weight memory: (weight_rows, row_words) of 16-bit words."""
        image = np.zeros((self.weight_rows, self.row_words), dtype=np.int64)
        for each in self.passes:
            if each.merging:
                continue
            lanes = self.lane_weights(each)
            if self.per_channel:
                self.write_parameters(each, lanes)
            else:
                value = int(np.max(each.neuron.threshold))
                first, bits = each.row_base - aligned(self.header), self.row_words * WORD
                for row, word in np.ndindex(self.header, self.row_words):
                    image[first + row, word] = value >> (bits * row + WORD * word) & 0xFFFF
            end = each.row_base + each.all_rows
            parts = lanes.reshape(each.groups, each.segments, -1, self.lanes).swapaxes(0, 1)
            image[each.row_base:end] = self.packed(parts.reshape(-1, self.lanes))
        return image

    def write_parameters(self, each, lanes):
        """Put the parameters of each channel into the headers of ``lanes`` (lane_weights)."""
        layer, neuron = each.stage.layer, each.neuron
        for group, lane in np.ndindex(each.groups, self.lanes):
            for row in range(self.header):
                lanes[group, row, lane] = 2**self.threshold_bits - 1 >> row * self.weight_bits
        values = {"threshold": neuron.threshold, "bias": layer.biases,
                  "v_reset": neuron.v_reset, "leak": neuron.leak}
        for channel in range(layer.channels):
            packed, at = 0, 0
            for name, bits in self.fields:
                value = int(layer.per_channel(values[name])[channel])
                packed |= (value & 2**bits - 1) << at
                at += bits
            group, lane = divmod(channel, self.lanes)
            for row in range(self.header):
                lanes[group, row, lane] = (
                    packed >> row * self.weight_bits & 2**self.weight_bits - 1)

    def packed(self, weights):
        """Rows of 16-bit words, the weight of lane 0 in the lowest bits."""
        fields = weights & 2**self.weight_bits - 1
        rows = []
        for lanes in fields.tolist():
            value = sum(field << lane * self.weight_bits for lane, field in enumerate(lanes))
            rows.append([value >> WORD * word & 0xFFFF for word in range(self.row_words)])
        return rows


def configuration(plan, *, table, mode, decays=()):
    """Writes that make a chip ready: (n, 3) of (space, index, data), as Accelerator.i_config takes.

    ``table`` is that of golden.formats.exp_table, ``mode`` one of golden.formats.MODES, ``decays``
    golden.explain.traces.decay_table where traces are built in.
    """
    writes = [(0, index, word) for index, word in enumerate(plan.weight_image.reshape(-1))]
    writes += [(1, index, entry) for index, entry in enumerate(table)]
    writes += [(1, 256 + index, entry) for index, entry in enumerate(decays)]
    seed = plan.network.seed
    writes += [(2, 0, MODES.index(mode)), (2, 1, seed & 0xFFFF), (2, 2, seed >> 16)]
    return np.array(writes, dtype=np.uint16)


def signature(words):
    """What a chip says of its weight memory (hw.memory.signature): 32 bits of s behind ``words``.

    Twice for each word: s <- x**8 s + word over GF(2), from 0, modulo x**32 + x**22 + x**2 + x + 1;
    then with the last word again and again. The signature is the top byte of s after 3, 4, 5 and 6
    times more.
    """
    def folded(s, word):
        top = s >> 24
        return (s << 8) & 0xFFFFFFFF ^ top << 22 ^ top << 2 ^ top << 1 ^ top ^ word

    s, words = 0, [int(word) for word in words]
    last = words[-1]
    for word in words:
        s = folded(folded(s, word), word)
    for _ in range(3):
        s = folded(s, last)
    found = 0
    for _ in range(4):
        found, s = found << 8 | s >> 24, folded(s, last)
    return found


def class_order(plan):
    """(steps * classes, 2) of (step, class) in the order in which scores leave the chip."""
    classes, order = plan.network.classes, []
    for first in range(0, classes, plan.lanes):
        for step in range(plan.network.steps):
            order += [(step, c) for c in range(first, min(first + plan.lanes, classes))]
    return np.array(order)


def score_words(plan, scores):
    """(N, words) of scores (N, T, classes) in the order in which they leave the chip."""
    order = class_order(plan)
    return scores[:, order[:, 0], order[:, 1]]


def map_words(taps, maps):
    """(N, words) of maps {layer: (N, T, H, W)} in the order in which they leave: step last."""
    return np.hstack([maps[tap].transpose(0, 2, 3, 1).reshape(len(maps[tap]), -1)
                      for tap in taps])


def pixel_words(plan, images):
    """(N, words) of each image in the order in which the chip takes them."""
    network = plan.network
    if network.encoder != "frames":
        return images.transpose(0, 2, 3, 1).reshape(len(images), -1)
    count, steps = images.shape[:2]
    padded = np.zeros((count, plan.chunks * plan.word_steps, *network.shape), np.uint16)
    padded[:, :steps] = images
    words = padded.reshape(count, plan.chunks, plan.word_steps, *network.shape)
    weights = 1 << np.arange(plan.word_steps, dtype=np.uint16)
    return np.einsum("nqtchw,t->nhwcq", words, weights).reshape(count, -1)
