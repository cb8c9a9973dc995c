"""Store new outputs in a lesson's Markdown."""

import re
from collections.abc import Mapping

from lessons_src.engine.comparing import outputs_match
from lessons_src.engine.lesson import Block, Lesson, Span


def accept_outputs(lesson: Lesson, outputs: Mapping[Block, str]) -> str:
    """Return the Markdown of `lesson` with the given text as the stored output of each block in `outputs`.

    An empty text removes the stored output. No other character changes.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> lesson = parse_lesson("```python\\n1 + 1\\n```\\n", "sum.md")
    >>> print(accept_outputs(lesson, {lesson.blocks[0]: "2"}))
    ```python
    1 + 1
    ```
    <BLANKLINE>
    ```text
    2
    ```
    <BLANKLINE>
    """
    lines = list(lesson.lines)
    # From the end, so that an edit does not move the blocks that are still to be edited.
    for block in sorted(outputs, key=lambda block: block.fence.start, reverse=True):
        newline = _line_end(lines[block.fence.start])
        fence = _fence(outputs[block], block.indent, newline)
        if block.output:
            place = block.output.fence if fence else Span(block.fence.end, block.output.fence.end)
        else:
            place = Span(block.fence.end, block.fence.end)
            lines[place.start - 1] = lines[place.start - 1].rstrip("\r\n") + newline
            fence = [newline, *fence] if fence else []
        lines[place.start : place.end] = fence
    if not _line_end(lesson.lines[-1]):
        lines[-1] = lines[-1].rstrip("\r\n")
    return "".join(lines)


def output_to_store(block: Block, shown: str) -> str:
    """Return `shown`, but with the stored lines of a block with `ellipsis` that have dots and still match.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> text = "<!-- ellipsis -->\\n```python\\n1\\n```\\n\\n```text\\nx is 1\\ntime ...\\n```\\n"
    >>> output_to_store(parse_lesson(text, "x.md").blocks[0], "x is 2\\ntime 3.4")
    'x is 2\\ntime ...'
    """
    before = block.output.text.split("\n") if block.output and block.directives.ellipsis else []
    after = shown.split("\n")
    if len(before) != len(after):
        return shown
    pairs = zip(before, after, strict=True)
    kept = "\n".join(
        old if "..." in old and outputs_match(old, new, ellipsis=True) else new for old, new in pairs
    )
    # A kept line may name another location than the new ones.
    return kept if outputs_match(kept, shown, ellipsis=True) else shown


def _fence(output: str, indent: str, newline: str) -> list[str]:
    if not output:
        return []
    # A fence must be longer than any run of backticks in it.
    marks = "`" * (1 + max([2, *map(len, re.findall("`+", output))]))
    rows = [f"{marks}text", *output.split("\n"), marks]
    return [(indent + row if row else "") + newline for row in rows]


def _line_end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]
