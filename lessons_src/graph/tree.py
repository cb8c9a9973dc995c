"""Draw an `AutogradGraph` as a tree: a line for each edge, and each node's edges once."""

from __future__ import annotations

import sys
from collections import Counter, deque
from functools import lru_cache
from typing import TYPE_CHECKING

from lessons_src.graph.options import UNICODE
from lessons_src.printing import NO_GRAPH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lessons_src.graph.model import Edge, GraphData, GraphNode, Shape
    from lessons_src.graph.options import TextOptions

FOLD_AT = 21 * len(UNICODE.pipe)  # columns: lines that would be indented this far are drawn at the margin


def tree_lines(graph: GraphData, options: TextOptions) -> Iterator[str]:
    """Yield a line for each output and for each edge below it, indented by its depth.

    >>> from lessons_src import AutogradGraph
    >>> from lessons_src.graph.options import TextOptions
    >>> list(tree_lines(AutogradGraph.from_output(None), TextOptions()))
    ['└── (no graph: no operation was recorded)']
    """
    tree = _Tree(graph, options)
    while tree.stack or tree.folded:
        yield tree.next_line()


class _Tree:
    """The state of a drawing: what is drawn already, and what is still to be drawn."""

    def __init__(self, graph: GraphData, options: TextOptions) -> None:
        self.options = options
        self.marks = options.marks
        self.max_depth = options.max_depth or sys.maxsize
        times = Counter([node for node, _ in graph.outputs if node is not None])
        self.shared = {node for node, number in times.items() if number + node.uses > 1}
        self.drawn: set[GraphNode] = set()  # the shared nodes that a line can refer to
        self.folded: deque[tuple[GraphNode, int]] = deque()
        # An edge, the start of its line, the indent of the lines below it, and its depth.
        self.stack: list[tuple[Edge, str, str, int]] = []
        self.detached = detached_lines(graph)
        self.push(graph.outputs, "", depth=1)

    def push(self, edges: Sequence[Edge], indent: str, depth: int) -> None:
        """Push edges, the last one first, so that the first one is drawn next."""
        start, below = indent + self.marks.last, indent + self.marks.space
        others = indent + self.marks.branch, indent + self.marks.pipe
        for edge in reversed(edges):
            self.stack.append((edge, start, below, depth))
            start, below = others

    def next_line(self) -> str:
        tag = "" if self.stack else self.unfold()
        (node, output_nr), start, below, depth = self.stack.pop()
        start = tag + start[len(tag) :]
        if node is None:
            return start + (next(self.detached, NO_GRAPH) if depth == 1 else "None")
        text = self.output_text(node, output_nr)
        if node in self.drawn:
            return f"{start}{self.marks.again} [{node.index}]{text}"
        if node.variable is not None and not node.labels and not self.options.shapes:
            text = f" {shape_text(node.shapes[0])}"  # nothing else tells what an unnamed leaf is
        mark = self.descend(node, below, depth)
        if (node.uses > 1 or node in self.shared) and not is_named_leaf(node):
            text = f" [{node.index}]{text}"
            if mark != self.marks.more:
                self.drawn.add(node)
        return f"{start}{node.name}{text}{mark}"

    def descend(self, node: GraphNode, below: str, depth: int) -> str:
        """Push the edges of `node`, or return the mark that says why they are not drawn next."""
        edges = shown_edges(node, show_none=self.options.show_none)
        if not edges:
            return self.marks.more if node.cut else ""
        if depth >= self.max_depth:
            return self.marks.more
        if len(below) >= FOLD_AT and any(self.goes_on(child) for child, _ in edges):
            self.shared.add(node)
            self.folded.append((node, depth))
            return self.marks.below
        self.push(edges, below, depth + 1)
        return ""

    def goes_on(self, node: GraphNode | None) -> bool:
        """Tell whether `node` has lines below it: without any, it is not worth a place at the margin."""
        if node is None or node in self.drawn:
            return False
        return bool(shown_edges(node, show_none=self.options.show_none))

    def unfold(self) -> str:
        """Push the edges of a folded node, and return the tag before the first of them."""
        node, depth = self.folded.popleft()
        tag = f"[{node.index}] "
        self.push(shown_edges(node, show_none=self.options.show_none), " " * len(tag), depth + 1)
        return tag

    def output_text(self, node: GraphNode, output_nr: int) -> str:
        """Return an output's index if there are several, its names, and its shape if asked for."""
        text = f" output {output_nr}" if len(node.shapes) > 1 else ""
        if output_nr in node.labels:
            text += f": {', '.join(node.labels[output_nr])}"
        if self.options.shapes and output_nr < len(node.shapes):  # a GradientEdge may have any number
            text += f" {shape_text(node.shapes[output_nr])}"
        return text


def detached_lines(graph: GraphData) -> Iterator[str]:
    """Yield for each output without a graph that it has none, after its name.

    >>> from lessons_src import AutogradGraph
    >>> list(detached_lines(AutogradGraph.from_output({"loss": None})))
    ['loss (no graph: no operation was recorded)']
    """
    for name in graph.detached:
        yield f"{name} {NO_GRAPH}".lstrip()


def is_named_leaf(node: GraphNode) -> bool:
    """Tell whether `node` is a leaf with a name: it is drawn by its name each time, without a tag."""
    return node.variable is not None and bool(node.labels)


def shown_edges(node: GraphNode, *, show_none: bool) -> list[Edge]:
    """Return the edges of `node`; those that lead to no node only if `show_none`."""
    return [edge for edge in node.edges if show_none or edge[0] is not None]


@lru_cache(maxsize=1000)  # a large graph has few
def shape_text(shape: Shape | None) -> str:
    """Return a shape as Python writes it.

    >>> shape_text((2, 3)), shape_text(()), shape_text(None)
    ('(2, 3)', '()', '(?)')
    """
    return "(?)" if shape is None else str(shape)
