"""Boards that a file describes: their pins, clocks and chips, and what is refused in one line."""

import hashlib
import json
import re
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flow.build
import flow.steps
from apps import flash
from boards.platform.board_file import board_of
from boards.platform.chips import CHIPS
from boards.platform.device import DEVICES
from boards.platform.target import OnBoard, target_for
from boards.platform.top import Top
from flow.config import BuildConfig
from flow.design import target_of
from flow.estimate.fits import best
from golden.io.errors import BadInput
from golden.network import load
from verify.standin import Standin

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(r"```(?:toml|text)\n(# (?:icesugar|device).*?)```",
                      (ROOT / "docs/howto/board.md").read_text(), re.DOTALL)
ICEBREAKER = """
name = "mine"
device = "iCE40UP5K-SG48"
clock_mhz = 12
programmers = ["iceprog {file}"]
[pins]
clk = "35"
rx = "6"
tx = "9"
led = "!37"
red = "!11"
flash_cs = "16"
flash_clk = "15"
flash_copi = "14"
flash_cipo = "17"
flash_wp = "12"
flash_hold = "13"
"""
PCF = """# device iCE40UP5K-SG48
set_frequency clk 12
set_io -nowarn clk 35
set_io -pullup yes rx 6   # from the host
set_io tx 9
set_io button 10
"""


@pytest.fixture
def described(tmp_path):
    """Function that writes a board file of a text and gives its path."""
    def write(text, suffix=".toml"):
        path = tmp_path / f"board{suffix}"
        path.write_text(text)
        return path
    return write


