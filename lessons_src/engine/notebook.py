"""Make an executed Jupyter notebook of a lesson and its run.

A cell cannot be in a fold. So the answer to a question is Markdown below its cell, and the blocks in a
fold, such as the solution of an exercise, are Markdown too: running all cells gives no answer away.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from itertools import count
from textwrap import indent
from typing import Any
from urllib.parse import urljoin

from lessons_src.engine.failures import split_output
from lessons_src.engine.figures import SVG, page_svg, split_description
from lessons_src.engine.lesson import Block, BlockRun, Lesson, LessonRun, Span
from lessons_src.engine.plain_markdown import PLACE, absolute, details, page_address, without_containers

# A part of a notebook, which is JSON. nbformat would validate each part three times, and take as long as all
# else here; the tests validate every lesson's.
_Node = dict[str, Any]

EXAMPLE = "https://github.com/example/how-pytorch-learns"
"""The repository that lessons link to, which a published site replaces by its own."""

# Without dependencies, or pip would replace a PyTorch that is older than the package wants.
_INSTALL = """\
# Install what is missing here. A PyTorch that is here stays as it is.
from importlib.util import find_spec

needed = ["torch", "matplotlib", "pygraphviz"]
if missing := [name for name in needed if not find_spec(name)]:
    %pip install --quiet {" ".join(missing)}
if not find_spec("lessons_src"):
    %pip install --quiet --no-deps "git+REPOSITORY"

"""
# IPython's own mode takes 50 s, and 650 kB, to show a RecursionError; this one half a second.
_SETTINGS = """\
import torch

# The lesson's random numbers, to the last digit
torch.manual_seed(0)
torch.set_num_threads(1)

# Errors as Python itself shows them
%xmode Plain"""
_NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def notebook(lesson: Lesson, run: LessonRun, *, site: str, repository: str) -> str:
    """Return the notebook of a checked `lesson` as JSON: its prose, its blocks and their outputs.

    Links lead to the pages of `site`, an absolute address. The first cell installs what is missing, and the
    package from `repository` unless that is the example's. The same lesson gives the same bytes: the ids
    of cells are not random.
    """
    cells = list(_Writer(lesson, run, site, repository.rstrip("/") or EXAMPLE).cells())
    for number, cell in enumerate(cell for cell in cells if cell["cell_type"] == "markdown"):
        cell["id"] = f"prose-{number}"
    node = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "cells": cells,
    }
    return json.dumps(node, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


class _Writer:
    def __init__(self, lesson: Lesson, run: LessonRun, site: str, repository: str) -> None:
        self.lesson, self.repository = lesson, repository
        self.file = urljoin(site, lesson.path.partition("/")[2])
        self.executed, figures = count(1), count(1)
        self.runs = [result for _, result in run.of(lesson)]
        self.figures = [next(figures) if block.directives.figure else None for block in lesson.blocks]

    def cells(self) -> Iterator[_Node]:
        install = _INSTALL.replace("REPOSITORY", self.repository) if self.repository != EXAMPLE else ""
        yield _new_code_cell("set-up", install + _SETTINGS)
        link = rf"\g<0>\n[This page on the site]({page_address(self.file)})\n"
        text = re.sub(r"^# .*\n", link, "".join(self._sources()), count=1, flags=re.MULTILINE)
        prose, *rest = PLACE.split(without_containers(text, self._in_fold))
        yield from _prose_cells(prose, "")
        for margin, number, prose in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
            if number:
                yield self._code_cell(int(number))
            yield from _prose_cells(prose, margin)

    def _sources(self) -> Iterator[str]:
        """Yield the lesson's Markdown, with a place for each block that is run."""
        at = self.lesson.body
        for number, block in enumerate(self.lesson.blocks):
            yield self._prose(Span(at, block.span.start))
            yield indent(self._source(number, block), block.indent)
            at = block.end
        yield self._prose(Span(at, len(self.lesson.lines))) + "\n"

    def _source(self, number: int, block: Block) -> str:
        place, directives = f"\0{number}\n", block.directives
        if not block.is_run:
            return f"{self._rows(block.fence, block)}\nNot run: {directives.display_only}\n"
        if directives.predict:
            question = self._plain(directives.predict)
            explained = self._plain(self._rows(block.explanation, block))
            answer = details("Answer", f"{self._outputs(number)}\n{explained}")
            return f"**Predict first.** {question}\n\n{place}{answer}"
        grade = f"*{directives.exercise}*\n\n" if directives.exercise else ""
        return grade + place + self._caption(number)

    def _prose(self, span: Span) -> str:
        return self._plain("".join(self.lesson.lines[span.start : span.end]).removeprefix("\ufeff"))

    def _plain(self, text: str) -> str:
        return absolute(text.replace("\r\n", "\n").replace(EXAMPLE, self.repository), self.file)

    def _rows(self, span: Span | None, block: Block) -> str:
        """Return the lines of `span` without the indentation of `block`."""
        rows = self.lesson.lines[span.start : span.end] if span else ()
        return "".join(row.removeprefix(block.indent).rstrip("\r\n") + "\n" for row in rows)

    def _in_fold(self, number: str) -> str:
        if not number:
            return ""
        block = self.lesson.blocks[int(number)]
        outputs = "" if block.directives.predict else self._outputs(int(number))  # they are in the answer
        return f"{self._rows(block.fence, block)}\n" + (outputs and f"Output:\n\n{outputs}")

    def _outputs(self, number: int) -> str:
        """Return the outputs of a block as Markdown."""
        block, run = self.lesson.blocks[number], self.runs[number]
        if run is None:
            return ""
        text = self._rows(block.output.fence if block.output else None, block)
        return f"{text}\n{_image(block, run)}\n" if block.directives.figure else text

    def _caption(self, number: int) -> str:
        """Return what one sees in a figure, for those who run the cell: a kernel's picture has no text."""
        described = self.lesson.blocks[number].directives.figure
        if not described:
            return ""
        first, rest = split_description(escape(described, quote=False))
        title = f"<b>Figure {self.figures[number]}</b>. {first}"
        return details(title, rest) if rest else f"\n{title}\n\n"

    def _code_cell(self, number: int) -> _Node:
        block, run = self.lesson.blocks[number], self.runs[number]
        cell = _new_code_cell(f"line-{block.line}", block.code.rstrip("\n"))
        if block.directives.hidden:
            cell["metadata"] |= {"jupyter": {"source_hidden": True}, "cellView": "form"}  # for Colab
        if block.directives.raises:
            cell["metadata"]["tags"] = ["raises-exception"]  # a run of all cells goes on
        if run and not block.directives.predict:
            cell["execution_count"] = next(self.executed)
            cell["outputs"] = list(_cell_outputs(block, run))
        return cell


