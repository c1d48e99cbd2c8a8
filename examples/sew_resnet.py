"""A SEW-ResNet of three blocks: each adds its spikes to those that it reads (SEW's ADD).

Run `python examples/sew_resnet.py`; it takes a minute. Trained on scikit-learn's digits, as noise.
"""

import numpy as np
import snntorch as snn
import torch
from digits16 import shown
from sklearn.datasets import load_digits
from torch import nn

import sam_snn
from train.finetune import class_scores

STEPS, BETA, CHANNELS, LEARNT = 8, 0.875, 8, 1200


class Block(nn.Module):
    """x + spikes of two convolutions of x."""

    def __init__(self, channels):
        super().__init__()
        self.layers = nn.Sequential(*(
            part for _ in range(2)
            for part in (nn.Conv2d(channels, channels, 3, padding=1, bias=False),
                         snn.Leaky(beta=BETA, init_hidden=True))))

    def forward(self, x):
        return x + self.layers(x)


def net():
    return nn.Sequential(
        nn.Conv2d(1, CHANNELS, 3, stride=2, padding=1, bias=False),
        snn.Leaky(beta=BETA, init_hidden=True),
        *(Block(CHANNELS) for _ in range(3)),
        nn.Flatten(), nn.Linear(CHANNELS * 64, 10))


def main(epochs=6):
    torch.manual_seed(1)
    torch.set_num_threads(1)
    pictures, labels = load_digits(return_X_y=True)
    images = np.kron(pictures.reshape(-1, 1, 8, 8) * 255 / 16, np.ones((2, 2))).astype(np.uint8)
    pixels, names = torch.from_numpy(images).float() / 255, torch.from_numpy(labels)
    model = net()
    adam = torch.optim.Adam(model.parameters(), 4e-3)
    for _ in range(epochs):
        for index in torch.randperm(LEARNT).split(50):
            adam.zero_grad()
            nn.functional.cross_entropy(
                class_scores(model, pixels[index], STEPS, "bernoulli"), names[index]).backward()
            adam.step()
    return shown(sam_snn.compile(model.eval(), shape=(1, 16, 16), steps=STEPS, bits=4,
                                 images=images[LEARNT:], labels=labels[LEARNT:]))


if __name__ == "__main__":
    main()
