"""What the soak of command lines finds and notes."""

import pytest

import sim.run
from golden.io.errors import command
from tests.helpers.endings import littered, traced
from verify.fuzz import __main__ as fuzz_soak
from verify.fuzz.commands import COMMANDS, originals

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Files to draw from."""
    return originals(tmp_path_factory.mktemp("good"))


def endless(words):
    while True:
        pass


def hungry(words):
    return bytearray(2**40)


def coloured(words):
    print("\x1b[31m")


@pytest.mark.rotated
@pytest.mark.parametrize("main, fault", [
    (traced, "traceback"), (command(littered), "left behind"), (endless, "hang"),
    (hungry, "traceback"), (command(hungry), ""), (coloured, "control characters")])
def test_soak_finds(main, fault, good):
    """What the soak is to find is in its log; memory that is not there is a line of a command."""
    fault_found, code, *_ = fuzz_soak.case("x", main, ["net:good:0"], good, seconds=2)
    assert fault_found == fault and (fault or code == 2)


def test_soak_draws_from_all_commands_and_notes_them(good):
    commands = {name: (command(littered if name == "b" else sim.run.main), 1,
                       COMMANDS["sim.run"][2]) for name in "ab"}
    log = fuzz_soak.soak(12, 3, good, commands=commands)
    assert log["count"] == 12 and sum(log["faults"].values()) == 6 == log["faults"]["left behind"]
    assert {name: sum(ends.values()) for name, ends in log["commands"].items()} == {"a": 6, "b": 6}
    again = fuzz_soak.soak(12, 3, good, commands=commands)
    assert again == log


def test_soak_runs_a_whole_python(good):
    """A command as it is called, within the same limits."""
    fault, code, _, text = fuzz_soak.case(
        "golden.network.__main__", None, ["net:good:0"], good, alone=True, seconds=60)
    assert (fault, code) == ("", 0) and "digest" in text
