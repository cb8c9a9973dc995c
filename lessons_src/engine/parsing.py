"""Parse Markdown to a `Lesson`: the one parser that tests, pages and notebooks share.

`scanning` finds the fences and comments; this module makes blocks, directives and outputs of them.
A near miss, such as a fence `py` or a misspelt directive, is an error: it would not run, and
nobody would notice.
"""

import difflib
import io
import re
import symtable
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from lessons_src.engine.budgets import over_budget
from lessons_src.engine.directives import (
    CLOSING,
    DirectiveError,
    may_end_a_fold,
    names_a_directive,
    parse_directives,
)
from lessons_src.engine.lesson import Block, Directives, Lesson, Span, StoredOutput
from lessons_src.engine.scanning import Comment, Fence, Markdown, Problem, scan

# What the front matter may say of a lesson.
_NUMBERS = {"time-limit": "a number of seconds, such as 120", "minutes": "a number, such as 35"}
_NO_FRONT_MATTER = "front matter must begin on line 1 and end with `---`, or a page shows it"
# What MkDocs takes for a line of front matter, also without `---`
_KEY = re.compile(r" {0,3}[\w-]+:", re.ASCII)
_TOP = 10  # Lines in which front matter may be meant
_NO_YAML = "MkDocs would show this front matter as text, because it is not YAML"
_QUOTES = "Put quotes around a text that has a colon or begins with a sign"
# These options change only the look of the page.
_OPTIONS = r'(?:[ \t]+(?:title|hl_lines|linenums)="[^"]*")*'
_RUNNABLE = re.compile(f"python{_OPTIONS}")
# SuperFences makes a paragraph of a fence with any other info string.
_SHOWN = re.compile(rf"[\w#.+-]+{_OPTIONS}|(?:[\w#.+-]+[ \t]*)?\{{.*\}}")
_PYTHON_LIKE = re.compile(
    r"[{\s.]*(?:i?py|cython|code-cell|jupyter-execute)|\{[^}]*\.(?:i?py|cython)", re.IGNORECASE
)
_CHECK = re.compile(r"\bcheck(?:_\w+)?\(")
_OUTPUT_LIKE = re.compile(r"\{?\s*\.?(?:te?xt|plain|plaintext|outputs?|out|stdout)\b", re.IGNORECASE)


class LessonSyntaxError(Exception):
    """The problems of a file that is not a valid lesson."""

    def __init__(self, path: str, problems: list[Problem]) -> None:
        self.path = path
        self.problems = sorted(problems, key=lambda problem: problem.line)
        super().__init__(
            "\n".join(f"{path}:{p.line}: {p.message}\n    {p.code}".rstrip() for p in self.problems)
        )


@lru_cache(maxsize=100)  # a server parses again only what was saved
def parse_lesson(text: str, path: str) -> Lesson:
    """Parse the Markdown `text`; reports name it `path`.

    Raises `LessonSyntaxError`, with every problem and its line, if anything looks like a block, an
    output or a directive and is not a valid one.

    >>> lesson = parse_lesson("# Sum\\n\\n```python\\n1 + 1\\n```\\n\\n```text\\n2\\n```\\n", "sum.md")
    >>> lesson.blocks[0].code, lesson.blocks[0].line, lesson.blocks[0].output.text
    ('1 + 1\\n', 4, '2')
    """
    markdown = scan(text)
    lines = tuple(io.StringIO(text, newline=""))
    blocks: list[Block] = []
    problems: list[Problem | None] = [
        *markdown.problems,
        *_stray_directives(c for c in markdown.comments if c.text != CLOSING),
    ]
    for fence in markdown.fences:
        if _looks_like_python(fence.info):
            directives, problem = _directives(fence)
            blocks.append(_block(fence, directives))
        else:
            problems += _stray_directives(fence.comments)
            problem = _text_problem(fence, blocks, lines)
            if fence.info == "text" and not problem:
                output = StoredOutput(fence.body.removesuffix("\n"), fence.span.start + 2, fence.span)
                blocks[-1] = replace(blocks[-1], output=output)
        problems.append(fence.problem or problem)
    broken = {problem.line for problem in problems if problem}
    problems += _fold_explanations(markdown, blocks, broken)
    lesson = Lesson(path, lines, markdown.body, tuple(blocks))
    lesson, unread = _with_numbers(lesson)
    problems += unread
    problems += over_budget(lesson, markdown)
    if found := [replace(problem, code=lesson.line(problem.line)) for problem in problems if problem]:
        raise LessonSyntaxError(path, found)
    return lesson


