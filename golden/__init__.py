"""The integer model in NumPy: the specification that the hardware equals bit for bit."""

from golden.io.processes import early

WAYS_IN = {"from_snntorch": "golden.importers.snntorch", "from_nir": "golden.importers.nir"}


def __getattr__(name):
    """``golden.from_snntorch`` and ``golden.from_nir``, imported when first asked for."""
    if name not in WAYS_IN:
        raise AttributeError(f"module 'golden' has no attribute {name!r}")
    from importlib import import_module
    return getattr(import_module(WAYS_IN[name]), name)


early()
