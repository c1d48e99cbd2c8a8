"""Pages of the site that lie outside of docs/, and the links between all pages; run by MkDocs.

A page has one home. README.md and its like stay where they are: ``OUTSIDE`` says what each is
called on the site. Whatever else a page links to and that lies outside of docs/, as a table of
results or a picture, comes along under its own path.
"""

import logging
import re
from pathlib import Path
from posixpath import dirname, join, normpath, relpath

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = {     # in the repository: on the site
    "README.md": "index.md",
    "ARCHITECTURE.md": "design/architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "bench/README.md": "bench/index.md",
    "models/README.md": "models/index.md",
    "results/README.md": "results/index.md",
    "results/PROTOCOL.md": "results/protocol.md",
}
INSIDE = {site: path for path, site in OUTSIDE.items()}
CODE = re.compile(r"(?ms)(^```.*?^```[ ]*$|`[^`\n]+`)")     # where nothing is a link
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
# What a browser fetches by itself, from another place than the site.
FETCHED = re.compile(
    r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//")

log = logging.getLogger("mkdocs.hooks.sam_snn")


def placed(path):
    """Where a file of the repository is on the site."""
    return OUTSIDE.get(path, path.removeprefix("docs/"))


def in_repository(site):
    """Which file of the repository a page of the site is."""
    if site in INSIDE:
        return INSIDE[site]
    return f"docs/{site}" if (ROOT / "docs" / site).exists() else site


def targets(text, source):
    """Files of the repository that a page at ``source`` links to and that are there."""
    for part in CODE.split(text)[::2]:
        for _, target, _ in LINK.findall(part):
            path = normpath(join(dirname(source), target))
            if "://" not in target and not path.startswith("..") and (ROOT / path).is_file():
                yield path


def rewritten(text, source):
    """The text of the page at ``source``, with links to where things are on the site.

    A link to a file that is not there stays as it is, for MkDocs to find fault with.
    """
    here = dirname(placed(source))

    def moved(found):
        path = normpath(join(dirname(source), found[2]))
        if "://" in found[2] or not (ROOT / path).is_file():
            return found[0]
        return found[1] + relpath(placed(path), here or ".") + found[3]
    return "".join(part if n % 2 else LINK.sub(moved, part)
                   for n, part in enumerate(CODE.split(text)))


def outside(pages):
    """All files outside of docs/ that belong to the site, from what ``pages`` link to on."""
    found, waiting = set(OUTSIDE), [*pages, *OUTSIDE]
    while waiting:
        page = waiting.pop()
        if page.endswith(".md"):
            for path in targets((ROOT / page).read_text(), page):
                if not path.startswith("docs/") and path not in found:
                    found.add(path)
                    waiting.append(path)
    return found


def on_files(files, config):
    """Add the files outside of docs/."""
    from mkdocs.structure.files import File
    pages = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    for path in sorted(outside(pages)):
        files.append(File.generated(config, placed(path), abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Links as they are on the site; a tab of one page has no list of pages beside it."""
    if page.parent is None:
        page.meta["hide"] = ["navigation"]
    return rewritten(markdown, in_repository(page.file.src_uri))


def on_post_page(output, page, config):
    """Warn of what a reader's browser would fetch from elsewhere."""
    for found in FETCHED.findall(output):
        log.warning("%s: the page loads from elsewhere: %s", page.file.src_uri, found)
    return output
