"""Tell whether a server has to build only the page that was saved."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lessons_src.engine.lesson import Lesson

# A heading, which navigation and links to it show, or another anchor
_HEADING = re.compile(r"\s*#|.*(?:\bid=|\{[^}]*#)")


@dataclass(frozen=True)
class Sources:
    """What a site is built from: its pages, and all else."""

    pages: Mapping[str, Lesson]
    others: object
    """Equal as long as nothing else has changed."""

    def only_change(self, earlier: "Sources") -> str | None:
        """Return the page that alone differs from `earlier`, if no other page shows what differs.

        It has blocks to run: other pages may quote one without, such as a glossary.

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
        quoted = _shown_elsewhere(now) != _shown_elsewhere(before) or not any(b.is_run for b in now.blocks)
        return None if quoted else changed[0]


def _shown_elsewhere(page: Lesson) -> list[str]:
    """Return the lines that other pages may depend on: the front matter and the headings."""
    code = {row for block in page.blocks for row in range(block.fence.start, block.fence.end)}
    prose = (line for row, line in enumerate(page.lines) if row >= page.body and row not in code)
    return [*page.lines[: page.body], *filter(_HEADING.match, prose)]
