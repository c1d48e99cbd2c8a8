"""Boards that a file describes: a .toml, or constraints (.pcf, .lpf) with two lines more.

docs/howto/board.md says what such a file holds.
"""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amaranth.build import Attrs, Clock, Pins, PinsN, Resource, Subsignal
from amaranth.vendor import LatticeECP5Platform, SiliconBluePlatform

from boards.platform.chips import Part, part_named
from boards.platform.target import Target
from golden.io.errors import BadInput
from golden.io.reading import contents

if TYPE_CHECKING:
    from amaranth.build import Platform

__all__ = ["board_of"]

LONGEST = 2**16
NEEDED = ("clk", "rx", "tx")
FLASH = ("flash_cs", "flash_clk", "flash_copi", "flash_cipo")
PINS = (*NEEDED, "led", "red", *FLASH, "flash_wp", "flash_hold")
WORDS = ("name", "device", "clock_mhz", "io", "pll_pad", "programmers", "constraints", "pins")
PLL_PADS = {"iCE40UP5K-SG48": "35"}      # where a PLL's core is out of reach of a clock at its pad
LINES = {
    ".pcf": {"pin": r"set_io\s+(?:-[\w-]+\s+(?:(?:yes|no)\s+)?)*(\S+)\s+(\S+)",
             "clock": r"set_frequency\s+(\S+)\s+(\S+)",
             "write": "set_io {} PIN", "tell": "set_frequency clk MHZ"},
    ".lpf": {"pin": r'LOCATE\s+COMP\s+"([^"]+)"\s+SITE\s+"([^"]+)"',
             "clock": r'FREQUENCY\s+PORT\s+"([^"]+)"\s+(\S+)\s*MHZ',
             "write": 'LOCATE COMP "{}" SITE "PIN";', "tell": 'FREQUENCY PORT "clk" N MHZ;'},
}


def board_of(path: str | Path) -> Target:
    """The Target that the file at ``path`` describes; BadInput names file, word and rule."""
    path = Path(path)
    text = text_of(path)
    if path.suffix in LINES:
        described, write = from_constraints(path, text), LINES[path.suffix]["write"]
    elif path.suffix == ".toml":
        described, write = from_toml(path, text), '[pins] {} = "PIN"'
    else:
        raise BadInput(f"{path}: must be a .toml, .pcf or .lpf")
    part = part_named(described["device"], str(path))
    pins = described["pins"]
    for name in NEEDED:
        if name not in pins:
            raise BadInput(f"{path}: has no pin {name}; add {write.format(name)}")
    absent = [name for name in (*FLASH, "red") if name not in pins]
    if absent and set(FLASH) & set(pins):
        raise BadInput(f"{path}: a flash needs {', '.join(FLASH)} and the LED red that tells of "
                       f"it, and {', '.join(absent)} is missing")
    sites = [pin.removeprefix("!") for pin in pins.values()]
    for name, pin in pins.items():
        if sites.count(pin.removeprefix("!")) > 1:
            raise BadInput(f"{path}: pin {name} is {pin}, which another one is too")
    pad = described.get("pll_pad")
    if pad is None:
        pad = PLL_PADS.get(part.device.name) == pins["clk"]
    reference = round(described["clock_mhz"] * 1e6)
    return Target(
        described.get("name") or path.stem, described.get("name") or path.stem, part.device,
        platform_of(part, pins, reference, described.get("io", "LVCMOS33")), reference,
        led=("led", 0) if "led" in pins else None, red=None if absent else ("red", 0), pad=pad,
        programmers=tuple(described.get("programmers", ())))


def text_of(path: Path) -> str:
    """Text of a small file."""
    try:
        return contents(path, "board file", LONGEST).decode()
    except UnicodeDecodeError:
        raise BadInput(f"{path}: is no text") from None


def located(path: Path, text: str) -> dict[str, str]:
    """{name: pin} of constraints."""
    found = {}
    for line in text.splitlines():
        if match := re.match(LINES[path.suffix]["pin"], line.strip()):
            name, pin = match.groups()
            if found.setdefault(name, pin) != pin:
                raise BadInput(f"{path}: {name} is at two pins, {found[name]} and {pin}")
    return found


def from_constraints(path: Path, text: str) -> dict[str, Any]:
    """What a .pcf or .lpf says: pins by our names, its clock, and a comment with the chip."""
    device = re.search(r"^\s*(?:#|//)\s*device:?\s+(\S+)\s*$", text, re.MULTILINE)
    if not device:
        raise BadInput(f"{path}: does not say the chip; add a line like # device iCE40UP5K-SG48")
    clock = [mhz for name, mhz in re.findall(LINES[path.suffix]["clock"], text) if name == "clk"]
    if not clock:
        raise BadInput(f"{path}: does not say the frequency of clk; add "
                       f"{LINES[path.suffix]['tell']}")
    pins = {name: site(path, name, pin, None)
            for name, pin in located(path, text).items() if name in PINS}
    return {"device": device[1], "clock_mhz": megahertz(path, clock[0]), "pins": pins}


