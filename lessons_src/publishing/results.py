"""What a run of a lesson showed, as data that travels between processes and into the cache."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class BlockRun:
    """What one block did."""

    shown: str = ""
    """What it printed and the value of its last expression, without the last line's end."""
    shown_by: list[tuple[int, int]] = field(default_factory=list)
    """Where in `shown` a piece begins, and the line of the lesson that showed it."""
    figures: list[str] = field(default_factory=list)
    """SVG documents, in the order in which they were shown."""
    error: str | None = None
    """The exception it raised, as the last line of a traceback: `TypeError: …`."""
    error_line: int | None = None
    """The line of the lesson that raised."""
    problem: str | None = None
    """Why what it did cannot be a page's output, or why it has not come to its end."""
    problem_line: int | None = None

    def shown_by_line(self, offset: int) -> int | None:
        """The line of the lesson that showed the character at `offset`."""
        lines = [line for start, line in self.shown_by if start <= offset]
        return lines[-1] if lines else None


@dataclass
class LessonRun:
    """The blocks that were run, in order; `None` for a block that was not reached."""

    blocks: list[BlockRun | None]

    def to_json(self) -> list[dict[str, Any] | None]:
        return [asdict(block) if block else None for block in self.blocks]

    @classmethod
    def from_json(cls, data: list[dict[str, Any] | None]) -> "LessonRun":
        return cls([BlockRun(**block) if block else None for block in data])
