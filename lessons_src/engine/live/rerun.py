"""Run a lesson with a reader's edits, by the one way to run a block, and render what each block shows."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256

from lessons_src.engine.lesson import Block, BlockRun, Lesson
from lessons_src.engine.page import render_rerun, results_key
from lessons_src.engine.running import Run


@dataclass(frozen=True)
class Ended:
    """A block that has ended, as the reader's page shows it."""

    block: int
    """Its number, as in `lesson.blocks`."""
    html: str | None
    """What it shows; None above the first edit, where that is what the page shows already."""
    failed: bool
    """Whether it raised, or could not end: the blocks after it are not run."""
    error_block: int | None = None
    """The block with the line that raised, which may be a function above the block that called it."""
    error_line: int | None = None
    """That line, counted from 1 in its block."""
    called_line: int | None = None
    """The line of `block` that called that one."""


def digest(lesson: Lesson) -> str:
    """Return a hash of the lesson's blocks, which changes with any of them.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> one, other = (parse_lesson(f"```python\\n{n}\\n```\\n", "n.md") for n in (1, 2))
    >>> digest(one) == digest(other)
    False
    """
    return sha256(repr([(block.code, block.is_run) for block in lesson.blocks]).encode()).hexdigest()[:16]


def mark_blocks(lesson: Lesson, results: Mapping[str, str]) -> dict[str, str]:
    """Return the HTML of `results` between comments that tell laboratory.js which block each is of.

    Comments, because style sheets and readers do not see them.
    """
    marked = dict(results)
    for number, block in enumerate(lesson.blocks):
        key = results_key(lesson, block)
        if block.is_run and key in marked:
            mark = {"lesson": lesson.path, "digest": digest(lesson), "block": number}
            kind = "figure" if block.directives.hidden else "block"
            marked[key] = f"<!-- live {kind} {json.dumps(mark)} -->{results[key]}<!-- /live -->"
    return marked


class Rerun:
    """A run of `lesson` from its top to block `last`, with `edits` of blocks by their numbers.

    Iterate over it to run the blocks; each gives an `Ended`. Another thread may `stop` it. Blocks above the
    first edit draw no pictures, which the page has already: to measure what is drawn there, as
    `Axes.get_position` does, edit that block too.

    Raises:
        ValueError: A number is that of no block, or of one that is not run.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> lesson = parse_lesson("```python\\nx = 1\\n```\\n\\n```python\\nx + 1\\n```\\n", "x.md")
    >>> [ended.html for ended in Rerun(lesson, {0: "x = 5"}, last=1)]
    ['', '<div class="lesson-output"><pre><samp>6</samp></pre></div>']
    """

    def __init__(self, lesson: Lesson, edits: Mapping[int, str], last: int) -> None:
        numbers = [n for n, block in enumerate(lesson.blocks) if n <= last and block.is_run]
        if unknown := {last, *edits}.difference(numbers):
            raise ValueError(
                f"blocks must be numbers of blocks that run, up to block {last}, not {sorted(unknown)}"
            )
        # A solution that nobody has opened must not answer for the reader, or fail on the reader's names.
        own = None, _fold_of(lesson, lesson.blocks[last])
        self._numbers = [n for n in numbers if _fold_of(lesson, lesson.blocks[n]) in own]
        self._first = min(edits, default=last)
        blocks = _as_one_file([_edited(lesson.blocks[n], edits.get(n)) for n in self._numbers])
        self.lesson = replace(lesson, blocks=tuple(blocks))
        """What is run: these blocks alone, with the edits, and their lines numbered anew."""
        unseen = sum(number < self._first for number in self._numbers)
        self._run = Run(self.lesson, unseen)
        self._ended = 0

    def __iter__(self) -> Iterator[Ended]:
        with closing(iter(self._run)) as runs:
            for number, block, run in zip(self._numbers, self.lesson.blocks, runs, strict=False):
                self._ended += 1
                failed = not run.ended or bool(run.error and not _is_expected(block, run.error))
                at = self._place(run.error_line or run.problem_line)
                called = run.called_line and run.called_line - block.line + 1
                html = None
                if failed or number >= self._first:
                    place = _words(at, number, called, run)
                    html = render_rerun(block, run, name=f"yours-{number}", place=place)
                error_block, error_line = at or (None, None)
                yield Ended(number, html, failed, error_block, error_line, called)
                if failed:
                    return

    def so_far(self) -> tuple[int, str] | None:
        """Return the number of the block that runs now, and as HTML what it has printed.

        None if the page is to show nothing of it. Any thread may call this.
        """
        ended = self._ended  # which another thread changes
        if ended == len(self.lesson.blocks):
            return None
        number, block = self._numbers[ended], self.lesson.blocks[ended]
        text = self._run.shown_so_far()
        if not text or number < self._first:
            return None
        return number, render_rerun(block, BlockRun(shown=text), name="", place="")

    def stop(self) -> None:
        """End the run now. Any thread may call this, more than once."""
        self._run.stop()

    def _place(self, line: int | None) -> tuple[int, int] | None:
        """Return the number of the block that has this line, and the line in that block."""
        for number, block in zip(self._numbers, self.lesson.blocks, strict=True):
            if line is not None and block.line <= line <= block.last_line:
                return number, line - block.line + 1
        return None


def _fold_of(lesson: Lesson, block: Block) -> int | None:
    """Return the row of the outermost `???` around a block, if there is one.

    >>> from lessons_src.engine.parsing import parse_lesson
    >>> lesson = parse_lesson('??? tip "A"\\n\\n    ```python\\n    1\\n    ```\\n', "fold.md")
    >>> _fold_of(lesson, lesson.blocks[0])
    0
    """
    fold, indent = None, len(block.indent)
    for row in range(block.span.start - 1, -1, -1):
        line = lesson.lines[row]
        margin = len(line) - len(line.lstrip())
        if line.strip() and margin < indent:
            indent = margin
            fold = row if line.lstrip().startswith("???") else fold
    return fold


def _is_expected(block: Block, error: str) -> bool:
    """Return whether a block of the page that raises does so with the class of exception that it stores."""
    stored = block.output.text.splitlines() if block.output else []
    kind = error.partition(":")[0]
    return block.directives.raises and any(row.partition(":")[0] == kind for row in stored)


def _edited(block: Block, code: str | None) -> Block:
    return block if code is None else replace(block, code=code.rstrip() + "\n")


def _as_one_file(blocks: list[Block]) -> list[Block]:
    """Number the lines of all blocks one after the other, so that a line tells its block."""
    placed, line = [], 1
    for block in blocks:
        placed.append(replace(block, line=line))
        line = placed[-1].last_line + 1
    return placed


def _words(at: tuple[int, int] | None, number: int, called: int | None, run: BlockRun) -> str:
    """Say where an exception comes from."""
    if at is None:
        return ""
    block, line = at
    where = f"in line {line} of this block"
    if block != number:
        where = f"in line {line} of a block above, called in line {called} of this block"
    return where + (f", at {run.error_place}" if run.error_place else "")
