"""How many cycles an image takes, from which trains are not all zero: before anything is built.

The law: a walk takes ``max(trains + 1, visits + 1, drain)`` cycles, where trains are those of its
receptive field that are not all zero and drain is ``word_steps``, or ``lanes`` where nothing was
added. Where the greatest of several sums goes to the neurons, each of them is such a walk, but that
one of which nothing was added drains nothing. What one walk spares, the queue of visits hands to
the next ones. With a walk buffer that is
what its front takes, without the drain; the lanes take ``max(rows, 4)`` for each slice of four
steps, where rows hold the trains of a cycle, and the buffer hands on what either spares. To the
walks come the loading of the image and some cycles a pass to fill and empty the pipeline.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flow.estimate.stream import PERIOD, WeightFlow
from golden.encode import trains_by_plane
from golden.network.encoders import encoder_of
from hw.encode.encoder import UNITS
from hw.engine.address_generator import MARGIN
from hw.engine.dispatcher import QUEUE_DEPTH
from hw.engine.room import NEXT, empty_drain
from hw.plan.buffers import KEPT_ROWS, channel_stride

if TYPE_CHECKING:
    from golden.network.ops.pool import Pool
    from hw.plan.passes import Pass
    from hw.plan.planner import Plan

__all__ = ["Walks", "drawn_trains", "image_cycles", "load_cycles", "most_cycles", "pass_cycles",
           "trains_of", "walks"]

# Cycles beside the walks, which the stages of hw.engine.address_generator, hw.engine.dispatcher and
# hw.engine.datapath take to fill and empty, and the turn to the next pass; see the table in
# docs/design/engine.md.
AROUND = 29        # of a pass that stores trains
AROUND_MERGED = 17  # of a max pooling
AROUND_SCORES = 14  # of a read-out
AROUND_BUFFERED = 55         # of a pass that stores trains, behind a walk buffer
AROUND_SCORES_BUFFERED = 84  # of a read-out there
SPEAK_SLICE = 7    # from the last step of a read-out's slice to the end of the next slice, there
SPEAK = 3          # from a read-out's last step to the next end
ROOM = QUEUE_DEPTH - MARGIN - 3  # words in the queue where the address generator stops


@dataclass(frozen=True)
class Walks:
    """All walks of a pass in their order, for N images; their legs where they have some.

    Members
    -------
    trains : (N, walks) int
        Trains of the receptive field that are not all zero.
    words : (N, walks) int
        Words of the bitmap they lie in.
    visits : int
        Words looked at in each.
    dropped, empty : (N, walks) bool
        A leg of a walk, not its last, of which nothing is kept; the last of one in which nothing
        was found.
    """

    trains: np.ndarray
    words: np.ndarray
    visits: int
    dropped: np.ndarray
    empty: np.ndarray


def trains_of(plan: "Plan", spikes: np.ndarray, *, of_input: bool = False):
    """(N, chunks, C, H, W) bool: trains that are not all zero, in rounds (N rounds, 1, C, H, W).

    ``spikes`` are those of golden.run, (N, T, C, H, W), or of an input with planes, whose words are
    those of a run whatever a round has: ``of_input``.
    """
    count, steps = spikes.shape[:2]
    width = plan.word_steps if of_input else plan.walk_steps
    words = -(-steps // width)
    padded = np.zeros((count, words * width, *spikes.shape[2:]), dtype=bool)
    padded[:, :steps] = spikes != 0
    found = padded.reshape(count, words, width, *spikes.shape[2:]).any(axis=2)
    if not plan.rounded:
        return found
    found = found.repeat(width // plan.walk_steps, axis=1)[:, :plan.rounds]
    return found.reshape(count * plan.rounds, 1, *found.shape[2:])


def planes_of(plan: "Plan", active: np.ndarray) -> np.ndarray:
    """``active`` input (N, T, C, H, W) as the spikes of its planes, (N, T, C planes, H, W).

    Of numbers that are the same in every step, those in all steps whose bits of the plane are not
    all 0.
    """
    if not plan.steady_bits:
        return trains_by_plane(active, encoder_of(plan.network))
    mask = (1 << plan.steady_bits) - 1
    parts = np.stack([active & factor * mask for factor in plan.input_factors], axis=3) != 0
    return parts.reshape(*active.shape[:2], -1, *active.shape[3:])


def drawn_trains(plan, activity, *, count=4, seed=1):
    """Trains of the input and of each stage but the last, each neuron spiking in a step with chance
    ``activity``.

    Drawn, each neuron and step by itself; a list for ``image_cycles``.
    """
    rng = np.random.default_rng(seed)
    found = []
    first, *others = plan.network.stages
    for n, shape in enumerate([plan.source(first), *(
            plan.network.stages[n].shape for n in range(len(others)))]):
        shape = (count, plan.network.steps, *shape)
        found.append(trains_of(plan, rng.random(shape) < activity, of_input=n == 0))
    return found


def within(y: np.ndarray, x: np.ndarray, down: int, across: int,
           limits: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: whether lines ``y + down`` and columns ``x + across`` are below ``limits``."""
    return ((y + down >= 0) & (y + down < limits[0]))[:, None] & (
        (x + across >= 0) & (x + across < limits[1]))


