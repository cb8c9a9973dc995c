"""A lesson as data: what parsing found in one Markdown file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Lines `start` up to, not including, `end`, counted from 0."""

    start: int
    end: int


@dataclass(frozen=True)
class Directives:
    """What the comments above a block ask for; CONTRIBUTING explains each."""

    hidden: bool = False
    raises: bool = False
    ellipsis: bool = False
    tolerance: float | None = None
    figure: str | None = None
    predict: str | None = None
    display_only: str | None = None


@dataclass(frozen=True)
class StoredOutput:
    """The `text` fence after a block: what the lesson says that the block shows."""

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
    """The spaces before the fence, which say what it stands in: a list, an admonition."""
    fence: Span
    """From the opening to the closing fence."""
    span: Span
    """The fence and the directives above it."""
    directives: Directives
    output: StoredOutput | None

    @property
    def is_run(self) -> bool:
        return self.directives.display_only is None

    @property
    def last_line(self) -> int:
        """The last line of the code, counted from 1."""
        return self.line + self.code.rstrip("\n").count("\n")


@dataclass(frozen=True)
class Lesson:
    """One Markdown file: its lines, with their ends, and its Python blocks in order."""

    path: str
    """As it is named in reports, relative to the project: `docs/lessons/loss.md`."""
    lines: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def line(self, number: int) -> str:
        """Line `number`, counted from 1, without the space around it."""
        return self.lines[number - 1].strip("\ufeff \t\r\n") if 0 < number <= len(self.lines) else ""
