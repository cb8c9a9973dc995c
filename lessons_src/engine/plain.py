"""Make plain Markdown of a lesson, for a reader that is no browser: a person's editor, or a language model.

Outputs are in place, as they are stored; directives, containers and classes have become words.
"""

import re
from collections.abc import Callable
from itertools import count
from textwrap import indent

from lessons_src.engine.lesson import Lesson
from lessons_src.engine.page import RESULTS, results_key

_RESULTS = re.compile(rf"^(?P<margin> *)```{RESULTS}\n *(?P<key>.+)\n *```\n", re.MULTILINE)
_PIECE = re.compile(
    # What is no prose is matched first, so that nothing in it is.
    r"(?P<same>^(?P<margin> *)(?P<marks>`{3,}|~{3,}).*?^(?P=margin)(?P=marks)"
    r"|(?<!`)(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))"
    r"|<!--.*?-->\s*|\n *\{ \.[^{}\n]*\}$"
    r"|^::: (?P<name>\S+)\n(?P<options>(?: +\S.*?\n)*)"
    r"|(?<=\]\()(?P<target>[^()\s]+)(?P<title>[^()]*\))(?:\{[^{}\n]*\})?"
    r'|(?<=\bhref=")(?P<href>[^"]+)'
    r"|(?P<space>\n{3,})",
    re.DOTALL | re.MULTILINE,
)
# The first line of an admonition (`!!!`), a fold (`???`) or a content tab (`===`).
_CONTAINER = re.compile(r' *(?P<mark>!!!|\?\?\?|===)[+!]* *(?P<kind>[\w-]*)[\w -]*(?:"(?P<title>.*)")?$')
_MARKS = re.compile(r" *(`{3,}|~{3,})")


def plain_markdown(
    page: str, lesson: Lesson, link: Callable[[str], str], reference: Callable[[str, str], str]
) -> str:
    """Return the Markdown of a `page` of `lesson` with its outputs, and without what only the site knows.

    `link` returns the absolute address of a link of the lesson. `reference` returns the Markdown of what
    mkdocstrings shows of a name, and gets its options as YAML.

    >>> from lessons_src.engine.page import render_page
    >>> from lessons_src.engine.parsing import parse_lesson
    >>> text = "[Two](two.md):\\n\\n```python\\n1 + 1\\n```\\n\\n```text\\n2\\n```\\n"
    >>> lesson = parse_lesson(text, "one.md")
    >>> page = render_page(lesson).markdown
    >>> print(plain_markdown(page, lesson, lambda to: f"https://example.org/{to}", reference=max))
    [Two](https://example.org/two.md):
    <BLANKLINE>
    ```python
    1 + 1
    ```
    <BLANKLINE>
    ```text
    2
    ```
    <BLANKLINE>
    """

    def changed(piece: re.Match[str]) -> str:
        if piece["same"]:
            return piece[0]
        if piece["name"]:
            return reference(piece["name"], piece["options"])
        if piece["target"]:
            return link(piece["target"]) + piece["title"]
        if piece["href"]:
            return link(piece["href"])
        return "\n\n" if piece["space"] else ""

    shown = _shown(lesson)
    text = _RESULTS.sub(lambda found: indent(shown[found["key"]], found["margin"]), page)
    return _PIECE.sub(changed, _without_containers(text)).strip() + "\n"


def _shown(lesson: Lesson) -> dict[str, str]:
    """Return what each block shows, by the content of its `RESULTS` fence."""
    shown = {}
    figures = count(1)
    for block in lesson.blocks:
        parts = []
        if block.directives.display_only:
            parts.append(f"Not run: {block.directives.display_only}\n")
        if block.output:
            rows = lesson.lines[block.output.fence.start : block.output.fence.end]
            parts.append("".join(row.removeprefix(block.indent) for row in rows))
        if block.directives.figure:
            parts.append(f"**Figure {next(figures)}.** {block.directives.figure}\n")
        shown[results_key(lesson, block)] = "\n".join(parts)
    return shown


def _without_containers(text: str) -> str:
    """Make HTML of folds, which Markdown has none of; of other containers, a title and what they contain."""
    rows: list[str] = []
    # Of each container around a row: how far its content is indented, and what follows it.
    ends: list[tuple[int, str]] = []
    fence = ""
    for row in text.splitlines():
        content = row.lstrip(" ")
        while ends and content and len(row) - len(content) < ends[-1][0]:
            rows += ["", ends.pop()[1], ""]
        marks = _MARKS.match(row)
        if marks and fence in {"", content.rstrip()}:
            fence = "" if fence else marks[1]
        place = row[4 * len(ends) :]
        container = None if fence else _CONTAINER.match(row)
        if not container:
            rows.append(place)
            continue
        margin = place[: len(place) - len(content)]
        title = container["title"] or container["kind"].capitalize()
        before, after = f"**{title}**", ""
        if container["mark"] == "???":
            before, after = f"<details><summary>{title}</summary>", "</details>"
        if container["kind"] == "lesson-predict":
            question = re.sub(r"\s*<br>\s*", "\n\n", title)
            before = f"{question}\n\n<details><summary>Answer</summary>"
        rows += [indent(before, margin), ""]
        ends.append((len(row) - len(content) + 4, margin + after))
    rows += [f"\n{end}" for _, end in reversed(ends)]
    return "\n".join(rows)
