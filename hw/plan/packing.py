"""What is written into a chip before its first image: rows of weights, parameters and norms."""

from itertools import product

import numpy as np

from golden.formats import MODES
from hw.interface import Register, Space, table_space
from hw.plan.buffers import WORD, aligned
from hw.plan.loops import bias_sets
from hw.plan.parameters import BIAS
from hw.plan.programs import windows
from hw.plan.skips import term_weights

__all__ = ["configuration", "header_value", "lane_weights", "norm_rows", "pass_image",
           "signature", "weight_image", "write_parameters"]


def lane_weights(plan, each):
    """(groups, rows, lanes) weights of a pass, headers left 0; segments one after the other."""
    layer = each.stage.layer
    channels = plan.source(each.stage)[0]
    window, inputs, group_step = windows(layer, channels, lanes=plan.lanes)
    part = plan.weights(each.stage)
    taps = part.shape[2]
    full = np.zeros((each.groups * plan.lanes, channels, taps), dtype=np.int64)
    outputs, reads = layer.channels // layer.groups, channels // layer.groups
    for channel in range(layer.channels):
        first = channel // outputs * reads
        full[channel, first:first + reads] = part[channel]
    rows = np.zeros((each.groups, each.segments * each.rows, plan.lanes), dtype=np.int64)
    lead = each.lead
    pitch = window * -(-inputs // WORD)
    for group in range(each.groups):
        low = group * group_step
        chosen = full[group * plan.lanes:(group + 1) * plan.lanes, low:low + inputs]
        placed = np.zeros((plan.lanes, taps, pitch), dtype=np.int64)
        placed[:, :, :chosen.shape[1]] = chosen.transpose(0, 2, 1)
        flat = placed.reshape(plan.lanes, -1).T
        if plan.by_pixel and each is plan.passes[-1]:
            for n, of_pixel in enumerate(flat.reshape(taps, pitch, plan.lanes)):
                first = n * each.rows + lead
                rows[group, first:first + pitch] = of_pixel
        else:
            rows[group, lead:lead + len(flat)] = flat
        for joined, first in zip(each.stage.skips, each.term_rows, strict=True):
            more = term_weights(joined)[group * plan.lanes:(group + 1) * plan.lanes]
            rows[group, first:first + more.shape[1], :len(more)] = more.T
        if layer.recurrent is not None:
            loop = layer.recurrent.weights[group * plan.lanes:(group + 1) * plan.lanes]
            rows[group, each.loop_row:each.loop_row + layer.channels, :len(loop)] = loop.T
    return rows


def norm_rows(plan):
    """(rows, lanes, 2) of gain and offset, a row a step: pass, group, step.

    A layer without a norm has its fraction bits as gain.
    """
    rows = []
    for each in plan.passes:
        if each.merging:
            continue
        layer, steps = each.stage.layer, plan.network.steps
        table = np.zeros((steps, each.groups * plan.lanes, 2), dtype=np.int64)
        if layer.norm is None:
            table[..., 0] = 1 << layer.frac
        else:
            table[:, :layer.channels, 0] = layer.norm[0]
            table[:, :layer.channels, 1] = layer.norm[1]
        rows.append(table.reshape(steps, each.groups, plan.lanes, 2).transpose(1, 0, 2, 3)
                    .reshape(-1, plan.lanes, 2))
    return np.concatenate(rows)


def pass_image(plan, each):
    """(rows, row_words) of 16-bit words: the rows of a weighted pass, those of its neurons'
    parameters before them.
    """
    lanes = lane_weights(plan, each)
    lead = 0 if plan.per_channel else aligned(plan.header)
    image = np.zeros((lead + each.all_rows, plan.row_words), dtype=np.int64)
    if plan.per_channel:
        write_parameters(plan, each, lanes)
    else:
        value = header_value(plan, each.neuron.values(np.max))
        bits = plan.row_words * WORD
        for row, word in np.ndindex(plan.header, plan.row_words):
            image[row, word] = value >> (bits * row + WORD * word) & 0xFFFF
    parts = lanes.reshape(each.groups, each.segments, -1, plan.lanes).swapaxes(0, 1)
    image[lead:] = packed(plan, parts.reshape(-1, plan.lanes))
    return image


def weight_image(plan):
    """Contents of the weight memory: (resident_rows, row_words) of 16-bit words."""
    image = np.zeros((plan.resident_rows, plan.row_words), dtype=np.int64)
    for each in plan.passes:
        if not each.merging and not each.streamed:
            rows = pass_image(plan, each)
            end = each.row_base + each.all_rows
            image[end - len(rows):end] = rows
    return image


def write_parameters(plan, each, lanes):
    """Put the parameters of each channel into the headers of ``lanes`` (lane_weights).

    Of several segments the last one alone adds the biases. Those of the first step and those of the
    others have a header each where they differ (hw.plan.loops.bias_sets).
    """
    layer = each.stage.layer
    quiet = plan.parameters.unit(layer).quiet(plan.kept)
    for n, biases in enumerate(bias_sets(layer)):
        of_channel = {name: layer.per_channel(values) for name, values in
                      {**layer.neuron.values(np.asarray), BIAS: biases}.items()}
        for channel, segment in product(range(each.groups * plan.lanes), range(each.segments)):
            values = {name: values[channel] for name, values in of_channel.items()
                      if name != BIAS or segment == each.segments - 1} if (
                          channel < layer.channels) else quiet
            value = header_value(plan, values)
            group, lane = divmod(channel, plan.lanes)
            first = segment * each.rows + n * aligned(plan.header)
            for row in range(plan.header):
                lanes[group, first + row, lane] = (
                    value >> row * plan.weight_bits & 2**plan.weight_bits - 1)


def header_value(plan, values: dict) -> int:
    """What the weight memory keeps of one neuron as one number, the first of ``plan.kept`` lowest.

    ``values`` are numbers by name; what its model does not have is 0.
    """
    value, at = 0, 0
    for name, (bits, _) in plan.kept.items():
        value |= (int(values.get(name, 0)) & 2**bits - 1) << at
        at += bits
    return value


def packed(plan, weights):
    """Rows of 16-bit words, the weight of lane 0 in the lowest bits."""
    fields = weights & 2**plan.weight_bits - 1
    rows = []
    for lanes in fields.tolist():
        value = sum(field << lane * plan.weight_bits for lane, field in enumerate(lanes))
        rows.append([value >> WORD * word & 0xFFFF for word in range(plan.row_words)])
    return rows


def configuration(plan, *, table, mode, decays=(), **tables):
    """Writes that make a chip ready: (n, 3) of (space, index, data), as Accelerator.i_config takes.

    ``table`` is that of golden.formats.exp_table, ``mode`` one of golden.formats.MODES, ``decays``
    golden.explain.traces.decay_table where traces are built in; ``tables`` are those of other
    explanations, by their streams.
    """
    seed = plan.network.seed
    writes = [(Space.WEIGHTS, n, word) for n, word in enumerate(plan.weight_image.reshape(-1))]
    for name, entries in {"maps": table, "traces": decays, **tables}.items():
        writes += [(table_space(name), n, entry) for n, entry in enumerate(entries)]
    writes += [(Space.REGISTERS, register, value) for register, value in (
        (Register.MODE, MODES.index(mode)),
        (Register.SEED_LOW, seed & 0xFFFF), (Register.SEED_HIGH, seed >> 16))]
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
