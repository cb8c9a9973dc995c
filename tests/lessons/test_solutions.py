"""A reader who puts a solution in the place of its exercise, all of it, gets it right."""

from pathlib import Path

import pytest

from lessons_src.engine.live.rerun import Rerun
from lessons_src.engine.parsing import read_lesson

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "docs" / "lessons").glob("*.md"))


@pytest.mark.parametrize("lesson_file", LESSONS, ids=lambda file: file.stem)
def test_each_solution_is_right_in_the_place_of_its_exercise(lesson_file: Path) -> None:
    lesson = read_lesson(lesson_file, ROOT)
    solutions: dict[int, str] = {}
    exercise = None
    for number, block in enumerate(lesson.blocks):
        if block.directives.exercise:
            exercise = number
        elif exercise is not None and block.output and "Right." in block.output.text.splitlines():
            solutions[exercise] = block.code
    assert len(solutions) == sum(block.directives.exercise is not None for block in lesson.blocks)
    for exercise, solution in solutions.items():  # each alone: a reader may have solved no other
        *_, ended = Rerun(lesson, {exercise: solution}, last=exercise)
        assert ended.block == exercise
        assert "Right." in (ended.html or ""), ended
