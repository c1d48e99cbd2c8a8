"""The iCE40-HX8K breakout board."""

from boards.platform.device import ICE40HX8K
from boards.platform.target import Target

__all__ = ["TARGET"]

TARGET = Target(
    "hx8k", "iCE40-HX8K breakout", ICE40HX8K, "ice40_hx8k_b_evn:ICE40HX8KBEVNPlatform", 12_000_000,
    led=("led", 0), red=("led", 1),
    programmers=("iceprog {file}", "openFPGALoader -b ice40_generic -f {file}"))
