"""Make a page of a lesson and its run: Markdown for the site generator, HTML for the results.

In the Markdown, a fence named `RESULTS` that contains a key follows each block. The site generator
renders that fence as a placeholder, and the HTML of the results replaces the placeholder when the
lesson has run. So results are nested correctly in lists, admonitions and tabs, their text is
never read as Markdown, and pages are rendered while lessons run.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape, unescape
from itertools import count

import markdown  # type: ignore[import-untyped]

from lessons_src.engine.failures import Failure, split_output
from lessons_src.engine.figures import page_svg, split_description
from lessons_src.engine.formulas import FormulaError, draw_formulas
from lessons_src.engine.lesson import Block, BlockRun, Lesson, LessonRun, Span
from lessons_src.engine.scanning import UNSEEN

RESULTS = "lesson-results"
_PLACEHOLDER = re.compile(f"<!-- {RESULTS} ([^<>\n]*) -->")

_REPORTED = 3  # one mistake makes many later blocks fail; the terminal lists all failures

_NARROW = 36  # characters; a phone may have to scroll a longer line

_GUIDES = {"│": "bar", "├": "tee", "├──": "tee arm", "└": "end", "└──": "end arm", "─": "dash"}
_GUIDE = re.compile("[├└]──|[│├└─]")
# The guides before a node of a printed tree: four columns a level
_BRANCH = re.compile(r"^(?:[│| ] {3})*(?:[├└]── |[|`]-- )", re.MULTILINE)
# What is said of a reader's code, by a warning or by the check of an exercise
_SENTENCE = re.compile(r"^(?:\w*Warning: |Not yet: |Right\.$)", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """The Markdown of a lesson for the site generator, with placeholders for its results."""

    markdown: str
    lines: dict[str, int]
    """The line of the lesson that each `RESULTS` fence belongs to, by the fence's content."""


def render_page(lesson: Lesson, offers: str = "") -> Page:
    """Return the page of `lesson`, with a `RESULTS` fence after each block; `offers` follow its time.

    With `predict`, this fence and the explanation after it are in a fold. Of a hidden block with a figure
    only the fence is there; of any other hidden block, nothing.
    """
    lines: dict[str, int] = {}
    text = list(lesson.lines)
    # From the end, so that an edit does not move the blocks that are still to be edited.
    for block in reversed(lesson.blocks):
        source: list[str] = []
        if _is_seen(block):
            key = results_key(lesson, block)
            lines[key] = block.line
            source = _block_source(lesson, block, key)
            # Beside text, the results would be in its paragraph.
            source = [
                *_line_between(text[: block.span.start][-1:]),
                *source,
                *_line_between(text[block.end :][:1]),
            ]
        text[block.span.start : block.end] = source
    if (
        lesson.minutes
        and (title := next((at for at, row in enumerate(text) if row.startswith("# ")), None)) is not None
    ):
        text[title] += f"\n{_time(lesson)}{offers}\n{{ .lesson-time }}\n\n"
    # MkDocs reads front matter only if its lines end in `\n`.
    return Page(re.sub(r"\r\n?", "\n", "".join(text)).removeprefix("\ufeff"), lines)


def _line_between(row: list[str]) -> list[str]:
    return ["\n"] if "".join(row).strip() else []


def _is_seen(block: Block) -> bool:
    return not block.directives.hidden or block.directives.figure is not None


def _block_source(lesson: Lesson, block: Block, key: str) -> list[str]:
    at = Span(0, 0) if block.directives.hidden else block.fence
    source = [row.removeprefix(block.indent) for row in lesson.lines[at.start : at.end]]
    results = ["\n", f"```{RESULTS}\n", f"{key}\n", "```\n"]
    if exercise := block.directives.exercise:
        source = [f"{exercise}\n", "{ .lesson-exercise }\n", "\n", *source]
    if block.directives.predict:
        told = block.explanation or Span(0, 0)
        prose = [row.removeprefix(block.indent) for row in lesson.lines[told.start : told.end]]
        rows = [*results, *_line_between(prose[:1]), *prose]
        inside = [f"    {row}" if row.strip() else "\n" for row in rows]
        results = [
            "\n",
            f'??? lesson-predict "**Predict first.** {block.directives.predict}"\n',
            *inside,
            "\n",
        ]
    return [f"{block.indent}{row}" if row.strip() else row for row in [*source, *results]]