def from_toml(path: Path, text: str) -> dict[str, Any]:
    """What a .toml says, checked."""
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput(f"{path}: no TOML: {error}") from None
    told(path, found, WORDS)
    for name in ("device", "clock_mhz", "pins"):
        if name not in found:
            raise BadInput(f"{path}: {name} is missing")
    for name in ("name", "device", "io", "constraints"):
        allowed = r"\w{1,20}" if name == "io" else r"[\x20-\x7e]{1,80}"
        if name in found and not (isinstance(found[name], str)
                                  and re.fullmatch(allowed, found[name], re.ASCII)):
            raise BadInput(f"{path}: {name} must be a short text, not {found[name]!r}")
    if not isinstance(found.get("pll_pad", True), bool):
        raise BadInput(f"{path}: pll_pad must be true or false, not {found['pll_pad']!r}")
    lines = found.get("programmers", [])
    if not (isinstance(lines, list) and all(isinstance(line, str) and line.split()
                                            for line in lines)):
        raise BadInput(f"{path}: programmers must be a list of command lines")
    if not isinstance(found["pins"], dict):
        raise BadInput(f"{path}: pins must be a table, [pins]")
    told(path, found["pins"], PINS, "pin ")
    names = None
    if "constraints" in found:
        beside = path.parent / found["constraints"]
        if beside.suffix not in LINES:
            raise BadInput(f"{path}: constraints must be a .pcf or .lpf, not {beside.name}")
        names = located(beside, text_of(beside))
    found["pins"] = {name: site(path, name, pin, names) for name, pin in found["pins"].items()}
    return {**found, "clock_mhz": megahertz(path, found["clock_mhz"])}


def told(path: Path, found: dict, words: tuple, what: str = "") -> None:
    """BadInput where a table has a key that is none of ``words``."""
    for name in found:
        if name not in words:
            raise BadInput(f"{path}: {what}{name} is unknown; there are {', '.join(words)}")


def site(path: Path, name: str, pin: object, names: dict[str, str] | None) -> str:
    """The pin that ``name`` is at, "!" before it where it is active low."""
    if not isinstance(pin, str) or not re.fullmatch(r"!?[\w\[\].]+", pin, re.ASCII):
        raise BadInput(f"{path}: pin {name} must be a text like \"35\" or \"!G2\", not {pin!r}")
    if pin.startswith("!") and name not in ("led", "red"):
        raise BadInput(f"{path}: pin {name} cannot be inverted; only led and red can")
    if names is None:
        return pin
    word = pin.removeprefix("!")
    if word not in names:
        raise BadInput(f"{path}: pin {name} is {word}, which the constraints do not name")
    return pin.replace(word, names[word])


def megahertz(path: Path, value: object) -> float:
    """Frequency of the oscillator."""
    try:
        found = float(value) if not isinstance(value, bool) else 0.0    # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = 0.0
    if not 1 <= found <= 400:
        raise BadInput(f"{path}: clock_mhz must be a number of 1 to 400, not {value}")
    return found


def platform_of(part: Part, pins: dict[str, str], reference: int,
                io: str) -> "Callable[[], Platform]":
    """Function that makes the platform of Amaranth with those pins."""
    ecp5 = part.device.family == "ecp5"
    level = {"IO_TYPE": io} if ecp5 else {"IO_STANDARD": "SB_LVCMOS"}
    pull = {"PULLMODE": "UP"} if ecp5 else {"PULLUP": 1}
    resources = [
        Resource("clk", 0, Pins(pins["clk"], dir="i"), Clock(reference), Attrs(**level)),
        Resource("uart", 0, Subsignal("rx", Pins(pins["rx"], dir="i")),
                 Subsignal("tx", Pins(pins["tx"], dir="o")), Attrs(**level, **pull))]
    for name in ("led", "red"):
        if name in pins:
            kind = PinsN if pins[name].startswith("!") else Pins
            resources.append(Resource(name, 0, kind(pins[name].removeprefix("!"), dir="o"),
                                      Attrs(**level)))
    if "flash_cs" in pins:
        lines = [Subsignal(name, kind(pins[f"flash_{name}"], dir=way)) for name, kind, way in (
            ("cs", PinsN, "o"), ("clk", Pins, "o"), ("copi", Pins, "o"), ("cipo", Pins, "i"),
            ("wp", PinsN, "o"), ("hold", PinsN, "o")) if f"flash_{name}" in pins]
        resources.append(Resource("spi_flash_1x", 0, *lines, Attrs(**level)))
    members = {"device": part.chip, "package": part.package, "default_clk": "clk",
               "resources": resources, "connectors": []}
    if ecp5:
        return type("BoardFile", (LatticeECP5Platform,), {**members, "speed": part.speed})
    return type("BoardFile", (SiliconBluePlatform,), members)
