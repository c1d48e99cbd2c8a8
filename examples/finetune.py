"""Two bits a weight: what rounding costs, and what three epochs of fine-tuning give back.

Run `python examples/finetune.py`; it takes a minute, on scikit-learn's 8 x 8 digits.
"""

import numpy as np
import snntorch as snn
import torch
from sklearn.datasets import load_digits
from torch import nn

import sam_snn
from train.finetune import class_scores

BITS, STEPS = 2, 16


def net():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), snn.Leaky(beta=15 / 16, init_hidden=True),
        nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False),
        snn.Leaky(beta=15 / 16, init_hidden=True), nn.Flatten(), nn.Linear(256, 10, bias=False))


def batches(images, labels):
    """A new order each time it is gone through."""
    order = torch.randperm(len(images)).split(50)
    return [(images[index], labels[index]) for index in order]


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)        # threads within small operations mostly wait for each other
    digits = load_digits()
    images = torch.from_numpy(np.rint(digits.images * 255 / 16).astype(np.uint8)[:, None])
    labels = torch.from_numpy(digits.target)
    learn, test = slice(360, None), slice(0, 360)
    model = net()
    adam = torch.optim.Adam(model.parameters(), 4e-3)
    for _ in range(6):
        for some, names in batches(images[learn], labels[learn]):
            loss = nn.functional.cross_entropy(
                class_scores(model, some / 255, STEPS, "bernoulli"), names)
            adam.zero_grad()
            loss.backward()
            adam.step()

    def told(title):
        made = sam_snn.compile(model, shape=(1, 8, 8), steps=STEPS, bits=BITS,
                               images=images[test].numpy(), labels=labels[test].numpy())
        print(f"{title}: {made.report.first}")
        return made.report.accuracy[1]

    before = told("rounded")
    sam_snn.finetune(model, batches(images[learn], labels[learn]), bits=BITS, steps=STEPS)
    return before, told("fine-tuned")


if __name__ == "__main__":
    main()
