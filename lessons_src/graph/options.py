"""What `AutogradGraph.render` can be asked for, and the characters that it draws with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lessons_src.printing import BRANCH, LAST, MAX_LINES, PIPE, SPACE


class Marks(NamedTuple):
    """The characters that are not letters."""

    branch: str
    last: str
    pipe: str
    space: str
    again: str
    inputs: str
    below: str
    more: str


UNICODE = Marks(BRANCH, LAST, PIPE, SPACE, "→", "←", " ↓", " …")
ASCII = Marks("|-- ", "`-- ", "|   ", "    ", "->", "<-", " v", " ...")


@dataclass(kw_only=True, slots=True)
class TextOptions:
    """What to show of a graph; raises `TypeError` or `ValueError`, naming the option, for nonsense.

    >>> TextOptions(max_depth=-1)
    Traceback (most recent call last):
    ValueError: max_depth: a number of levels is meant, at least 1, or None for all, not -1.
    """

    shapes: bool = False
    show_none: bool = False
    max_depth: int | None = None
    max_lines: int | None = MAX_LINES
    flat: bool = False
    ascii_only: bool = False

    def __post_init__(self) -> None:
        for name in ("shapes", "show_none", "flat", "ascii_only"):
            value = getattr(self, name)
            if value is not True and value is not False:
                raise TypeError(f"{name}: True or False is meant, not {value!r}.")
        _check_limit("max_depth", "levels", self.max_depth)
        _check_limit("max_lines", "lines", self.max_lines)

    @property
    def marks(self) -> Marks:
        """The characters to draw with."""
        return ASCII if self.ascii_only else UNICODE


def _check_limit(name: str, unit: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, int) and not isinstance(value, bool):
        if value >= 1:
            return
        error: type[Exception] = ValueError
    else:
        error = TypeError
    raise error(f"{name}: a number of {unit} is meant, at least 1, or None for all, not {value!r}.")
