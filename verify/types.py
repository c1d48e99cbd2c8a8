"""python -m verify.types: the share of public functions whose parameters and result have types.

A function is public where neither its name, nor its class's, begins with an underscore; so is the
``__init__`` of such a class, whose result needs no type. It counts where each parameter but self
and cls has a type, and the result. Prints a row a room, and fails (exit code 1) where the share of
a room is below ``FLOORS``. With --missing it lists the others.

``--check`` also runs basedpyright (basic; pyproject.toml says what it looks at) and fails where it
finds what its baseline, .basedpyright/baseline.json, does not list: findings of before types were
asked for. ``--accept`` writes that file anew with whatever is found.
"""

import argparse
import ast
import json
import subprocess
import sys
from pathlib import Path

from golden.io.console import Console, Table
from golden.io.errors import BadInput, command
from golden.io.processes import folder
from golden.io.text import say
from verify.house import modules, parsed

__all__ = ["FLOORS", "below", "functions", "shares"]

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / ".basedpyright" / "baseline.json"
FLOORS = {"golden": 0.45, "hw": 0.09, "boards": 0.65, "flow": 0.65, "sim": 0.5, "apps": 0.6,
          "sam_snn": 0.35}       # of each room


def typed(node: ast.FunctionDef | ast.AsyncFunctionDef, *, method: bool) -> bool:
    """Whether a function has all its types; ``method``: the first parameter needs none."""
    arguments = node.args
    listed = [*arguments.posonlyargs, *arguments.args]
    still = any(isinstance(each, ast.Name) and each.id == "staticmethod"
                for each in node.decorator_list)
    listed = listed[1:] if method and not still else listed
    listed += [*arguments.kwonlyargs, *filter(None, (arguments.vararg, arguments.kwarg))]
    result = node.returns is not None or node.name == "__init__"
    return result and all(each.annotation is not None for each in listed)


def functions(tree: ast.Module) -> list[tuple[str, int, bool]]:
    """(name, line, whether it has all its types) of the public functions of a module."""
    found = []

    def visit(body: list[ast.stmt], owner: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef) and not owner and not node.name.startswith("_"):
                visit(node.body, f"{node.name}.")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
                    not node.name.startswith("_") or (owner and node.name == "__init__")):
                found.append((f"{owner}{node.name}", node.lineno,
                              typed(node, method=bool(owner))))
    visit(tree.body, "")
    return found


def shares(found: dict[str, Path] | None = None) -> dict[str, tuple[int, int]]:
    """{room: (functions with types, functions)} of the rooms of ``FLOORS``."""
    result = dict.fromkeys(FLOORS, (0, 0))
    for name, path in (found or modules()).items():
        room = name.partition(".")[0]
        if room in result:
            known = [good for *_, good in functions(parsed(path))]
            result[room] = (result[room][0] + sum(known), result[room][1] + len(known))
    return result


def below(counted: dict[str, tuple[int, int]]) -> list[str]:
    """A line for each room whose share is below its floor."""
    return [f"{room}: {good} of {every} public functions have types, fewer than "
            f"{FLOORS[room]:.0%}" for room, (good, every) in counted.items()
            if good < FLOORS[room] * every]


def pyright(*words: str) -> int:
    """Run basedpyright in the checkout; its exit code. BadInput where it is not installed."""
    tool = Path(sys.executable).with_name("basedpyright")
    if not tool.is_file():
        raise BadInput("there is no basedpyright here: pip install -e '.[test]'")
    return subprocess.run([tool, *words], cwd=ROOT, check=False).returncode


def listed() -> int:
    """How many findings the baseline lists."""
    found = json.loads(BASELINE.read_text()) if BASELINE.is_file() else {"files": {}}
    return sum(len(each) for each in found["files"].values())


@command
def main(argv: list[str] | None = None) -> None:
    """Print the shares; exit code 1 below a floor, or where basedpyright finds something new."""
    parser = argparse.ArgumentParser(prog="python -m verify.types", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--missing", action="store_true", help="list functions without types")
    parser.add_argument("--check", action="store_true", help="run basedpyright too")
    parser.add_argument("--accept", action="store_true",
                        help="write what basedpyright finds to the baseline")
    args = parser.parse_args(argv)
    counted = shares()
    table = Table("room", "with types", "public functions", "share", "at least")
    for room, (good, every) in counted.items():
        table.add_row(room, good, every, f"{good / every:.1%}", f"{FLOORS[room]:.0%}")
    good, every = (sum(each[n] for each in counted.values()) for n in (0, 1))
    table.add_row("all", good, every, f"{good / every:.1%}", "")
    Console().print(table)
    if args.missing:
        for name, path in modules().items():
            if name.partition(".")[0] in FLOORS:
                for what, line, known in functions(parsed(path)):
                    if not known:
                        say(f"{path.relative_to(ROOT)}:{line}: {what}")
    wrong = below(counted)
    for line in wrong:
        say(line)
    code = 0
    if args.accept:
        pyright("--baselinefile", str(BASELINE), "--writebaseline")
    elif args.check:
        # A copy: basedpyright shrinks the file that it is given.
        with folder("sam-types-") as aside:
            copy = Path(aside) / BASELINE.name
            if BASELINE.is_file():
                copy.write_bytes(BASELINE.read_bytes())
            code = pyright("--baselinefile", str(copy))
    if args.accept or args.check:
        say(f"{listed()} findings of before are listed in {BASELINE.relative_to(ROOT)}")
    if wrong or code:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
