"""golden against real arithmetic, where integers hold every parameter: equal, not close."""

import numpy as np
import pytest
from hypothesis import assume, given, settings

from golden.importers import float_run
from golden.importers.quantise import quantise_with_report
from golden.run import run
from tests.helpers.float_networks import float_networks, images_for

pytestmark = pytest.mark.slow


@settings(max_examples=60, deadline=None, derandomize=True)
@given(float_networks())
def test_integers_equal_real_numbers(network):
    """Every spike and every score, whatever the order, kernel, stride, padding, groups and T."""
    made, reasons = quantise_with_report(network, membrane_bits=32)
    # Leaks of small shares over many steps may need membranes of more than 32 bits.
    assume(not any("leaked membranes cut" in reason for each in reasons for reason in each))
    assert not any(reasons), reasons
    images = images_for(network)
    wanted, got = float_run.run(images, network), run(images, made, mode="inclusive")
    for tap in made.taps:
        assert np.array_equal(got.spikes[tap], wanted.spikes[tap - 1]), f"layer {tap}"
    unit = made.stages[-1].layer.scale if made.readout == "membrane" else 1
    assert np.array_equal(got.logits * unit, wanted.logits)
