"""Check a run against its lesson, with the same messages in tests and builds."""

import difflib
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lessons_src.engine.comparing import outputs_match
from lessons_src.engine.lesson import Block, BlockRun, Lesson, LessonRun
from lessons_src.engine.parsing import LessonSyntaxError

# The first line of the fold that an exercise's solution is in
_SOLUTION = re.compile(r'\s*\?\?\?\+? *success "Solution')
_MAX_ROWS = 40
_MAX_WIDTH = 200

# Folders that other machines have elsewhere; the most special one first, which a message names.
_FOLDERS = [
    *map(sysconfig.get_path, ("purelib", "stdlib")),
    sys.prefix,
    Path(__file__).parents[2],
    Path.home(),
]
_OF_THIS_MACHINE = re.compile(
    "|".join(rf"(?<![\w/]){re.escape(str(folder))}\b(?![\w-])" for folder in _FOLDERS)
)


@dataclass(frozen=True)
class Failure:
    """A reason why a lesson cannot be published."""

    path: str
    line: int
    problem: str
    code: str = ""
    """The text of the line."""
    details: str = ""
    """A diff, or the last line of a traceback."""
    can_accept: bool = False
    """Whether storing the new output is a possible cure."""

    def __str__(self) -> str:
        parts = [f"{self.path}:{self.line}: {self.problem}"]
        if self.code:
            parts.append(f"    {self.code}")
        if self.details:
            parts.append(self.details)
        if self.can_accept:
            parts.append(f"    To store what is shown: .venv/bin/pytest --accept {self.path}")
        return "\n".join(parts)


def syntax_failures(error: LessonSyntaxError) -> list[Failure]:
    """Return the failures of a file that could not be parsed."""
    return [Failure(error.path, problem.line, problem.message, problem.code) for problem in error.problems]


def check_lesson(lesson: Lesson, run: LessonRun) -> list[Failure]:
    """Return every failure of a lesson, in order; a block that was not reached has none."""
    return [f for block, result in run.of(lesson) if result for f in check_block(lesson, block, result)]


def check_block(lesson: Lesson, block: Block, run: BlockRun) -> list[Failure]:
    """Return the failures of one block that was run."""
    return list(_Check(lesson, block, run).failures())


def shown_output(block: Block, run: BlockRun) -> str:
    """Return the text that the block's stored output must match."""
    shown_and_raised = [run.shown] if run.shown else []
    if run.error and block.directives.raises:
        shown_and_raised.append(run.error)
    return "\n".join(shown_and_raised)


def split_output(block: Block, run: BlockRun) -> tuple[str, str]:
    """Split the stored output of a block without failures into its printed text and its exception.

    Pages and notebooks show the stored text, not that of the run, so that every build of a
    lesson is the same although memory locations change.
    """
    rows = block.output.text.split("\n") if block.output else []
    raised = run.error.count("\n") + 1 if run.error else 0
    # Counted from the end: with an ellipsis, the stored text may have fewer lines than the printed one.
    printed = max(0, len(rows) - raised) if run.shown else 0
    return "\n".join(rows[:printed]), "\n".join(rows[printed:])


