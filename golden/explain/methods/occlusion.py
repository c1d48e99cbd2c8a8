"""How far a class falls when a square of the input is painted over."""

import numpy as np

from golden import kernel
from golden.explain.methods.base import Explanation, Method, input_only
from golden.io.errors import rule
from golden.run import run_batched

__all__ = ["HERE", "Occlusion", "squares"]


def squares(shape: tuple, window: int) -> list[tuple[int, int]]:
    """[(y, x)] where squares of ``window`` lie that cover (H, W), half of them apart."""
    stride = max(1, window // 2)
    sides = [sorted({*range(0, side - window + 1, stride), side - window}) for side in shape]
    return [(y, x) for y in sides[0] for x in sides[1]]


class Occlusion(Method):
    """Zeiler & Fergus 2014: score of the picture less score with a black square on it.

    A pixel gets the mean over the squares that cover it. Frames have the square in every step.
    """

    name, cost, takes = "occlusion", "a run for each square", ("window",)
    says = "how far the class falls when a square of the input is painted over"

    def layer(self, network, question):
        return input_only(question.layer, self.name)

    def side(self, network, question):
        """Side of the square."""
        return question.window or max(1, min(network.shape[1:]) // 4)

    def check(self, network, question):
        rule(self.side(network, question) <= min(network.shape[1:]), "--window",
             f"must be at most {min(network.shape[1:])}, the input's shorter side, "
             f"not {question.window}")

    def explain(self, asked):
        network, window = asked.network, self.side(asked.network, asked.question)
        image = asked.image.reshape(-1, *network.shape[-2:])
        places = squares(image.shape[1:], window)
        covered = np.repeat(image[None], len(places), axis=0)
        for one, (y, x) in zip(covered, places, strict=True):
            one[:, y:y + window, x:x + window] = 0
        result = run_batched(covered.reshape(-1, *asked.image.shape), network, taps=(), keep=False,
                             progress=asked.progress, kernel=kernel.default())
        falls = float(asked.result.logits[0, asked.target]) - result.logits[:, asked.target]
        total, times = np.zeros(image.shape[1:]), np.zeros(image.shape[1:])
        for fall, (y, x) in zip(falls, places, strict=True):
            total[y:y + window, x:x + window] += fall
            times[y:y + window, x:x + window] += 1
        heat = (total / times)[None]
        return Explanation(heat, heat, "fall of the class score",
                           f"Fall of the class score without squares of {window} x {window}",
                           [f"Squares: {len(places)}, largest fall {falls.max():.0f}"],
                           "mean of the squares")


HERE = (Occlusion(),)
