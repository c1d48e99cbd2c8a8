"""Every command under drawn arguments and damaged files: one line and exit 2, or a whole result.

With tests/project/test_damaged_files.py (500 files) these are over 2,000 cases;
`python -m tests.fuzz_soak` draws as many as it is asked for.
"""

import contextlib
import io
import os
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from golden.io.errors import command
from tests.helpers.endings import littered, traced
from verify.fuzz.commands import (
    COMMANDS,
    SECONDS,
    files,
    options,
    originals,
    placed,
    prepared,
    quick,
    snapshot,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Files to draw from."""
    return originals(tmp_path_factory.mktemp("good"))


def fuzz(main, count, arguments, good):
    """{exit code: cases} of ``count`` drawn command lines, each checked for how it ends."""
    endings = {}

    @settings(max_examples=count, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))
    @given(arguments)
    def case(words):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            prepared(folder)
            words = [placed(word, folder, good) for word in words]
            before, here, started = snapshot(folder), os.getcwd(), time.time()
            out, err = io.StringIO(), io.StringIO()
            os.chdir(folder)
            try:
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    code = 0
                    try:
                        main(words)
                    except SystemExit as done:
                        code = done.code or 0
            finally:
                os.chdir(here)
            assert time.time() - started < SECONDS, words
            assert code in (0, 1, 2), words
            endings[code] = endings.get(code, 0) + 1
            shown = err.getvalue()
            assert "Traceback" not in shown, words
            if code == 2:
                errors = [line for line in shown.splitlines() if "error: " in line]
                assert len(errors) == 1 and shown.rstrip().endswith(errors[0]), (words, shown)
                assert snapshot(folder) == before, f"{words}: something was left behind"
    case()
    return endings


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", COMMANDS)
def test_whole_or_one_line(name, good, monkeypatch):
    """No traceback, no case over 30 s; on exit 2 one error, and nothing of an output is there."""
    main, count, arguments = COMMANDS[name]
    quick(monkeypatch.setattr)
    endings = fuzz(main, count, arguments, good)
    # Both ways to end were seen, and as many cases as were asked for.
    assert endings.get(2, 0) > count // 5 and endings.get(0, 0) + endings.get(1, 0) > 0, endings
    assert sum(endings.values()) >= 0.9 * count, endings


@pytest.mark.parametrize("main, sign", [(traced, KeyError), (command(littered), AssertionError)])
def test_planted(main, sign, good):
    """A traceback, and a file left behind by a refusal, are found."""
    with pytest.raises(sign):
        fuzz(main, 5, options(("network",), network=files("net")), good)
