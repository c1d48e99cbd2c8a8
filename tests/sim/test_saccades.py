"""Frames of an event camera in rounds of steps and of chunks: golden's spikes, scores and maps."""

import pytest

from golden.images import load_images
from golden.network import load
from tests.helpers.equal import assert_equal

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("schedule", ["steps", "chunks"])
def test_recordings_in_rounds(schedule):
    """Both equal golden in all arrays, so each other."""
    network = load("saccades")
    frames = load_images("saccades", network)[0][:2]
    assert_equal(network, frames, {"schedule": schedule}, {}, stall=0, quick=False)
