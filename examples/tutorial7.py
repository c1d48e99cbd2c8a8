"""snnTorch's tutorial 7: events of a moving sensor, 2 x 34 x 34, Conv-MaxPool-Leaky.

Run `python examples/tutorial7.py`; it takes two minutes. In place of N-MNIST, a download, digits
that scikit-learn ships move in saccades; events are where it gets brighter, and where darker.
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from snntorch import Leaky, surrogate, utils
from torch import nn

import sam_snn

STEPS, BETA = 8, 0.9375
PATH = np.array([(0, 0), (1, 2), (2, 4), (3, 6), (3, 4), (4, 2), (3, 1), (1, 1), (0, 0)]) + 1


def events(count):
    """(N, T, 2, 34, 34) uint8 and labels."""
    images, labels = load_digits(return_X_y=True)
    frames = np.zeros((count, STEPS + 1, 34, 34))
    for step, (y, x) in enumerate(PATH):
        frames[:, step, y:y + 24, x:x + 24] = np.kron(
            images[:count].reshape(-1, 8, 8), np.ones((3, 3)))      # 24 x 24 pixels of 0 to 16
    change = np.diff(frames, axis=1)
    return np.stack([change > 4, change < -4], axis=2).astype(np.uint8), labels[:count]


def net():
    how = {"beta": BETA, "spike_grad": surrogate.atan(), "init_hidden": True}
    return nn.Sequential(
        nn.Conv2d(2, 12, 5), nn.MaxPool2d(2), Leaky(**how),
        nn.Conv2d(12, 32, 5), nn.MaxPool2d(2), Leaky(**how),
        nn.Flatten(), nn.Linear(800, 10), Leaky(**how, output=True))


def main(count=1000, epochs=5):
    torch.manual_seed(1)
    frames, labels = events(count + 100)
    data, names, model = torch.from_numpy(frames).float(), torch.from_numpy(labels), net()
    adam = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(epochs):
        for index in torch.randperm(count).split(40):
            utils.reset(model)
            counts = sum(model(data[index, step])[0] for step in range(STEPS))
            adam.zero_grad()
            nn.functional.cross_entropy(counts, names[index]).backward()
            adam.step()
    made = sam_snn.compile(model.eval(), shape=(2, 34, 34), steps=STEPS, bits=4,
                           images=frames[count:], labels=labels[count:])       # not learnt
    print(made, made.fits("icebreaker"), sep="\n")
    golden, rtl = (made.run(frames[-2:], engine=each).arrays() for each in ("golden", "rtl"))
    equal = all((golden[name] == rtl[name]).all() for name in golden)
    print("RTL = golden in every array" if equal else "RTL differs from golden")
    return made


if __name__ == "__main__":
    main()
