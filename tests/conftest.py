"""What holds for all tests."""

import os

# NumPy is the specification; tests/golden/test_kernel.py compares the compiled kernel with it.
os.environ["SAM_GOLDEN"] = "numpy"
