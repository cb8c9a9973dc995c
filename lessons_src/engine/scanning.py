"""Markdown as data: which fences and which comments stand where.

It reads lines, not Markdown: fences, comments and the indentation they stand at are all that
decides what runs. Where CommonMark and Python-Markdown would read a fence in different ways
(a closing fence that is longer, a fence on the line of a list item), a lesson may not have
it, so that what one reader sees as code is never something else to another.
"""

import re
from dataclasses import dataclass

from lessons_src.engine.lesson import Span

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_FENCE = re.compile(r"(?P<indent>[ \t]*)(?P<marks>`{3,}|~{3,})(?P<info>.*)$")
# A fence that shares its line with a list item or a quotation mark.
_MISPLACED_FENCE = re.compile(r"[ \t]*(?:(?:>|[-*+][ \t]|\d+[.)][ \t])[ \t]*)+(?:`{3,}[^`]*|~{3,}.*)$")
# A comment inside a line, or the code in which one is only spoken of.
_INLINE = re.compile(r"(?P<code>`+).*?(?P=code)|<!--(?P<comment>.*?)-->")


@dataclass(frozen=True)
class Problem:
    """What is wrong at a line of a lesson's source, and what to do."""

    line: int
    message: str


@dataclass(frozen=True)
class Comment:
    """What stands between `<!--` and `-->`, without the space around it."""

    text: str
    indent: str | None
    """The space before it; None when it shares its line with what stands before it."""
    span: Span


@dataclass(frozen=True)
class Fence:
    """A fence, its text without the indentation, and the comments on the lines just above it."""

    indent: str
    info: str
    body: str
    span: Span
    comments: tuple[Comment, ...]


@dataclass(frozen=True)
class Page:
    """One Markdown file: its lines, with their ends, and what stands on them."""

    lines: tuple[str, ...]
    fences: tuple[Fence, ...]
    comments: tuple[Comment, ...]
    """Those that stand above no fence."""
    problems: tuple[Problem, ...]


def scan(text: str) -> Page:
    """Find the fences and comments of the Markdown `text`, and what is wrong with them.

    >>> (fence,) = scan("Twice:\\n\\n<!-- hidden -->\\n```python\\n1 + 1\\n```\\n").fences
    >>> fence.info, fence.body, fence.comments[0].text
    ('python', '1 + 1\\n', 'hidden')
    """
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.lines = tuple(_LINE.findall(text))
        self.fences: list[Fence] = []
        self.comments: list[Comment] = []
        self.problems: list[Problem] = []
        # The comments that stand on the lines just above the current one.
        self.above: list[Comment] = []

    def scan(self) -> Page:
        at = self._after_front_matter()
        while at < len(self.lines):
            at = self._scan_at(at)
        self._set_comments_aside()
        return Page(self.lines, tuple(self.fences), tuple(self.comments), tuple(self.problems))

    def _after_front_matter(self) -> int:
        if not self.lines or self._content(0).rstrip() != "---":
            return 0
        ends = (i for i in range(1, len(self.lines)) if self._content(i).rstrip() in {"---", "..."})
        return next(ends, -1) + 1

    def _scan_at(self, at: int) -> int:
        """Scan what begins at line `at` and return the line after it."""
        line = self._content(at)
        if line.lstrip().startswith("<!--"):
            return self._scan_comment(at)
        if opening := _opening(line):
            return self._scan_fence(at, opening)
        if _MISPLACED_FENCE.match(line):
            self._problem(
                at,
                "a fence needs a line of its own, outside quotations: put it on the next line, indented by 4",
            )
        self._set_comments_aside()
        self._add_inline_comments(at, line)
        return at + 1

    def _scan_comment(self, at: int) -> int:
        first = self._content(at)
        end = next((i for i in range(at, len(self.lines)) if "-->" in self._content(i)), None)
        if end is None:
            self._problem(at, "this comment is never closed; end it with `-->`")
            return len(self.lines)
        whole = "\n".join(self._content(i) for i in range(at, end + 1))
        text, _, rest = whole.strip().removeprefix("<!--").partition("-->")
        indent = first[: len(first) - len(first.lstrip())]
        self.above.append(Comment(text.strip(), indent, Span(at, end + 1)))
        if rest.strip():
            self._set_comments_aside()
            self._add_inline_comments(end, rest)
        return end + 1

    def _add_inline_comments(self, at: int, text: str) -> None:
        for match in _INLINE.finditer(text):
            if match["comment"]:
                self.comments.append(Comment(match["comment"].strip(), None, Span(at, at + 1)))

    def _set_comments_aside(self) -> None:
        self.comments += self.above
        self.above = []

    def _scan_fence(self, at: int, opening: re.Match[str]) -> int:
        above, self.above = self.above, []
        indent, info = opening["indent"], opening["info"].strip()
        if "\t" in indent:
            self._problem(at, "indent this fence with spaces: Markdown readers disagree about tabs")
        end = self._closing_line(at, indent, opening["marks"])
        if end is None:
            return len(self.lines)
        body = _dedent(self.lines[at + 1 : end], indent)
        self.fences.append(Fence(indent, info, body, Span(at, end + 1), tuple(above)))
        return end + 1

    def _closing_line(self, at: int, indent: str, marks: str) -> int | None:
        """The line that closes the fence opened at `at`; None, with the problem noted, if none does."""
        for i in range(at + 1, len(self.lines)):
            line = self._content(i)
            if _closes(line, marks):
                if line.rstrip(" \t") != indent + marks:
                    self._problem(
                        i,
                        f"the fence opened on line {at + 1} closes with `{indent}{marks}`, "
                        "just as it opened; this line differs, and Markdown readers disagree about it",
                    )
                return i
            if line.strip() and not line.startswith(indent):
                self._problem(
                    i, f"this line is indented less than the fence opened on line {at + 1}; was that closed?"
                )
                return None
        self._problem(at, f"this fence is never closed; end it with `{indent}{marks}`")
        return None

    def _content(self, at: int) -> str:
        line: str = self.lines[at].rstrip("\r\n")
        return line.removeprefix("\ufeff") if at == 0 else line

    def _problem(self, at: int, message: str) -> None:
        self.problems.append(Problem(at + 1, message))


def _opening(line: str) -> re.Match[str] | None:
    match = _FENCE.match(line)
    # Backticks after backticks are code inside a paragraph, not a fence.
    return None if match and match["marks"][0] == "`" and "`" in match["info"] else match


def _closes(line: str, marks: str) -> bool:
    """Whether some Markdown reader might close with `line` a fence that opened with `marks`."""
    bare = line.strip()
    return len(bare) >= len(marks) and set(bare) == {marks[0]}


def _dedent(lines: tuple[str, ...], indent: str) -> str:
    body = "".join(line[len(indent) :] if line.startswith(indent) else line.lstrip(" \t") for line in lines)
    return re.sub(r"\r\n?", "\n", body)
