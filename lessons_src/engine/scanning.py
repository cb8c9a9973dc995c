"""Markdown as data: which fences and comments a file has, and on which lines.

CommonMark decides what is a fence. The page is rendered by Python-Markdown with SuperFences, which
reads some fences in another way: those have a problem, and a lesson may not have them. So what
one reader shows as code is code to every other reader.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from lessons_src.engine.lesson import Span

# Of a paragraph only the lines are needed: `_COMMENT` finds what is in them.
_COMMONMARK = MarkdownIt("commonmark").disable("inline")
# As MkDocs reads it.
_FRONT_MATTER = re.compile(r"---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*\n", re.DOTALL)
# How an admonition, a fold or a content tab begins.
_CONTAINER = re.compile(r'^( *)(?:!!!|\?\?\?\+?|===[+!]*) *(?=[\w"])', re.MULTILINE)
# A comment, or inline code, which may show one.
_COMMENT = re.compile(r"(?P<code>`+).*?(?P=code)|<!--(?P<text>.*?)-->", re.DOTALL)
# How a fence with a language begins, behind any marks of lists and quotations.
_FENCE_LIKE = re.compile(r"(?P<indent>[ \t>*+\-\d.)]*)(?:`{3,}|~{3,})[ \t]*(?P<info>[^`~\s][^`]*)$")

_KINDS = {"fence", "code_block", "html_block", "inline"}
_UNSEEN = (
    "Markdown does not show this block as a fence; indent it by 4, and the comments above it, "
    "for each list, admonition or tab that it is in"
)
_OWN_LINE = "a fence needs a line of its own, outside quotations: put it on the next line, indented by 4"


@dataclass(frozen=True)
class Problem:
    """What is wrong at a line of a lesson, counted from 1, and what to do."""

    line: int
    message: str
    code: str = ""
    """The text of the line."""


@dataclass(frozen=True)
class Comment:
    """The text between `<!--` and `-->`, without the space around it."""

    text: str
    indent: str | None
    """The space before it; None when other text is on its lines."""
    span: Span


@dataclass(frozen=True)
class Fence:
    """A fence, its text without the indentation, and the comments on the lines just above it."""

    indent: str
    info: str
    body: str
    span: Span
    comments: tuple[Comment, ...]
    problem: Problem | None = None
    """Why some reader would not take it for this fence."""


@dataclass(frozen=True)
class Markdown:
    """The contents of one Markdown file."""

    body: int
    """The line after the front matter, counted from 0."""
    fences: tuple[Fence, ...]
    comments: tuple[Comment, ...]
    """Those that are above no fence."""
    problems: tuple[Problem, ...]
    """Those of comments."""


def scan(text: str) -> Markdown:
    """Find the fences and comments of the Markdown `text`, and what is wrong with them.

    >>> (fence,) = scan("Twice:\\n\\n<!-- hidden -->\\n```python\\n1 + 1\\n```\\n").fences
    >>> fence.info, fence.body, fence.comments[0].text
    ('python', '1 + 1\\n', 'hidden')
    """
    source = re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff"))
    front_matter = _FRONT_MATTER.match(source)
    body = front_matter[0].count("\n") if front_matter else 0
    rows = source.split("\n")
    rows[:body] = [""] * body
    tokens = _tokens(rows)
    comments = [comment for token, span in tokens for comment in _comments(token, rows, span)]
    fences = tuple(_fences(tokens, rows, comments))
    above = {comment for fence in fences for comment in fence.comments}
    strays = tuple(comment for comment in comments if comment not in above)
    return Markdown(body, fences, strays, tuple(_unclosed_comments(tokens)))


def _tokens(rows: list[str]) -> list[tuple[Token, Span]]:
    """The pieces of text and code, with their lines."""
    # CommonMark has no admonitions, folds and tabs: a list item indents what is in it as they do.
    tokens = _COMMONMARK.parse(_CONTAINER.sub(r"\1-   ", "\n".join(rows)))
    return [(token, Span(*token.map)) for token in tokens if token.map and token.type in _KINDS]


def _is_comment(token: Token) -> bool:
    return token.type == "html_block" and token.content.lstrip().startswith("<!--")


def _unclosed_comments(tokens: list[tuple[Token, Span]]) -> Iterator[Problem]:
    for token, span in tokens:
        if _is_comment(token) and "-->" not in token.content:
            yield Problem(span.start + 1, "this comment is never closed; end it with `-->`")


def _comments(token: Token, rows: list[str], span: Span) -> Iterator[Comment]:
    if token.type == "fence":
        return
    text = "\n".join(rows[span.start : span.end])
    for match in _COMMENT.finditer(text):
        if match["text"] is not None:
            before, after = text[: match.start()], text[match.end() :]
            alone = _is_comment(token) and not (before + after).strip()
            start = span.start + before.count("\n")
            end = start + match[0].count("\n") + 1
            yield Comment(match["text"].strip(), before if alone else None, Span(start, end))


def _fences(tokens: list[tuple[Token, Span]], rows: list[str], comments: list[Comment]) -> Iterator[Fence]:
    """The fences, and the lines that look like the first line of one."""
    ending = {comment.span.end: comment for comment in comments if comment.indent is not None}
    for token, span in tokens:
        if token.type == "fence":
            indent = rows[span.start].partition(token.markup)[0]
            body = "".join(row[len(indent) :] + "\n" for row in rows[span.start + 1 : span.end - 1])
            problem = _disagreement(rows, span, indent, token.markup)
            yield Fence(indent, token.info.strip(), body, span, _above(span, ending), problem)
        elif not _is_comment(token):
            for line in (Span(at, at + 1) for at in range(span.start, span.end)):
                if match := _FENCE_LIKE.match(rows[line.start]):
                    problem = Problem(line.end, _UNSEEN)
                    yield Fence(match["indent"], match["info"], "", line, _above(line, ending), problem)


def _above(span: Span, ending: dict[int, Comment]) -> tuple[Comment, ...]:
    """The comments on the lines just above `span`, of those that `ending` has by the line after them."""
    comment = ending.get(span.start)
    return (*_above(comment.span, ending), comment) if comment else ()


def _disagreement(rows: list[str], span: Span, indent: str, marks: str) -> Problem | None:
    """Why Python-Markdown would not read the fence in the lines `span` as CommonMark does."""
    first, closing = span.start + 1, indent + marks
    if indent.strip():
        return Problem(first, _OWN_LINE)
    if "\t" in indent or len(indent) % 4:
        return Problem(first, "indent this fence by 4 spaces for each list, admonition or tab that it is in")
    inner = [row.rstrip(" \t") for row in rows[first : span.end]]
    for line, row in enumerate(inner, start=first + 1):
        if row.lstrip().startswith(marks) and row != closing:
            return Problem(
                line,
                f"the fence opened on line {first} closes with `{closing}`, just as it opened; "
                "this line differs: is that fence still open?",
            )
        if row and not row.startswith(indent):
            return Problem(
                line, f"this line is indented less than the fence opened on line {first}; was that closed?"
            )
    if closing not in inner[-1:]:
        return Problem(first, f"this fence is never closed; end it with `{closing}`")
    return None
