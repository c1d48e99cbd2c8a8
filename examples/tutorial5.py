"""snnTorch's tutorial 5: 784-1000-10 with a time loop in forward().

Run `python examples/tutorial5.py`; it takes a minute. The tutorial's network is too large for the
iCEBreaker: `fits` says so before any training, and what would fit. That one, which is shown spikes
in place of a constant image, is trained on the digits that come with the project, and compiled.
"""

import snntorch as snn
import torch
from torch import nn

import sam_snn
from golden.images import load_images
from golden.network import load

STEPS, BETA = 25, 0.9375        # the tutorial's .95 takes more logic; 1 - 2**-4 is one shift


class Net(nn.Module):
    def __init__(self, hidden=1000):
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(784, hidden), snn.Leaky(beta=BETA)
        self.fc2, self.lif2 = nn.Linear(hidden, 10), snn.Leaky(beta=BETA)

    def forward(self, x):
        mem1, mem2, spikes = self.lif1.init_leaky(), self.lif2.init_leaky(), []
        for step in range(STEPS):
            # The tutorial shows the image (N, 784) in each step; spikes are (STEPS, N, 784).
            spk1, mem1 = self.lif1(self.fc1(x[step] if x.ndim == 3 else x), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spikes.append(spk2)
        return torch.stack(spikes)


def main(epochs=30):
    torch.manual_seed(1)
    torch.set_num_threads(1)
    images, labels = load_images("dense784", load("dense784"))
    print(fits := sam_snn.compile(Net(), shape=(784,), bits=4).fits("icebreaker"))
    way = next(way for way in fits.ways["icebreaker"] if "bernoulli" in way)
    net = Net(int(way.split("fits: ")[1].split()[0]))
    adam, names = torch.optim.Adam(net.parameters(), 2e-3), torch.from_numpy(labels)
    pixels = torch.from_numpy(images).float().flatten(1) / 255
    for _ in range(epochs):
        for index in torch.randperm(80).split(20):
            spikes = (torch.rand(STEPS, len(index), 784) < pixels[index]).float()
            loss = nn.functional.cross_entropy(net(spikes).sum(0), names[index])
            adam.zero_grad()
            loss.backward()
            adam.step()
    made = sam_snn.compile(net.eval(), shape=(1, 28, 28), bits=4, sample=spikes,
                           images=images[80:], labels=labels[80:])     # not learnt
    print(made, made.fits("icebreaker"), sep="\n")
    return fits, made


if __name__ == "__main__":
    main()
