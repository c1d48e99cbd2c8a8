"""Measurements that are kept until something they depend on changes."""

import hashlib
import json
from pathlib import Path

from golden.io.files import replacing

ROOT = Path("build/bench")


def digest(*parts):
    """Name made of all ``parts``: plain data or bytes."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode())
        found.update(b"\0")
    return found.hexdigest()[:20]


def kept(what, parts, make):
    """``make()``, plain data, or what it gave when called with the same ``parts`` before."""
    path = ROOT / what / f"{digest(*parts)}.json"
    if path.exists():
        return json.loads(path.read_text())
    found = json.loads(json.dumps(make()))
    with replacing(path) as aside:
        aside.write_text(json.dumps(found, indent=1) + "\n")
    return found
