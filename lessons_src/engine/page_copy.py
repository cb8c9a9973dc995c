"""Make a copy of a page in plain Markdown, for a reader that is no browser: an editor, or a language model.

Outputs are in place, as they are stored; directives, containers and classes have become words.
"""

import re
from collections.abc import Callable
from itertools import count
from textwrap import indent

from lessons_src.engine.lesson import Lesson
from lessons_src.engine.page import RESULTS, results_key
from lessons_src.engine.plain_markdown import FENCE, PLACE, absolute, without_containers

_RESULTS = re.compile(rf"^(?P<margin> *)```{RESULTS}\n *(?P<key>.+)\n *```\n", re.MULTILINE)
# A question, and its answer in a fold
_PREDICT = re.compile(r'^(?P<margin> *)\?\?\? lesson-predict "(?P<question>.*)"\n', re.MULTILINE)
_REFERENCE = re.compile(r"^::: (?P<name>\S+)\n(?P<options>(?: +\S.*?\n)*)", re.MULTILINE)
_SPACE = re.compile(rf"(?P<fence>{FENCE})|\n{{3,}}", re.MULTILINE)


def copy_page(page: str, lesson: Lesson, file: str, reference: Callable[[str, str], str]) -> str:
    """Return the Markdown of a `page` of `lesson` with its outputs, and without what only the site knows.

    `file` is the absolute address that the page's links are relative to. `reference` returns the Markdown of
    what mkdocstrings shows of a name, and gets its options as YAML.

    >>> from lessons_src.engine.page import render_page
    >>> from lessons_src.engine.parsing import parse_lesson
    >>> text = "[Two](two.md):\\n\\n```python\\n1 + 1\\n```\\n\\n```text\\n2\\n```\\n"
    >>> lesson = parse_lesson(text, "one.md")
    >>> page = render_page(lesson).markdown
    >>> print(copy_page(page, lesson, "https://example.org/one.md", reference=max))
    [Two](https://example.org/two/):
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
    shown = _shown(lesson)
    text = _PREDICT.sub(_ask, page)
    text = _RESULTS.sub(lambda found: indent(shown[found["key"]], found["margin"]), text)
    text = PLACE.sub("\n", absolute(without_containers(text, str), file))
    text = _REFERENCE.sub(lambda found: reference(found["name"], found["options"]), text)
    return _SPACE.sub(lambda space: space["fence"] or "\n\n", text).strip() + "\n"


def _ask(predict: re.Match[str]) -> str:
    question = re.sub(r"\s*<br>\s*", "\n\n", predict["question"])
    return indent(f'{question}\n\n??? answer "Answer"\n', predict["margin"])


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
