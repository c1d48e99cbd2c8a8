"""The commit that is checked out."""

import subprocess
from functools import cache
from pathlib import Path

__all__ = ["commit"]


@cache
def commit():
    """Its hash as a number; 0 where there is none."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, text=True,
                          capture_output=True)
    return int(done.stdout, 16) if done.returncode == 0 else 0
