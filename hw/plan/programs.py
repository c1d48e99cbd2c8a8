"""The programs that walk the engine over each layer."""

from dataclasses import dataclass, replace
from itertools import product

from golden.io.errors import BadInput
from golden.network import Network, Pool
from golden.network.ops.base import pair
from hw.plan.buffers import WORD, aligned, banks_of, channel_stride, source_shape
from hw.plan.loops import bias_sets, loop_visits
from hw.plan.passes import Pass, Visit
from hw.plan.skips import reach, term_of, term_window

__all__ = ["Programs", "windows"]


@dataclass(frozen=True)
class Programs:
    """Makes the passes of a network.

    Parameters
    ----------
    network : Network
    planes : int
        Trains of an input channel.
    lanes : int
        Output channels computed at once.
    header : int
        Weight rows of one set of neuron parameters.
    per_channel : bool
        Whether parameters come with every group; else once a pass.
    segments : int
        Parts into which the inputs of the read-out are cut.
    pixels : int
        Of these, those that read a pixel each; 0 where the cuts are not at pixels.
    steady : bool
        Whether trains of the input hold the bits of numbers that are the same in every step.
    sliced : bool
        Whether trains of the input hold more steps than those of layers, so that no pass reads
        both.
    """

    network: Network
    planes: int
    lanes: int
    header: int
    per_channel: bool
    segments: int
    pixels: int
    steady: bool
    sliced: bool = False

    def lead(self, layer):
        """Weight rows of a group before those of its visits."""
        return aligned(self.header) * len(bias_sets(layer)) if self.per_channel else 0

    def headers(self, layer):
        """The Visits of the parameters: a set, or one of the first round and one of the others."""
        base = 0 if self.per_channel else -aligned(self.header)
        sets = len(bias_sets(layer))
        return tuple(Visit(0, 0, min(WORD, self.header - at) - 1,
                           base + n * aligned(self.header) + at, param=True,
                           first=n == 0 and sets > 1, later=n > 0)
                     for n in range(sets) for at in range(0, self.header, WORD))

    def passes(self):
        """The passes in their order.

        Raises BadInput naming the pooling that the hardware does not have.
        """
        passes, row_base, ends = [], 0, {0: 0}    # ends: the pass that writes a stage's output
        banks, copies = [0], {}                   # of each pass; the pass that copies a pass
        shapes = {0: self.network.shape}

        def add(made):
            passes.append(made)
            banks.append(1 - banks[made.inputs[0]])
            return made.number

        def copied(source, stage):
            """The pass that has the trains of pass ``source`` in the other memory."""
            if source not in copies:
                copies[source] = add(self.merge(len(passes) + 1, (source,), stage,
                                                Pool("max", 1, 1), shapes[source]))
                shapes[copies[source]] = shapes[source]
            return copies[source]

        def brought(source, bank, stage):
            """The pass that has the trains of ``source`` in memory ``bank``, as a layer's."""
            if self.sliced and source == 0:
                source = copied(source, stage)
            return source if banks[source] == bank else copied(source, stage)

        for stage in self.network.stages:
            first, *others = (ends[each] for each in stage.inputs)
            if self.sliced and first == 0 and any(others):
                first = copied(first, stage)
            reads, shape, sums = (first,), source_shape(stage, self.planes), []
            for pool in stage.pools:
                if pool.kind == "max":
                    if sums:
                        raise BadInput(f"{self.network.name}: pooling before weighted layer "
                                       f"{stage.index}: max pooling needs spikes, not counts")
                    reads = (add(self.merge(len(passes) + 1, reads, stage, pool, shape)),)
                    shape = passes[-1].shape
                else:
                    sums.append(pool)
            bank, alone = banks[reads[0]], reads[0] == 0 and not any(others)
            reads += tuple(each if alone else brought(each, bank, stage) for each in others)
            ends[stage.index] = add(
                self.weigh(len(passes) + 1, reads, stage, sums, shape, row_base))
            shapes[ends[stage.index]] = stage.shape
            row_base = aligned(passes[-1].row_base + passes[-1].all_rows)
        banks = banks_of([(), *(each.inputs for each in passes)], self.network.name)
        return tuple(replace(each, source=banks[each.inputs[0]]) for each in passes)

    def merge(self, number, reads, stage, pool, shape):
        """The Pass of a max pooling: one channel a group."""
        channels, height, width = shape
        stride = channel_stride(channels)
        after = pool.sides(shape)
        (down, across), (top, left) = pair(pool.stride), pair(pool.padding)
        program = tuple(Visit(y, x, (y * width + x) * stride, 0, down=top, across=left)
                        for y, x in product(*map(range, pool.window)))
        return Pass(
            number=number, inputs=reads, source=0, stage=stage, merging=True,
            shape=(channels, *after), headers=(),
            program=program, window=1, span=1, rows=0, row_base=0, group_step=1,
            stride=(down, across), origin=(-top, -left), limits=(height, width),
            leg_limits=(down * (after[0] - 1) + 1, across * (after[1] - 1) + 1),
            base=-(top * width + left) * stride, pixel_step=across * stride,
            line_step=down * width * stride, in_chunk=aligned(stride * height * width),
            out_stride=stride, out_chunk=aligned(stride * after[0] * after[1]), pool=pool)

    def weigh(self, number, reads, stage, sums, shape, row_base):
        """The Pass of a weighted layer and the sum poolings before it.

        A pooled pixel is the sum of its window, so its weights count for each pixel of the window.
        Of a max pooling before the neurons, each place of the window is a leg of the walk.
        """
        layer = stage.layer
        channels, height, width = shape
        stride = channel_stride(channels)
        steady = stage.index == 1 and self.steady
        # All chunks of a number that does not change are the same train.
        in_chunk = 0 if steady else aligned(stride * height * width)
        limits, greatest = stage.pooled[1:], layer.greatest
        # A dense layer is a convolution whose kernel is the whole pooled map.
        side, step, gap = ((0, 0), (1, 1), (1, 1)) if layer.dense else map(
            pair, (layer.padding, layer.stride, layer.dilation))
        scale, spots = (1, 1), ([0], [0])
        for pool in reversed(sums):
            spots = tuple([by * spot + n for spot in own for n in range(places)]
                          for own, by, places in zip(spots, pair(pool.stride), pool.window,
                                                     strict=True))
            scale = tuple(a * b for a, b in zip(scale, pair(pool.stride), strict=True))
        # From an output pixel to the next, and the places of the window of which one is taken.
        apart = step if greatest is None else tuple(
            a * b for a, b in zip(step, pair(greatest.stride), strict=True))
        places, origin, sums_map = [(0, 0)], side, stage.shape[1:]
        if greatest is not None:
            places = [(step[0] * y, step[1] * x) for y, x in product(*map(range, greatest.window))]
            origin = tuple(a + b * c for a, b, c in zip(side, step, pair(greatest.padding),
                                                        strict=True))
            sums_map = layer.op.op.output(stage.pooled)[1:]
        lead = self.lead(layer)
        window, inputs, group_step = windows(layer, channels, lanes=self.lanes)
        words = -(-inputs // WORD)
        program, segments = [], 1
        narrow = [term_window(each) for each in stage.skips]
        field, shift = side, (0, 0)
        if narrow and not layer.dense:
            field = origin = reach(stage, side)
            shift = tuple(a - b for a, b in zip(origin, side, strict=True))
        pixel_step = apart[1] * scale[1] * stride
        last = stage is self.network.stages[-1]
        if last and self.pixels:
            # A segment behind the last pixel is outside the map, and reads nothing.
            segments, limits, pixel_step = self.segments, (1, self.pixels), stride
            program = [Visit(0, 0, WORD * word, lead + WORD * word) for word in range(words)]
            rows = lead + window * words
        elif layer.dense and not sums:
            # Its trains lie one after the other.
            segments = self.segments if last else 1
            window = min(channel_stride(stride * height * width), WORD, *narrow)
            size = stride * height * width
            count = -(-size // window) if narrow else -(-size // WORD) // segments
            program = [Visit(0, 0, at, lead + at)
                       for at in range(0, count * (window if narrow else WORD),
                                       window if narrow else WORD)]
            limits, rows = (1, segments), lead + window * len(program)
            pixel_step = WORD * len(program)
        else:
            tall, wide = limits if layer.dense else layer.window
            wider, window = window, min(window, *narrow) if narrow else window
            for down, across in places:
                for ky, kx in product(range(tall), range(wide)):
                    row = lead + (ky * wide + kx) * words * wider
                    dy, dx = down + ky * gap[0], across + kx * gap[1]
                    for py, px in product(*spots):
                        at = ((dy * scale[0] + py) * width + dx * scale[1] + px) * stride
                        program += [Visit(0 if layer.dense else dy + shift[0],
                                          0 if layer.dense else dx + shift[1],
                                          at + part, row + part,
                                          down=field[0] + down, across=field[1] + across)
                                    for part in range(0, words * wider, window)]
                program[-1] = replace(program[-1], leg=(down, across) != places[-1])
            limits = (1, 1) if layer.dense else limits
            rows = lead + tall * wide * words * wider
        terms, term_rows = [], []
        for nth, each in enumerate(stage.skips, 1):
            term_rows.append(rows)
            term, visits, rows = term_of(each, nth, field, window, rows)
            program += visits
            terms.append(term)
        rows = -(-rows // window) * window
        loop_row = rows
        program += loop_visits(layer, window, rows)
        rows += window * sum(visit.later for visit in program)
        if self.per_channel:
            rows = aligned(rows)
        out = channel_stride(layer.channels)
        return Pass(
            number=number, inputs=reads, source=0, stage=stage, merging=False, shape=stage.shape,
            headers=self.headers(layer),
            program=tuple(program), window=window, span=self.lanes, rows=rows,
            row_base=row_base + (0 if self.per_channel else aligned(self.header)),
            group_step=group_step,
            stride=apart, origin=tuple(-n for n in origin), limits=limits,
            leg_limits=limits if layer.dense else tuple(
                s * (n - 1) + 1 for s, n in zip(step, sums_map, strict=True)),
            base=-((origin[0] - shift[0]) * scale[0] * width
                   + (origin[1] - shift[1]) * scale[1]) * stride,
            pixel_step=pixel_step, line_step=apart[0] * scale[0] * width * stride,
            in_chunk=in_chunk, out_stride=out,
            out_chunk=aligned(out * stage.shape[1] * stage.shape[2]), segments=segments,
            steady=steady, lead=lead, loop_row=loop_row, terms=tuple(terms),
            term_rows=tuple(term_rows))


def windows(layer, channels, *, lanes):
    """(channels of a visit, channels a group of lanes reads, step between groups).

    Where the lanes cover whole groups of a grouped convolution without skips, they read only those
    channels; otherwise all, with zero weights.
    """
    stride = channel_stride(channels)
    if layer.groups > 1 and not layer.skips:
        outputs = layer.channels // layer.groups
        inputs = channels // layer.groups * max(1, lanes // outputs)
        if (lanes % outputs == 0 and inputs < channels
                and (WORD % inputs == 0 or inputs % WORD == 0)):
            return min(inputs, WORD), inputs, inputs
    return min(stride, WORD), stride, 0
