"""From Markdown to a `Lesson`: the one parser that tests, pages and notebooks share.

It reads lines, not Markdown: fences, comments and the indentation they stand at are all that
decides what runs. Where CommonMark and Python-Markdown would read a fence in different ways
(a closing fence that is longer, a fence on the line of a list item), a lesson may not have
it, so that what one reader sees as code is never something else to another.
"""

import ast
import difflib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from lessons_src.publishing.directives import DirectiveError, names_a_directive, parse_directives
from lessons_src.publishing.lesson import Block, Directives, Lesson, Span, StoredOutput

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_FENCE = re.compile(r"(?P<indent>[ \t]*)(?P<marks>`{3,}|~{3,})(?P<info>.*)$")
# A fence that shares its line with a list item or a quotation mark.
_MISPLACED_FENCE = re.compile(r"[ \t]*(?:(?:>|[-*+][ \t]|\d+[.)][ \t])[ \t]*)+(?:`{3,}[^`]*|~{3,}.*)$")
# A comment inside a line, or the code in which one is only spoken of.
_INLINE = re.compile(r"(?P<code>`+).*?(?P=code)|<!--(?P<comment>.*?)-->")
_PYTHON_LIKE = re.compile(r"[{\s.]*(?:i?py|cython)|\{[^}]*\.(?:i?py|cython)", re.IGNORECASE)
_OUTPUT_LIKE = re.compile(r"\{?\s*\.?(?:te?xt|plain|plaintext|outputs?|out|stdout)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Problem:
    """What is wrong at a line of a lesson's source, and what to do."""

    line: int
    message: str


class LessonSyntaxError(Exception):
    """Everything in one file that keeps it from being a lesson."""

    def __init__(self, path: str, problems: list[Problem]) -> None:
        self.path = path
        self.problems = sorted(problems, key=lambda problem: problem.line)
        super().__init__("\n".join(f"{path}:{p.line}: {p.message}" for p in self.problems))


def parse_lesson(text: str, path: str) -> Lesson:
    """Parse the Markdown `text`; `path` is what reports will call it.

    Raises `LessonSyntaxError`, with every problem and its line, when something looks like a
    block, an output or a directive and would be passed over.

    >>> lesson = parse_lesson("# Sum\\n\\n```python\\n1 + 1\\n```\\n\\n```text\\n2\\n```\\n", "sum.md")
    >>> lesson.blocks[0].code, lesson.blocks[0].line, lesson.blocks[0].output.text
    ('1 + 1\\n', 4, '2')
    """
    return _Parser(text, path).parse()


def read_lesson(file: Path, root: Path) -> Lesson:
    """The lesson in `file`, named relative to the project's `root`.

    Raises `LessonSyntaxError`, also when the file is not UTF-8.
    """
    name = (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()
    # Without translation of line ends: what is accepted is written back as it was.
    data = file.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LessonSyntaxError(name, [Problem(line, f"this is not UTF-8: {error.reason}")]) from None
    return parse_lesson(text, name)


@dataclass(frozen=True)
class _Fence:
    indent: str
    info: str
    span: Span
    body: str


@dataclass(frozen=True)
class _Comment:
    text: str
    indent: str
    span: Span


class _Parser:
    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.lines = tuple(_LINE.findall(text))
        self.problems: list[Problem] = []
        self.blocks: list[Block] = []
        # The comments that stand on the lines just above the current one.
        self.comments: list[_Comment] = []

    def parse(self) -> Lesson:
        at = self._after_front_matter()
        while at < len(self.lines):
            at = self._parse_at(at)
        self._drop_comments()
        if self.problems:
            raise LessonSyntaxError(self.path, self.problems)
        return Lesson(self.path, self.lines, tuple(self.blocks))

    def _parse_at(self, at: int) -> int:
        """Parse what begins at line `at` and return the line after it."""
        line = self._content(at)
        if line.lstrip().startswith("<!--"):
            return self._parse_comment(at)
        if opening := _opening(line):
            return self._parse_fence(at, opening)
        if _MISPLACED_FENCE.match(line):
            self._problem(
                at,
                "a fence needs a line of its own, outside quotations: put it on the next line, indented by 4",
            )
        self._drop_comments()
        self._refuse_inline_directives(at, line)
        return at + 1

    def _parse_comment(self, at: int) -> int:
        first = self._content(at)
        end = next((i for i in range(at, len(self.lines)) if "-->" in self._content(i)), None)
        if end is None:
            self._problem(at, "this comment is never closed; end it with `-->`")
            return len(self.lines)
        whole = "\n".join(self._content(i) for i in range(at, end + 1))
        text, _, rest = whole.strip().removeprefix("<!--").partition("-->")
        indent = first[: len(first) - len(first.lstrip())]
        comment = _Comment(text.strip(), indent, Span(at, end + 1))
        if rest.strip():
            self._drop_comments()
            self._refuse_stray(comment)
            self._refuse_inline_directives(end, rest)
        else:
            self.comments.append(comment)
        return end + 1

    def _parse_fence(self, at: int, opening: re.Match[str]) -> int:
        comments, self.comments = self.comments, []
        end = self._closing_line(at, opening)
        if end is None:
            return len(self.lines)
        indent, info = opening["indent"], opening["info"].strip()
        body = "".join(
            line[len(indent) :] if line.startswith(indent) else line.lstrip(" \t")
            for line in self.lines[at + 1 : end]
        )
        fence = _Fence(indent, info, Span(at, end + 1), re.sub(r"\r\n?", "\n", body))
        if info == "python" or _looks_like_python(info):
            self._add_block(fence, comments)
            return end + 1
        for comment in comments:
            self._refuse_stray(comment)
        if info == "text":
            self._add_output(fence)
        else:
            self._refuse_unclear(fence)
        return end + 1

    def _closing_line(self, at: int, opening: re.Match[str]) -> int | None:
        """The line that closes the fence opened at `at`; None, with the problem noted, if none does."""
        indent, marks = opening["indent"], opening["marks"]
        if "\t" in indent:
            self._problem(at, "indent this fence with spaces: Markdown readers disagree about tabs")
        for i in range(at + 1, len(self.lines)):
            line = self._content(i)
            bare = line.strip()
            if line.rstrip(" \t") == indent + marks:
                return i
            if len(bare) >= len(marks) and set(bare) == {marks[0]}:
                self._problem(
                    i,
                    f"the fence opened on line {at + 1} closes with `{indent}{marks}`, "
                    "just as it opened; this line differs, and Markdown readers disagree about it",
                )
                return i
            if bare and not line.startswith(indent):
                self._problem(
                    i, f"this line is indented less than the fence opened on line {at + 1}; was that closed?"
                )
                return None
        self._problem(at, f"this fence is never closed; end it with `{indent}{marks}`")
        return None

    def _add_block(self, fence: _Fence, comments: list[_Comment]) -> None:
        directives = self._directives(fence, comments)
        if directives.display_only is None:
            self._check_code(fence, directives)
        start = comments[0].span.start if comments else fence.span.start
        self.blocks.append(
            Block(
                code=fence.body,
                line=fence.span.start + 2,
                indent=fence.indent,
                fence=fence.span,
                span=Span(start, fence.span.end),
                directives=directives,
                output=None,
            )
        )

    def _directives(self, fence: _Fence, comments: list[_Comment]) -> Directives:
        if any(comment.indent != fence.indent for comment in comments):
            self._problem(fence.span.start, "indent the directives like the fence below them")
        try:
            return parse_directives(comment.text for comment in comments)
        except DirectiveError as error:
            self._problem(comments[0].span.start, str(error))
            return Directives()

    def _check_code(self, fence: _Fence, directives: Directives) -> None:
        at = fence.span.start
        if fence.info != "python":
            self._problem(
                at,
                f"`{fence.info}` looks like Python and would not run: write `python`, or say why it "
                "is not run: `<!-- display-only: … -->` on the line above",
            )
        elif not fence.body.strip():
            self._problem(at, "this block holds no code; delete it")
        elif "\t" in fence.body:
            line = at + 1 + fence.body[: fence.body.index("\t")].count("\n")
            self._problem(
                line, "a page would show this tab as spaces; indent with spaces, and write \\t in strings"
            )
        elif not directives.raises:
            try:
                ast.parse(fence.body)
            except SyntaxError as error:
                self._problem(at + (error.lineno or 1), f"this block is not Python: {error.msg}")

    def _add_output(self, fence: _Fence) -> None:
        block = self.blocks[-1] if self.blocks else None
        follows = block is not None and all(
            not self._content(i).strip() for i in range(block.span.end, fence.span.start)
        )
        if block is None or not follows:
            self._problem(
                fence.span.start,
                "this output follows no block; `text` is for outputs, so give other text another "
                "language, such as `console`",
            )
        elif not block.is_run:
            self._problem(
                fence.span.start, "the block above is not run, so nothing could check this output; delete it"
            )
        elif block.indent != fence.indent:
            self._problem(
                fence.span.start, "indent this output like the block above it, or it is another block's"
            )
        else:
            output = StoredOutput(fence.body.removesuffix("\n"), fence.span.start + 2, fence.span)
            self.blocks[-1] = replace(block, output=output)

    def _refuse_unclear(self, fence: _Fence) -> None:
        if fence.info.lstrip("{. ").startswith("lesson-results"):
            self._problem(fence.span.start, "the build writes `lesson-results` fences, never a lesson")
        elif not fence.info:
            self._problem(
                fence.span.start, "say what this fence holds: `python`, `text` for an output, `console`, …"
            )
        elif _OUTPUT_LIKE.match(fence.info):
            self._problem(
                fence.span.start,
                f"`{fence.info}` looks like an output and would not be checked: write `text`",
            )

    def _drop_comments(self) -> None:
        for comment in self.comments:
            self._refuse_stray(comment)
        self.comments = []

    def _refuse_stray(self, comment: _Comment) -> None:
        if names_a_directive(comment.text):
            self._problem(
                comment.span.start, "this directive stands on no Python fence: put it on the line above one"
            )

    def _refuse_inline_directives(self, at: int, text: str) -> None:
        for match in _INLINE.finditer(text):
            if names_a_directive(match["comment"] or ""):
                self._problem(
                    at, "this directive shares its line: put it on a line of its own above a Python fence"
                )

    def _after_front_matter(self) -> int:
        if not self.lines or self._content(0).rstrip() != "---":
            return 0
        ends = (i for i in range(1, len(self.lines)) if self._content(i).rstrip() in {"---", "..."})
        return next(ends, -1) + 1

    def _content(self, at: int) -> str:
        line: str = self.lines[at].rstrip("\r\n")
        return line.removeprefix("\ufeff") if at == 0 else line

    def _problem(self, at: int, message: str) -> None:
        self.problems.append(Problem(at + 1, message))


def _opening(line: str) -> re.Match[str] | None:
    match = _FENCE.match(line)
    # Backticks after backticks are code inside a paragraph, not a fence.
    return None if match and match["marks"][0] == "`" and "`" in match["info"] else match


def _looks_like_python(info: str) -> bool:
    """Whether a Markdown renderer might show such a fence as Python, or its author thinks so.

    >>> [info for info in ("py", "Python", "pyhton", "{.python}", "yaml", "json") if _looks_like_python(info)]
    ['py', 'Python', 'pyhton', '{.python}']
    """
    first = info.strip().partition(" ")[0].lower()
    misspelt = bool(difflib.get_close_matches(first, ["python"], n=1, cutoff=0.75))
    return bool(_PYTHON_LIKE.match(info)) or misspelt
