"""What holds for all tests, and which cases of the long tables run with this commit."""

import os
import zlib

from hypothesis import settings

from tests.helpers.commit import commit

# NumPy is the specification; tests/golden/test_kernel.py compares the compiled kernel with it.
os.environ["SAM_GOLDEN"] = "numpy"

# A busy machine is no fault, and a test finds the same on every machine.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")

SHARE = 4           # of the cases of a test marked ``rotated`` one in so many runs
EVERY = "all"       # SAM_TESTS, for all of them: make test ALL=1


def rotated(nodeid, number):
    """Whether a case runs with commit ``number``: with one in SHARE, each with another."""
    return (zlib.crc32(nodeid.encode()) + number) % SHARE == 0


def pytest_collection_modifyitems(config, items):
    """Deselect the cases of ``rotated`` tests whose turn it is not."""
    if os.environ.get("SAM_TESTS") == EVERY:
        return
    number = commit()
    turns = [not item.get_closest_marker("rotated") or rotated(item.nodeid, number)
             or item.nodeid in config.args for item in items]
    later = [item for item, turn in zip(items, turns, strict=True) if not turn]
    if later:
        config.hook.pytest_deselected(items=later)
        items[:] = [item for item, turn in zip(items, turns, strict=True) if turn]
