"""A network whose every explanation can be written down by hand, and pictures for it.

The input is 2 x 4; layer 1 hands its spikes on as they are; class 0 counts those of the left half
and class 1 those of the right. A membrane unit of the read-out is log 3, so that probabilities are
powers of three.
"""

import numpy as np

from golden.network import Layer, Network, Neuron

STEPS = 3


def two_sided(encoder="frames"):
    """The Network."""
    left = np.tile([1, 1, 0, 0], 2)
    passing = Neuron(np.int64(1), np.int64(0), reset="zero", compare="ge")
    return Network((1, 2, 4), STEPS, encoder=encoder, name="two-sided", layers=(
        Layer(np.ones((1, 1, 1, 1), int), 4, passing),
        Layer(np.stack([left, 1 - left]), 4, Neuron(np.int64(0), np.int64(0), reset="none"),
              scale=float(np.log(3)))))


def pictures():
    """(2, T, 1, 2, 4): three spikes of the upper left pixel; two of the lower right, at 0 and 2."""
    found = np.zeros((2, STEPS, 1, 2, 4), np.uint8)
    found[0, :, 0, 0, 0] = 1
    found[1, ::2, 0, 1, 3] = 1
    return found


def masks():
    """(2, 2, 4): the object is two pixels wide in either picture."""
    found = np.zeros((2, 2, 4), bool)
    found[0, 0, :2] = found[1, 1, 2:] = True
    return found
