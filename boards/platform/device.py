"""The FPGA devices there is a build for, and what each of them has.

Here is the one home of a device's limits: for builds, estimates, exploration and figures.
"""

from collections.abc import Callable
from dataclasses import dataclass

from boards.platform.clock import Clock, EcpClock, ecp_pll_for, pll_for

__all__ = [
    "AFTER_READ", "AFTER_SYNTHESIS", "DEVICES", "ICE40HX8K", "ICE40UP5K", "LFE5U_85F", "Device",
    "tools_for",
]

# For Yosys, since Amaranth has no way to say it. What a read gives of an address written in the
# same cycle does not matter, in any memory of ours; otherwise Yosys would build a bypass around
# each block RAM, 300 logic cells in all.
COLLISIONS = "setparam -set COLLISION_X_MASK 1'1 r:COLLISION_X_MASK=1'0"
# The state machines of long paths become one-hot. Yosys does that only where no value at power-up
# is asked for, and then it must be asked for again: from no state at all no reset would lead back.
STATES = "*.executor.*/w:fsm_state *.framer/w:fsm_state *.sam.*/w:fsm_state"
# Multipliers that hold registers are hidden from Yosys until it has made those that multiply.
HIDDEN = "*.held_product*"
AFTER_READ = "\n".join((
    f"setattr -mod -set blackbox 1 {HIDDEN}", COLLISIONS, f"setattr -unset init {STATES}", "proc",
    "opt -nodffe -nosdff",
    f"fsm {STATES.replace('/w:fsm_state', '')}", f"setattr -set init 1 {STATES}"))
AFTER_SYNTHESIS = f"setattr -mod -unset blackbox ={HIDDEN}; flatten; techmap t:$buf; opt_clean"


@dataclass(frozen=True)
class Device:
    """An FPGA in its package.

    Members
    -------
    name : str
        For a person.
    family : str
        As hw.build calls it.
    cells : dict
        nextpnr's name of each kind of cell by the name in a report.
    limits : dict
        How many there are of each.
    block_modes : tuple
        (rows, bits) that a block memory can be.
    hard_bits : int
        Bits of a hard memory (SPRAM); 0 where there is none.
    synthesis : str
        Options of Yosys.
    tools : dict
        Program by the environment variable that names another one.
    packer : str
        That of the program which makes the bitstream.
    bitstream : str
        Its file.
    pll : Callable
        ``pll(hz, reference=hertz of the oscillator)`` has the frequency that the PLL gives as
        ``hz``, or raises ValueError.
    clock : Callable
        ``clock(hz=, pad=)`` is the component that makes the clock; ``pad`` says whether the
        oscillator's pin is that of the PLL.
    usual : float
        Megahertz of the design where none are asked for.
    lanes : None or int
        Output channels computed at once where none are asked for; None for the fastest that fit.
    short_memory : int
        Rows of a memory up to which it becomes logic and no block; 0 where it never does.
    """

    name: str
    family: str
    cells: dict
    limits: dict
    block_modes: tuple
    hard_bits: int
    synthesis: str
    tools: dict
    packer: str
    bitstream: str
    pll: Callable
    clock: Callable
    usual: float
    lanes: int | None = None
    short_memory: int = 0

    def fits(self, size: dict[str, int]) -> bool:
        """Whether the device has room for {kind of cell: number}, which names all its kinds."""
        return all(size[kind] <= limit for kind, limit in self.limits.items())


ICE40 = {
    "family": "ice40", "block_modes": ((256, 16), (512, 8), (1024, 4), (2048, 2)),
    "tools": {"YOSYS": "yosys", "NEXTPNR_ICE40": "nextpnr-ice40", "ICEPACK": "icepack"},
    "packer": "ICEPACK", "bitstream": "top.bin", "pll": pll_for, "clock": Clock, "usual": 24.0}
ICE40UP5K = Device(
    "iCE40UP5K-SG48", **ICE40, hard_bits=2**14 * 16, synthesis="-dsp -abc9 -device u",
    cells={"lc": "ICESTORM_LC", "ebr": "ICESTORM_RAM", "spram": "ICESTORM_SPRAM",
           "dsp": "ICESTORM_DSP"},
    limits={"lc": 5280, "ebr": 30, "spram": 4, "dsp": 8})
ICE40HX8K = Device(
    "iCE40HX8K-CT256", **ICE40, hard_bits=0, synthesis="-abc9 -device hx",
    cells={"lc": "ICESTORM_LC", "ebr": "ICESTORM_RAM"}, limits={"lc": 7680, "ebr": 32})
LFE5U_85F = Device(
    "LFE5U-85F-6BG381", "ecp5", hard_bits=0, synthesis="-abc9",
    cells={"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "ebr": "DP16KD", "dsp": "MULT18X18D"},
    limits={"lut": 83640, "ff": 83640, "ebr": 208, "dsp": 156},
    block_modes=((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)),
    tools={"YOSYS": "yosys", "NEXTPNR_ECP5": "nextpnr-ecp5", "ECPPACK": "ecppack"},
    packer="ECPPACK", bitstream="top.bit", pll=ecp_pll_for,
    clock=lambda *, hz, pad: EcpClock(hz=hz), usual=50.0, lanes=16, short_memory=64)
DEVICES = (ICE40UP5K, ICE40HX8K, LFE5U_85F)


def tools_for(family: str) -> dict[str, str]:
    """Program of each tool of a family by its environment variable."""
    return next(device.tools for device in DEVICES if device.family == family)
