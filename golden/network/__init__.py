"""A trained network as integers: its layers, its rules, its file."""

from golden.network.graph import *
from golden.network.graph import __all__ as __all__
