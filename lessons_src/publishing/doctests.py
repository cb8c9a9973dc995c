"""Sybil's view of the project: a lesson's blocks and a docstring's `>>>` examples as doctests."""

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import sybil
from sybil.example import SybilFailure

from lessons_src.publishing.checking import Failure, check_block, check_lesson, expected_output
from lessons_src.publishing.lesson import Block, Lesson
from lessons_src.publishing.parsing import read_lesson
from lessons_src.publishing.running import run_lesson


class LessonFailure(SybilFailure):
    """A block's failures, in the words that the site's build uses."""

    def __init__(self, example: sybil.Example, failures: list[Failure]) -> None:
        AssertionError.__init__(self, "\n".join(str(failure) for failure in failures))
        self.example = example
        self.failures = failures


class LessonParser:
    """A Sybil parser that finds the blocks of a lesson; the lesson is run when a block is first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.accepting: dict[Path, dict[Block, str]] | None = None
        """With `--accept`: the outputs to store, by lesson."""

    def __call__(self, document: sybil.Document) -> Iterator[sybil.Region]:
        lesson = read_lesson(Path(document.path), self.root)
        starts = [0, *accumulate(_length_in_document(line) for line in lesson.lines)]
        checked = _CheckedLesson(lesson)
        for index, block in enumerate(block for block in lesson.blocks if block.is_run):
            start, end = starts[block.fence.start], starts[block.fence.end]
            yield sybil.Region(start, end, (checked, block, index), self._evaluate)

    def _evaluate(self, example: sybil.Example) -> None:
        checked, block, index = example.parsed
        failures = checked.failures(block, index)
        if self.accepting is not None and failures and all(f.can_accept for f in failures):
            outputs = self.accepting.setdefault(Path(example.path), {})
            outputs[block] = expected_output(block, checked.run.blocks[index])
        elif failures:
            raise LessonFailure(example, failures)


class _CheckedLesson:
    """A lesson that is run once, when one of its blocks is first looked at."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self._run: Any = None

    @property
    def run(self) -> Any:
        if self._run is None:
            self._run = run_lesson(self.lesson)
        return self._run

    def failures(self, block: Block, index: int) -> list[Failure]:
        result = self.run.blocks[index]
        if result is not None:
            return check_block(self.lesson, block, result)
        first = check_lesson(self.lesson, self.run)[-1]
        return [Failure(self.lesson.path, block.line, f"not run, because of line {first.line}")]


def _length_in_document(line: str) -> int:
    # Sybil reads a file with its line ends translated.
    return len(line.rstrip("\r\n")) + line.endswith(("\r", "\n"))
