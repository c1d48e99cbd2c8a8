"""The documentation site: every page is found, every command line in it is one, its Python runs.

Links between pages are checked by MkDocs itself, where warnings are errors (`make docs`).
"""

import argparse
import importlib
import importlib.util
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import yaml

import sam_snn.command
from verify.house import BELOW

ROOT = Path(__file__).parents[2]
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
# Written by hand; the others come out of result files, or have no commands.
WRITTEN = sorted({*PAGES, "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"} - {"docs/proof.md"})
LONG = {"docs/tutorial.md"}         # whose Python needs what its commands made: test_tutorial
CHOOSES = {"sam-snn export"}        # parses one word, which chooses who parses the rest
INSTALLED = {"sam_snn/rooms"}       # is there in a wheel alone
NOT_OURS = {"python3 -m venv", ".venv/bin/pip install", "pip install"}


def module_at(path):
    """A module of docs/, which is no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hook = module_at(ROOT / "docs/hook.py")


def text_of(page):
    return (ROOT / page).read_text()


# --- the site as a whole --------------------------------------------------------------------------


def leaves(node):
    """Pages of a part of the navigation."""
    if isinstance(node, str):
        return [node]
    return [page for each in (node.values() if isinstance(node, dict) else node)
            for page in leaves(each)]


def test_every_page_is_in_the_navigation():
    found = leaves(SITE["nav"])
    assert len(found) == len(set(found)) > 20
    assert set(found) == {page.removeprefix("docs/") for page in PAGES} | set(hook.INSIDE)


def test_pages_outside_come_along_with_what_they_link_to():
    """And tables of results, pictures and cards, which they link to in turn."""
    found = hook.outside(PAGES)
    assert found >= {*hook.OUTSIDE, "results/fig2/table.md", "results/fig2/figure.png",
                     "models/fashion.md", "bench/plots/cycles.png", "examples/tutorial7.py"}
    assert not [path for path in found if path.startswith("docs/")]
    assert all((ROOT / path).is_file() for path in found)


@pytest.mark.parametrize("source, text, wanted", [
    ("README.md", "![maps](docs/heatmaps.png)", "![maps](heatmaps.png)"),
    ("README.md", "[how](ARCHITECTURE.md#seams)", "[how](design/architecture.md#seams)"),
    ("ARCHITECTURE.md", "![rooms](docs/design/architecture.svg)", "![rooms](architecture.svg)"),
    ("docs/design/engine.md", "[a](../../ARCHITECTURE.md) [b](../glossary.md)",
     "[a](architecture.md) [b](../glossary.md)"),
    ("docs/howto/events.md", "[t](../../examples/tutorial7.py)", "[t](../examples/tutorial7.py)"),
    ("results/README.md", "[f](fig2/figure.png)", "[f](fig2/figure.png)"),
    # Left alone: other places, what is not there, code, and anchors of the page itself.
    ("README.md", "[p](https://arxiv.org/abs/2103.14441)", None),
    ("README.md", "[gone](docs/gone.md)", None),
    ("README.md", "`[how](ARCHITECTURE.md)`\n```\n[how](ARCHITECTURE.md)\n```\n", None),
    ("README.md", "[here](#one-call)", None)])
def test_links_are_those_of_the_site(source, text, wanted):
    assert hook.rewritten(text, source) == (text if wanted is None else wanted)


@pytest.mark.parametrize("html, found", [
    ('<script src="https://unpkg.com/x">', True), ("<img alt=a src=//cdn.x/y.png>", True),
    ('<link rel="stylesheet" href="http://x/y.css">', True),
    ('<script src="assets/x.js">', False), ('<a href="https://arxiv.org/abs/1">', False)])
def test_what_a_browser_fetches_from_elsewhere_is_seen(html, found):
    assert bool(hook.FETCHED.search(html)) == found


@pytest.mark.parametrize("text, wanted", [
    ("Does.\n\nMembers\n-------\ni : In(1)", "Does.\n\nAttributes\n----------\ni : In(1)"),
    ("Does.\n\nReturns\n-------\na : int\n\nRaises BadInput naming a.",
     "Does.\n\nRaises BadInput naming a.\n\nReturns\n-------\na : int"),
    ("sum of a[n] b[n][t], not of `b[n][t]`", "sum of a[n] b[n]\\[t], not of `b[n][t]`"),
    ("As golden.sam, of `golden.sam`: see golden/sam.py.",
     'As <autoref identifier="golden.sam" optional>golden.sam</autoref>, of `golden.sam`: see '
     "golden/sam.py."),
    ("Does.\n\nReturns\n-------\nLayer : object\n\nB : int", None)])
def test_docstrings_are_shown_in_words_of_numpydoc(text, wanted):
    docstrings = module_at(ROOT / "docs/docstrings.py")
    assert docstrings.shown(text) == (text if wanted is None else wanted)


@pytest.mark.slow
def test_builds_without_a_warning(tmp_path):
    """With the members of components and the pages from outside in it."""
    build = lambda *words: subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", *words], cwd=ROOT, text=True,
        capture_output=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"})
    done = build("--site-dir", str(tmp_path / "site"))
    assert done.returncode == 0, done.stderr
    for page in leaves(SITE["nav"]):
        assert (tmp_path / "site" / page).with_suffix(".html").is_file(), page
    hw = (tmp_path / "site/reference/hw.html").read_text()
    assert 'id="hw.ip.events.EventSam"' in hw and "o_map" in hw and "<h2>Members" not in hw
    # A page that nobody finds, and a link to nowhere, are faults.
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("# Home\n[gone](gone.md)\n")
    (tmp_path / "docs/lost.md").write_text("# Lost\n")
    rules = yaml.safe_dump({"site_name": "x", "validation": SITE["validation"],
                            "nav": [{"Home": "index.md"}]})
    (tmp_path / "mkdocs.yml").write_text(rules)
    done = build("--config-file", str(tmp_path / "mkdocs.yml"))
    assert done.returncode == 1 and "lost.md" in done.stderr and "'gone.md'" in done.stderr


# --- commands -------------------------------------------------------------------------------------


class Parsed(BaseException):
    """A command has taken its words; it goes no further."""


def main_of(name):
    """The main of ``python -m name``."""
    module = importlib.import_module(name)
    return module if hasattr(module, "main") else importlib.import_module(f"{name}.__main__")


def parsed(line):
    """Let the command of a line parse its words, and nothing else; SystemExit where it cannot."""
    words = shlex.split(line.replace(".venv/bin/", ""), comments=True)
    if words[0] == "sam-snn":
        main, words = sam_snn.command.main, words[1:]
    else:
        assert words[:2] == ["python", "-m"], line
        main, words = main_of(words[2]).main, words[3:]
    real = argparse.ArgumentParser.parse_args

    def parse_args(self, args=None, namespace=None):
        found = real(self, args, namespace)
        if self.prog in CHOOSES:
            return found
        raise Parsed
    with mock.patch.object(argparse.ArgumentParser, "parse_args", parse_args), \
            mock.patch.object(sys, "argv", ["command", *words]), pytest.raises(Parsed):
        main(words)


def blocks(text, languages):
    """Contents of fenced blocks in these languages; "" is none."""
    return [body for language, body in re.findall(r"(?ms)^```(\w*)\n(.*?)^```", text)
            if language in languages]


def command_lines(page):
    """Lines of commands in a page; in blocks of no language those behind a prompt, or that look so.

    A line of a block of "sh" that is no command of ours must be one of NOT_OURS.
    """
    text, found = text_of(page), []
    for language in ("", "sh"):
        for body in blocks(text, {language}):
            for line in body.replace("\\\n", " ").splitlines():
                line = line.removeprefix("$ ").strip()
                if re.match(r"(\.venv/bin/)?(python -m|sam-snn) ", line):
                    found.append(line)
                elif language == "sh":
                    assert line == ". .venv/bin/activate" or line.startswith(tuple(NOT_OURS)), line
    return found


LINES = [(page, line) for page in WRITTEN for line in command_lines(page)]


@pytest.mark.parametrize("page, line", LINES, ids=[f"{page}: {line}" for page, line in LINES])
def test_command_line_is_one(page, line, capsys):
    parsed(line)


@pytest.mark.parametrize("line", [
    "sam-snn fits 784-10 --stepz 3", "sam-snn gone", "sam-snn export verilog neuron --out x.v",
    "sam-snn export nir", "python -m hw.build ice41", ".venv/bin/python -m sim.run --engine rtl"])
def test_one_that_is_none_is_seen(line, capsys):
    with pytest.raises(SystemExit, match="2"):
        parsed(line)


def test_there_are_many():
    assert len(LINES) > 40 and {"docs/tutorial.md", "README.md", "docs/howto/export.md"} <= {
        page for page, _ in LINES}


@pytest.mark.parametrize("page", WRITTEN)
def test_what_is_named_is_there(page):
    """Within a line: modules and subcommands, files, functions, targets of make."""
    named = re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```", "", text_of(page)))
    targets = re.findall(r"^([\w./]+):", (ROOT / "Makefile").read_text(), re.M)
    rooms = "|".join([*BELOW, "tests"])
    for each in named:
        if found := re.match(r"python -m ([\w.]+)", each):
            assert importlib.util.find_spec(found[1]), each
        elif found := re.match(r"sam-snn ([a-z]+)\b(?!\|)", each):
            assert found[1] in sam_snn.command.COMMANDS, each
        elif found := re.match(r"make ([a-z]+)", each):
            assert found[1] in targets, each
        elif re.fullmatch(rf"(?:{rooms}|docs|examples|models)/[\w/.]+", each):
            assert each.endswith("/x.py") or each in INSTALLED or (ROOT / each).exists(), each
        elif re.fullmatch(rf"(?:{rooms})(?:\.\w+)+", each) and not each.endswith((".v", ".x")):
            pkgutil.resolve_name(each)


# --- Python ---------------------------------------------------------------------------------------


def python(page):
    """The Python of a page, run from its first block to its last in one namespace."""
    space = {"__name__": page}
    for n, body in enumerate(blocks(text_of(page), {"python"})):
        exec(compile(body, f"{page}, block {n + 1}", "exec"), space)
    return space


NEW = [page for page in PAGES if re.match(r"docs/(howto|reference)/|docs/(tutorial|faq)\.md", page)]
SHORT = [page for page in NEW if blocks(text_of(page), {"python"}) and page not in LONG]


@pytest.mark.parametrize("page", SHORT)
def test_python_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(python(page)) > 2


def test_tutorial_has_the_commands_of_the_readme():
    """What a tutorial explains is what the README shows; it adds others."""
    readme = text_of("README.md").partition("## Your own network")[2]
    plain = lambda line: line.replace(".venv/bin/python", "python")
    told = [plain(line) for body in blocks(text_of("docs/tutorial.md"), {"sh"})
            for line in body.splitlines()]
    wanted = [plain(line) for line in blocks(readme, {""})[0].splitlines()]
    assert len(wanted) == 6 and set(wanted) <= set(told)


@pytest.mark.slow
def test_tutorial(tmp_path, monkeypatch):
    """Its commands and its Python, in a folder of its own; training is cut short.

    Left out: setting up, the bitstream, and what needs a board or serves until it is stopped.
    """
    monkeypatch.chdir(tmp_path)
    left = ("python -m hw.build", "python -m boards.")
    ran = []
    for line in command_lines("docs/tutorial.md"):
        if line.startswith(left):
            continue
        words = shlex.split(line)
        words = words[1:] if words[0] == "python" else ["-m", "sam_snn", *words[1:]]
        short = ["--epochs", "2"] if "train.digits" in words else []
        done = subprocess.run([sys.executable, *words, *short], text=True, capture_output=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert done.returncode == 0, (line, done.stderr)
        ran.append(words[1])
    assert ran == ["train.digits", "golden.quantise", "golden.network", "sim.run", "sim.run",
                   "sim.explain", "sam_snn"]
    assert (tmp_path / "build/digits/why.png").is_file()
    python("docs/tutorial.md")
