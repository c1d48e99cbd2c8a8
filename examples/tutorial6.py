"""snnTorch's tutorial 6: convolutions, MaxPool2d between weights and neurons, on 28 x 28 images.

Run `python examples/tutorial6.py`; it takes a minute. Trained on the sample images of Fashion-MNIST
that come with the project: too few to be good, enough to see each step. `fits` says what the chip
makes of both orders, the tutorial's and the one with the pooling behind the neurons.
"""

import snntorch as snn
import torch
from torch import nn

import sam_snn
from golden.images import load_images
from golden.network import load
from train.finetune import class_scores

STEPS, BETA = 8, 0.9375


def net(pool_first=True, channels=(8, 16)):
    def block(inputs, outputs):
        pool, neuron = nn.MaxPool2d(2), snn.Leaky(beta=BETA, init_hidden=True)
        return [nn.Conv2d(inputs, outputs, 5), *((pool, neuron) if pool_first else (neuron, pool))]
    return nn.Sequential(
        *block(1, channels[0]), *block(*channels), nn.Flatten(), nn.Linear(channels[1] * 16, 10))


def main(epochs=4):
    torch.manual_seed(1)
    torch.set_num_threads(1)
    images, labels = load_images("fashion", load("fashion"))
    pixels, names = torch.from_numpy(images).float() / 255, torch.from_numpy(labels)
    found = []
    for pool_first in (True, False):
        model = net(pool_first)
        adam = torch.optim.Adam(model.parameters(), 4e-3)
        for _ in range(epochs):
            for index in torch.randperm(150).split(15):
                loss = nn.functional.cross_entropy(
                    class_scores(model, pixels[index], STEPS, "bernoulli"), names[index])
                adam.zero_grad()
                loss.backward()
                adam.step()
        made = sam_snn.compile(model.eval(), shape=(1, 28, 28), steps=STEPS, bits=4,
                               images=images[150:], labels=labels[150:])    # not learnt
        print("pooling before the neurons" if pool_first else "pooling behind the neurons")
        print(made, made.fits("icebreaker"), sep="\n")
        golden, rtl = (made.run(images[150:154], engine=engine).arrays()
                       for engine in ("golden", "rtl"))
        equal = all((golden[name] == rtl[name]).all() for name in golden)
        print("RTL = golden in every array" if equal else "RTL differs from golden")
        found.append(made)
    return found


if __name__ == "__main__":
    main()