def _time(lesson: Lesson) -> str:
    exercises = sum(block.directives.exercise.minutes for block in lesson.blocks if block.directives.exercise)
    return f"{lesson.minutes} minutes" + (f", and {exercises} for the exercises" if exercises else "")


def render_results(lesson: Lesson, run: LessonRun) -> dict[str, str]:
    """Return the HTML of each block's results, by key. The `run` must have no failures.

    A figure has a placeholder for its picture, which `render_pictures` returns.
    """
    figures = count(1)
    return {
        results_key(lesson, block): _results(block, result, _picture_key(lesson, block), figures)
        for block, result in run.of(lesson)
        if _is_seen(block)
    }


def render_pictures(lesson: Lesson, run: LessonRun) -> dict[str, str]:
    """Return the pictures of the figures of `render_results`, by key.

    Apart from those, so that whatever reads pages for their text, as a search index does, can come between.
    """
    return {
        _picture_key(lesson, block): page_svg(result.figures[0], alt, prefix=f"figure-{block.line}")
        for block, result in run.of(lesson)
        if result and (alt := block.directives.figure)
    }


def placeholder(key: str) -> str:
    """Return the HTML that `fill_in` replaces by the results of `key`."""
    return f"<!-- {RESULTS} {escape(key)} -->"


def page_html(page: Page) -> str:
    """Return the HTML of the containers and fences of `page`, for a reader that builds no site."""
    fence = {
        "name": "*",
        "class": "",
        "validator": lambda *_: True,  # with any options
        "format": lambda source, *_, **__: placeholder(source.strip()),
    }
    html: str = markdown.markdown(
        page.markdown,
        extensions=[
            "admonition",
            "attr_list",
            "md_in_html",
            "pymdownx.arithmatex",
            "pymdownx.details",
            "pymdownx.superfences",
            "pymdownx.tabbed",
        ],
        extension_configs={
            "pymdownx.arithmatex": {"generic": True},
            "pymdownx.superfences": {"custom_fences": [fence]},
            "pymdownx.tabbed": {"alternate_style": True},
        },
    )
    return html


def finish_page(lesson: Lesson, page: Page, html: str) -> tuple[str, list[Failure]]:
    """Draw the formulas in the `html` of a page. Return it, and the failures that only the HTML shows.

    A failure is a block that is no fence there, or a formula that is not LaTeX.
    """
    failures = [
        Failure(lesson.path, line, UNSEEN, lesson.line(line))
        for key, line in page.lines.items()
        if placeholder(key) not in html
    ]
    try:
        html = draw_formulas(html)
    except FormulaError as error:
        line = error.find_in(lesson.text)
        failures.append(Failure(lesson.path, line, str(error), lesson.line(line)))
    return html, failures


def fill_in(html: str, results: dict[str, str]) -> str:
    """Replace the placeholders in `html` by `results`.

    >>> fill_in(f"<p>{placeholder('a.md:1')}</p>", {"a.md:1": "<b>2</b>"})
    '<p><b>2</b></p>'
    """
    return _PLACEHOLDER.sub(lambda found: results.get(unescape(found[1]), found[0]), html)


def render_failures(failures: list[Failure], kept: bool) -> str:
    """Return the report that a server shows above a failing lesson; `kept` if its last good page follows."""
    below = (
        "Below is the page as it last ran."
        if kept
        else "It has not run since the server started. Below is the page without its outputs."
    )
    more = (
        f" Here are the first {_REPORTED} of {len(failures)} failures." if len(failures) > _REPORTED else ""
    )
    report = escape("\n\n".join(str(failure) for failure in failures[:_REPORTED]))
    return (
        f'<div class="lesson-broken" role="alert"><p><strong>This lesson fails.</strong> {below}{more}</p>'
        f"<pre><samp>{report}</samp></pre></div>"
    )


