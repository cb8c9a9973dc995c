"""Find the fences and comments of a Markdown file.

CommonMark decides what is a fence: markdown-it-py parses the file. Python-Markdown with SuperFences
renders the page, and reads some fences differently. Such a fence has a `problem`, which is an error
in a lesson. So each block is code on the page, on the source host and in the tests.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from lessons_src.engine.directives import names_a_directive
from lessons_src.engine.lesson import Span

# Without tokens for the inside of a paragraph: its lines are searched for comments.
_COMMONMARK = MarkdownIt("commonmark").disable(["inline", "reference"])
# The rule of MkDocs.
_FRONT_MATTER = re.compile(r"---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*\n", re.DOTALL)
# The start of the first line of an admonition (`!!!`), a fold (`???`) or a content tab (`===`).
_CONTAINER = re.compile(r'^((?: {4})*)(?:!!!|\?\?\?\+?|===[+!]*) *(?=[\w"])', re.MULTILINE)
# One that shows nothing without content: an admonition may consist of its title.
_NEEDS_CONTENT = re.compile(
    r'((?: {4})*)(?:(?:!!!|\?\?\?\+?) *[\w -]+|(?:\?\?\?\+?|===[+!]*) *(?:[\w -]+ )?".*")[ \t]*'
)
# The first line of a block that would run, or of its output
_RUNS = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[ \t]*(?:python|text)\b[^`\n]*\n", re.MULTILINE)
# Inline code is matched too, so that a comment in it is not found.
_COMMENT = re.compile(r"(?P<code>`+).*?(?P=code)|<!--(?P<text>.*?)-->", re.DOTALL)
# A line that shows on the page, and is a comment in another language or with other dashes
_LIKE_COMMENT = re.compile(
    r"\s*(?:<\s*!?\s*[-\u2013\u2014]+|[({]\s*!\s*[-\u2013\u2014]+|\{[#%]|\[//\]: *#)[\s('\"]*"
    r"(?P<name>/?\w+(?:-\w+)*)\s*(?P<argument>:.*|\W*)"
)
# The first line of a fence that has a language, after the marks of any list or quotation.
_FENCE_LIKE = re.compile(
    r"(?P<indent>[ \t>*+\-\d.)]*)(?:`{3,}|~{3,})[ \t]*(?P<info>[^`~\s][^`\n]*)$", re.MULTILINE
)

UNSEEN = (
    "Markdown does not show this block as a fence; indent it by 4, and the comments above it, "
    "for each list, admonition or tab that it is in. A list begins with `-` or `1.`, below a blank line"
)
# The tokens that contain text or code
_KINDS = {"fence", "code_block", "html_block", "inline"}
_IN_HTML = (
    "Markdown does not read this block inside HTML: put an empty line between the tag and the block, or take "
    "the block out"
)
_OWN_LINE = "a fence needs a line of its own, outside quotations: put it on the next line, indented by 4"


@dataclass(frozen=True)
class Problem:
    """An error in a lesson's Markdown, and its cure."""

    line: int
    """Counted from 1."""
    message: str
    code: str = ""
    """The text of the line."""


@dataclass(frozen=True)
class Comment:
    """An HTML comment."""

    text: str
    """Without `<!--` and `-->` and the space inside them."""
    indent: str | None
    """The space before it; None if its lines contain other text."""
    span: Span


@dataclass(frozen=True)
class Fence:
    """A fenced code block."""

    indent: str
    info: str
    """What follows the opening backticks or tildes: the language and its options."""
    body: str
    """Without the indentation of the fence."""
    span: Span
    comments: tuple[Comment, ...]
    """Those on the lines directly above it."""
    problem: Problem | None = None
    """Where Markdown parsers disagree about it, if they do."""


@dataclass(frozen=True)
class Heading:
    """A heading."""

    tag: str
    """From `h1` to `h6`, as in HTML."""
    text: str
    line: int
    """Counted from 0."""


@dataclass(frozen=True)
class Markdown:
    """The parts of a Markdown file that decide what runs."""

    body: int
    """The line after the front matter, counted from 0."""
    fences: tuple[Fence, ...]
    comments: tuple[Comment, ...]
    """Those that are not directly above a fence."""
    headings: tuple[Heading, ...]
    problems: tuple[Problem, ...]
    """Comments that end where nobody means them to, and containers without content."""


def scan(text: str) -> Markdown:
    """Find the fences and comments of the Markdown `text`, and their problems.

    >>> (fence,) = scan("Twice:\\n\\n<!-- hidden -->\\n```python\\n1 + 1\\n```\\n").fences
    >>> fence.info, fence.body, fence.comments[0].text
    ('python', '1 + 1\\n', 'hidden')
    """
    source = re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff"))
    front_matter = _FRONT_MATTER.match(source)
    body = front_matter[0].count("\n") if front_matter else 0
    rows = source.split("\n")
    rows[:body] = [""] * body
    parsed = _parse(rows)
    tokens = [(token, Span(*token.map)) for token in parsed if token.map and token.type in _KINDS]
    comments = [comment for token, span in tokens for comment in _comments(token, rows, span)]
    fences = tuple(_fences(tokens, rows, comments))
    above = {comment for fence in fences for comment in fence.comments}
    strays = tuple(comment for comment in comments if comment not in above)
    problems = *_comment_problems(tokens, comments, rows), *_empty_containers(tokens, comments, rows)
    return Markdown(body, fences, strays, tuple(_headings(parsed)), problems)


