"""Fine-tune a torch module for a few epochs with weights rounded to the bits that it will have.

Weights are rounded forward to whole steps of -top to top, top = 2**(bits - 1) - 1, and each layer
learns the size of its step (LSQ, arXiv:1902.08153); gradients pass the rounding. Afterwards weights
are such whole steps, which golden.importers.quantise finds and keeps exactly. Weights in front of a
batch norm are multiplied by its gains later, and then rounded once more.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from golden.io.errors import rule
from train.core.snn import Quantise

__all__ = ["finetune"]

WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d)
ENCODERS = ("bernoulli", "current", "frames")


class Rounded(nn.Module):
    """Weights as whole steps of a learned size."""

    def __init__(self, weight, bits):
        super().__init__()
        self.top = 2**(bits - 1) - 1
        self.step = nn.Parameter(2 * weight.detach().abs().mean() / math.sqrt(self.top) + 1e-9)

    def forward(self, weight):
        step = self.step.abs() + 1e-12
        return Quantise.apply(weight, step, self.top) * step.detach()


def class_scores(model, images, steps, encoder):
    """(N, classes): the sum over all steps of what the module gives for a step's input.

    Hidden states are reset first. ``images`` are real numbers from 0 to 1, or, for encoder
    "frames", spikes (N, T, ...).
    """
    for module in model.modules():
        for name in ("reset_mem", "reset_hidden"):
            if callable(getattr(module, name, None)):
                getattr(module, name)()
                break
    total = 0
    for t in range(steps):
        if encoder == "frames":
            given = images[:, t]
        else:
            given = images if encoder == "current" else (torch.rand_like(images) < images).float()
        found = model(given)
        total = total + (found[0] if isinstance(found, tuple) else found)
    return total


def finetune(model, loader, *, bits=4, steps=16, encoder="bernoulli", epochs=3, rate=1e-3,
             scores=None, log=None):
    """Fine-tune ``model`` in place and return it; its weights are then whole steps.

    Parameters
    ----------
    model : torch.nn.Module
        Of Linear and Conv layers and of neurons with a surrogate gradient.
    loader : iterable of (images, labels)
        Gone through once an epoch, as a DataLoader is. Images are uint8, or real numbers from 0 to
        1; spikes (N, T, ...) for encoder "frames".
    bits : int or sequence of int
        Width of the weights, 2 to 8; a sequence gives each weighted layer its own.
    steps, encoder :
        As in compile; "bernoulli" draws anew each time, so that no random numbers are learnt.
    epochs, rate : int, float
        Passes over the loader, and the rate of Adam at their start; it falls as half a cosine.
    scores : None or function (model, images) -> (N, classes)
        How the module is run; without, it is called once a step and its outputs are added up.
    log : None or function (epoch, loss)

    Raises BadInput, naming the argument, where there is nothing to round or to learn from.
    """
    layers = [module for module in model.modules() if isinstance(module, WEIGHTED)]
    rule(layers, "model", "has no Linear and no Conv layer whose weights could be rounded")
    widths = [bits] * len(layers) if isinstance(bits, int) else list(bits)
    rule(len(widths) == len(layers) and all(isinstance(b, int) and 2 <= b <= 8 for b in widths),
         "bits", f"must be 2 to 8, one number or one for each of the {len(layers)} layers")
    rule(encoder in ENCODERS, "encoder", f"must be one of {', '.join(ENCODERS)}, not {encoder}")
    rule(isinstance(epochs, int) and epochs >= 1, "epochs", f"must be at least 1, not {epochs}")
    run = scores or (lambda module, images: class_scores(module, images, steps, encoder))
    training = model.training
    for layer, width in zip(layers, widths, strict=True):
        parametrize.register_parametrization(layer, "weight", Rounded(layer.weight, width))
    try:
        adam = torch.optim.Adam(model.parameters(), rate)
        fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, epochs)
        model.train()
        for epoch in range(epochs):
            lost, count = 0.0, 0
            for images, labels in loader:
                images = torch.as_tensor(images)
                images = images.float() / 255 if images.dtype == torch.uint8 and (
                    encoder != "frames") else images.float()
                loss = F.cross_entropy(run(model, images), torch.as_tensor(labels).long())
                adam.zero_grad()
                loss.backward()
                adam.step()
                lost, count = lost + loss.item(), count + 1
            rule(count, "loader", "gave no batch; an iterator is empty after its first epoch")
            fall.step()
            if log:
                log(epoch + 1, lost / count)
    finally:
        for layer in layers:
            parametrize.remove_parametrizations(layer, "weight")
        model.train(training)
    return model
