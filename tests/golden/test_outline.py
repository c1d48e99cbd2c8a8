"""Lists of layers: what each word means, and how wrong ones are refused."""

import pytest

from golden.importers.outline import outline_of, parsed
from golden.io.errors import BadInput
from golden.network import load


def test_words_by_hand():
    """N-MNIST's CNN: 34 - 4 = 30, pooled 15, - 4 = 11, pooled 5: 800 inputs for 10 classes."""
    outline = parsed("2x34x34 conv12k5 pool2 conv32k5 pool2 dense10", steps=20, bits=3)
    network = outline.network()
    assert [stage.shape for stage in network.stages] == [(12, 30, 30), (32, 11, 11), (10, 1, 1)]
    assert network.stages[2].layer.weights.shape == (10, 800)
    assert (network.steps, network.stages[0].layer.bits) == (20, 3)
    assert [layer.kind for layer in network.layers if not layer.weighted] == ["max", "max"]
    assert network.readout == "membrane"
    grouped = parsed("4x9x9 conv8k3s2p1g4 avgpool2s1 dense3").parts
    assert (grouped[0].stride, grouped[0].padding, grouped[0].groups) == (2, 1, 4)
    assert (grouped[1].how, grouped[1].kernel, grouped[1].stride) == ("avg", 2, 1)


def test_numbers_with_dashes_are_dense_layers():
    assert parsed("784-128-10") == parsed("784 dense128 dense10") == parsed("784x1x1 fc128 fc10")


@pytest.mark.parametrize("name", ["fashion", "dense784", "scenes", "digits"])
def test_words_of_a_network_give_its_layers_again(name):
    network = load(name)
    outline = outline_of(network)
    again = parsed(outline.words, steps=outline.steps, bits=outline.bits, beta=outline.beta)
    assert again == outline
    assert [stage.shape for stage in again.network().stages] == [
        stage.shape for stage in network.stages]


def test_a_norm_over_time_has_no_word():
    assert outline_of(load("fashion-bntt")) is None


@pytest.mark.parametrize("text, rule", [
    ("", "must begin with the input"), ("dense10", "must begin with the input"),
    ("1x28x28", "the last layer must be a dense one"),
    ("1x28x28 conv8k3", "the last layer must be a dense one"),
    ("1x28x28 con8k3 dense10", "con8k3: is no layer; layers are conv12k5"),
    ("1x28x28 conv8 dense10", "conv8: is no layer"),
    ("1x28x28 conv0k3 dense10", "conv0k3: numbers must be 1 to 65536"),
    ("1x28x28 conv8k3s0 dense10", "numbers must be 1 to 65536"),
    ("1x28x28 conv8k30 dense10", "conv8k30"),
    ("1x2x2 pool4 dense10", "maxpool4"),
    ("784-65536-65536", "weights, more than"),
    ("5000x1x1 dense10", "each 1 to 4096"),
])
def test_what_is_wrong_is_named(text, rule):
    with pytest.raises(BadInput) as caught:
        parsed(text).network()
    assert rule in str(caught.value) and "\n" not in str(caught.value)
