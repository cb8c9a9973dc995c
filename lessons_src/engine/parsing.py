"""From Markdown to a `Lesson`: the one parser that tests, pages and notebooks share.

`scanning` finds the fences and the comments; here they become blocks, directives and outputs.
What only looks like one of these is a problem, for it would be passed over in silence.
"""

import ast
import difflib
import re
from dataclasses import replace
from pathlib import Path

from lessons_src.engine.directives import DirectiveError, names_a_directive, parse_directives
from lessons_src.engine.lesson import Block, Directives, Lesson, Span, StoredOutput
from lessons_src.engine.scanning import Comment, Fence, Page, Problem, scan

_PYTHON_LIKE = re.compile(r"[{\s.]*(?:i?py|cython)|\{[^}]*\.(?:i?py|cython)", re.IGNORECASE)
_OUTPUT_LIKE = re.compile(r"\{?\s*\.?(?:te?xt|plain|plaintext|outputs?|out|stdout)\b", re.IGNORECASE)


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
    page = scan(text)
    parser = _Parser(page)
    parser.parse()
    if parser.problems:
        raise LessonSyntaxError(path, parser.problems)
    return Lesson(path, page.lines, tuple(parser.blocks))


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


class _Parser:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems = list(page.problems)
        self.blocks: list[Block] = []

    def parse(self) -> None:
        self._refuse_directives(self.page.comments)
        for fence in self.page.fences:
            self._parse_fence(fence)

    def _parse_fence(self, fence: Fence) -> None:
        if fence.info == "python" or _looks_like_python(fence.info):
            self._add_block(fence)
            return
        self._refuse_directives(fence.comments)
        if fence.info == "text":
            self._add_output(fence)
        else:
            self._refuse_unclear(fence)

    def _refuse_directives(self, comments: tuple[Comment, ...]) -> None:
        for comment in comments:
            if not names_a_directive(comment.text):
                continue
            if comment.indent is None:
                message = "this directive shares its line: put it on a line of its own above a Python fence"
            else:
                message = "this directive stands on no Python fence: put it on the line above one"
            self._problem(comment.span.start, message)

    def _add_block(self, fence: Fence) -> None:
        directives = self._directives(fence)
        if directives.display_only is None:
            self._check_code(fence, directives)
        start = fence.comments[0].span.start if fence.comments else fence.span.start
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

    def _directives(self, fence: Fence) -> Directives:
        if any(comment.indent != fence.indent for comment in fence.comments):
            self._problem(fence.span.start, "indent the directives like the fence below them")
        try:
            return parse_directives(comment.text for comment in fence.comments)
        except DirectiveError as error:
            self._problem(fence.comments[0].span.start, str(error))
            return Directives()

    def _check_code(self, fence: Fence, directives: Directives) -> None:
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
            self._check_syntax(fence)

    def _check_syntax(self, fence: Fence) -> None:
        try:
            ast.parse(fence.body)
        except SyntaxError as error:
            self._problem(fence.span.start + (error.lineno or 1), f"this block is not Python: {error.msg}")

    def _add_output(self, fence: Fence) -> None:
        at = fence.span.start
        block = self._block_above(fence)
        if block is None:
            self._problem(
                at,
                "this output follows no block; `text` is for outputs, so give other text another "
                "language, such as `console`",
            )
        elif not block.is_run:
            self._problem(at, "the block above is not run, so nothing could check this output; delete it")
        elif block.indent != fence.indent:
            self._problem(at, "indent this output like the block above it, or it is another block's")
        else:
            output = StoredOutput(fence.body.removesuffix("\n"), at + 2, fence.span)
            self.blocks[-1] = replace(block, output=output)

    def _block_above(self, fence: Fence) -> Block | None:
        """The last block, if nothing stands between it and the fence."""
        if not self.blocks:
            return None
        block = self.blocks[-1]
        between = self.page.lines[block.span.end : fence.span.start]
        return None if any(line.strip() for line in between) else block

    def _refuse_unclear(self, fence: Fence) -> None:
        at, info = fence.span.start, fence.info
        if info.lstrip("{. ").startswith("lesson-results"):
            self._problem(at, "the build writes `lesson-results` fences, never a lesson")
        elif not info:
            self._problem(at, "say what this fence holds: `python`, `text` for an output, `console`, …")
        elif _OUTPUT_LIKE.match(info):
            self._problem(at, f"`{info}` looks like an output and would not be checked: write `text`")

    def _problem(self, at: int, message: str) -> None:
        self.problems.append(Problem(at + 1, message))


def _looks_like_python(info: str) -> bool:
    """Whether a Markdown renderer might show such a fence as Python, or its author thinks so.

    >>> [info for info in ("py", "Python", "pyhton", "{.python}", "yaml", "json") if _looks_like_python(info)]
    ['py', 'Python', 'pyhton', '{.python}']
    """
    first = info.strip().partition(" ")[0].lower()
    misspelt = bool(difflib.get_close_matches(first, ["python"], n=1, cutoff=0.75))
    return bool(_PYTHON_LIKE.match(info)) or misspelt
