"""Chips of the iCE40 and ECP5 families by the name printed on them, with their limits.

Those of the data sheets (FPGA-DS-02029, FPGA-DS-02008, FPGA-DS-02012), also where a die has more.
"""

import re
from dataclasses import dataclass, replace

from boards.platform.device import ICE40HX8K, ICE40UP5K, LFE5U_85F, Device
from golden.io.errors import BadInput

__all__ = ["CHIPS", "Part", "part_named"]

LP = "-abc9 -device lp"
TEMPLATE = {"ice40": "iCE40UP5K-SG48", "ecp5": "LFE5U-25F-6BG256"}


@dataclass(frozen=True)
class Chip:
    """A chip without its package.

    Members
    -------
    like : Device
        One of its family.
    limits : tuple of int
        Cells of each kind that ``like`` counts.
    packages : str
        Those that nextpnr knows, by Amaranth's names.
    synthesis : None or str
        Options of Yosys; None for those of ``like``.
    """

    like: Device
    limits: tuple
    packages: str
    synthesis: str | None = None


@dataclass(frozen=True)
class Part:
    """A chip in its package, as a platform of Amaranth names it.

    Members
    -------
    device : Device
    chip, package, speed : str
        "iCE40UP5K", "SG48", ""; "LFE5U-25F", "BG256", "6".
    """

    device: Device
    chip: str
    package: str
    speed: str


ECP5 = {"25F": ((24288, 24288, 56, 28), "BG256 MG285 BG381"),
        "45F": ((43848, 43848, 108, 72), "BG256 MG285 BG381 BG554"),
        "85F": ((83640, 83640, 208, 156), "MG285 BG381 BG554 BG756")}
CHIPS = {
    "iCE40LP4K": Chip(ICE40HX8K, (3520, 20), "CM81 CM121 CM225", LP),
    "iCE40LP8K": Chip(ICE40HX8K, (7680, 32), "CM81 CM121 CM225", LP),
    "iCE40HX4K": Chip(ICE40HX8K, (3520, 20), "BG121 CB132 TQ144"),
    "iCE40HX8K": Chip(ICE40HX8K, (7680, 32), "BG121 CB132 CM225 CT256"),
    "iCE40UP3K": Chip(ICE40UP5K, (2800, 20, 4, 4), "UWG30"),
    "iCE40UP5K": Chip(ICE40UP5K, (5280, 30, 4, 8), "SG48 UWG30"),
    "LFE5U-12F": Chip(LFE5U_85F, (12000, 12000, 32, 28), "BG256 MG285 BG381"),
    **{f"{line}-{size}": Chip(LFE5U_85F, limits, packages)
       for line in ("LFE5U", "LFE5UM", "LFE5UM5G") for size, (limits, packages) in ECP5.items()},
}
SMALL = ("iCE40LP384", "iCE40LP1K", "iCE40HX1K", "iCE40UL640", "iCE40UL1K")
SPEEDS = {"LFE5U": "678", "LFE5UM": "678", "LFE5UM5G": "8"}


def part_named(name: str, where: str) -> Part:
    """The Part of "iCE40HX1K-TQ144" or "LFE5U-25F-6BG381C"; BadInput naming ``where`` else."""
    found = (re.fullmatch(r"(iCE40[A-Z0-9]+)()-([A-Z]+\d+)", name, re.ASCII)
             or re.fullmatch(r"(LFE5U\w*-\d+F)-(\d)([A-Z]+\d+)[CI]?", name, re.ASCII))
    if not found:
        raise BadInput(f"{where}: device must be a chip in its package, as {TEMPLATE['ice40']} or "
                       f"{TEMPLATE['ecp5']}, not {name}")
    chip, speed, package = found.groups()
    if chip in SMALL:
        raise BadInput(f"{where}: {chip} has too few cells, fewer than the link to the host and an "
                       "empty accelerator take")
    if chip not in CHIPS:
        raise BadInput(f"{where}: device must be one of {', '.join(CHIPS)}, not {chip}")
    kind = CHIPS[chip]
    if package not in kind.packages.split():
        raise BadInput(f"{where}: package of {chip} must be one of "
                       f"{', '.join(kind.packages.split())}, not {package}")
    speeds = SPEEDS.get(chip.partition("-")[0], "")
    if speed not in (speeds or [""]):
        raise BadInput(f"{where}: speed of {chip} must be one of {', '.join(speeds)}, not {speed}")
    like = kind.like
    limits = dict(zip(like.limits, kind.limits, strict=True))
    device = replace(like, name=f"{chip}-{speed}{package}", limits=limits,
                     synthesis=kind.synthesis or like.synthesis,
                     lanes=like.lanes if limits == like.limits else None)
    return Part(device, chip, package, speed)
