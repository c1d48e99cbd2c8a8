"""Spike Activation Map in integers: ISI, a table of exp(-gamma d), and one product a spike.

Kim & Panda 2021 (arXiv:2103.14441), eq. 3-6: a neuron k spiking at t has the neuronal contribution
score N_k(t) = sum over its earlier spikes t' of exp(-gamma (t - t')), and the map of a layer is
M(t) = sum_k N_k(t) S_k(t) over the channels of a pixel. N matters only where the neuron spikes, and
there it follows from the score at the neuron's previous spike, d steps before:

    A(t) = 1 + exp(-gamma d) A(t - d),   A = 1 at the first spike,

so that a neuron keeps two registers, the inter-spike interval (ISI) and A.
"""

from collections.abc import Iterator

import numpy as np

from golden.formats import GAMMA, MODES, SCORE_FRAC, TABLE_FRAC, exp_table, map_top, rounded

PIECE = 1 << 17  # neurons at once, so that what is known of them stays in the cache


def scored(trains: np.ndarray, places: np.ndarray, table: np.ndarray,
           mode: str) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """N where it is needed, at the spikes: the first of each neuron, then the second, and so on.

    - "paper": earlier spikes only, A - 1;
    - "inclusive": the spike itself counts, A;
    - "official" (the authors' script): A + z(t) exp(-gamma t), z(t) the steps of 0..t without a
      spike.

    Rounds once a spike (and once for the ghost of "official"), half up. Against the real sums the
    error of A is below (1/2 + A 2**(SCORE_FRAC - TABLE_FRAC - 1)) / (1 - exp(-gamma)) units and
    grows by at most (1/2 + T 2**(SCORE_FRAC - TABLE_FRAC - 1)) a spike at gamma 0.

    Parameters
    ----------
    trains : (T, K) of 0 and 1
    places : (K,) int
        What to call each neuron.
    table : (>= T,) int
        exp(-gamma d) in units of 2**-TABLE_FRAC (golden.formats.exp_table).

    Yields
    ------
    places : (S,) int, of the neurons that have so many spikes, in the order of K
    times : (S,) int, the steps of these spikes
    scores : (S,) int, in units of 2**-SCORE_FRAC; to be read only
    """
    one, (steps, count) = 1 << SCORE_FRAC, trains.shape
    table = np.asarray(table)[:steps]
    # The product then stays below 255 * 2**8 * 2**15 + 2**14 < 2**31.
    kind = np.int32 if steps <= 255 and table.max() <= 1 << TABLE_FRAC else np.int64
    table = table.astype(kind)
    trains = (trains if trains.dtype.itemsize == 1 else trains.astype(bool)).view(np.uint8)
    for start in range(0, count, PIECE):
        piece = slice(start, start + PIECE)
        left = histories(trains[:, piece])
        more = np.flatnonzero(left.any(axis=0))
        left, at = left.take(more, axis=1), places[piece].take(more)
        times = take_first(left)
        kept = np.full(len(at), one, dtype=kind)  # A
        silent = np.arange(steps, dtype=kind)     # z at these spikes, by their step
        while len(at):
            values = kept
            if mode == "paper":
                values = kept - one
            elif mode == "official":
                values = kept + rounded(silent * table, TABLE_FRAC - SCORE_FRAC).take(times)
            yield at, times, values
            more = np.flatnonzero(left.any(axis=0))
            left, at = left.take(more, axis=1), at.take(more)
            kept, last = kept.take(more), times.take(more)
            times = take_first(left)
            kept *= table.take(times - last)
            kept = one + rounded(kept, TABLE_FRAC)
            silent -= 1


def histories(trains: np.ndarray) -> np.ndarray:
    """(words, K) of (T, K) bytes: the bits of each train, the first step lowest in the first word.

    The words are as short as a train allows, and of 64 bits at most.
    """
    steps, count = trains.shape
    kind = np.min_scalar_type((1 << min(steps, 64)) - 1)
    bits = 8 * kind.itemsize
    octets = np.empty((-(-steps // bits), kind.itemsize, count), dtype=np.uint8)
    for n, octet in enumerate(octets.reshape(-1, count)):
        rows = trains[8 * n:8 * n + 8]
        np.einsum("t,tk->k", 1 << np.arange(len(rows), dtype=np.uint8), rows, out=octet)
    return np.einsum("o,wok->wk", 1 << np.arange(0, bits, 8, dtype=kind), octets)


def take_first(left: np.ndarray) -> np.ndarray:
    """Take the first spike out of each of ``histories``, of which none is empty; return its step.

    A train less 1, as one long number, differs from the train up to the first spike.
    """
    ends, borrow = np.min_scalar_type(8 * left.itemsize * len(left)).type(0), True
    for word in left:
        less = word - borrow
        ends = ends + np.bitwise_count(word ^ less)
        borrow = less > word
        word &= less
    return ends - 1


def scores(spikes: np.ndarray, table: np.ndarray, mode: str) -> np.ndarray:
    """Score of each spike as ``scored`` gives it, 0 where there is none.

    ``spikes`` is (N, T, ...) of 0 and 1; returns int32 of that shape.
    """
    trains = np.moveaxis(spikes, 1, 0)
    found = np.zeros((len(trains), trains[0].size), dtype=np.int32)
    neurons = np.arange(found.shape[1])
    for at, times, values in scored(trains.reshape(found.shape), neurons, table, mode):
        found[times, at] = values
    return np.moveaxis(found.reshape(trains.shape), 0, 1)


def activation_map(spikes: np.ndarray, *, gamma: float = GAMMA, mode: str = "paper",
                   table: np.ndarray | None = None, map_bits=None) -> np.ndarray:
    """M: scores summed over channels.

    Parameters
    ----------
    spikes : (N, T, C, H, W) of 0 and 1
    gamma : float
    mode : "paper", "inclusive" or "official"
    table : None or int array
        In place of ``gamma``, as written to the chip.
    map_bits : None or int
        Of a chip whose maps are narrower than their sums: what does not fit stays at
        golden.formats.map_top. None for all sums as they are.

    Returns
    -------
    (N, T, H, W) int32 (int64 where more than 32 bits are needed), in units of 2**-SCORE_FRAC

    Raises ValueError for a gamma below 0 or not finite, or an unknown mode.
    """
    if mode not in MODES:
        raise ValueError(f"SAM mode must be one of {', '.join(MODES)}, not {mode}")
    count, steps, channels, *sides = spikes.shape
    if table is None:
        table = exp_table(gamma, steps)
    trains = spikes.transpose(1, 2, 3, 4, 0).reshape(steps, -1)
    pixels = trains.shape[1] // channels
    wide = np.int32 if channels * steps << SCORE_FRAC < 2**31 else np.int64
    found = np.zeros(steps * pixels, dtype=wide)
    kind = np.min_scalar_type(found.size)
    places = np.tile(np.arange(pixels, dtype=kind), channels)
    for at, times, values in scored(trains, places, table, mode):
        np.add.at(found, times.astype(kind) * pixels + at, values.astype(wide, copy=False))
    if map_bits is not None:
        np.minimum(found, min(map_top(map_bits), np.iinfo(wide).max), out=found)
    return found.reshape(steps, *sides, count).transpose(3, 0, 1, 2)
