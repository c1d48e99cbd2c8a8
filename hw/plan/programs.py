"""The programs that walk the engine over each layer."""

from dataclasses import dataclass, replace
from itertools import product

from golden.io.errors import BadInput
from golden.network import Network
from hw.plan.buffers import WORD, aligned, banks_of, channel_stride, source_shape
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
    """

    network: Network
    planes: int
    lanes: int
    header: int
    per_channel: bool
    segments: int

    @property
    def lead(self):
        """Weight rows of a group before those of its visits."""
        return aligned(self.header) if self.per_channel else 0

    @property
    def headers(self):
        """The Visits of one set of parameters."""
        base = 0 if self.per_channel else -aligned(self.header)
        return tuple(Visit(0, 0, min(WORD, self.header - at) - 1, base + at, param=True)
                     for at in range(0, self.header, WORD))

    def passes(self):
        """The passes in their order.

        Raises BadInput naming the pooling that the hardware does not have.
        """
        passes, row_base, ends = [], 0, {0: 0}    # ends: the pass that writes a stage's output
        for stage in self.network.stages:
            reads = tuple(ends[each] for each in stage.inputs)
            shape, sums = source_shape(stage, self.planes), []
            for pool in stage.pools:
                where = f"{self.network.name}: pooling before weighted layer {stage.index}"
                if pool.padding:
                    raise BadInput(f"{where}: the hardware pools without padding")
                if pool.kind == "max":
                    if sums:
                        raise BadInput(f"{where}: max pooling needs spikes, not counts")
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
        program = tuple(Visit(0, 0, (y * width + x) * stride, 0)
                        for y in range(pool.kernel) for x in range(pool.kernel))
        return Pass(
            number=number, inputs=reads, source=0, stage=stage, merging=True,
            shape=(channels, *after), headers=(),
            program=program, window=1, span=1, rows=0, row_base=0, group_step=1, stride=1,
            origin=0, limits=after, base=0, pixel_step=pool.stride * stride,
            line_step=pool.stride * width * stride, in_chunk=aligned(stride * height * width),
            out_stride=stride, out_chunk=aligned(stride * after[0] * after[1]))

    def weigh(self, number, reads, stage, sums, shape, row_base):
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
        lead = self.lead
        window, inputs, group_step = windows(layer, channels, lanes=self.lanes)
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
            tall, wide = limits if layer.dense else (kernel, kernel)
            for ky, kx in product(range(tall), range(wide)):
                row = lead + (ky * wide + kx) * words * window
                for py, px in product(spots, spots):
                    at = ((ky * scale + py) * width + kx * scale + px) * stride
                    program += [Visit(0 if layer.dense else ky, 0 if layer.dense else kx,
                                      at + WORD * word, row + WORD * word)
                                for word in range(words)]
            limits = (1, 1) if layer.dense else limits
            rows = lead + tall * wide * words * window
        if self.per_channel:
            rows = aligned(rows)
        out = channel_stride(layer.channels)
        return Pass(
            number=number, inputs=reads, source=0, stage=stage, merging=False, shape=stage.shape,
            headers=self.headers,
            program=tuple(program), window=window, span=self.lanes, rows=rows,
            row_base=row_base + (0 if self.per_channel else aligned(self.header)),
            group_step=group_step,
            stride=step, origin=-side, limits=limits,
            base=-(side * scale * width + side * scale) * stride,
            pixel_step=pixel_step, line_step=step * scale * width * stride,
            in_chunk=in_chunk, out_stride=out,
            out_chunk=aligned(out * stage.shape[1] * stage.shape[2]), segments=segments)


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
