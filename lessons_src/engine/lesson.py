"""The data of a lesson: the content of a Markdown file, and what a run of it showed."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Span:
    """Lines `start` up to, not including, `end`, counted from 0."""

    start: int
    end: int


@dataclass(frozen=True)
class Tolerance:
    """By how much numbers may differ; if both limits are given, the wider one holds."""

    absolute: float = 0
    relative: float = 0
    """As a part of the larger number."""


@dataclass(frozen=True)
class Exercise:
    """How hard an exercise is, and how long it takes.

    >>> str(Exercise(2, 10))
    '★★☆ medium, 10 minutes'
    """

    stars: int
    """From 1, easy, to 3, hard."""
    minutes: int

    def __str__(self) -> str:
        grade = ("easy", "medium", "hard")[self.stars - 1]
        return f"{'★' * self.stars}{'☆' * (3 - self.stars)} {grade}, {self.minutes} minutes"


@dataclass(frozen=True)
class Directives:
    """The directives of a block; CONTRIBUTING explains each."""

    hidden: bool = False
    raises: bool = False
    ellipsis: bool = False
    tolerance: Tolerance | None = None
    figure: str | None = None
    predict: str | None = None
    exercise: Exercise | None = None
    noise: str | None = None
    display_only: str | None = None


@dataclass(frozen=True)
class StoredOutput:
    """The `text` fence after a block: its expected output."""

    text: str
    line: int
    """The first line of the text, counted from 1."""
    fence: Span


@dataclass(frozen=True)
class Block:
    """A Python fence with its directives and its stored output."""

    code: str
    line: int
    """The first line of the code, counted from 1."""
    indent: str
    """The spaces before the fence: 4 for each list, admonition or tab that it is in."""
    fence: Span
    """From the opening to the closing fence."""
    span: Span
    """The fence and the directives above it."""
    directives: Directives
    output: StoredOutput | None
    explanation: Span | None = None
    """The prose that is folded together with the output, up to the line of `<!-- /predict -->`."""

    @property
    def end(self) -> int:
        """The line after the block and all that belongs to it, counted from 0."""
        if self.explanation:
            return self.explanation.end + 1
        return self.output.fence.end if self.output else self.span.end

    @property
    def is_run(self) -> bool:
        return self.directives.display_only is None

    @property
    def last_line(self) -> int:
        """The last line of the code, counted from 1."""
        return self.line + self.code.rstrip("\n").count("\n")


@dataclass(frozen=True)
class Lesson:
    """One Markdown file."""

    path: str
    """Its name in reports, relative to the project: `docs/lessons/loss.md`."""
    lines: tuple[str, ...]
    """With their line ends."""
    body: int
    """The line after the front matter, counted from 0."""
    blocks: tuple[Block, ...]
    """The Python fences, in order."""
    time_limit: float = 60
    """Seconds that its blocks may take."""
    minutes: int | None = None
    """How long a reader takes without the exercises. With it, the page is a lesson of the course."""

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def line(self, number: int) -> str:
        """Return line `number`, counted from 1, without the space around it."""
        return self.lines[number - 1].strip("\ufeff \t\r\n") if 0 < number <= len(self.lines) else ""


@dataclass
class BlockRun:
    """What one block showed and raised."""

    shown: str = ""
    """What it printed, then the value of its last expression, without the last newline."""
    shown_by: list[tuple[int, int]] = field(default_factory=list)
    """For each piece of `shown`: its offset, and the line of the lesson that showed it."""
    figures: list[str] = field(default_factory=list)
    """Pictures as `figures.adapt` leaves them, in the order in which they were shown."""
    error: str | None = None
    """The exception it raised, as the last line of a traceback: `TypeError: …`."""
    error_line: int | None = None
    """The line of the lesson that raised."""
    called_line: int | None = None
    """The line of the block that this came from: another one if it called a function of a block above."""
    error_place: str | None = None
    """The innermost line of the project that this line called: `lessons_src/regression.py:133`."""
    noise: str | None = None
    """The first line that C code or a subprocess wrote past `sys.stdout`; of a traceback, the last."""
    problem: str | None = None
    """Why its output cannot be published, or why it did not finish."""
    problem_line: int | None = None
    ended: bool = True
    """Whether it ran to its end, or to an exception: not if it was stopped, crashed or printed too much."""

    def shown_by_line(self, offset: int) -> int | None:
        """Return the line of the lesson that showed the character at `offset`."""
        lines = [line for start, line in self.shown_by if start <= offset]
        return lines[-1] if lines else None


@dataclass
class LessonRun:
    """The runs of a lesson's blocks, in order; `None` for a block that was not reached."""

    blocks: list[BlockRun | None]

    def of(self, lesson: Lesson) -> list[tuple[Block, BlockRun | None]]:
        """Return each block of `lesson` with its run; None for one that is not run, or was not reached."""
        runs = dict(zip([block for block in lesson.blocks if block.is_run], self.blocks, strict=True))
        return [(block, runs.get(block)) for block in lesson.blocks]
