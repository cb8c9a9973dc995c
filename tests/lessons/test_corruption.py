"""No stored output of any lesson can change unnoticed."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from lessons_src.engine.comparing import outputs_match
from lessons_src.engine.failures import Failure, check_block, check_lesson, shown_output
from lessons_src.engine.lesson import Block, BlockRun, Lesson, LessonRun
from lessons_src.engine.parsing import parse_lesson, read_lesson
from lessons_src.engine.running import run_lesson

ROOT = Path(__file__).parents[2]
PAGES = sorted(ROOT.glob("docs/**/*.md"))

# To run all lessons once more takes long; their own tests run them as they stand.
QUICK = {"index.md", "basics.md", "no-grad.md"}
pages = pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.name, marks=[pytest.mark.slow] * (page.name not in QUICK)) for page in PAGES],
)


@cache
def run_page(page: Path) -> tuple[Lesson, LessonRun]:
    lesson = read_lesson(page, ROOT)
    return lesson, run_lesson(lesson)


def stored(page: Path) -> Iterator[tuple[Block, BlockRun, str]]:
    """The blocks of a page that store an output, with their runs and that output."""
    lesson, run = run_page(page)
    for block, result in zip([block for block in lesson.blocks if block.is_run], run.blocks, strict=True):
        if block.output and result:
            yield block, result, block.output.text


@pages
def test_a_lesson_as_it_stands_has_no_failure(page: Path) -> None:
    assert check_lesson(*run_page(page)) == []


@pages
def test_changing_any_one_character_of_an_output_is_noticed(page: Path) -> None:
    for block, result, text in stored(page):
        shown, asked = shown_output(block, result), block.directives
        for at in range(len(text)):
            changed = text[:at] + "§" + text[at + 1 :]
            matches = outputs_match(changed, shown, ellipsis=asked.ellipsis, tolerance=asked.tolerance)
            assert not matches, f"line {block.line}: {changed}"


@pages
def test_an_output_with_a_line_too_few_or_too_many_is_noticed(page: Path) -> None:
    for block, result, text in stored(page):
        for changed in (text + "\n", text + "\nmore", "\n".join(text.split("\n")[:-1])):
            output = replace(block.output, text=changed) if block.output else None
            assert check_block(run_page(page)[0], replace(block, output=output), result)


@pages
def test_deleting_outputs_from_the_file_is_noticed_for_each(page: Path) -> None:
    lesson, run = run_page(page)
    blocks, lines = [], list(lesson.lines)
    for block, _, _ in stored(page):
        assert block.output
        blocks.append(block)
        # Empty lines, so that every block is at the line where it was
        fence = block.output.fence
        lines[fence.start : fence.end] = ["\n"] * (fence.end - fence.start)
    failures = check_lesson(parse_lesson("".join(lines), lesson.path), run)
    assert_at_their_blocks(failures, blocks)
    assert all("no `text` fence" in failure.problem for failure in failures)


@pages
def test_changing_outputs_in_the_file_is_noticed_at_the_line_of_each_block(page: Path) -> None:
    lesson, run = run_page(page)
    blocks, lines = [], list(lesson.lines)
    for block, _, _ in stored(page):
        assert block.output
        blocks.append(block)
        lines[block.output.line - 1] = block.indent + "§" + lines[block.output.line - 1].lstrip()
    assert_at_their_blocks(check_lesson(parse_lesson("".join(lines), lesson.path), run), blocks)


def assert_at_their_blocks(failures: list[Failure], blocks: list[Block]) -> None:
    """Each block has one failure, at one of its lines."""
    for failure, block in zip(failures, blocks, strict=True):
        # The line that raised may be in a function of an earlier block.
        assert block.directives.raises or block.line <= failure.line <= block.last_line
