"""Modules with a fault planted into their source."""

import inspect
import types


def changed(module, old, new):
    """The module with one place of its source changed."""
    source = inspect.getsource(module)
    assert source.count(old) == 1, f"{module.__name__} no longer has one {old!r}"
    found = types.ModuleType(module.__name__)
    found.__file__ = module.__file__
    exec(compile(source.replace(old, new), module.__file__, "exec"), found.__dict__)
    return found
