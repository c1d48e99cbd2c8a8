"""The integer map against the direct sums of the paper and of its authors' script."""

import numpy as np
import pytest

from golden.formats import MODES, SCORE_FRAC, TABLE_FRAC, exp_table, map_bits
from golden.sam import activation_map, histories, scores, take_first
from tests.helpers.direct_sam import bound, direct

ONE = 1 << SCORE_FRAC
GAMMAS = (0.0, 0.05, 0.1, 0.3, 0.5, 1.0)


def spike_trains(steps, seed=0):
    """(N, T) trains of every density, with the corners: silence, every step, only the ends."""
    rng = np.random.default_rng(seed)
    rates = np.linspace(0.02, 1, 40)[:, None]
    trains = (rng.random((40, steps)) < rates).astype(int)
    trains[0], trains[1] = 0, 0
    trains[1, [0, -1]] = 1
    return trains


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("steps", [16, 30, 255])
def test_within_the_bound_of_the_direct_sum(steps, gamma, mode):
    """As derived in ``bound``; and the bound says something: below 3 % of the largest score."""
    trains = spike_trains(steps)
    want, _ = direct(trains, gamma, mode)
    got = scores(trains, exp_table(gamma, steps), mode)
    error = np.abs(got - want * ONE) * trains
    limit = bound(trains, gamma, mode) * trains
    assert (error <= limit + 1e-6).all()
    assert limit.max() < 0.03 * ONE * want.max()
    assert not got[trains == 0].any()


@pytest.mark.parametrize("gamma", [0.3, 0.5, 1.0])
def test_the_bound_of_the_docstring(gamma):
    """(1/2 + A 2**(SCORE_FRAC - TABLE_FRAC - 1)) / (1 - exp(-gamma)), A at most its limit."""
    trains = spike_trains(255)
    want, ahead = direct(trains, gamma, "inclusive")
    error = np.abs(scores(trains, exp_table(gamma, 255), "inclusive") - want * ONE) * trains
    limit = (0.5 + ahead.max() * 2.0**(SCORE_FRAC - TABLE_FRAC - 1)) / (1 - np.exp(-gamma))
    assert 0.2 * limit < error.max() < limit


@pytest.mark.parametrize("mode", MODES)
def test_gamma_0_counts_exactly(mode):
    """paper: earlier spikes; inclusive: with itself; official: t + 1, whatever the train."""
    trains = spike_trains(30)
    count = np.cumsum(trains, axis=1)
    want = {"paper": count - 1, "inclusive": count,
            "official": np.broadcast_to(np.arange(1, 31), trains.shape)}[mode] * trains
    assert np.array_equal(scores(trains, exp_table(0, 30), mode), want * ONE)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_inclusive_is_paper_plus_one_a_spike(gamma):
    """Equal, not close: M_inclusive = M_paper + sum over channels of S."""
    rng = np.random.default_rng(2)
    spikes = (rng.random((3, 20, 5, 4, 3)) < 0.4).astype(np.uint8)
    paper, inclusive = (activation_map(spikes, gamma=gamma, mode=mode)
                        for mode in ("paper", "inclusive"))
    assert np.array_equal(inclusive, paper + ONE * spikes.sum(axis=2, dtype=int))


def test_by_hand():
    """Spikes at 0, 1 and 3 with E = 32768, 16384, 8192, 4096 (gamma = log 2):

    A = 1, 3/2 and 1 + 3/2 / 4 = 11/8; paper 0, 1/2, 3/8; the ghost at 3 is 1 * E[3] = 1/8.
    """
    train = np.array([[1, 1, 0, 1]])
    table = exp_table(np.log(2), 4)
    assert table.tolist() == [32768, 16384, 8192, 4096]
    assert scores(train, table, "paper").tolist() == [[0, 128, 0, 96]]
    assert scores(train, table, "inclusive").tolist() == [[256, 384, 0, 352]]
    assert scores(train, table, "official").tolist() == [[256, 384, 0, 384]]


def test_range_of_facts():
    """T = 30, spikes at every step: 1 / (1 - exp(-gamma)) less the tail, as in FACTS 1."""
    trains = np.ones((1, 30), dtype=int)
    for gamma, top in [(0, 30), (0.1, 9.985), (0.3, 3.858), (0.4, 3.033), (0.5, 2.542), (1, 1.582)]:
        got = scores(trains, exp_table(gamma, 30), "inclusive").max() / ONE
        assert abs(got - top) < 0.02


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("gamma", GAMMAS)
def test_no_score_is_above_the_number_of_steps(gamma, mode):
    """So that golden.formats.score_bits is enough."""
    for steps in (1, 2, 16, 255):
        assert scores(spike_trains(steps), exp_table(gamma, steps), mode).max() <= steps * ONE


def test_map_sums_channels_and_its_format_holds_them():
    """16 steps of 4 channels at gamma 0 end at 64, for which the format has just enough bits."""
    spikes = np.ones((1, 16, 4, 1, 2), dtype=np.uint8)
    spikes[..., 1] = 0
    spikes[:, :, 1, :, 1] = 1
    maps = activation_map(spikes, gamma=0, mode="inclusive")
    assert maps[0, :, 0, 0].tolist() == [4 * ONE * (t + 1) for t in range(16)]
    assert maps[0, :, 0, 1].tolist() == [ONE * (t + 1) for t in range(16)]
    assert 2**(map_bits(4, 16) - 1) <= maps.max() < 2**map_bits(4, 16)