def read_lesson(file: Path, root: Path) -> Lesson:
    """Parse the lesson in `file`; reports name it relative to the project's `root`.

    Raises `LessonSyntaxError` as `parse_lesson` does, and if the file is not UTF-8 or is beside a notebook of
    the same name.
    """
    name = (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()
    if (notebook := file.with_suffix(".ipynb")).exists():
        raise LessonSyntaxError(
            name, [Problem(1, f"{notebook.name} would be the same page; rename one of them")]
        )
    # Line ends are not translated: accepting outputs must not change any.
    data = file.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LessonSyntaxError(name, [Problem(line, f"this is not UTF-8: {error.reason}")]) from None
    return parse_lesson(text, name)


# A server's builds ask for the same blocks and modules.
@cache
def syntax_error(code: str | bytes) -> SyntaxError | None:
    """Return what keeps `code` from being Python, or None.

    A warning of Python's parser is an error here, whatever filters the caller has set: Python 3.11 runs
    `"\\d"` without a word, and later versions print a warning.

    >>> syntax_error("x y").msg, syntax_error("x = 1")
    ('invalid syntax', None)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            # Builds no tree of objects: half the time of `ast.parse`. It takes bytes too.
            symtable.symtable(code, "lesson", "exec")  # type: ignore[arg-type]
        except SyntaxError as error:
            if "escape" in error.msg:
                error.msg += "; double the backslash"
            return error
    return None


def _with_numbers(lesson: Lesson) -> tuple[Lesson, list[Problem]]:
    """Return the lesson with the numbers of its front matter, and what keeps that from being read."""
    if not lesson.body:
        return lesson, list(_unread_front_matter(lesson))
    text = "".join(lesson.lines[1 : lesson.body - 1])
    try:
        front = yaml.compose(text, yaml.SafeLoader)
        yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        return lesson, [Problem(line, f"{_NO_YAML}: {error.problem}. {_QUOTES}")]
    except ValueError as error:  # such as a date in a month 13
        return lesson, [Problem(1, f"{_NO_YAML}: {error}")]
    if not isinstance(front, yaml.MappingNode):
        return lesson, [Problem(2, f"{_NO_YAML}: it must have lines such as `title: Loss`")]
    names: set[str] = set()
    found: dict[str, Any] = {}
    problems = []
    for key, value in front.value:
        name = str(key.value).lower().replace("_", "-")
        name = name if name in _NUMBERS else str(key.value)
        if problem := _key_problem(name, str(value.value), names):
            problems.append(Problem(key.start_mark.line + 2, problem))
        elif name in _NUMBERS:
            found[name.replace("-", "_")] = int(value.value)
        names.add(name)
    return replace(lesson, **found), problems


def _key_problem(name: str, value: str, names: set[str]) -> str | None:
    """Return what is wrong with a line of the front matter, below those with `names`."""
    if name in names:
        return f"`{name}` is in this front matter twice; delete one"
    if name in _NUMBERS:
        is_number = value.isdecimal() and int(value)
        return None if is_number else f"`{name}` must be {_NUMBERS[name]}, not `{value}`"
    close = difflib.get_close_matches(name.lower(), _NUMBERS, n=1, cutoff=0.8)
    return f"unknown key `{name}`; did you mean `{close[0]}`?" if close else None


def _unread_front_matter(lesson: Lesson) -> Iterator[Problem]:
    """Yield what looks like front matter to its author, or to MkDocs alone."""
    if lesson.lines and _KEY.match(lesson.lines[0].removeprefix("\ufeff")):
        yield Problem(1, "MkDocs would take this line for front matter; begin the page with its title, `# …`")
    for number in range(1, _TOP):
        rows = takewhile(str.strip, lesson.lines[number : number + _TOP])
        if lesson.line(number) == "---" and any(map(_KEY.match, rows)):
            yield Problem(number, _NO_FRONT_MATTER)


def _fold_explanations(markdown: Markdown, blocks: list[Block], broken: set[int]) -> Iterator[Problem]:
    """Give each block with `predict` the prose up to its `/predict`; yield those that are misplaced.

    `broken` has lines with problems: a `/predict` below a block that has one may be right.
    """
    for comment in markdown.comments:
        if comment.text != CLOSING:
            continue
        line = comment.span.start
        at = max((at for at, block in enumerate(blocks) if block.fence.start < line), default=None)
        if at is not None and broken.intersection(range(blocks[at].span.start + 1, blocks[at].span.end + 1)):
            continue
        if at is None or not blocks[at].directives.predict or blocks[at].explanation:
            yield Problem(
                line + 1, f"`{CLOSING}` must be below a block with `predict`, before the next block"
            )
        elif comment.indent != blocks[at].indent:
            yield Problem(
                line + 1, f"`{CLOSING}` must be on a line of its own, indented like the block above"
            )
        elif any(blocks[at].end <= heading.line < line for heading in markdown.headings):
            yield Problem(line + 1, f"a heading is inside the fold that `{CLOSING}` ends; move one of them")
        else:
            blocks[at] = replace(blocks[at], explanation=Span(blocks[at].end, line))


def _stray_directives(comments: Iterable[Comment]) -> list[Problem]:
    return [
        Problem(
            comment.span.start + 1,
            f"put an empty line below `{CLOSING}`"
            if comment.text == CLOSING
            else f"did you mean `{CLOSING}`?"
            if may_end_a_fold(comment.text)
            else "this directive shares its line: put it on a line of its own above a Python fence"
            if comment.indent is None
            else "this directive is not above a Python fence: put it on the line directly above one",
        )
        for comment in comments
        if names_a_directive(comment.text) or may_end_a_fold(comment.text)
    ]


def _directives(fence: Fence) -> tuple[Directives, Problem | None]:
    """Read the comments above a Python fence; return the first problem in them or in its code, if any."""
    try:
        directives = parse_directives(comment.text for comment in fence.comments)
    except DirectiveError as error:
        return Directives(), Problem(fence.comments[0].span.start + 1, str(error))
    if any(comment.indent != fence.indent for comment in fence.comments):
        problem = Problem(fence.span.start + 1, "indent the directives like the fence below them")
        return directives, problem
    if directives.exercise and not _CHECK.search(fence.body):
        problem = Problem(
            fence.span.start + 2,
            "the block of an exercise must call its check, such as `check_slope(answer)`",
        )
        return directives, problem
    return directives, _code_problem(fence, directives)


def _block(fence: Fence, directives: Directives) -> Block:
    start = fence.comments[0].span.start if fence.comments else fence.span.start
    return Block(
        code=fence.body,
        line=fence.span.start + 2,
        indent=fence.indent,
        fence=fence.span,
        span=Span(start, fence.span.end),
        directives=directives,
        output=None,
    )


def _code_problem(fence: Fence, directives: Directives) -> Problem | None:
    line = fence.span.start + 1
    if directives.display_only is not None:
        message = _language_problem(fence.info)
        return Problem(line, message) if message else None
    if not _RUNNABLE.fullmatch(fence.info):
        return Problem(
            line,
            f"`{fence.info}` looks like Python and would not run: write `python`, or say why it "
            "is not run: `<!-- display-only: … -->` on the line above",
        )
    if not fence.body.strip():
        return Problem(line, "this block holds no code; delete it")
    before, tab, _ = fence.body.partition("\t")
    if tab:
        return Problem(
            line + 1 + before.count("\n"),
            "a page would show this tab as spaces; indent with spaces, and write \\t in strings",
        )
    if not directives.raises and (error := syntax_error(fence.body)):
        return Problem(line + (error.lineno or 1), f"this block is not Python: {error.msg}")
    return None


def _text_problem(fence: Fence, blocks: list[Block], lines: tuple[str, ...]) -> Problem | None:
    """Return the problem, if any, of a fence that is not Python and comes after `blocks`."""
    if fence.info != "text":
        message = _language_problem(fence.info)
    elif not blocks or "".join(lines[blocks[-1].span.end : fence.span.start]).strip():
        message = (
            "this output follows no block: move it directly below the one that shows it, or give "
            "text that is no output another language, such as `console`"
        )
    elif not blocks[-1].is_run:
        message = "the block above is not run, so nothing could check this output; delete it"
    elif blocks[-1].indent != fence.indent:
        message = "indent this output like the block above it, or it is another block's"
    else:
        message = None
    return Problem(fence.span.start + 1, message) if message else None


def _language_problem(info: str) -> str | None:
    if info.lstrip("{. ").startswith("lesson-results"):
        return "`lesson-results` must come from the build, not from a lesson; delete this fence"
    if not info:
        return "a fence must have a language: `python`, `text` for an output, `console`, …"
    if _OUTPUT_LIKE.match(info):
        return f"`{info}` looks like an output and would not be checked: write `text`"
    if not _SHOWN.fullmatch(info):
        return f'a page would not show a fence `{info}`: write one language, and options as `title="…"`'
    return None


@cache  # a page has few kinds of fences
def _looks_like_python(info: str) -> bool:
    """Return whether a renderer may show a fence as Python, or its author may expect it to run.

    >>> [info for info in ("py", "Python", "pyhton", "{.python}", "yaml", "json") if _looks_like_python(info)]
    ['py', 'Python', 'pyhton', '{.python}']
    """
    first = info.strip().partition(" ")[0].lower()
    misspelt = bool(difflib.get_close_matches(first, ["python"], n=1, cutoff=0.75))
    return bool(_PYTHON_LIKE.match(info)) or misspelt
