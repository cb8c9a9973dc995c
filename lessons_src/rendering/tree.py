"""Draw an `AutogradGraph` as a tree: a line for each edge, each node's edges once."""

from __future__ import annotations

import sys
from collections import Counter, deque
from typing import TYPE_CHECKING

from lessons_src.rendering.options import UNICODE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lessons_src.graph import AutogradGraph, Edge, GraphNode, Shape
    from lessons_src.rendering.options import TextOptions

FOLD_AT = 20 * len(UNICODE.pipe)  # columns: deeper, a tree goes on at the margin
_NOWHERE: Edge = (None, 0)
NO_GRAPH = "(no graph: no operation was recorded)"


def tree_lines(graph: AutogradGraph, options: TextOptions) -> Iterator[str]:
    """Yield a line for each output and for each edge below it, indented by its depth.

    >>> from lessons_src.graph import AutogradGraph
    >>> from lessons_src.rendering.options import TextOptions
    >>> list(tree_lines(AutogradGraph([], ((None, 0),)), TextOptions()))
    ['└── (no graph: no operation was recorded)']
    """
    return _Tree(graph, options).lines()


class _Tree:
    """The state of a drawing: what stands already, and what is still to be drawn."""

    def __init__(self, graph: AutogradGraph, options: TextOptions) -> None:
        self.options = options
        self.marks = options.marks
        self.max_depth = options.max_depth or sys.maxsize
        self.outputs = Counter(node for node, _ in graph.outputs)
        self.drawn: set[GraphNode] = set()
        self.folded: deque[tuple[GraphNode, int]] = deque()
        self.head = ""  # stands before the next line, in place of its indent
        # Last in, first out: the first child goes on last.
        self.stack: list[tuple[Edge, str, bool, int]] = []
        self.push(graph.outputs, "", 1)

    def lines(self) -> Iterator[str]:
        last, branch = self.marks.last, self.marks.branch
        while self.stack or self.folded:
            if not self.stack:
                self.unfold()
            (node, output_nr), indent, is_last, depth = self.stack.pop()
            start = (self.head or indent) + (last if is_last else branch)
            self.head = ""
            if node is None:
                yield start + (NO_GRAPH if depth == 1 else "None")
            elif node in self.drawn and not is_named_leaf(node):
                yield start + self.reference(node, output_nr)
            else:
                mark = self.go_below(node, indent + (self.marks.space if is_last else self.marks.pipe), depth)
                yield start + self.describe(node, output_nr, mark)

    def go_below(self, node: GraphNode, indent: str, depth: int) -> str:
        """Put the edges of `node` on the stack, now or later; return the mark for those not below it."""
        edges = shown_edges(node, self.options)
        if depth >= self.max_depth and edges:
            return self.marks.more
        self.drawn.add(node)
        if len(indent) > FOLD_AT and edges:
            self.folded.append((node, depth))
            return self.marks.below
        self.push(edges, indent, depth + 1)
        return self.marks.more if node.cut else ""

    def push(self, edges: Sequence[Edge], indent: str, depth: int) -> None:
        is_last = True
        for edge in reversed(edges):
            self.stack.append((edge, indent, is_last, depth))
            is_last = False

    def unfold(self) -> None:
        node, depth = self.folded.popleft()
        self.head = f"[{node.index}] "
        self.push(shown_edges(node, self.options), " " * len(self.head), depth + 1)

    def describe(self, node: GraphNode, output_nr: int, mark: str) -> str:
        tag = ""
        if mark == self.marks.below or (self.is_shared(node) and not is_named_leaf(node)):
            tag = f" [{node.index}]"
        return f"{node.name}{tag}{self.output(node, output_nr)}{' ' if mark else ''}{mark}"

    def reference(self, node: GraphNode, output_nr: int) -> str:
        return f"{self.marks.again} [{node.index}]{self.output(node, output_nr)}"

    def output(self, node: GraphNode, output_nr: int) -> str:
        """Return which output it is, where there are several, its names, and its shape if asked for."""
        text = f" output {output_nr}" if len(node.shapes) > 1 else ""
        if output_nr in node.labels:
            text += f": {', '.join(node.labels[output_nr])}"
        return f"{text} {shape_text(node.shapes[output_nr])}" if self.options.shapes else text

    def is_shared(self, node: GraphNode) -> bool:
        return node.uses + self.outputs[node] > 1


def is_named_leaf(node: GraphNode) -> bool:
    """Tell whether a name is all that there is to say: each time, a named leaf is drawn the same."""
    return node.variable is not None and bool(node.labels)


def shown_edges(node: GraphNode, options: TextOptions) -> Sequence[Edge]:
    """Return the edges of `node` that are asked for: those that lead nowhere only if `show_none`."""
    if options.show_none or _NOWHERE not in node.edges:
        return node.edges
    return [edge for edge in node.edges if edge[0] is not None]


def shape_text(shape: Shape | None) -> str:
    """Return a shape as Python writes it.

    >>> shape_text((2, 3)), shape_text(()), shape_text(None)
    ('(2, 3)', '()', '(?)')
    """
    return "(?)" if shape is None else str(shape)