def planned(target, mhz=None, **options):
    """(netlist, constraints) of a stand-in on a board."""
    hz = target.frequency(mhz or target.reference / 1e6)
    top = Top(Standin(), clock_hz=hz, baud=hz // 8, **options)
    files = target.make().build(OnBoard(top, target, clock_hz=hz), do_build=False).files
    text = lambda name: files[name] if isinstance(files[name], str) else files[name].decode()
    return text("top.il"), text("top.lpf" if "top.lpf" in files else "top.pcf")


def pins(constraints):
    """Sorted pins of a .pcf or .lpf."""
    return sorted(re.findall(r"set_io \S+ (\S+)|SITE \"(\S+)\"", constraints))


@pytest.mark.slow
@pytest.mark.parametrize("mhz", [12, 48])
@pytest.mark.parametrize("boot", [None, 0x40010])
def test_the_icebreaker_by_a_file_is_the_icebreaker(described, mhz, boot):
    """The same pins, the same cells for the clock, and the same levels of LEDs."""
    mine, known = board_of(described(ICEBREAKER)), target_for("ice40", "icebreaker")
    (design, text), (other, wanted) = (planned(t, mhz, boot=boot, flash_lines=1)
                                       for t in (mine, known))
    assert pins(text) == pins(wanted)
    for primitive in ("SB_PLL40_PAD", "SB_PLL40_CORE", "SB_GB_IO", "SB_GB ", "$not"):
        assert design.count(primitive) == other.count(primitive), primitive
    assert mine.chip == known.chip and mine.usual == known.usual


@pytest.mark.slow
def test_a_clock_may_be_at_any_pin(described):
    """Away from the pad of the PLL it goes through the PLL's core, or over a net of its own."""
    target = board_of(described(ICEBREAKER.replace('"35"', '"20"')))
    assert "SB_PLL40_CORE" in planned(target, 48)[0]
    design = planned(target, 12)[0]
    assert "\\SB_GB " in design and "SB_GB_IO" not in design
    forced = board_of(described("pll_pad = false\n" + ICEBREAKER))
    assert not forced.pad and board_of(described(ICEBREAKER)).pad


@pytest.mark.slow
def test_constraints_are_a_board_too(described, tmp_path):
    """Alone, and as names of a .toml."""
    alone = board_of(described(PCF, ".pcf"))
    assert alone.led is None and alone.reference == 12_000_000 and alone.name == "board"
    (tmp_path / "vendor.pcf").write_text("set_io CLK 35\nset_io UART_RX 6\nset_io UART_TX 9\n")
    named = board_of(described(
        'device = "iCE40UP5K-SG48"\nclock_mhz = 12.0\nconstraints = "vendor.pcf"\n'
        '[pins]\nclk = "CLK"\nrx = "UART_RX"\ntx = "UART_TX"\n'))
    assert pins(planned(alone)[1]) == pins(planned(named)[1])


@pytest.mark.parametrize("text, module, name", [
    (EXAMPLES[0], "icesugar", "ICESugarPlatform"), (EXAMPLES[1], "icesugar", "ICESugarPlatform"),
    (EXAMPLES[2], "colorlight_5a75b_r7_0", "Colorlight_5A75B_R70Platform")])
def test_the_documented_boards_are_those_of_amaranth_boards(described, text, module, name):
    known = getattr(import_module(f"amaranth_boards.{module}"), name)()
    suffix = ".toml" if "[pins]" in text else ".lpf" if "LOCATE" in text else ".pcf"
    platform = board_of(described(text, suffix)).make()
    for member in ("device", "package"):
        assert getattr(platform, member) == getattr(known, member)
    of = lambda some, name: some.lookup(name, 0).ios[0]
    assert of(platform, "clk").names == of(known, known.default_clk).names
    assert platform.default_clk_frequency == known.default_clk_frequency
    for part in range(2):
        mine, other = (some.lookup("uart", 0).ios[part] for some in (platform, known))
        assert (mine.name, mine.ios[0].names) == (other.name, other.ios[0].names)
    if "led" in text:
        mine, other = of(platform, "led"), of(known, "led_g")
        assert (mine.names, mine.invert) == (other.names, other.invert)


@pytest.mark.parametrize("chip", CHIPS)
def test_every_chip_is_one_of_amaranth(described, chip):
    """In each of its packages; its options are those of nextpnr."""
    for package in CHIPS[chip].packages.split():
        grade = "" if chip.startswith("iCE40") else "8" if "5G" in chip else "6"
        target = board_of(described(f'device = "{chip}-{grade}{package}"\nclock_mhz = 25\n'
                                    '[pins]\nclk = "A1"\nrx = "A2"\ntx = "A3"\n'))
        platform = target.make()
        assert chip in platform._nextpnr_device_options and platform.package == package
        assert target.chip.limits.keys() == target.chip.cells.keys()
    for device in DEVICES:
        if device.name.startswith(chip):
            assert target.chip.limits == device.limits


BROKEN = [
    ("device = 3\nclock_mhz = 12\n[pins]", "device must be a short text"),
    ("", "device is missing"),
    ('device = "iCE40UP5K-SG48"', "clock_mhz is missing"),
    ('device = "iCE40UP5K-SG48"\nclock_mhz = 12', "pins is missing"),
    ("x = [", "no TOML"), ("a = " + "[" * 3000, "no TOML"),
    ("speed = 1", "speed is unknown; there are name, device"),
    *((ICEBREAKER.replace("iCE40UP5K-SG48", word), says) for word, says in (
        ("iCE40UP5K", "device must be a chip in its package"),
        ("iCE40UP5K-CT256", "package of iCE40UP5K must be one of SG48, UWG30, not CT256"),
        ("iCE40HX1K-TQ144", "iCE40HX1K has too few cells"),
        ("iCE40ZZ-SG48", "device must be one of iCE40LP4K"),
        ("LFE5U-25F-9BG256", "speed of LFE5U-25F must be one of 6, 7, 8, not 9"),
        ("LFE5UM5G-25F-6BG381", "speed of LFE5UM5G-25F must be one of 8, not 6"),
        ("GW1N-9C", "device must be a chip in its package"))),
    *((ICEBREAKER.replace("clock_mhz = 12", f"clock_mhz = {word}"), "clock_mhz must be a number")
      for word in ("0", "-12", "nan", "inf", '"x"', "true", "12000000", "[1]")),
    (ICEBREAKER.replace('rx = "6"', ""), "has no pin rx; add [pins] rx ="),
    (ICEBREAKER.replace('rx = "6"', "rx = 6"), "pin rx must be a text"),
    (ICEBREAKER.replace('rx = "6"', 'rx = "!6"'), "pin rx cannot be inverted"),
    (ICEBREAKER.replace('rx = "6"', 'rx = "6 7"'), "pin rx must be a text"),
    (ICEBREAKER.replace('rx = "6"', 'rx = "9"'), "pin rx is 9, which another one is too"),
    (ICEBREAKER.replace("led", "lamp"), "pin lamp is unknown; there are clk, rx"),
    (ICEBREAKER.replace('red = "!11"', ""), "a flash needs flash_cs"),
    ('pll_pad = "yes"\n' + ICEBREAKER, "pll_pad must be true or false"),
    ('io = "LVCMOS33;"\n' + ICEBREAKER, "io must be a short text"),
    ('constraints = "no.pcf"\n' + ICEBREAKER, "no such board file"),
    ('constraints = "no.txt"\n' + ICEBREAKER, "constraints must be a .pcf or .lpf"),
    (ICEBREAKER.replace('["iceprog {file}"]', '"iceprog"'), "programmers must be a list"),
    ("pins = 3\ndevice = 'a'\nclock_mhz = 3", "pins must be a table"),
]


@pytest.mark.parametrize("text, says", BROKEN)
def test_refuses(described, text, says):
    path = described(text)
    with pytest.raises(BadInput) as stop:
        board_of(path)
    assert says in str(stop.value) and str(path.parent) in str(stop.value)
    assert "\n" not in str(stop.value)


@pytest.mark.parametrize("text, suffix, says", [
    (PCF.replace("# device", "#"), ".pcf", "add a line like # device iCE40UP5K-SG48"),
    (PCF.replace("set_frequency clk 12", ""), ".pcf", "add set_frequency clk MHZ"),
    (PCF.replace("set_frequency clk 12", "set_frequency clk x"), ".pcf", "clock_mhz must be"),
    (PCF.replace("rx 6", "rxd 6"), ".pcf", "has no pin rx; add set_io rx PIN"),
    (PCF + "set_io rx 7\n", ".pcf", "rx is at two pins, 6 and 7"),
    (PCF, ".lpf", "does not say the frequency of clk; add FREQUENCY PORT"),
    (PCF, ".txt", "must be a .toml, .pcf or .lpf"),
])
def test_refuses_constraints(described, text, suffix, says):
    path = described(text, suffix)
    with pytest.raises(BadInput, match=re.escape(says)) as stop:
        board_of(path)
    assert str(stop.value).startswith(str(path))


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "large.pcf").write_text("#" * 2**17)
    for name, says in (("binary.toml", "is no text"), ("large.pcf", "is larger than"),
                       ("none.toml", "no such board file")):
        with pytest.raises(BadInput, match=says):
            board_of(tmp_path / name)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.sampled_from([(ICEBREAKER, ".toml"), (PCF, ".pcf"), (EXAMPLES[2], ".lpf")]),
       st.lists(st.tuples(st.integers(0, 400), st.characters()), min_size=1, max_size=4))