def _new_code_cell(name: str, code: str) -> _Node:
    return {
        "id": name,
        "cell_type": "code",
        "source": code,
        "metadata": {},
        "execution_count": None,
        "outputs": [],
    }


def _cell_outputs(block: Block, run: BlockRun) -> Iterator[_Node]:
    printed, raised = split_output(block, run)
    if printed:
        yield {"output_type": "stream", "name": "stdout", "text": printed + "\n"}
    if raised:
        name, _, value = raised.partition(": ")
        kind = name.rpartition(".")[2]  # as a kernel gives it
        yield {"output_type": "error", "ename": kind, "evalue": value, "traceback": [raised]}
    if described := block.directives.figure:
        data = {"text/html": _image(block, run), "text/plain": described}
        yield {"output_type": "display_data", "metadata": {}, "data": data}


def _image(block: Block, run: BlockRun) -> str:
    """Return a block's figure as HTML.

    Jupyter draws no SVG output in a notebook that it does not trust, such as one from a site, but it draws
    this. And only in HTML does an image have a text for those who do not see it.
    """
    alt = block.directives.figure or ""
    svg = page_svg(run.figures[0], alt, prefix=f"figure-{block.line}")
    # What a picture by itself has, and one in a page does not
    svg = svg.replace("<svg", f"<svg {_NAMESPACES}", 1)
    svg = re.sub(r'viewBox="\S+ \S+ (\S+) (\S+)"', r'\g<0> width="\1" height="\2"', svg, count=1)
    data = b64encode(svg.encode()).decode()  # Colab draws no attachments, so it is in the HTML
    return f'<img alt="{escape(alt)}" src="data:{SVG};base64,{data}">'


def _prose_cells(text: str, margin: str) -> Iterator[_Node]:
    """Yield the cell of `text`, if any; what goes on below a block in a list loses the block's `margin`."""
    inner = re.match(f"(?:{margin}.*\n|[ \t]*\n)*", text)
    at = inner.end() if inner else 0
    text = (re.sub(f"^{margin}", "", text[:at], flags=re.MULTILINE) + text[at:]).strip()
    if text:
        yield {"cell_type": "markdown", "metadata": {}, "source": text}
