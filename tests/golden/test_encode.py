"""Encoders: what the first layer sees, bit for bit and in the mean."""

import numpy as np
import pytest

from golden.encode import WORD_STEPS, encode, randoms, trains_by_plane, xorshift32
from golden.importers.agreement import drawn_images
from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron
from golden.network.encoders import ENCODERS
from golden.run import check_images


def network(encoder, *, shape=(2, 3, 4), steps=6, seed=1):
    weights = np.ones((2, int(np.prod(shape))), dtype=np.int64)
    neuron = Neuron(np.int64(0), np.int64(0), reset="none")
    return Network(shape, steps, (Layer(weights, 2, neuron),), encoder=encoder, seed=seed)


def test_xorshift_by_hand():
    """Marsaglia's triple (13, 17, 5) from 1: 1 ^ 1 << 13 is 8193, no bit reaches >> 17, and
    8193 ^ 8193 << 5 is 270369.
    """
    assert xorshift32(1) == 270369


def test_randoms_restart_for_every_image_and_serve_four_steps():
    """Word n of pixel p is state p ceil(T / 4) + n + 1; its bytes serve steps, lowest first."""
    steps, count, state = 6, 5, 77
    table = randoms(77, count, steps)
    for pixel in range(count):
        for word in range(2):
            state = xorshift32(state)
            for byte, t in enumerate(range(word * WORD_STEPS, min(steps, (word + 1) * 4))):
                assert table[t, pixel] == state >> 8 * byte & 255


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8, 15, 16, 20, 100, 255, 256, 1023])
def test_latency_is_snntorchs(steps):
    """Every pixel spikes when snnTorch's linear code says, a black one never."""
    spikegen = pytest.importorskip("snntorch.spikegen")
    torch = pytest.importorskip("torch")
    net = network("latency", shape=(1, 16, 16), steps=steps)
    image = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    wanted = spikegen.latency(
        torch.from_numpy(image[0]).double() / 255, num_steps=steps, threshold=0.001, clip=True,
        normalize=True, linear=True)
    found = encode(image, net)[0]
    assert np.array_equal(found, wanted.numpy())
    assert found.sum() == 255 and (steps == 1 or found[0].sum() < 255)


def test_activations_are_the_sum_of_their_planes():
    """Of each encoder; the planes are spikes."""
    rng = np.random.default_rng(2)
    for name, encoder in ENCODERS.items():
        net = network(name)
        images = drawn_images(net, 3, seed=int(rng.integers(99)))
        active = encode(check_images(images, net), net)
        assert np.abs(active).max() <= encoder.top and (active.min() >= 0 or encoder.signed)
        planes = trains_by_plane(active, encoder)
        parts = planes.reshape(*active.shape[:3], encoder.planes, *active.shape[3:])
        assert planes.dtype == bool
        assert np.array_equal(np.einsum("ntcphw,p->ntchw", parts.astype(int), encoder.factors),
                              active)


def test_graded_frames_hold_four_bits():
    net = network("graded")
    frames = np.random.default_rng(0).integers(0, 16, (3, 6, 2, 3, 4)).astype(np.uint8)
    assert np.array_equal(encode(check_images(frames, net), net), frames)
    frames[1, 2, 0, 1, 1] = 16
    with pytest.raises(BadInput, match="frames must hold whole numbers from 0 to 15"):
        check_images(frames, net)


@pytest.mark.parametrize("encoder", ["bernoulli", "ternary", "current"])
def test_shapes_and_order(encoder):
    """(N, T, C, H, W), random numbers in (y, x, c) order, the same for every image."""
    net = network(encoder)
    images = np.random.default_rng(0).integers(0, 256, (2, *net.shape)).astype(np.uint8)
    got = encode(images, net)
    assert got.shape == (2, 6, 2, 3, 4) and got.dtype == np.int16
    table = randoms(net.seed, 24, 6)
    for n, t, c, y, x in np.ndindex(got.shape):
        drawn, pixel = int(table[t, (y * 4 + x) * 2 + c]), int(images[n, c, y, x])
        signed = pixel - 256 if pixel >= 128 else pixel
        assert got[n, t, c, y, x] == {
            "bernoulli": int(drawn < pixel), "current": pixel,
            "ternary": int(drawn < 2 * abs(signed)) * np.sign(signed)}[encoder]


def test_frames_pass():
    """Spike frames are what they are."""
    net = network("frames")
    frames = np.random.default_rng(0).integers(0, 2, (3, 6, 2, 3, 4)).astype(np.uint8)
    assert np.array_equal(encode(frames, net), frames)


def test_rates():
    """A pixel p spikes with p / 256, in ternary x with 2 |x| / 256 and its sign; five sigma."""
    net = network("bernoulli", shape=(1, 64, 64), steps=64)
    for pixel in (0, 1, 64, 200, 255):
        image = np.full((1, 1, 64, 64), pixel, dtype=np.uint8)
        count, chance = 64**3, pixel / 256
        sigma = np.sqrt(chance * (1 - chance) / count)
        assert abs(encode(image, net).mean() - chance) <= 5 * sigma
        ternary = encode(image, net.replace(encoder="ternary"))
        signed = pixel - 256 if pixel >= 128 else pixel
        chance = min(1, 2 * abs(signed) / 256)
        sigma = np.sqrt(chance * (1 - chance) / count)
        assert abs(np.abs(ternary).mean() - chance) <= 5 * sigma
        assert (np.sign(ternary) * np.sign(signed) >= 0).all()
    black = np.full((1, 1, 64, 64), 128, dtype=np.uint8)  # -128: always, and negative
    assert (encode(black, net.replace(encoder="ternary")) == -1).all()


def test_steps_do_not_repeat_each_other():
    """Spikes of neighbouring steps and pixels are as unrelated as chance, within five sigma."""
    net = network("bernoulli", shape=(1, 64, 64), steps=16)
    image = np.full((1, 1, 64, 64), 128, dtype=np.uint8)
    spikes = encode(image, net)[0, :, 0].reshape(16, -1).astype(float) * 2 - 1
    for a, b in [(spikes[1:], spikes[:-1]), (spikes[:, 1:], spikes[:, :-1]),
                 (spikes[1:, 1:], spikes[:-1, :-1]), (spikes[1:, :-1], spikes[:-1, 1:])]:
        assert abs((a * b).mean()) <= 5 / np.sqrt(a.size)