def test_damaged_files_are_told_in_one_line(tmp_path_factory, whole, places):
    text, suffix = whole
    for place, letter in places:
        place %= len(text)
        text = text[:place] + letter + text[place + 1:]
    path = tmp_path_factory.mktemp("damaged") / f"board{suffix}"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        target = board_of(path)
    except BadInput as error:
        assert str(path) in str(error)
    else:
        assert target.make().device in CHIPS


def test_a_build_is_for_the_board_of_the_file(described):
    path = str(described(ICEBREAKER))
    config = BuildConfig(board_file=path, network="digits")
    target = target_of(config)
    assert target.board == "mine" and config.command(seed=3) == (
        f"python -m hw.build ice40 --network digits --board-file {path} --place-seed 3")
    for changes, says in (({"device": "ecp5"}, "is of the family ice40, not ecp5"),
                          ({"board": "hx8k"}, "leave --board out")):
        with pytest.raises(BadInput, match=says):
            target_of(config.replace(**changes))


@pytest.mark.parametrize("text, suffix", [
    (EXAMPLES[2], ".lpf"),
    (ICEBREAKER.replace("iCE40UP5K-SG48", "iCE40HX8K-CB132"), ".toml")])
def test_sizes_of_any_chip_are_estimated(described, text, suffix):
    found = best(load("digits"), board_of(described(text, suffix)))
    assert found.fits and found.limits == dict(board_of(described(text, suffix)).chip.limits)


def ended(main, words, capsys):
    """(exit code, last line on stderr, all of stdout) of a command."""
    with pytest.raises(SystemExit) as stop:
        main(words)
    said = capsys.readouterr()
    return stop.value.code, said.err.splitlines()[-1:], said.out


def test_the_command(described, capsys, monkeypatch, tmp_path):
    """Which reads the file before it works; what then fails here is the tool that is not there."""
    wanted = []

    def absent(component, where, *, target, **_):
        wanted.append(target)
        raise flow.steps.ToolError("no tools here")
    monkeypatch.setattr(flow.steps, "synthesised", absent)
    path, out = str(described(ICEBREAKER)), ["--out", str(tmp_path / "out")]
    words = ["ice40", "--network", "digits", "--board-file", path, *out]
    code, line, _ = ended(flow.build.main, words, capsys)
    assert code == 1 and "no tools here" in line[0] and wanted[0].board == "mine"
    code, line, _ = ended(flow.build.main, [*words, "--explore"], capsys)
    assert code == 2 and line[0].startswith("error: --explore builds for the boards that are known")
    Path(path).write_text(PCF)
    code, line, _ = ended(flow.build.main, words, capsys)
    assert code == 2 and line[0].startswith(f"error: {path}: no TOML")


def test_no_flash_no_loader(described, capsys, tmp_path):
    path = described(PCF, ".pcf")
    code, line, _ = ended(flow.build.main, [
        "ice40", "--network", "digits", "--board-file", str(path), "--boot", "flash",
        "--lanes", "4", "--word-steps", "16", "--out", str(tmp_path / "out")], capsys)
    assert code == 2 and "its file names no flash" in line[0]


def test_it_is_written_by_its_own_programmer(described, capsys, tmp_path, monkeypatch):
    report = {"board": "mine", "network": "net", "digest": "01" * 8, "clock_mhz": 24.0,
              "options": {"boot": "uart", "baud": 1_000_000},
              "sha256": {"top.bin": hashlib.sha256(b"bits").hexdigest()}}
    (tmp_path / "report.json").write_text(json.dumps(report))
    (tmp_path / "top.bin").write_bytes(b"bits")
    monkeypatch.setenv("PATH", "")
    words = ["--build", str(tmp_path)]
    code, line, _ = ended(flash.main, words, capsys)
    assert code == 2 and "--board-file names a board of your own" in line[0]
    words += ["--board-file", str(described(ICEBREAKER))]
    code, _, out = ended(flash.main, words, capsys)
    assert code == flash.NO_PROGRAMMER and f"iceprog {tmp_path}/top.bin" in out
    described(ICEBREAKER.replace('programmers = ["iceprog {file}"]', ""))
    code, _, out = ended(flash.main, words, capsys)
    assert code == flash.NO_PROGRAMMER and "names no programmers" in out
