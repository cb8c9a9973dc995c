"""Tell whether a server has to build only the page that was saved."""

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

    def only_change(self, earlier: "Sources") -> str | None:
        """Return the page that alone differs from `earlier`; None if another page may depend on what differs.

        A page without blocks is never that page: others may quote it, as they do a glossary.

        >>> from lessons_src.engine.parsing import parse_lesson
        >>> texts = ["# A\\n\\n```python\\n1;\\n```\\n", "# A\\n\\n```python\\n2;\\n```\\n", "# B\\n"]
        >>> one, two, three = (Sources({"a.md": parse_lesson(text, "a.md")}, "") for text in texts)
        >>> two.only_change(one), three.only_change(one)
        ('a.md', None)
        """
        if self.others != earlier.others or self.pages.keys() != earlier.pages.keys():
            return None
        changed = [name for name, page in self.pages.items() if page != earlier.pages[name]]
        if len(changed) != 1:
            return None
        now, before = self.pages[changed[0]], earlier.pages[changed[0]]
        has_blocks = any(block.is_run for block in now.blocks)
        depends_on_others = any(map(_REFERENCE.search, _prose(now)))
        is_quoted = _shown_elsewhere(now) != _shown_elsewhere(before)
        return changed[0] if has_blocks and not depends_on_others and not is_quoted else None


def _prose(page: Lesson) -> list[str]:
    """Return the lines outside fences."""
    code = {row for fence in scan(page.text).fences for row in range(fence.span.start, fence.span.end)}
    return [line for row, line in enumerate(page.lines) if row not in code]


def _shown_elsewhere(page: Lesson) -> list[object]:
    """Return what other pages may show or lead to: the front matter, the headings and other anchors."""
    headings = [(heading.tag, heading.text) for heading in scan(page.text).headings]
    return [*page.lines[: page.body], *headings, *filter(_ANCHOR.search, _prose(page))]