def test_no_map_has_a_top_unless_it_is_asked_for():
    """20 channels at gamma 0 pass 2**16 - 1 after 12 steps; of 15 bits more than half is lost."""
    spikes = np.ones((1, 16, 20, 1, 1), dtype=np.uint8)
    maps = lambda **options: activation_map(spikes, gamma=0, mode="inclusive", **options).ravel()
    want = 20 * ONE * np.arange(1, 17)
    assert (maps() == want).all() and (maps(map_bits=17) == want).all()
    assert want[11] < 2**16 <= want[12]
    assert (maps(map_bits=16) == np.minimum(want, 2**16 - 1)).all()
    assert (maps(map_bits=15) == np.minimum(want, 2**15 - 1)).all()


def test_maps_of_more_than_31_bits():
    """40,000 channels of 255 steps end beyond int32."""
    spikes = np.ones((1, 255, 40_000, 1, 1), dtype=np.uint8)
    maps = activation_map(spikes, gamma=0, mode="inclusive").ravel()
    assert maps.tolist() == [40_000 * ONE * n for n in range(1, 256)] and maps[-1] > 2**31


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("gamma", [0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("steps, channels", [(16, 64), (255, 70)])
def test_maps_are_the_real_sums_but_for_what_their_scores_are_rounded_by(
        steps, channels, gamma, mode):
    """Of channels that all fire nearly always: no map value is off by more than its scores are."""
    rng = np.random.default_rng(steps)
    trains = (rng.random((3, channels, steps)) < [[[0.99]], [[0.5]], [[0.02]]]).astype(int)
    found = activation_map(trains.transpose(0, 2, 1)[..., None, None], gamma=gamma, mode=mode)
    real, limit = np.zeros((3, steps)), np.zeros((3, steps))
    for pixel in range(3):
        real[pixel] = ONE * direct(trains[pixel], gamma, mode)[0].sum(axis=0)
        limit[pixel] = (bound(trains[pixel], gamma, mode) * trains[pixel]).sum(axis=0)
    assert (np.abs(found[:, :, 0, 0] - real) <= limit + 1e-6).all()
    if gamma == 0:
        assert found.max() > 0.9 * channels * (steps - 1) * ONE > 2**16


def test_table_in_place_of_gamma():
    spikes = (np.random.default_rng(0).random((2, 9, 3, 2, 2)) < 0.5).astype(int)
    table = exp_table(0.7, 9)
    assert np.array_equal(activation_map(spikes, gamma=9, table=table),
                          activation_map(spikes, gamma=0.7))


def test_refuses():
    spikes = np.zeros((1, 4, 1, 1, 1))
    with pytest.raises(ValueError, match="SAM mode must be one of paper, inclusive, official, not"):
        activation_map(spikes, mode="strict")
    with pytest.raises(ValueError, match="gamma must be"):
        activation_map(spikes, gamma=-1)


@pytest.mark.parametrize("steps", [1, 7, 8, 9, 31, 32, 33, 64, 65, 128, 129, 255, 300])
def test_histories_give_the_spikes_one_after_the_other(steps):
    """Of trains of every density, in one word of every width and in several."""
    trains = spike_trains(steps).astype(np.uint8)
    spikes = [np.flatnonzero(train).tolist() for train in trains]
    left, given = histories(trains.T), [[] for _ in trains]
    while left.any():
        some = np.flatnonzero(left.any(axis=0))
        taken = left[:, some]
        for k, t in zip(some, take_first(taken), strict=True):
            given[k].append(int(t))
        left[:, some] = taken
    assert given == spikes


@pytest.mark.parametrize("mode", MODES)
def test_pieces_make_a_whole(monkeypatch, mode):
    """However few neurons are scored at once."""
    spikes = (np.random.default_rng(3).random((2, 20, 3, 5, 4)) < 0.2).astype(np.uint8)
    want = activation_map(spikes, mode=mode)
    for piece in (1, 7, 119, 120):
        monkeypatch.setattr("golden.sam.PIECE", piece)
        assert np.array_equal(activation_map(spikes, mode=mode), want)


@pytest.mark.parametrize("channels, side", [(1, 1), (2, 11), (3, 90)])
def test_maps_of_every_size(channels, side):
    """Cells are numbered in 8, 16 or 32 bits, as many as needed."""
    spikes = np.ones((1, 30, channels, side, side), dtype=np.uint8)
    maps = activation_map(spikes, gamma=0, mode="inclusive")
    assert (maps == channels * ONE * np.arange(1, 31)[None, :, None, None]).all()


@pytest.mark.parametrize("steps, unit", [(255, 1 << 15), (256, 1 << 15), (20, 60000)])
def test_widest_products_do_not_overflow(steps, unit):
    """The largest A and table that int32 takes, one step more, and a table that decays nothing."""
    table = np.full(steps, unit)
    a = want = 0
    for _ in range(steps):
        a = (1 << SCORE_FRAC) + (unit * a + (1 << TABLE_FRAC - 1) >> TABLE_FRAC)
        want = a
    got = scores(np.ones((1, steps), dtype=np.uint8), table, "inclusive")
    assert got[0, -1] == want and want < 2**31
