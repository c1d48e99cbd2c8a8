"""The iCEBreaker, whose UART is that of its USB chip."""

from boards.platform.device import ICE40UP5K
from boards.platform.target import Target

__all__ = ["TARGET"]

TARGET = Target(
    "icebreaker", "iCEBreaker", ICE40UP5K, "icebreaker:ICEBreakerPlatform", 12_000_000,
    led=("led_g", 0), red=("led_r", 0), flash_lines=4, flash_bytes=2**24, pad=True, first=True,
    programmers=("iceprog {file}", "openFPGALoader -b ice40_generic -f {file}"))
