"""What the examples of other frameworks share: digits of 16 x 16 as spikes, training, and a run.

Run `python examples/digits16.py` to see what a network is shown of one digit.
"""

import numpy as np
import torch
from sklearn.datasets import load_digits

STEPS, SHAPE = 8, (1, 16, 16)


def frames(count):
    """(N, T, 1, 16, 16) uint8 and labels: a pixel fires the more often the brighter it is."""
    images, labels = load_digits(return_X_y=True)
    shade = np.kron(images[:count].reshape(-1, 1, 1, 8, 8) / 16, np.ones((2, 2)))
    drawn = np.random.default_rng(1).random((count, STEPS, *SHAPE))
    return (drawn < shade).astype(np.uint8), labels[:count]


def train(model, run, spikes, labels, epochs):
    """Train a model, whose ``run(model, frames)`` gives spikes (N, T, 10), on their counts."""
    data, names = torch.from_numpy(spikes).float(), torch.from_numpy(labels)
    adam = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(epochs):
        for index in torch.randperm(len(data)).split(50):
            adam.zero_grad()
            torch.nn.functional.cross_entropy(
                run(model, data[index]).sum(dim=1), names[index]).backward()
            adam.step()


def spikes_of(model, run, spikes):
    """What a model's last layer fires."""
    with torch.no_grad():
        return run(model, torch.from_numpy(spikes).float()).numpy()


def trained(model, run, count, epochs):
    """(100 pictures that are not learnt, their labels, what the trained model fires on them)."""
    spikes, labels = frames(count + 100)
    train(model, run, spikes[:count], labels[:count], epochs)
    return spikes[count:], labels[count:], spikes_of(model, run, spikes[count:])


def shown(made):
    """Print how a compiled network is kept and fits, and whether its RTL is golden's; return it."""
    print(made, made.fits("icebreaker"), sep="\n")
    golden, rtl = (made.run(limit=2, engine=each).arrays() for each in ("golden", "rtl"))
    equal = all((golden[name] == rtl[name]).all() for name in golden)
    print("RTL = golden in every array" if equal else "RTL differs from golden")
    return made


if __name__ == "__main__":
    for row in frames(1)[0][0, :, 0].sum(axis=0):
        print(*(" .:-=+*#@"[count] for count in row))
