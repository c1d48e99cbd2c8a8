"""One call for all of it: ``sam_snn.compile(model, ...)``, and the command ``sam-snn``.

The rooms (golden, hw, boards, flow, sim, apps, train) are packages of their own. In a checkout they
lie beside this one. Installed, they lie in ``sam_snn/rooms``, so that site-packages holds no name
but ``sam_snn``; the import of ``sam_snn`` makes them importable. ImportError where another package
of one of their names was imported before.
"""

import sys
from pathlib import Path

__all__ = ["ROOMS", "Compiled", "compile", "finetune"]

NAMES = ("golden", "hw", "boards", "flow", "sim", "apps", "train")
HERE = Path(__file__).resolve().parent
ROOMS = HERE / "rooms" if (HERE / "rooms").is_dir() else HERE.parent
LATE = {"compile": "sam_snn.compiling", "Compiled": "sam_snn.compiling",
        "finetune": "sam_snn.tuning"}


def _open():
    """Make the rooms importable, ahead of packages of the same names."""
    for name in NAMES:
        other = sys.modules.get(name)
        file = getattr(other, "__file__", None)
        if other is not None and (file is None or Path(file).resolve().parent != ROOMS / name):
            raise ImportError(f"sam_snn needs its own package {name!r}, and {file or name} was "
                              "imported before: import sam_snn first")
    if sys.path[:1] != [str(ROOMS)]:
        sys.path.insert(0, str(ROOMS))


def __getattr__(name):
    """``compile``, ``Compiled`` and ``finetune``, imported when first asked for."""
    if name not in LATE:
        raise AttributeError(f"module 'sam_snn' has no attribute {name!r}")
    from importlib import import_module
    return getattr(import_module(LATE[name]), name)


_open()
