"""snnTorch's tutorial 5: 784-1000-10 with a time loop in forward().

Run `python examples/tutorial5.py`; it takes a minute. The tutorial's network is too large for the
iCEBreaker: `fits` says so before any training, and what would fit. That one is trained on the
digits that come with the project, compiled, and run as the tutorial does: one image in every step.
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
        for _ in range(STEPS):
            spk1, mem1 = self.lif1(self.fc1(x), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spikes.append(spk2)
        return torch.stack(spikes)


def main(epochs=30):
    torch.manual_seed(1)
    torch.set_num_threads(1)
    images, labels = load_images("dense784", load("dense784"))
    print(fits := sam_snn.compile(Net(), shape=(784,), bits=4).fits("icebreaker"))
    way = next(way for way in fits.ways["icebreaker"] if "that fits" in way)
    net = Net(int(way.split("fits: ")[1].split()[0]) // 2)     # with room: four lanes hold it
    adam, names = torch.optim.Adam(net.parameters(), 2e-3), torch.from_numpy(labels)
    pixels = torch.from_numpy(images).float().flatten(1) / 255
    for _ in range(epochs):
        for index in torch.randperm(80).split(20):
            loss = nn.functional.cross_entropy(net(pixels[index]).sum(0), names[index])
            adam.zero_grad()
            loss.backward()
            adam.step()
    made = sam_snn.compile(net.eval(), shape=(784,), bits=4, images=images[80:].reshape(-1, 784),
                           labels=labels[80:])                         # not learnt
    print(made, made.fits("icebreaker"), sep="\n")
    golden, rtl = (made.run(images[80:82].reshape(-1, 784), engine=engine).arrays()
                   for engine in ("golden", "rtl"))
    equal = all((golden[name] == rtl[name]).all() for name in golden)
    print("RTL = golden in every array" if equal else "RTL differs from golden")
    return fits, made


if __name__ == "__main__":
    main()
