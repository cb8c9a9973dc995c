"""Hold a lesson of the course to its budgets: how much there is to read, to guess and to do."""

import re
from collections.abc import Iterator
from itertools import pairwise

from lessons_src.engine.lesson import Lesson
from lessons_src.engine.scanning import Markdown, Problem

WORDS, QUESTIONS, MINUTES, EXERCISES = 2200, 8, range(25, 46), range(3, 6)
COLUMNS = 46
"""How many characters of a line of code a phone shows; two fewer in a fold."""


def over_budget(lesson: Lesson, markdown: Markdown) -> Iterator[Problem]:
    """Yield a problem for each budget that a page with `minutes` in its front matter does not keep."""
    if lesson.minutes is None:
        return
    if lesson.minutes not in MINUTES:
        yield Problem(1, f"`minutes` must be from {MINUTES[0]} to {MINUTES[-1]}, not {lesson.minutes}")
    if (words := count_words(lesson, markdown)) > WORDS:
        yield Problem(
            1, f"a lesson must have at most {WORDS:,} words of prose, not {words:,}: cut {words - WORDS}"
        )
    asked = [block for block in lesson.blocks if block.directives.predict]
    if len(asked) > QUESTIONS:
        yield Problem(
            asked[QUESTIONS].span.start + 1,
            f"a lesson must have at most {QUESTIONS} questions, not {len(asked)}",
        )
    for block in lesson.blocks:
        rows, room = block.code.splitlines(), COLUMNS - len(block.indent) // 2
        if 3 * sum(len(row) > room for row in rows) > len(rows):
            yield Problem(
                block.line,
                f"more than a third of this block's lines have over {room} characters: break them",
            )
    yield from _exercise_problems(lesson, markdown)


def count_words(lesson: Lesson, markdown: Markdown) -> int:
    """Return the number of words outside fences and comments, those in folds included."""
    rows = list(lesson.lines)
    for fence in markdown.fences:
        rows[fence.span.start : fence.span.end] = [""] * (fence.span.end - fence.span.start)
    text = re.sub("<!--.*?-->", "", "".join(rows[lesson.body :]), flags=re.DOTALL)
    return len(re.findall(r"\S*\w\S*", text))


def _exercise_problems(lesson: Lesson, markdown: Markdown) -> Iterator[Problem]:
    """Yield what is wrong with the exercises: each heading of level 3 below `## Exercises` is one."""
    sections = [heading for heading in markdown.headings if heading.tag in {"h1", "h2"}]
    start = next((heading.line for heading in sections if heading.text == "Exercises"), len(lesson.lines))
    end = next((heading.line for heading in sections if heading.line > start), len(lesson.lines))
    titles = [
        heading.line for heading in markdown.headings if start < heading.line < end and heading.tag == "h3"
    ]
    if len(titles) not in EXERCISES:
        yield Problem(
            min(start + 1, len(lesson.lines)),
            f"a lesson must have {EXERCISES[0]} to {EXERCISES[-1]} exercises, each a heading `###` below "
            f"`## Exercises`, not {len(titles)}",
        )
    for title, after in pairwise([*titles, end]):
        blocks = [block for block in lesson.blocks if title < block.span.start < after]
        given = [block for block in blocks if block.directives.exercise]
        if len(given) != 1:
            yield Problem(title + 1, f"an exercise must have one block with `exercise`, not {len(given)}")
