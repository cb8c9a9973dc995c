"""The options of a graph's text, and the characters that it is drawn with."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from lessons_src.printing import BRANCH, LAST, MAX_LINES, PIPE, SPACE, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Marks(NamedTuple):
    """The characters that draw a tree or list."""

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


class TextKeywords(TypedDict, total=False):
    """The fields of `TextOptions`, for a function that takes them as keywords."""

    shapes: bool
    show_none: bool
    max_depth: int | None
    max_lines: int | None
    flat: bool
    ascii_only: bool | None


@dataclass(kw_only=True, slots=True)
class TextOptions:
    """What is shown of a graph, and how much of it.

    Attributes:
        shapes: Whether to show the shape of each output.
        show_none: Whether to show inputs that require no gradient.
        max_depth: How many levels are drawn; ``…`` at the end of a line says that there are more.
            ``None`` sets no limit.
        max_lines: How many lines are shown; one more line counts the others. ``None`` sets no
            limit.
        flat: Whether to show a list instead of a tree: a line for each node, with its inputs after
            ``←``.
        ascii_only: Whether to use only ASCII characters, and an escape for each other character of a
            name. ``None`` does so if standard output cannot encode the characters of a tree.

    Raises:
        TypeError: An option has the wrong type. The message names it.
        ValueError: A limit is less than 1. The message names it.

    Examples:
        >>> TextOptions(max_depth=-1)
        Traceback (most recent call last):
        ValueError: max_depth must be a number of levels, at least 1, or None for all, not -1.
    """

    shapes: bool = False
    show_none: bool = False
    max_depth: int | None = None
    max_lines: int | None = MAX_LINES
    flat: bool = False
    ascii_only: bool | None = None

    def __post_init__(self) -> None:
        if self.ascii_only is None:
            marks = "".join(UNICODE)
            self.ascii_only = for_stdout(marks) != marks
        check_flags(shapes=self.shapes, show_none=self.show_none, flat=self.flat, ascii_only=self.ascii_only)
        _check_limit("max_depth", "levels", self.max_depth)
        _check_limit("max_lines", "lines", self.max_lines)

    @property
    def marks(self) -> Marks:
        """The characters to draw with."""
        return ASCII if self.ascii_only else UNICODE

    def limit(self, lines: Iterable[str], total: int, also: str = "") -> Iterator[str]:
        """Yield up to `max_lines` lines; then, if anything is left out, a line that says what.

        That is the rest of `total` lines, and `also`, if that is not empty.

        >>> list(TextOptions(max_lines=1).limit(["one", "two", "three"], 3, "four"))
        ['one', '… 2 more lines, four']
        """
        shown = 0
        for line in islice(lines, self.max_lines):
            yield line.encode("ascii", "backslashreplace").decode() if self.ascii_only else line
            shown += 1
        left_out = plural(total - shown, "more line") if shown < total else ""
        if left_out or also:
            yield f"{self.marks.more.strip()} {', '.join(filter(None, (left_out, also)))}"


def for_stdout(text: str) -> str:
    """Return text with an escape for each character that standard output cannot encode.

    One without an encoding accepts all characters.

    >>> for_stdout("größe")
    'größe'
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def check_flags(**flags: object) -> None:
    """Raise `TypeError` unless each of `flags` is True or False.

    >>> check_flags(shapes=True, flat=0)
    Traceback (most recent call last):
    TypeError: flat must be True or False, not 0.
    """
    for name, value in flags.items():
        if value is not True and value is not False:
            raise TypeError(f"{name} must be True or False, not {value!r}.")


def _check_limit(name: str, unit: str, value: object) -> None:
    if value is None:
        return
    message = f"{name} must be a number of {unit}, at least 1, or None for all, not {value!r}."
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(message)
    if value < 1:
        raise ValueError(message)
