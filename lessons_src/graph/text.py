"""Draw an `AutogradGraph` up to a limit, and say what was left out."""

from __future__ import annotations

import sys
from itertools import chain, islice
from typing import TYPE_CHECKING

from lessons_src.graph.options import UNICODE, TextOptions
from lessons_src.graph.table import list_lines, table_lines
from lessons_src.graph.tree import tree_lines
from lessons_src.printing import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lessons_src.graph.model import GraphData


def text_lines(graph: GraphData, options: TextOptions) -> Iterator[str]:
    """Return a graph's tree or list, and one more line that counts what was left out, if anything was.

    >>> from lessons_src import AutogradGraph
    >>> list(text_lines(AutogradGraph([], ((None, 0),)), TextOptions()))
    ['└── (no graph: no operation was recorded)']
    """
    lines = list_lines(graph, options) if options.flat else tree_lines(graph, options)
    if options.max_depth is not None:
        return _counted(islice(lines, options.max_lines), graph, options)
    if options.max_lines is None:
        return chain(lines, _left_out(graph, 0, options))
    return chain(islice(lines, options.max_lines), _rest(lines, graph, options, options.max_lines))


def _counted(lines: Iterator[str], graph: GraphData, options: TextOptions) -> Iterator[str]:
    count = 0
    for line in lines:
        yield line
        count += 1
    yield from _left_out(graph, _count_lines(graph, options) - count, options)


def _rest(lines: Iterator[str], graph: GraphData, options: TextOptions, shown: int) -> Iterator[str]:
    is_cut = next(lines, None) is not None
    yield from _left_out(graph, _count_lines(graph, options) - shown if is_cut else 0, options)


def print_table(graph: GraphData, max_lines: int | None) -> None:
    """Print a graph as a table, a line for each node, up to `max_lines` of those.

    >>> from lessons_src import AutogradGraph
    >>> print_table(AutogradGraph([], ((None, 0),)), max_lines=None)
    node  name  label  shape  inputs
    ----  ----  -----  -----  ------
    """
    options = TextOptions(max_lines=max_lines, ascii_only=not is_shown_by_stdout())
    print_lines(table_lines(graph, max_lines))
    print_lines(_left_out(graph, len(graph.nodes) - (max_lines or len(graph.nodes)), options))


def is_shown_by_stdout(characters: str = "".join(UNICODE)) -> bool:
    """Tell whether standard output has an encoding for all of these characters."""
    try:
        characters.encode(_encoding())
    except UnicodeEncodeError:
        return False
    return True


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, with an escape for each character that standard output has no encoding for.

    >>> print_lines(["one", "two"])
    one
    two
    """
    encoding = _encoding()
    for line in lines:
        sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _encoding() -> str:
    return sys.stdout.encoding or "utf-8"  # an io.StringIO has none, and takes everything


def _left_out(graph: GraphData, lines: int, options: TextOptions) -> Iterator[str]:
    counts = []
    if lines > 0:
        counts.append(plural(lines, "more line"))
    if graph.cut:
        counts.append(f"{plural(graph.cut, 'input')} not followed, at max_nodes={graph.max_nodes:,}")
    if counts:
        yield f"{options.marks.more.strip()} {', '.join(counts)}"


def _count_lines(graph: GraphData, options: TextOptions) -> int:
    """Return how many lines there are without limits: one for each node, or for each edge.

    Each node's edges are drawn once, so nothing needs to be drawn to know.
    """
    if options.flat:
        return len(graph.nodes)
    edges = sum([len(node.edges) for node in graph.nodes])
    if not options.show_none:
        edges -= sum([child is None for node in graph.nodes for child, _ in node.edges])
    return len(graph.outputs) + edges
