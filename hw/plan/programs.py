"""The programs that walk the engine over each layer."""

from dataclasses import dataclass, replace
from itertools import product

from golden.io.errors import BadInput
from golden.network import Network
from golden.network.ops.base import pair
from hw.plan.buffers import WORD, aligned, banks_of, channel_stride, source_shape
from hw.plan.loops import bias_sets, loop_visits
from hw.plan.passes import Pass, Visit

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
    """

    network: Network
    planes: int
    lanes: int
    header: int
    per_channel: bool
    segments: int
    pixels: int
    steady: bool

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
        for stage in self.network.stages:
            reads = tuple(ends[each] for each in stage.inputs)
            shape, sums = source_shape(stage, self.planes), []
            for pool in stage.pools:
                if pool.kind == "max":
                    if sums:
                        raise BadInput(f"{self.network.name}: pooling before weighted layer "
                                       f"{stage.index}: max pooling needs spikes, not counts")
                    passes.append(self.merge(len(passes) + 1, reads, stage, pool, shape))
                    shape, reads = passes[-1].shape, (len(passes),)
                else:
                    sums.append(pool)
            passes.append(self.weigh(len(passes) + 1, reads, stage, sums, shape, row_base))
            row_base = aligned(passes[-1].row_base + passes[-1].all_rows)
            ends[stage.index] = len(passes)
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
            out_stride=stride, out_chunk=aligned(stride * after[0] * after[1]))

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
            window = min(channel_stride(stride * height * width), WORD)
            program = [Visit(0, 0, WORD * word, lead + WORD * word)
                       for word in range(-(-stride * height * width // WORD) // segments)]
            limits, rows = (1, segments), lead + window * len(program)
            pixel_step = WORD * len(program)
        else:
            tall, wide = limits if layer.dense else layer.window
            for down, across in places:
                for ky, kx in product(range(tall), range(wide)):
                    row = lead + (ky * wide + kx) * words * window
                    dy, dx = down + ky * gap[0], across + kx * gap[1]
                    for py, px in product(*spots):
                        at = ((dy * scale[0] + py) * width + dx * scale[1] + px) * stride
                        program += [Visit(0 if layer.dense else dy, 0 if layer.dense else dx,
                                          at + WORD * word, row + WORD * word,
                                          down=side[0] + down, across=side[1] + across)
                                    for word in range(words)]
                program[-1] = replace(program[-1], leg=(down, across) != places[-1])
            limits = (1, 1) if layer.dense else limits
            rows = lead + tall * wide * words * window
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
            base=-(origin[0] * scale[0] * width + origin[1] * scale[1]) * stride,
            pixel_step=pixel_step, line_step=apart[0] * scale[0] * width * stride,
            in_chunk=in_chunk, out_stride=out,
            out_chunk=aligned(out * stage.shape[1] * stage.shape[2]), segments=segments,
            steady=steady, lead=lead, loop_row=loop_row)


def windows(layer, channels, *, lanes):
    """(channels of a visit, channels a group of lanes reads, step between groups).

    Where the lanes cover whole groups of a grouped convolution, they read only those channels;
    otherwise all, with zero weights.
    """
    stride = channel_stride(channels)
    if layer.groups > 1:
        outputs = layer.channels // layer.groups
        inputs = channels // layer.groups * max(1, lanes // outputs)
        if (lanes % outputs == 0 and inputs < channels
                and (WORD % inputs == 0 or inputs % WORD == 0)):
            return min(inputs, WORD), inputs, inputs
    return min(stride, WORD), stride, 0