class _Check:
    def __init__(self, lesson: Lesson, block: Block, run: BlockRun) -> None:
        self.lesson, self.block, self.run = lesson, block, run

    def failures(self) -> Iterator[Failure]:
        complaints = [*self._exercise_failures(), *self._run_failures()]
        yield from complaints
        if not complaints:
            yield from self._output_failures()
            yield from self._figure_failures()

    def _run_failures(self) -> Iterator[Failure]:
        run, directives = self.run, self.block.directives
        if run.error and not directives.raises:
            place = f", at {run.error_place}" if run.error_place else ""
            line = run.error_line or self.block.last_line
            # A problem may be about what it has shown, such as 100,000 characters.
            details = [run.error, *([] if run.problem else self._shown_before())]
            yield self._failure(f"this line raises{place}", line, "\n".join(details))
        if run.problem:
            details = [] if run.ended else self._shown_before()
            yield self._failure(run.problem, run.problem_line or self.block.line, "\n".join(details))
        elif directives.raises and not run.error:
            yield self._failure(
                "this block is expected to raise and does not; delete `raises` or correct the code"
            )
        if run.noise and not directives.noise:
            yield self._failure(
                f"something wrote past sys.stdout, straight to the process's output: {run.noise!r}; "
                "print it instead, or say what it is, `<!-- noise: … -->`, and no page shows it",
                self.block.line,
            )

    def _exercise_failures(self) -> Iterator[Failure]:
        said = self.run.shown.split("\n")
        if self.block.directives.exercise and "Right." in said:
            yield self._failure("the starter passes its check already; take the answer out of it")
        elif any(row.startswith("Not yet") for row in said) and self._is_solution():
            yield self._failure("the solution does not pass its check; correct the solution or the check")

    def _is_solution(self) -> bool:
        above = self.lesson.lines[: self.block.span.start]
        outside = (row for row in reversed(above) if row.strip() and not row.startswith(self.block.indent))
        exercises = (block.line for block in self.lesson.blocks if block.directives.exercise)
        is_below = any(line < self.block.line for line in exercises)
        return is_below and _SOLUTION.match(next(outside, "")) is not None

    def _shown_before(self) -> list[str]:
        if not self.run.shown:
            return []
        # A terminal must be able to show them.
        shown = (row[:_MAX_WIDTH] for row in self.run.shown.split("\n"))
        rows = (row if row.isprintable() else ascii(row)[1:-1] for row in shown)
        return ["It has shown before:", *(f"    {row}" for row in _first_rows(list(rows)))]

    def _output_failures(self) -> Iterator[Failure]:
        output, directives = self.block.output, self.block.directives
        shown = shown_output(self.block, self.run)
        if not shown.strip():
            if shown:
                yield self._failure("this block prints only empty lines, which no fence can store")
            elif output:
                yield self._failure("this block shows nothing; delete the output stored for it", accept=True)
            elif directives.predict and directives.figure is None:
                yield self._failure(
                    "this block shows nothing that a reader could predict; show it, or delete `predict`"
                )
        elif directives.hidden:
            yield self._failure(
                "this block is hidden, so no page would show what it prints",
                details="\n".join(_first_rows(shown.split("\n"))),
            )
        elif found := _OF_THIS_MACHINE.search(output.text if output and directives.ellipsis else shown):
            yield self._failure(
                f"this block shows {found[0]!r}, a folder of this machine: show the file's name alone, or "
                "write `<!-- ellipsis -->` and `...` in its place",
                self.run.shown_by_line(found.start()),
            )
        elif output is None:
            yield self._mismatch(
                "this block has an output, but no `text` fence after it stores one", "", shown
            )
        elif not output.text.strip():
            yield self._mismatch("the output stored for this block is empty", "", shown)
        elif not outputs_match(
            output.text, shown, ellipsis=directives.ellipsis, tolerance=directives.tolerance
        ):
            yield self._mismatch("the output differs from the stored one", output.text, shown)

    def _figure_failures(self) -> Iterator[Failure]:
        wanted, shown = self.block.directives.figure is not None, len(self.run.figures)
        if wanted and shown != 1:
            what = f"{shown}; give each a block of its own" if shown else "none; draw one or delete `figure`"
            yield self._failure(f"this block must show one figure, not {what}")
        elif shown and not wanted:
            yield self._failure(
                "this block shows a figure without a text for it: describe it, `<!-- figure: … -->`"
            )

    def _mismatch(self, problem: str, stored: str, shown: str) -> Failure:
        offset = _first_difference(stored, shown)
        line = self.run.shown_by_line(offset) if offset < len(self.run.shown) else None
        if line is None:
            line = self.run.error_line or self.block.last_line
        return self._failure(problem, line, _diff(stored, shown), accept=True)

    def _failure(
        self, problem: str, line: int | None = None, details: str = "", *, accept: bool = False
    ) -> Failure:
        line = self.block.last_line if line is None else line
        return Failure(self.lesson.path, line, problem, self.lesson.line(line), details, accept)


def _diff(stored: str, shown: str) -> str:
    """Return the lines that differ, stored (`-`) and shown (`+`), with two lines around each change."""
    before, after = stored.split("\n") if stored else [], shown.split("\n")
    rows = difflib.unified_diff(before, after, "stored", "shown", lineterm="", n=2)
    # Hunk headers have line numbers of the output, not of the lesson.
    numbered = ["…" if row.startswith("@@") else row for row in rows]
    return "\n".join("    " + row for row in _first_rows([*numbered[:2], *numbered[3:]]))


def _first_rows(rows: list[str]) -> list[str]:
    """Return the first rows, and a row that counts the others: thousands would hide what else has failed."""
    more = len(rows) - _MAX_ROWS
    return [*rows[:_MAX_ROWS], f"… and {more:,} more lines"] if more > 1 else rows


def _first_difference(stored: str, shown: str) -> int:
    pairs = enumerate(zip(stored, shown, strict=False))
    at = next((i for i, (one, other) in pairs if one != other), min(len(stored), len(shown)))
    # If all of `stored` was shown, the new text begins on the next line.
    return at + 1 if at == len(stored) and shown.startswith("\n", at) else at
