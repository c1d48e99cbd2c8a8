"""python -m hw.export layer: a dense layer alone, by its own testbench and in the iCE40 flow."""

import numpy as np
import pytest

from flow.export.command import main
from golden.network import Layer, Network, Neuron
from tests.helpers.exported import checked
from verify.networks import drawn_weights, neuron

pytestmark = pytest.mark.slow

QUIET = Neuron(np.int64(0), np.int64(4096), reset="none")


def dense(seed, inputs, outputs, *, steps=7, bits=8, frac=1, bias=False, quiet=False, last=QUIET,
          **changes):
    """inputs-outputs-2: the first layer of a drawn neuron, the last accumulating."""
    rng = np.random.default_rng(seed)
    found = neuron(rng, inputs, bits, frac, outputs, uniform=False)
    while np.min(found.leak) != np.max(found.leak):
        found = neuron(rng, inputs, bits, frac, outputs)
    fields = {name: changes.get(name, getattr(found, name)) for name in (
        "threshold", "leak", "reset", "compare", "delay", "v_reset")}
    return Network((1, inputs, 1), steps, (
        Layer(drawn_weights(rng, (outputs, inputs), bits), bits, Neuron(**fields), frac=frac,
              bias=rng.integers(-30, 30, outputs) if bias else None),
        Layer(drawn_weights(rng, (2, outputs), 4), 4, last)), encoder="frames", name="dense")


CASES = {
    "the 16-to-8 of the benchmark": (dense(1, 16, 8, reset="subtract", leak=np.int64(4096)), 1),
    "words that are not full": (dense(2, 37, 19, reset="subtract_leaked", compare="ge"), 1),
    "v_reset, bias, delay": (dense(3, 20, 5, reset="zero", v_reset=np.array([3, -9, 0, 7, 100]),
                                   bias=True, delay=1), 1),
    "reset to zero": (dense(9, 3, 2, reset="zero", v_reset=np.int64(0), bits=3,
                             threshold=np.int64(1)), 1),
    "a leak that is no power of two": (dense(5, 18, 16, reset="subtract", leak=np.int64(5000),
                                             bias=True), 1),
    "membranes": (dense(6, 5, 17), 2),
    "biased membranes": (Network((1, 4, 1), 6, (Layer(
        np.arange(-6, 6).reshape(3, 4), 4, QUIET, bias=np.array([5, -1, 0])),), name="b",
        encoder="frames"), 1),
}


@pytest.mark.rotated
@pytest.mark.parametrize("name", CASES)
def test_equals_golden(tmp_path, name):
    """Under idles and stalls; the answers in the testbench are golden's and hold spikes."""
    network, layer = CASES[name]
    network.save(tmp_path / "net.npz")
    main(["layer", "--network", str(tmp_path / "net.npz"), "--layer", str(layer), "--no-tools",
          "--out", str(tmp_path / "unit.v")])
    code, said = checked(tmp_path, "unit")
    stage = network.stages[layer - 1]
    outputs = stage.layer.channels
    words = 2 * network.steps * (-(-outputs // 16) if stage.layer.spiking else outputs)
    assert code == 0 and f"PASS: {words} words" in said
    answers = (tmp_path / "unit_tb.hex").read_text().splitlines()[-words:]
    assert len(set(answers)) > 2


@pytest.mark.parametrize("network, layer, message", [
    ("models/fashion.npz", "1", "models/fashion.npz: layer 1 is a convolution; only a dense layer "
     "can be exported alone"),
    ("models/fashion.npz", "9", "--layer must be 1 to 5, not 9"),
])
def test_refuses(tmp_path, capsys, network, layer, message):
    with pytest.raises(SystemExit, match="^2$"):
        main(["layer", "--network", network, "--layer", layer, "--out", str(tmp_path / "x.v")])
    assert capsys.readouterr().err == f"error: {message}\n"
    assert not list(tmp_path.iterdir())