def results_key(lesson: Lesson, block: Block) -> str:
    """Return what the page's Markdown says where the results of `block` go."""
    return f"{lesson.path}:{block.line}"


def _picture_key(lesson: Lesson, block: Block) -> str:
    return f"{results_key(lesson, block)} picture"


def render_rerun(block: Block, run: BlockRun, *, name: str, place: str) -> str:
    """Return the HTML of what a block shows that a reader has changed, whatever happened in it.

    `name` begins the ids of its figures; `place` says where its exception was raised. What the lesson says
    of its own figure may not be true of the reader's, so it is not said.
    """
    html = render_output(run.shown) if run.shown else ""
    if run.problem is None:
        alt = "The figure that your code draws."
        for number, svg in enumerate(run.figures):
            picture = page_svg(svg, alt, prefix=f"{name}-{number}")
            html += _figure(picture, "Your figure", "", scrolls=_is_wide(svg))
    if run.noise and not block.directives.noise:
        html += _note(f"A page does not show what C code or a subprocess writes: {run.noise!r}")
    # What no page may show is no error of a reader.
    if run.problem and run.ended:
        html += _note(run.problem[0].upper() + run.problem[1:])
    if said := run.error if run.ended else run.problem:
        html += render_error(f"{said}\n({place})" if place else said)
    return html


def _results(block: Block, run: BlockRun | None, picture: str, figures: Iterator[int]) -> str:
    if run is None:
        return _note(f"Not run: {block.directives.display_only}")
    printed, raised = split_output(block, run)
    html = render_output(printed) if printed else ""
    if raised:
        html += render_error(raised)
    if alt := block.directives.figure:
        caption = ". " + split_description(alt)[0]
        scrolls = _is_wide(run.figures[0])
        html += _figure(placeholder(picture), f"Figure {next(figures)}", caption, scrolls=scrolls)
    return html


def _note(text: str) -> str:
    return f'<div class="lesson-display-only"><p>{escape(text)}</p></div>'


def render_error(text: str) -> str:
    """Return the HTML of an exception."""
    said = escape(text, quote=False)
    return f'<div class="lesson-output lesson-error"><pre><samp>{said}</samp></pre></div>'


def render_output(text: str) -> str:
    """Return the HTML of a text. A tree has guides that meet, a sentence wraps, the rest scrolls."""
    content = escape(text, quote=False)
    kind = ""
    if _GUIDE.search(text) or _BRANCH.search(text):
        kind = " lesson-tree"
        content = _GUIDE.sub(_draw_guide, _BRANCH.sub(_say_level, content))
    elif _SENTENCE.search(text):
        kind = " lesson-said"
    # The tab index lets the keyboard scroll it; lessons.js removes it where the whole output is in view.
    scrolls = kind != " lesson-said" and max(map(len, text.split("\n"))) > _NARROW
    tab = ' tabindex="0"' if scrolls else ""
    return f'<div class="lesson-output{kind}"{tab}><pre><samp>{content}</samp></pre></div>'


def _say_level(branch: re.Match[str]) -> str:
    """Hide the guides from screen readers. The style sheet has them read the level instead."""
    guides = branch[0]
    return f'<span data-level="{len(guides) // 4}"><span aria-hidden="true">{guides}</span></span>'


def _draw_guide(guide: re.Match[str]) -> str:
    """Leave the guide to the style sheet: some fonts draw it with gaps, or do not have it."""
    return f'<span class="guide {_GUIDES[guide[0]]}">{guide[0]}</span>'


def _is_wide(picture: str) -> bool:
    """Return whether it keeps its width, and may have to scroll."""
    return "--graph-width" in picture


def _figure(picture: str, title: str, caption: str, *, scrolls: bool) -> str:
    tab = ' tabindex="0"' if scrolls else ""  # lets the keyboard scroll it
    # A screen reader reads the whole text as the picture's name, so it skips the caption.
    seen = f'<span aria-hidden="true">{escape(caption)}</span>' if caption else ""
    # The search index leaves out the labels of axes.
    return (
        f'<figure class="lesson-figure" data-search-exclude{tab}>{picture}<figcaption>'
        f"<b>{title}</b>{seen}</figcaption></figure>"
    )
