"""Draw an `AutogradGraph` as a list or a table: a line for each node."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from lessons_src.graph.drawing_text import cells
from lessons_src.graph.tree import is_named_leaf, shape_text, shown_edges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lessons_src.graph.model import Edge, GraphData, GraphNode
    from lessons_src.graph.options import TextOptions

MOST = 6  # texts in a cell
HEADER = ("node", "name", "label", "shape", "inputs")


def list_lines(graph: GraphData, options: TextOptions) -> Iterator[str]:
    """Yield a line for each node, in the graph's order, with its inputs after it.

    >>> import torch
    >>> from lessons_src import AutogradGraph
    >>> from lessons_src.graph.options import TextOptions
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> list(list_lines(AutogradGraph.from_output(w * w, {"w": w}), TextOptions()))
    ['[0] MulBackward0 ← w, w', '[1] AccumulateGrad: w']
    """
    depths = _depths(graph) if options.max_depth else {}
    for node in graph.nodes:
        depth = depths.get(node, 0)
        if options.max_depth is None or depth <= options.max_depth:
            yield _list_line(node, options, is_cut=node.cut > 0 or depth == options.max_depth)


def table_lines(graph: GraphData, options: TextOptions) -> Iterator[str]:
    """Yield the header of a table, and a line for each of the first `max_lines` nodes.

    >>> import torch
    >>> from lessons_src import AutogradGraph
    >>> from lessons_src.graph.options import TextOptions
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> for line in table_lines(AutogradGraph.from_output(w * w, {"w": w}), TextOptions()):
    ...     print(line)
    node  name            label  shape  inputs
    ----  --------------  -----  -----  --------
    0     MulBackward0           ()     [1], [1]
    1     AccumulateGrad  w      ()
    """
    rows: list[tuple[str, ...]] = [HEADER]
    rows += [_table_row(node, options) for node in islice(graph.nodes, options.max_lines)]
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    for row in rows:
        filled = [text + " " * (width - cells(text)) for text, width in zip(row, widths, strict=True)]
        yield "  ".join(filled).rstrip()


def _list_line(node: GraphNode, options: TextOptions, *, is_cut: bool) -> str:
    text = f"[{node.index}] {node.name}"
    if node.label:
        text += f": {node.label}"
    if options.shapes or (node.variable is not None and not node.labels):
        text += f" {_some(map(shape_text, node.shapes), options)}"
    edges = shown_edges(node, show_none=options.show_none)
    if is_cut and (edges or node.cut):
        return f"{text} {options.marks.inputs}{options.marks.more}"
    inputs = ", ".join(_input_text(edge, by_name=True) for edge in edges)
    return f"{text} {options.marks.inputs} {inputs}" if inputs else text


def _table_row(node: GraphNode, options: TextOptions) -> tuple[str, ...]:
    inputs = [_input_text(edge, by_name=False) for edge in node.edges]
    columns = node.names, map(shape_text, node.shapes), inputs
    return str(node.index), node.name, *[_some(texts, options) for texts in columns]


def _some(texts: Iterable[str], options: TextOptions) -> str:
    """Join the first texts with commas, and count the others: `unbind` may have a thousand outputs."""
    first = list(texts)
    if len(first) > MOST:
        first[MOST:] = [f"{options.marks.more.strip()} {len(first) - MOST:,} more"]
    return ", ".join(first)


def _input_text(edge: Edge, *, by_name: bool) -> str:
    node, output_nr = edge
    if node is None:
        return "None"
    if by_name and is_named_leaf(node):
        return ", ".join(node.labels[0])
    return f"[{node.index}] output {output_nr}" if len(node.shapes) > 1 else f"[{node.index}]"


def _depths(graph: GraphData) -> dict[GraphNode, int]:
    """Return the smallest depth of each node; that of an output is 1."""
    depths = dict.fromkeys(graph.roots, 1)
    for node in graph.nodes:  # each after the nodes that use it
        for child, _ in node.edges:
            if child is not None:
                depths[child] = min(depths.get(child, depths[node] + 1), depths[node] + 1)
    return depths
