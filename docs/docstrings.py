"""Docstrings of the project as the site shows them; an extension of griffe, which reads them."""

import re

import griffe

HEAD = re.compile(r"(?m)^( *)Members\n\1-{7}$")
SECTION = re.compile(r"\w+\n-+$", re.MULTILINE)
PROSE = re.compile(r"[A-Z]\w* (?!: )")                  # and no name with its type
NAME = re.compile(r"\b(?:golden|hw|boards|flow|sam_snn)(?:\.\w+)+\b(?!\.(?:py|md))")
CODE = re.compile(r"(``.*?``|`[^`\n]+`)", re.DOTALL)


def shown(text):
    """A docstring in the words of numpydoc and Markdown.

    - ``Members`` is no section of numpydoc, and would be a heading: they become attributes.
    - Sentences behind a section, as "Raises BadInput ...", would be one of its names: they go
      before the first one.
    - Of a[n] b[n][t], ``[n][t]`` would be a link to t.
    - What is named in full becomes a link, if the site has it.
    """
    text = HEAD.sub(r"\1Attributes\n\1----------", text)
    before, sections, behind = [], [], []
    for part in text.split("\n\n"):
        if sections and PROSE.match(part) and not SECTION.match(part):
            behind.append(part)
        elif sections or SECTION.match(part):
            sections.append(part)
        else:
            before.append(part)
    # In a section, what is not indented is a name with its type.
    listed = [re.sub(r"(?m)^( +)(\S.*)$", lambda line: line[1] + linked(line[2]), part)
              for part in sections]
    return "\n\n".join([*map(linked, [*before, *behind]), *listed])


def linked(text):
    """Text whose names in full are links, outside of code; code is a paragraph that is indented."""
    if text.startswith("    "):
        return text

    def link(found):
        return f'<autoref identifier="{found[0]}" optional>{found[0]}</autoref>'
    return "".join(part if n % 2 else NAME.sub(link, part.replace("][", "]\\["))
                   for n, part in enumerate(CODE.split(text)))


class Shown(griffe.Extension):
    """Changes the docstring of each module, class, function and attribute before it is parsed."""

    def on_instance(self, *, obj, **kwargs):
        if obj.docstring is not None:
            obj.docstring.value = shown(obj.docstring.value)
