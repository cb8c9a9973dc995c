"""Draw an `AutogradGraph` up to a limit, and say what was left out."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from lessons_src.graph.drawing_text import cut_text
from lessons_src.graph.options import TextOptions, for_stdout
from lessons_src.graph.table import list_lines, table_lines
from lessons_src.graph.tree import detached_lines, shown_edges, tree_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lessons_src.graph.model import GraphData


def text_lines(graph: GraphData, options: TextOptions) -> Iterator[str]:
    """Return the lines of a tree or list; then, if anything is left out, a line that counts it.

    >>> from lessons_src import AutogradGraph
    >>> list(text_lines(AutogradGraph.from_output(None), TextOptions()))
    ['└── (no graph: no operation was recorded)']
    """
    listed = chain(list_lines(graph, options), detached_lines(graph))
    lines = listed if options.flat else tree_lines(graph, options)
    return options.limit(lines, _count_lines(graph, options), cut_text(graph))


def print_table(graph: GraphData, max_lines: int | None) -> None:
    """Print a graph as a table: a line for each of the first `max_lines` nodes.

    >>> from lessons_src import AutogradGraph
    >>> print_table(AutogradGraph.from_output(None), max_lines=None)
    node  name  label  shape  inputs
    ----  ----  -----  -----  ------
    (no graph: no operation was recorded)
    """
    options = TextOptions(max_lines=max_lines)
    header, rule, *rows = table_lines(graph, options)
    lines = options.limit(rows, len(graph.nodes), cut_text(graph))
    print_lines([header, rule, *lines, *detached_lines(graph)])


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, with an escape for each character that standard output cannot encode.

    >>> print_lines(["one", "two"])
    one
    two
    """
    for line in lines:
        print(for_stdout(line))


def _count_lines(graph: GraphData, options: TextOptions) -> int:
    """Return how many lines there are without limits: one for each node, or for each output and edge.

    A tree has each edge once, so its lines can be counted without drawing it.
    """
    if options.flat:
        return len(graph.nodes) + len(graph.detached)
    edges = sum([len(shown_edges(node, show_none=options.show_none)) for node in graph.nodes])
    return len(graph.outputs) + edges