def windows(each: "Pass", trains: np.ndarray) -> np.ndarray:
    """(N, chunks, windows) marked trains of each window of a word, which is what a visit finds."""
    count, chunks, channels, height, width = trains.shape
    stride = channel_stride(channels)
    flat = np.zeros((count, chunks, height, width, stride), dtype=np.int64)
    flat[..., :channels] = trains.transpose(0, 1, 3, 4, 2)
    flat = flat.reshape(count, chunks, -1)
    flat = np.pad(flat, ((0, 0), (0, 0), (0, -flat.shape[2] % each.window)))
    return flat.reshape(count, chunks, -1, each.window).sum(axis=3)


def walks(plan, each, trains, own=None, others=()):
    """Walks of a pass over ``trains`` (N, chunks, C, H, W) of its source, over its ``own`` of the
    round before, where it has a loop, and over ``others``, those that its skips read.
    """
    count, chunks = trains.shape[:2]
    found = [windows(each, read) for read in (trains, *others)]
    looped = windows(each, own) if each.looped else None
    lines, columns = (np.arange(n) for n in each.grid)
    corners = [over.base + lines[:, None] * over.line_step + columns * over.pixel_step
               for over in (each, *each.terms)]
    y, x = (first + at * step for first, at, step in zip(each.origin, (lines, columns),
                                                         each.stride, strict=True))
    groups, legs = np.arange(each.groups), each.legs
    total = np.zeros((count, chunks, len(lines), len(columns), each.groups, legs), dtype=np.int64)
    words, leg = np.zeros_like(total), 0
    for visit in each.program:
        inside = within(y, x, visit.dy, visit.dx, each.limits)
        inside = inside & within(y, x, visit.down, visit.across, each.leg_limits) | visit.whole
        over, read = (each, *each.terms)[visit.term], found[visit.term]
        at = (corners[visit.term][..., None] + visit.offset + groups * over.group_step)
        at = np.where(inside[..., None], at // each.window, 0).clip(0, read.shape[2] - 1)
        marked = read[:, :, at] * inside[..., None]
        if visit.later:
            marked = np.broadcast_to(looped[:, :, [visit.offset // each.window]], marked.shape[:2]
                                     + (len(groups),))[:, :, None, None]
        total[..., leg] += marked
        words[..., leg] += marked > 0
        leg += visit.leg
    last = np.arange(legs) == legs - 1
    silent = ~total.any(axis=-1, keepdims=True)
    # A pixel's groups follow one another, or a group's pixels; then chunks, and a chunk's legs.
    axes = (0, 4, 2, 3, 1, 5) if each.groups_outermost else (0, 2, 3, 4, 1, 5)
    order = lambda array: array.transpose(axes).reshape(count, -1)
    return Walks(order(total), order(words), len(each.program) // legs,
                 order((total == 0) & ~last), order(silent & last))


def behind(entries: np.ndarray) -> np.ndarray:
    """(N, walks): the walk that must have ended for this one's end to enter the queue, or -1.

    ``entries`` counts what all walks up to each have put into the queue.
    """
    found = [np.searchsorted(each, each - ROOM, side="right") - 1 for each in entries]
    return np.array(found)


def drains(plan: "Plan", each: "Pass", found: Walks) -> np.ndarray:
    """(N, walks) cycles in which the neurons take the sums of a walk."""
    if each.merging:
        return np.full_like(found.trains, NEXT)
    if each is plan.passes[-1]:                     # hw.engine.readout takes lane after lane
        walk = np.maximum(taken_cycles(plan, each, found.trains.shape[1]), plan.walk_steps)
        walk = walk + SPEAK + plan.steady_bits * each.steady
        return np.broadcast_to(walk, found.trains.shape)
    # Parameters of a channel must outlive its last step.
    steps = (max(plan.walk_steps, plan.lanes) + 3 * (plan.per_channel or plan.rounded)
             + plan.steady_bits * each.steady)
    short = empty_drain(plan.lanes)
    return np.where(found.dropped, 0, np.where(found.empty & plan.can_skip(each), short, steps))


def taken_cycles(plan: "Plan", each: "Pass", walks: int) -> np.ndarray:
    """(walks,) cycles in which hw.engine.readout takes the steps of a read-out's walks."""
    lanes = np.minimum(each.span, each.shape[0] - np.arange(each.groups) * each.span)
    live = np.minimum(plan.walk_steps, plan.network.steps
                      - np.arange(plan.chunks) * plan.walk_steps)
    closing = np.arange(each.segments) == each.segments - 1
    slow, fast = 5 * lanes[:, None], lanes[:, None] + 1
    if plan.rounded:                                # hw.engine.score_queue
        slow = fast
    taken = np.where(closing[:, None, None], slow, fast) * live
    if plan.by_pixel:   # a contribution of each lane with the last step; and walks are short
        last = np.arange(plan.chunks) == plan.chunks - 1
        taken = taken + np.where(closing[:, None, None], 0, (slow - fast) * last)
        taken = taken + plan.word_steps - live + SPEAK
    return np.tile(taken.ravel(), walks // taken.size)


def pass_cycles(plan: "Plan", each: "Pass", found: Walks, flow: WeightFlow | None = None,
                since: np.ndarray | float = 0) -> np.ndarray:
    """(N,) cycles from a pass's start to the next one's, without waiting for maps to leave.

    Three times are followed from walk to walk: when the address generator has named all of it, when
    the last train was added, and when the sums were taken. Where its weights are streamed, it waits
    for those of ``flow``, whose times count from ``since`` cycles before the pass.
    """
    if plan.buffered and not each.merging:
        return buffered_cycles(plan, each, found, flow, since)
    count, length = found.trains.shape
    drain, image = drains(plan, each, found), np.arange(count)
    held_up = behind(np.cumsum(found.words + 1, axis=1))
    header, of_group = 0 if each.merging else plan.header, plan.chunks * each.legs
    block = of_group * block_walks(each)
    walked, added, drained = (np.zeros(count, dtype=np.int64) for _ in range(3))
    ended = np.zeros((count, length), dtype=np.int64)
    for k in range(length):
        begins = k == 0 or (plan.per_channel and k % of_group == 0)
        lead = header if begins else 0
        last = held_up[:, k]
        room = np.where(last >= 0, ended[image, last], 0)
        if each.streamed and k % block == 0:
            walked = np.maximum(walked, flow.full() - since)
        walked = np.maximum(walked + found.visits + 1 + (lead > 0), room)
        added = np.maximum(added + found.trains[:, k] + 1 + lead, walked)
        dropped = found.dropped[:, k]
        added = np.where(dropped, added, np.maximum(added, drained))
        ended[:, k] = added
        drained = np.where(dropped, drained, added + drain[:, k])
        if each.streamed and k % block == block - 1:
            flow.freed(since + added, found.trains[:, k + 1 - block:k + 1])
    around = AROUND_MERGED if each.merging else AROUND if each.storing else AROUND_SCORES
    return drained + around


def block_walks(each: "Pass") -> int:
    """Pixels that are walked with a block of weights."""
    return each.shape[1] * each.shape[2] if each.groups_outermost else 1


def buffered_cycles(plan: "Plan", each: "Pass", found: Walks, flow: WeightFlow | None = None,
                    since: np.ndarray | float = 0) -> np.ndarray:
    """As ``pass_cycles``, behind a walk buffer.

    Three times are followed from walk to walk: when the front has put all of it into the buffer,
    when the lanes have read it, and when stores of an empty walk may follow.
    """
    count, length = found.trains.shape
    image, turns, once = np.arange(count), plan.turns(each), plan.slice_steps
    last, skips = each is plan.passes[-1], plan.can_skip(each)
    block = plan.chunks * block_walks(each)
    rows = -(-found.trains // plan.trains)
    header = plan.header
    behind_rows = np.cumsum(rows, axis=1)
    first_kept = np.array([np.searchsorted(each_, each_ - KEPT_ROWS, side="right")
                           for each_ in behind_rows])
    outlive = 3 if plan.per_channel else 0
    wait = taken_cycles(plan, each, found.trains.shape[1]) if last else None
    walked, filled, read, stored = (np.zeros(count, dtype=np.int64) for _ in range(4))
    reads = np.zeros((count, length + 1), dtype=np.int64)
    for k in range(length):
        begins = k == 0 or (plan.per_channel and k % plan.chunks == 0)
        lead = header if begins else 0
        if each.streamed and k % block == 0:
            walked = np.maximum(walked, flow.full() - since)
        walked = walked + turns * (found.visits + 1) + (lead > 0)
        filled = np.maximum(filled + turns * (found.trains[:, k] + 1) + lead, walked)
        if turns == 1:
            filled = np.maximum(filled, reads[image, first_kept[:, k]])
        drain = np.maximum(rows[:, k], once + outlive)
        if last:
            drain = np.maximum(rows[:, k], wait[k] // plan.slices + SPEAK_SLICE)
        whole = plan.slices * drain + (lead + 4 if plan.per_channel and begins else 0)
        start = np.maximum(read, filled - (turns - 1) * (found.trains[:, k] + 1))
        whole = np.maximum(start + whole, filled + drain) if turns > 1 else start + whole
        empty = (rows[:, k] == 0) & skips
        read = np.where(empty, np.maximum(start + 1, stored), whole)
        stored = read + np.where(empty, plan.lanes, once + plan.lanes - 1)
        reads[:, k + 1] = read
        if each.streamed and k % block == block - 1:
            flow.freed(since + filled, found.trains[:, k + 1 - block:k + 1], turns)
    return read + (AROUND_SCORES_BUFFERED if last and not each.storing else AROUND_BUFFERED)


def load_cycles(plan: "Plan") -> int:
    """Cycles to take and encode an image whose pixels are always there; see hw.encode."""
    pixel = UNITS[plan.network.encoder].pixel_cycles(plan.run_chunks, plan.word_steps)
    return int(np.prod(plan.network.shape)) * pixel + 2


def image_cycles(plan: "Plan", trains, *, period: float = PERIOD) -> np.ndarray:
    """(N, passes + 1) cycles of loading and of each pass of images.

    ``trains`` holds ``trains_of`` the input and each stage but the last. A last layer that reads
    its own spikes counts as if all neurons spiked. A word of streamed weights comes every
    ``period`` cycles.
    """
    count = len(trains[0]) // plan.rounds
    flow, now = WeightFlow(plan, count, period), load_cycles(plan)
    parts, given = [], {0: trains[0]}               # trains of each pass
    for each in plan.passes:
        source, *others = (given[read] for read in each.inputs)
        if each.merging:
            given[each.number] = merged(source, each.pool)
        else:
            given[each.number] = (*trains, None)[each.stage.index]
        own = before(plan, each, given[each.number]) if each.looped else None
        parts.append(pass_cycles(plan, each, walks(plan, each, source, own, others), flow, now))
        now = now + (parts[-1] if plan.banks else 0)
    parts = [part.reshape(-1, plan.rounds).sum(axis=1) for part in parts]
    load = np.full_like(parts[0], load_cycles(plan))
    return np.stack([load, *parts], axis=1)


def before(plan: "Plan", each: "Pass", trains: np.ndarray) -> np.ndarray:
    """What a pass stored a round before it did ``trains``, (N rounds, 1, C, H, W); None for all."""
    if trains is None:
        return np.ones((1, 1, *each.shape), dtype=bool)
    found = np.zeros_like(trains).reshape(-1, plan.rounds, *trains.shape[1:])
    found[:, 1:] = trains.reshape(found.shape)[:, :-1]
    return found.reshape(trains.shape)


def most_cycles(plan: "Plan", *, taps: tuple[int, ...] = (), traced: int | None = None) -> int:
    """Cycles that no image exceeds, whatever spikes, if nothing is waited for outside the chip.

    Parameters
    ----------
    taps : tuple of int
        Layers that the SAM unit maps, which the next layer may have to wait for.
    traced : None or int
        Layer whose traces are given.
    """
    found, shapes = load_cycles(plan), [plan.source(plan.network.stages[0])]
    for each in plan.passes:
        first, *others = (np.ones((1, plan.chunks, *shapes[read]), dtype=bool)
                          for read in each.inputs)
        shapes.append(each.shape)
        full = walks(plan, each, first, before(plan, each, None) if each.looped else None, others)
        lead = 0 if each.merging else plan.header
        # A walk of silence drains in other cycles than a full one: the longer of the two.
        drain = np.maximum(drains(plan, each, full), empty_drain(plan.lanes))
        if plan.buffered:                       # the front, and then each slice by itself
            drain = drain + plan.slices * (-(-full.trains // plan.trains) + SPEAK_SLICE + lead)
        turns = plan.turns(each)
        longest = np.maximum(turns * np.maximum(full.trains + 1 + lead, full.visits + 2), drain)
        found += int(longest.sum()) + int(drain.max()) + AROUND
        channels, height, width = each.shape
        words = channels * height * width * plan.chunks
        if each.storing and each.stage.index in taps:
            # hw.explain.sam in official mode: three cycles a spike, one a quad; then a value a
            # step.
            found += words * (4 * plan.word_steps + 4) + height * width * (plan.network.steps + 16)
        if each.storing and each.stage.index == traced:
            found += words * (plan.word_steps + 8)
    loaded = load_cycles(plan)
    return loaded + plan.rounds * (found - loaded)


def merged(trains: np.ndarray, pool: "Pool") -> np.ndarray:
    """Trains (N, chunks, C, H, W) after max pooling."""
    found = pool.forward(trains.reshape(-1, *trains.shape[2:]))
    return found.reshape(*trains.shape[:2], *found.shape[1:])
