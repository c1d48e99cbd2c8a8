"""Maps that know nothing of the network: a method that does not beat them says nothing."""

import zlib

import numpy as np

from golden.explain.methods.base import Explanation, Method, input_only

__all__ = ["HERE", "brightness", "centre", "random"]


def brightness(image):
    """(H, W) mean over the channels, and over the steps of frames."""
    return image.reshape(-1, *image.shape[-2:]).mean(axis=0)


def centre(image):
    """(H, W) that falls from the middle outwards: the distance to the middle below the largest."""
    rows, columns = (np.arange(side) - (side - 1) / 2 for side in image.shape[-2:])
    away = np.hypot(rows[:, None], columns)
    return away.max() - away


def random(image):
    """(H, W) drawn evenly from 0 to 1, another for every image and always the same for one."""
    return np.random.default_rng(zlib.crc32(image.tobytes())).random(image.shape[-2:])


class Control(Method):
    """A map of the input alone."""

    classed, signed, cost = False, False, "none"

    def __init__(self, name, rule, says):
        self.name, self.rule, self.says = name, rule, f"{says}: a control"

    def layer(self, network, question):
        return input_only(question.layer, self.name)

    def explain(self, asked):
        heat = self.rule(asked.image)[None].astype(float)
        return Explanation(heat, heat, self.name, f"Control: {self.name}", [], "the whole run")


HERE = (Control("brightness", brightness, "how bright the input is"),
        Control("centre", centre, "how near the middle a pixel is"),
        Control("random", random, "numbers without a meaning"))
