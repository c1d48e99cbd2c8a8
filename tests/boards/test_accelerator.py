"""The driver, the protocol and the accelerator itself: results are golden's."""

import numpy as np
import pytest

from boards.host import Board
from golden.formats import exp_table
from golden.run import run
from hw.accelerator import Accelerator
from hw.plan.packing import configuration
from verify.networks import draw
from verify.standin import Bypassed, Wire


@pytest.mark.parametrize("seed, mode, gamma", [(6, "inclusive", 0.2)])
def test_equals_golden(seed, mode, gamma):
    """Two images on a chip that is loaded over the wire, at a mode and gamma set there."""
    network = draw(seed, steps=(4,), plain=True)
    dut = Accelerator(network)
    wire = Wire(Bypassed(dut), spacing=40)  # the fastest UART: ten bits of four cycles
    images = np.random.default_rng(seed).integers(0, 256, (2, *network.shape), dtype=np.uint8)
    expected = run(images, network, gamma=gamma, mode=mode)
    with Board(wire, baud=wire.baud, timeout=50e-3, clock=wire.clock) as chip:
        chip.load(configuration(dut.plan, table=exp_table(gamma, network.steps), mode=mode),
                  label=network.digest)
        assert chip.identify().label == network.digest
        for n, image in enumerate(images):
            result = chip.explain(image)
            assert (result.scores == expected.scores[n]).all()
            assert (result.counts == expected.counts[n]).all()
            assert set(result.maps) == set(expected.maps)
            assert all((result.maps[tap] == expected.maps[tap][n]).all() for tap in result.maps)
            assert result.pred == expected.pred[n]
        assert chip.repeated == chip.damaged == 0
