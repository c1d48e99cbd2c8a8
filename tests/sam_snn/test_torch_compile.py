"""sam_snn.compile of torch modules, and that nothing of it needs torch without one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sam_snn
from golden.importers.quantise import quantise
from golden.io.errors import BadInput

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
MODEL = '''
import snntorch as snn
import torch
from torch import nn


def Net():
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, 4, 3), snn.Leaky(beta=.9, init_hidden=True), nn.Flatten(),
                         nn.Linear(4 * 36, 10))
'''


def test_a_module_and_the_file_that_makes_it_are_the_same(tmp_path):
    import golden
    (tmp_path / "model.py").write_text(MODEL)
    space = {}
    exec(MODEL, space)
    module = space["Net"]()
    want = quantise(golden.from_snntorch(module, shape=(1, 8, 8), steps=16), bits=4).digest
    assert sam_snn.compile(module, shape=(1, 8, 8)).network.digest == want
    found = sam_snn.compile(f"{tmp_path / 'model.py'}:Net", shape=(1, 8, 8))
    assert found.network.digest == want
    with pytest.raises(BadInput, match="does not say the shape of its images"):
        sam_snn.compile(module)


def test_tensors_are_images_and_labels():
    import torch
    made = sam_snn.compile("digits", images=torch.rand(3, 1, 8, 8), labels=torch.tensor([1, 2, 3]))
    assert made.images.dtype == np.uint8 and made.labels.tolist() == [1, 2, 3]


def test_no_torch_without_a_module():
    code = ("import sys, sam_snn; made = sam_snn.compile('digits'); made.run(limit=1); "
            "made.fits('icebreaker'); assert 'torch' not in sys.modules")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_a_module_is_run_beside_its_network():
    """On the user's images; one that does something unseen is refused unless it is allowed."""
    import torch
    space = {}
    exec(MODEL, space)
    module = space["Net"]()
    images = np.random.default_rng(1).integers(0, 256, (6, 1, 8, 8), dtype=np.uint8)
    made = sam_snn.compile(module, shape=(1, 8, 8), images=images)
    assert "torch = float network on 6 of 6 predictions" in made.report.first
    assert "torch = integers on " in made.report.first
    module[3].register_forward_hook(lambda layer, given, found: torch.flip(found, (-1,)))
    with pytest.raises(BadInput, match="does something that was not read"):
        sam_snn.compile(module, shape=(1, 8, 8), images=images)
    assert sam_snn.compile(module, shape=(1, 8, 8), images=images, allow_different=True)
