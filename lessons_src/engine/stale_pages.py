"""Tell which pages a server has to build after a save."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lessons_src.engine.lesson import Lesson
from lessons_src.engine.scanning import scan

_ANCHOR = re.compile(r"\b(?:id|name)\s*=|\{[^}]*#")
# Docstrings, and links to their entries: what mkdocstrings makes of them depends on other pages.
_REFERENCE = re.compile(r"^ *::: |\]\[")


@dataclass(frozen=True)
class Sources:
    """What a site is built from: its pages, and all else."""

    pages: Mapping[str, Lesson]
    others: object
    """Equal as long as nothing else has changed."""

    def changes(self, earlier: "Sources") -> set[str] | None:
        """Return the pages that differ from `earlier`; None if other pages may show what differs.

        >>> from lessons_src.engine.parsing import parse_lesson
        >>> texts = "# A\\n\\nOne.\\n", "# A\\n\\nTwo.\\n", "# B\\n\\nTwo.\\n"
        >>> one, two, three = (Sources({"a.md": parse_lesson(text, "a.md")}, "") for text in texts)
        >>> one.changes(one), two.changes(one), three.changes(one)
        (set(), {'a.md'}, None)
        """
        if self.others != earlier.others or self.pages.keys() != earlier.pages.keys():
            return None
        changed = {name for name, page in self.pages.items() if page != earlier.pages[name]}
        quoted = any(
            _shown_elsewhere(self.pages[name]) != _shown_elsewhere(earlier.pages[name]) for name in changed
        )
        return None if quoted else changed


def stands_alone(page: Lesson) -> bool:
    """Return whether `page` can be built without the others.

    A page without blocks cannot: others may quote it, as they do a glossary.
    """
    return any(block.is_run for block in page.blocks) and not any(map(_REFERENCE.search, _prose(page)))


def _prose(page: Lesson) -> list[str]:
    """Return the lines outside fences."""
    code = {row for fence in scan(page.text).fences for row in range(fence.span.start, fence.span.end)}
    return [line for row, line in enumerate(page.lines) if row not in code]


def _shown_elsewhere(page: Lesson) -> list[object]:
    """Return what other pages may show or lead to: the front matter, the headings and other anchors."""
    headings = [(heading.tag, heading.text) for heading in scan(page.text).headings]
    return [*page.lines[: page.body], *headings, *filter(_ANCHOR.search, _prose(page))]
