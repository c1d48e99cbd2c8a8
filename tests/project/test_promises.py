"""docs/promises.md names tests that exist, for every section that promises something; and
docs/attacks.md for every attack.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "promises.md"
ATTACKS = ROOT / "docs" / "attacks.md"
NOTHING = {"Licence"}       # sections of the README that promise nothing that runs


def headings(page):
    """Headings of a page, outside of code."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text())
    return re.findall(r"^#{1,2} (.+)$", text, re.M)


def sections(page=PAGE):
    """{heading of a page: its rows}."""
    parts = re.split(r"^## (.+)$", page.read_text(), flags=re.M)
    return {name: [row for row in text.splitlines() if row.startswith("| ")][1:]
            for name, text in zip(parts[1::2], parts[2::2], strict=True)}


@cache
def names_in(path):
    """Names of the tests in a file."""
    return {node.name for node in ast.parse((ROOT / path).read_text()).body
            if isinstance(node, ast.FunctionDef)}


def missing(row):
    """Tests that a row names and that are not there; every row names one."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
    assert named, row
    return [f"{path}::{test}" for path, test in named
            if not (ROOT / path).is_file() or test not in names_in(path)]


@pytest.mark.parametrize("page", [PAGE, ATTACKS], ids=["promises", "attacks"])
def test_every_test_exists(page):
    rows = [row for rows in sections(page).values() for row in rows]
    assert len(rows) > 20
    assert [each for row in rows for each in missing(row)] == []


def test_every_section_of_the_readme_has_a_row():
    """And every section of the page is one of the README or of ARCHITECTURE.md."""
    told = {f"README: {name}" for name in headings(ROOT / "README.md") if name not in NOTHING}
    known = told | {f"ARCHITECTURE: {name}" for name in headings(ROOT / "ARCHITECTURE.md")}
    assert told <= {name for name, rows in sections().items() if rows}
    assert sections().keys() <= known


@pytest.mark.parametrize("name", ["tests/project/test_promises.py::test_gone",
                                  "tests/project/test_gone.py::test_every_test_exists"])
def test_a_test_that_is_gone_is_seen(name):
    assert missing(f"| It holds. | `{name}` |") == [name]
