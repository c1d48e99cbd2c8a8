"""The notebooks in examples/: their cells run from top to bottom, in a folder of their own."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def program(path):
    """The code cells of a notebook as a program, which says with a line that it came to its end.

    A cell's last expression is what a notebook shows: here its ``repr`` and its picture are made.
    """
    text = ["import warnings", "warnings.simplefilter('ignore')", "_shown = []"]
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = tree.body.pop()
            text += [ast.unparse(tree), f"_shown.append({ast.unparse(last.value)})"]
        else:
            text.append(ast.unparse(tree))
    return "\n".join([*text, "import io", "for each in _shown:", "    repr(each)",
                      "    if hasattr(each, 'savefig'): each.savefig(io.BytesIO())",
                      "print('came to its end')"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_are_notebooks_without_results(path):
    """As Jupyter reads them, with a heading first, and no output that grows old."""
    book = json.loads(path.read_text())
    assert book["nbformat"] == 4 and len({cell["id"] for cell in book["cells"]}) == len(
        book["cells"])
    assert "".join(book["cells"][0]["source"]).startswith("# ")
    for cell in book["cells"]:
        assert cell["cell_type"] == "markdown" or not cell["outputs"]


@pytest.mark.slow
@pytest.mark.rotated
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs(path, tmp_path):
    (tmp_path / "book.py").write_text(program(path))
    done = subprocess.run([sys.executable, "book.py"], cwd=tmp_path, text=True,
                          capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.endswith("came to its end\n")
