"""Trials that go wrong, to see that verify.drawn.trial says so."""

import os
import subprocess
from dataclasses import replace

from verify.drawn import trial


def sleeps(argument):
    """Never ends, and has a child that does not either."""
    subprocess.run(["sleep", "1000"])


def raises(argument):
    """Fails."""
    raise ValueError("as asked\nfor")


def dies(argument):
    """Ends without an answer."""
    os._exit(3)


def other(case):
    """A trial in which golden is of another seed: the encoder's spikes differ."""
    real = trial.run
    trial.run = lambda pictures, network, **options: real(
        pictures, replace(network, seed=network.seed + 1), **options)
    return trial.differing(case)
