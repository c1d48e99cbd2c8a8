"""SNN-crafted Grad-CAM as a method of golden.explain.methods: the one that needs gradients."""

from golden.explain.methods.base import Explanation, Method
from golden.explain.methods.sam import map_layer
from train.core.explainers import snn_gradcam, tap_gradients

__all__ = ["METHOD", "GradCam"]


class GradCam(Method):
    """Kim & Panda 2021, eq. 1-2: G[t] = max(0, sum_k alpha_k A_k[t]), alpha summed over the steps.

    Forward the integers of golden, backward the surrogate gradient of train.core.twin. Where the
    gradient of the class is negative everywhere the map is empty, which the command says.
    """

    name, cost = "gradcam", "one pass backwards, in torch"
    says = "SNN-crafted Grad-CAM, what the paper compares SAM with (needs torch)"
    signed = False

    def layer(self, network, question):
        return map_layer(network, question.layer)

    def explain(self, asked):
        found = tap_gradients(asked.network, asked.image[None], [asked.target], [asked.layer])
        heat = snn_gradcam(*found[asked.layer])[0]
        said = f"Largest: {heat.max():.4g}" if heat.any() else (
            "the map is empty: no channel speaks for the class by its gradient")
        return Explanation(heat, heat, "weighted activation",
                           f"SNN-crafted Grad-CAM of layer {asked.layer}", [said])


METHOD = GradCam()
