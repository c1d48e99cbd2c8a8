"""The ULX3S with the largest ECP5; its flash clock is no plain pin, so no loader reads it."""

from boards.platform.device import LFE5U_85F
from boards.platform.target import Target

__all__ = ["TARGET"]

TARGET = Target(
    "ulx3s", "ULX3S 85F", LFE5U_85F, "ulx3s:ULX3S_85F_Platform", 25_000_000,
    led=("led", 0), first=True,
    programmers=("openFPGALoader -b ulx3s -f {file}",))
