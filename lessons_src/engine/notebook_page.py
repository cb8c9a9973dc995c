"""Make a page of the site of a notebook's HTML, as mkdocs-jupyter gives it with our `TEMPLATES`."""

import hashlib
import re
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from html import escape, unescape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from markdown.extensions.toc import (  # type: ignore[import-untyped]
    nest_toc_tokens,
    slugify,
    unique,
)

from lessons_src.engine.formulas import FormulaError, draw_formulas
from lessons_src.engine.page import render_error, render_output

TEMPLATES = Path(__file__).parent / "templates"
"""Templates for mkdocs-jupyter, in place of its own."""

_IMAGE = re.compile(r'<img [^>]*src="data:image/svg\+xml;base64,([^"]*)"[^>]*>')
# A picture by itself has a size; one in a page is as wide as the page's style says.
_SIZE = re.compile(r'(?<=<svg)(?: xmlns(?::xlink)?="[^"]*"| (?:width|height)="[^"]*")+')
_OUTPUT = re.compile(r'<samp( class="lesson-error")?>(.*?)</samp>', re.DOTALL)
_CODE = re.compile(r'<div class="highlight[^"]*"><pre>(.*?)</pre></div>', re.DOTALL)
_HEADING = re.compile(r"<h([1-6])\b[^>]*>(.*?)(?:<a class=\"anchor-link\".*?</a>)?</h\1>", re.DOTALL)
_LINK = re.compile(r'(?<=<a href=")[^"]*')
# Where a dollar is no formula
_MARKUP = re.compile(r"(<pre\b.*?</pre>|<samp\b.*?</samp>|<code\b.*?</code>|<[^>]*>)", re.DOTALL)
_FORMULA = re.compile(r"(\$\$?)(.+?)\1", re.DOTALL)


def renderer_digest() -> str:
    """Return a digest of all that the HTML of a notebook depends on, but the notebook itself."""
    packages = [version(name) for name in ("mkdocs-jupyter", "nbconvert", "mistune", "Pygments")]
    templates = [template.read_text(encoding="utf-8") for template in sorted(TEMPLATES.rglob("*.j2"))]
    return hashlib.sha256(repr((packages, templates)).encode()).hexdigest()


def render_notebook(html: str, link: Callable[[str], str]) -> tuple[str, list[Any]]:
    """Return the content of a page and its headings, nested as Python-Markdown nests them.

    Code, outputs, figures, formulas and headings become what they are on the page of a lesson.
    `link` returns the address of a link on this page.

    >>> html, headings = render_notebook("<h2>A <em>slope</em></h2>", lambda address: address)
    >>> html
    '<h2 id="a-slope">A <em>slope</em><a class="headerlink" href="#a-slope" \
title="Link to this section">¶</a></h2>'
    >>> headings
    [{'level': 2, 'id': 'a-slope', 'name': 'A slope', 'children': []}]
    """
    html = html.partition("<style>")[0]  # nbconvert's, for a page without a style sheet
    html = _CODE.sub(r'<div class="highlight"><pre><code>\1</code></pre></div>', html)
    html = _LINK.sub(lambda address: escape(link(unescape(address[0]))), html)
    html = _draw_formulas(html)
    html = _OUTPUT.sub(_output, html)
    html = _IMAGE.sub(_figure, html)
    return _name_headings(html)


def _draw_formulas(html: str) -> str:
    parts = _MARKUP.split(html)
    parts[::2] = [_FORMULA.sub(_formula, text) for text in parts[::2]]
    return "".join(parts)


def _formula(match: re.Match[str]) -> str:
    html = f'<span class="arithmatex">\\({match[2]}\\)</span>'
    if match[1] == "$$":
        html = f'<div class="arithmatex">\\[{match[2]}\\]</div>'
    with suppress(FormulaError):  # which its lesson reports
        return draw_formulas(html)
    return match[0]


def _output(match: re.Match[str]) -> str:
    text = unescape(match[2])
    return render_error(text) if match[1] else render_output(text)


def _figure(match: re.Match[str]) -> str:
    """Put the picture itself into the page, where it has the colours of the reader's palette."""
    svg = _SIZE.sub("", b64decode(match[1]).decode(), count=1)
    scrolls = ' tabindex="0"' if "--graph-width" in svg else ""
    return f'<figure class="lesson-figure"{scrolls}>{svg}</figure>'


def _name_headings(html: str) -> tuple[str, list[Any]]:
    headings: list[dict[str, Any]] = []
    names: set[str] = set()

    def heading(match: re.Match[str]) -> str:
        level, content = match.groups()
        text = unescape(re.sub("<[^>]*>", "", content))
        name = unique(slugify(text, "-"), names)
        headings.append({"level": int(level), "id": name, "name": escape(text, quote=False)})
        permalink = f'<a class="headerlink" href="#{name}" title="Link to this section">¶</a>'
        return f'<h{level} id="{name}">{content}{permalink}</h{level}>'

    return _HEADING.sub(heading, html), nest_toc_tokens(headings)