def _parse(rows: list[str]) -> list[Token]:
    # CommonMark has no admonitions, folds and tabs. Each is replaced by a list item with the same
    # indentation on the same line, so that line numbers do not change.
    return _COMMONMARK.parse(_CONTAINER.sub(r"\1-   ", "\n".join(rows)))


def _headings(tokens: list[Token]) -> Iterator[Heading]:
    for token, text in pairwise(tokens):
        if token.type == "heading_open" and token.map:
            yield Heading(token.tag, text.content, token.map[0])


def _is_comment(token: Token) -> bool:
    return token.type == "html_block" and token.content.lstrip().startswith("<!--")


def _comment_problems(
    tokens: list[tuple[Token, Span]], comments: list[Comment], rows: list[str]
) -> Iterator[Problem]:
    for token, span in tokens:
        if _is_comment(token) and "-->" not in token.content:
            yield Problem(span.start + 1, "this comment is never closed; end it with `-->`")
        if token.type == "inline":
            yield from _mistyped(token.content, span.start + 1)
    for comment in comments:
        rest = "\n".join(rows[comment.span.end :])
        if "<!--" in comment.text and "-->" in rest.partition("<!--")[0]:
            yield Problem(
                comment.span.end, "the comment ends here: it cannot hold another one, so take that out of it"
            )
        elif not comment.text.startswith("#") and _RUNS.search(comment.text):
            yield Problem(
                comment.span.start + 1,
                "this comment hides a block, which does not run; to keep it hidden, begin the comment "
                "with `#`",
            )


def _mistyped(text: str, line: int) -> Iterator[Problem]:
    """Yield a problem for each line of a paragraph that looks like a directive, but for its marks."""
    prose = _COMMENT.sub(lambda match: re.sub(r"[^\n]", "x", match[0]), text)
    for number, row in enumerate(prose.split("\n"), start=line):
        match = _LIKE_COMMENT.fullmatch(row)
        if match and names_a_directive(match["name"]):
            directive = match["name"] + (": …" if match["argument"].startswith(":") else "")
            yield Problem(number, f"this looks like a directive; write `<!-- {directive} -->`")


def _empty_containers(
    tokens: list[tuple[Token, Span]], comments: list[Comment], rows: list[str]
) -> Iterator[Problem]:
    """Yield a problem for each admonition, fold or tab that has nothing but its first line."""
    spans = [span for token, span in tokens if token.type != "inline"] + [
        comment.span for comment in comments
    ]
    code = {at for span in spans for at in range(span.start, span.end)}
    for at, row in enumerate(rows):
        match = _NEEDS_CONTENT.fullmatch(row)
        if match and at not in code:
            inside = match[1] + " " * 4
            below = next((row for row in rows[at + 1 :] if row.strip()), "").expandtabs(4)
            if not below.startswith(inside):
                yield Problem(at + 1, f"nothing is inside: indent what belongs to it by {len(inside)} spaces")


def _comments(token: Token, rows: list[str], span: Span) -> Iterator[Comment]:
    if token.type == "fence" or "<!--" not in token.content:
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
    """Yield each fence, and each line that looks like the start of one, as a fence with a problem."""
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
                    problem = Problem(line.end, _IN_HTML if token.type == "html_block" else UNSEEN)
                    yield Fence(match["indent"], match["info"], "", line, _above(line, ending), problem)


def _above(span: Span, ending: dict[int, Comment]) -> tuple[Comment, ...]:
    """Return the comments directly above `span`; `ending` has comments by the line after them."""
    comment = ending.get(span.start)
    return (*_above(comment.span, ending), comment) if comment else ()


def _disagreement(rows: list[str], span: Span, indent: str, marks: str) -> Problem | None:
    """Return why Python-Markdown would not read the fence at `span` as CommonMark does, or None."""
    first, closing = span.start + 1, indent + marks
    if indent.strip():
        return Problem(first, _OWN_LINE)
    if "\t" in indent or len(indent) % 4:
        return Problem(first, "indent this fence by 4 spaces for each list, admonition or tab that it is in")
    inner = [row.rstrip(" \t") for row in rows[first : span.end]]
    if closing not in inner[-1:] and span.end < len(rows) and rows[span.end].strip():
        inner.append(rows[span.end])  # which ends a list for CommonMark, and the fence in it
    for line, row in enumerate(inner, start=first + 1):
        if row.lstrip().startswith(marks) and row != closing:
            return Problem(
                line,
                f"the fence opened on line {first} closes with {closing}, just as it opened; "
                "this line differs: is that fence still open?",
            )
        if row and not row.startswith(indent):
            return Problem(
                line, f"this line is indented less than the fence opened on line {first}; was that closed?"
            )
    if closing not in inner[-1:]:
        return Problem(first, f"this fence is never closed; end it with {closing}")
    return None
