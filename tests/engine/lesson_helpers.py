"""Lessons in few words, for the tests of the engine."""

from dataclasses import replace

from lessons_src.engine.failures import check_lesson
from lessons_src.engine.lesson import BlockRun, Lesson, LessonRun
from lessons_src.engine.parsing import LessonSyntaxError, parse_lesson
from lessons_src.engine.running import run_lesson

PATH = "docs/lesson.md"


def block(code: str, output: str | None = None, *directives: str, indent: str = "") -> str:
    """The Markdown of a block, with its directives and its stored output, and a blank line after it."""
    rows = [f"<!-- {directive} -->" for directive in directives]
    rows += ["```python", *code.rstrip("\n").split("\n"), "```", ""]
    if output is not None:
        rows += ["```text", *output.split("\n"), "```", ""]
    return "".join(f"{indent}{row}\n" if row else "\n" for row in rows)


def parse(*pieces: str) -> Lesson:
    return parse_lesson("".join(pieces), PATH)


def problems(text: str) -> list[tuple[int, str]]:
    """What keeps `text` from being a lesson: lines and messages."""
    try:
        parse(text)
    except LessonSyntaxError as error:
        return [(problem.line, problem.message) for problem in error.problems]
    return []


def run(lesson: Lesson, time_limit: float = 30) -> LessonRun:
    return run_lesson(replace(lesson, time_limit=time_limit))


def failures(*pieces: str, time_limit: float = 30) -> list[str]:
    """What is wrong with a lesson that is parsed, run and checked."""
    lesson = parse(*pieces)
    return [str(failure) for failure in check_lesson(lesson, run(lesson, time_limit))]


def result(lesson_run: LessonRun, index: int = 0) -> BlockRun:
    """What block `index` did, which must have been reached."""
    found = lesson_run.blocks[index]
    assert found is not None
    return found


def shown(*pieces: str) -> list[str]:
    """What each block of a lesson shows."""
    return [found.shown for found in run(parse(*pieces)).blocks if found]
