"""Convert the Markdown of a page to what Jupyter, Colab and other readers of Markdown draw.

They draw CommonMark with tables, formulas and some HTML. So folds become `<details>`, admonitions become
quotations, and a tab becomes a paragraph with its title. Links become absolute, because it is
read anywhere. Code and formulas stay as they are.
"""

import re
from collections.abc import Callable
from textwrap import indent
from urllib.parse import urljoin, urlsplit

from markdown_it import MarkdownIt

FENCE = r"^(?P<margin> *)(?P<marks>`{3,}|~{3,}).*\n(?:.*\n)*?(?P=margin)(?P=marks)[ \t]*$"
"""A fence with what is in it. The group `margin` is before it, and `marks` are its first characters."""

_INLINE = re.compile(
    # One of these begins each alternative: at most characters, one look is enough.
    r"(?=[`~$< {\]\[hs])"
    rf"(?:(?P<kept>{FENCE}|(?P<ticks>`+)(?s:.*?)(?P=ticks)|\$\$(?s:.*?)\$\$|\$(?!\s)[^$\n]+(?<!\s)\$)"
    # A comment, or a list of attributes
    r"|(?P<dropped><!--(?s:.*?)-->| *\{:? *(?:[.#][A-Za-z]|[\w-]+=)[^{}\n]*\})"
    r'|(?P<before>\]\(<?|^ *\[(?!\^)[^\]\n]+\]: +<?|\b(?:href|src)=")(?P<target>[^\s)>"]+))',
    re.MULTILINE,
)
_CONTAINER = re.compile(
    rf"{FENCE}|"
    r'^(?P<indent> *)(?P<mark>!!!|\?\?\?\+?|===[+!]*) *(?=[\w"])(?P<kind>\w*)[\w -]*'
    r'(?:"(?P<title>.*)")?[ \t]*\n'
    r"(?P<inside>(?:(?:(?P=indent) {4}.*|[ \t]*)\n)*)",
    re.MULTILINE,
)

_MARKDOWN = MarkdownIt()

PLACE = re.compile(r"^(?P<margin> *)\0(?P<number>\d*)\n", re.MULTILINE)
"""A line in place of a block: a control character, which no lesson has, and the block's number.

Without a number, it only ends a cell.
"""


def page_address(file: str) -> str:
    """Return the address of the page that is made of `file`.

    >>> page_address("https://a.org/lessons/loss.md#top"), page_address("https://a.org/index.md")
    ('https://a.org/lessons/loss/#top', 'https://a.org/')
    """
    return re.sub(r"((?<=/)index)?\.md(?=#|$)", lambda end: "" if end[1] else "/", file)


def absolute(text: str, file: str) -> str:
    """Make the links in `text` absolute, and drop comments and lists of attributes.

    Links in Markdown are relative to `file`, an address, and those in HTML to its page.

    >>> absolute("[Loss](loss.md){ .button } `[a](b.md)`", "https://a.org/index.md")
    '[Loss](https://a.org/loss/) `[a](b.md)`'
    """

    def replace(match: re.Match[str]) -> str:
        target = match["target"]
        if not target:
            return match["kept"] or ""
        if urlsplit(target).scheme:
            return match[0]
        in_markdown = "=" not in match["before"]
        base = file if in_markdown else page_address(file)
        return match["before"] + page_address(urljoin(base, target))

    return _INLINE.sub(replace, text)


def without_containers(text: str, in_fold: Callable[[str], str]) -> str:
    """Convert the folds, admonitions and tabs of `text`.

    A cell cannot be in a fold, so what `in_fold` gives for the number of a block takes its place there.

    >>> print(without_containers('!!! tip "Look"\\n    Here.\\n', str))
    <BLANKLINE>
    > **Look**
    >
    > Here.
    <BLANKLINE>
    <BLANKLINE>
    """

    def replace(match: re.Match[str]) -> str:
        if match["marks"]:
            return match[0]
        title = match["kind"].capitalize() if match["title"] is None else match["title"]
        unindented = re.sub(f"^{match['indent']} {{4}}", "", match["inside"], flags=re.MULTILINE)
        inside = without_containers(unindented, in_fold).strip("\n") + "\n"
        if match["mark"] == "???":
            inside = PLACE.sub(lambda place: indent(in_fold(place["number"]), place["margin"]), inside)
            converted = details(_MARKDOWN.renderInline(title), inside)
        else:
            titled = f"**{title}**\n\n{inside}" if title else inside
            converted = f"\n{titled}\n" if match["mark"].startswith("=") else _quoted(titled)
        return indent(converted, match["indent"])

    return _CONTAINER.sub(replace, text)


def details(title: str, inside: str) -> str:
    """Return a fold, which ends a cell: Jupyter leaves no space between a fold and a paragraph.

    The `title` is HTML. Markdown `inside` HTML needs the empty lines.
    """
    return f"\n<details>\n<summary>{title}</summary>\n\n{inside.strip()}\n\n</details>\n\0\n"


def _quoted(text: str) -> str:
    """Put `> ` before each line, but not before the placeholder of a block."""

    def quote(match: re.Match[str]) -> str:
        rows = match[0].strip()
        return f"\n{indent(rows, '> ', lambda _: True)}\n\n" if rows else ""

    quoted = re.sub(r"(?:^(?! *\0).*\n)+", quote, text, flags=re.MULTILINE)
    return re.sub(r"^> $", ">", quoted, flags=re.MULTILINE)
