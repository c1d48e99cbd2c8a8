"""Whole networks in the integer model, and what they refuse."""

import numpy as np
import pytest

from golden.encode import encode
from golden.formats import MODES, exp_table
from golden.io.errors import BadInput
from golden.network import load
from golden.network.encoders import ENCODERS
from golden.network.result import Result, joined, stacked
from golden.neurons.population import fire
from golden.readout import class_scores
from golden.run import check_images, check_taps, run, run_batched
from golden.sam import activation_map
from golden.synapses import pooled, weighted
from verify.networks import draw, images


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("encoder", ENCODERS)
def test_is_its_parts(seed, encoder):
    """Encode, pool, sum, fire, map and score, image by image; counts are of what is not 0."""
    network = draw(seed, hardware=False, encoder=encoder)
    pixels, mode = images(network, 3, seed), MODES[seed % 3]
    got = run(pixels, network, gamma=0.3, mode=mode)
    for n, image in enumerate(pixels):
        active = encode(image[None], network)
        assert np.array_equal(got.spikes_input[n], active[0])
        counts = [np.count_nonzero(active)]
        for stage in network.stages:
            maps = active[0]
            for pool in stage.pools:
                maps = pooled(maps, pool)
            sums = np.concatenate([weighted(step[None], stage.layer, stage.top) for step in maps])
            active, membranes = fire(sums[None], stage.layer)
            if stage.layer.spiking:
                counts.append(active.sum())
                assert np.array_equal(got.spikes[stage.index][n], active[0])
                assert np.array_equal(got.maps[stage.index][n],
                                      activation_map(active, gamma=0.3, mode=mode)[0])
        scores = class_scores(active, membranes, network.readout)[0]
        assert np.array_equal(got.scores[n], scores)
        assert np.array_equal(got.logits[n], scores[-1])
        assert got.counts[n].tolist() == counts
    assert np.array_equal(got.pred, got.logits.argmax(axis=1))


def test_batches_are_joined():
    network = draw(4)
    pixels = images(network, 7)
    whole = run(pixels, network).arrays()
    joined = run_batched(pixels, network, batch=3).arrays()
    assert whole.keys() == joined.keys()
    assert all(np.array_equal(whole[key], joined[key]) for key in whole)


@pytest.mark.parametrize("jobs", [2, 5])
def test_batches_at_once_are_joined_in_order(jobs):
    network = draw(4)
    pixels, seen = images(network, 23), []
    whole = run(pixels, network).arrays()
    joined = run_batched(pixels, network, batch=4, jobs=jobs,
                         progress=lambda starts: (seen.append(n) or n for n in starts)).arrays()
    assert seen == [0, 4, 8, 12, 16, 20]
    assert all(np.array_equal(whole[key], joined[key]) for key in whole)


def test_taps_table_and_keep():
    network = draw(4)
    pixels = images(network, 2)
    everything = run(pixels, network, gamma=0.8)
    some = run(pixels, network, taps=(2, 1, 2), table=exp_table(0.8, network.steps), keep=False)
    assert some.spikes == {} and some.spikes_input is None and list(some.maps) == [1, 2]
    assert all(np.array_equal(some.maps[tap], everything.maps[tap]) for tap in (1, 2))


def test_array_names():
    """Those of the .npz that every engine writes."""
    network = draw(4)
    names = {"pred", "logits", "scores", "counts", "spikes_input"}
    for tap in network.taps:
        names |= {f"spikes_{tap}", f"sam_{tap}", f"sam_frac_{tap}"}
    assert run(images(network, 2), network).arrays().keys() == names


def test_refuses_taps_and_images():
    network = draw(4)
    assert check_taps([3, 1, 1], network) == (1, 3)
    for tap in (0, 4, 9, -1):
        with pytest.raises(BadInput, match=f"layer {tap} is no spiking layer of this network; "):
            check_taps([tap], network)
    frames = draw(4, encoder="frames")
    wanted = (2, frames.steps, *frames.shape)
    assert check_images(np.ones(wanted), frames).dtype == np.uint8
    with pytest.raises(BadInput, match="spike frames must hold only 0 and 1"):
        check_images(np.full(wanted, 2), frames)
    with pytest.raises(BadInput, match="spike frames must be"):
        check_images(np.ones(wanted[1:]), frames)


def test_what_an_engine_does_not_give_is_left_out():
    """A chip, and the gates it is made of, tell no spikes."""
    numbers = np.zeros((1, 2, 3))
    found = Result(logits=numbers[0], scores=numbers, counts=numbers[:, 0],
                   maps={2: numbers}).arrays()
    assert set(found) == {"pred", "logits", "scores", "counts", "sam_2", "sam_frac_2"}


def test_results_of_single_images_are_stacked_and_taken_apart():
    network = load("models/fashion_small.npz")
    images = np.random.default_rng(3).integers(0, 256, (3, *network.shape)).astype(np.uint8)
    found = run(images, network)
    single = [found.image(n) for n in range(3)]
    assert isinstance(single[0].pred, int) and [one.pred for one in single] == found.pred.tolist()
    for again in (stacked(single), joined([run(images[n:n + 1], network) for n in range(3)])):
        wanted, got = found.arrays(), again.arrays()
        assert list(wanted) == list(got)
        assert all(np.array_equal(wanted[key], got[key]) for key in wanted)
    assert list(vars(stacked(single, ["logits", "scores", "counts"])).values())[3:5] == [{}, {}]


def test_no_map_has_no_value_at_its_top():
    """Images are still counted one by one."""
    network = draw(2)
    assert run(images(network, 3, 1), network, taps=(), map_bits=8).saturated.tolist() == [0, 0, 0]
