"""python -m verify.house: who imports whom, circles among them, and the longest files.

Prints for each room its longest file and the longest ``elaborate``, and fails (exit code 1) where
modules import each other in a circle, where a room imports one above it, or where a file or an
``elaborate`` is longer than is allowed. With --circles it looks for circles alone.

Rooms stand above each other (``ORDER``): each imports those before it. ``train`` imports golden
alone. ``verify`` stands above ``apps`` and ``train``: its fuzz calls the commands of all rooms, and
what a user starts must not need what checks it. A shim keeps a command under an older name; it
holds the import of a ``main``, its call, and nothing else, and is known by that. ``ARROWS`` are the
imports against the order that are promised to users.
"""

import argparse
import ast
import gc
from pathlib import Path

from golden.io.console import Console, Table
from golden.io.errors import command
from golden.io.text import say

__all__ = ["ARROWS", "ORDER", "circles", "imports", "is_shim", "lengths", "modules", "upward"]

ROOT = Path(__file__).parents[1]
ORDER = ("golden", "hw", "boards", "flow", "sim", "apps", "verify", "bench")
BELOW = {**{room: ORDER[:n] for n, room in enumerate(ORDER)}, "train": ("golden",)}
BELOW["verify"] += ("train",)
# The tutorial of golden.attribution calls this method by its name.
ARROWS = {("golden.attribution", "flow.export.units")}
MOST_LINES = 450            # of a file in golden, hw, boards, flow
MOST_ELABORATE = 150        # lines of an elaborate


def parsed(path):
    """Syntax tree of a file, parsed while no garbage is collected.

    A finaliser that warns formats a traceback, which parses source within the parser; Python 3.11
    then raises SystemError (python/cpython#106905).
    """
    gc.disable()
    try:
        return ast.parse(path.read_text())
    finally:
        gc.enable()


def modules(root=ROOT):
    """{module: file} of all rooms."""
    found = {}
    for room in BELOW:
        for path in sorted((root / room).rglob("*.py")):
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def imports(tree):
    """Full names of all that a syntax tree imports, at its top or anywhere inside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_shim(tree):
    """Whether a module holds the import of a main and its call as a program, and nothing else."""
    statements = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    if len(statements) != 2 or not isinstance(statements[0], ast.ImportFrom):
        return False
    names = [alias.name for alias in statements[0].names]
    return names == ["main"] and ast.unparse(statements[1]) == (
        "if __name__ == '__main__':\n    main()")


def arrows(found):
    """{module: modules of the project it imports} of ``modules``, without those of shims."""
    result = {}
    for name, path in found.items():
        tree = parsed(path)
        result[name] = set()
        if is_shim(tree):
            continue
        for target in imports(tree):
            while target and target not in found:
                target = target.rpartition(".")[0]
            # A package that a module lies in is imported with it.
            if target and target != name and "." in target:
                result[name].add(target)
    return result


def circles(found=None):
    """Sets of modules that import each other, largest first (Tarjan's components)."""
    graph = arrows(found or modules())
    index, low, stack, result = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph[node]):
            if (node, target) in ARROWS:
                continue
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            part = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(part) > 1:
                result.append(sorted(part))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return sorted(result, key=lambda part: (-len(part), part))


def upward(found=None):
    """(module, target) of imports of a room that is not below the module's."""
    result = []
    for name, targets in arrows(found or modules()).items():
        room = name.partition(".")[0]
        for target in sorted(targets):
            other = target.partition(".")[0]
            if other not in (room, *BELOW[room]) and (name, target) not in ARROWS:
                result.append((name, target))
    return result


def lengths(found=None):
    """{room: ((lines, file), (lines, class))}: the longest file, the longest elaborate or None."""
    result = {}
    for name, path in (found or modules()).items():
        room = name.partition(".")[0]
        text = path.read_text()
        longest, deepest = result.get(room, ((0, ""), None))
        longest = max(longest, (len(text.splitlines()), name))
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                for each in node.body:
                    if isinstance(each, ast.FunctionDef) and each.name == "elaborate":
                        here = each.end_lineno - each.lineno + 1, f"{name}.{node.name}"
                        deepest = max(deepest or here, here)
        result[room] = longest, deepest
    return result


@command
def main(argv=None):
    """Print what was found; exit code 1 where a rule is broken."""
    parser = argparse.ArgumentParser(prog="python -m verify.house", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--circles", action="store_true", help="look for circles alone")
    args = parser.parse_args(argv)
    found = modules()
    wrong = [f"circle: {', '.join(part)}" for part in circles(found)]
    if not args.circles:
        wrong += [f"{name} must not import {target}" for name, target in upward(found)]
        table = Table("room", "longest file", "lines", "longest elaborate", "lines")
        for room, ((lines, name), deepest) in lengths(found).items():
            table.add_row(room, name, lines, *(deepest[::-1] if deepest else ("", "")))
            if room in ("golden", "hw", "boards", "flow") and lines > MOST_LINES:
                wrong.append(f"{name}: {lines} lines, more than {MOST_LINES}")
            if deepest and deepest[0] > MOST_ELABORATE:
                wrong.append(f"{deepest[1]}: elaborate of {deepest[0]} lines, more than "
                             f"{MOST_ELABORATE}")
        Console().print(table)
    for line in wrong:
        say(line)
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
