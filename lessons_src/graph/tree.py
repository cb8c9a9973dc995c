"""Draw an `AutogradGraph` as a tree: a line for each edge, each node's edges once."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING

from lessons_src.graph.options import UNICODE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lessons_src.graph.model import Edge, GraphData, GraphNode, Shape
    from lessons_src.graph.options import TextOptions

FOLD_AT = 20 * len(UNICODE.pipe)  # columns: deeper, a tree goes on at the margin
NO_GRAPH = "(no graph: no operation was recorded)"


def tree_lines(graph: GraphData, options: TextOptions) -> Iterator[str]:
    """Yield a line for each output and for each edge below it, indented by its depth.

    >>> from lessons_src import AutogradGraph
    >>> from lessons_src.graph.options import TextOptions
    >>> list(tree_lines(AutogradGraph([], ((None, 0),)), TextOptions()))
    ['└── (no graph: no operation was recorded)']
    """
    return _Tree(graph, options).lines()


class _Tree:
    """The state of a drawing: what stands already, and what is still to be drawn."""

    def __init__(self, graph: GraphData, options: TextOptions) -> None:
        self.marks = options.marks
        self.show_none = options.show_none
        self.max_depth = options.max_depth or sys.maxsize
        self.shape_texts = _ShapeTexts(are_shown=options.shapes)
        self.shared = _nodes_given_again(graph)
        self.folded: deque[tuple[GraphNode, int]] = deque()
        # An edge, its indent, whether it is the last among its siblings, and its depth.
        # Last in, first out: the first child goes on last.
        self.stack: list[tuple[Edge, str, bool, int]] = []
        for edge in reversed(graph.outputs):
            self.stack.append((edge, "", not self.stack, 1))

    def lines(self) -> Iterator[str]:  # noqa: C901
        # Long for speed: a call for each line would cost as much as the line.
        branch, last, pipe, space, again, _, _, more = self.marks
        stack, shared, show_none, max_depth = self.stack, self.shared, self.show_none, self.max_depth
        shape_texts = self.shape_texts
        head = ""  # stands before the next line, in place of its indent
        references: dict[GraphNode, str] = {}  # to what stands already, if they are all the same
        while stack or self.folded:
            if not stack:
                head = self.unfold()
            (node, output_nr), indent, is_last, depth = stack.pop()
            start = (head or indent) + (last if is_last else branch)
            head = ""
            if node in references:
                yield start + (references[node] or self.reference(node, output_nr))
                continue
            if node is None:
                yield start + (NO_GRAPH if depth == 1 else "None")
                continue
            is_plain = not node.labels and len(node.shapes) == 1
            text = shape_texts[node.shapes[0]] if is_plain else self.output_text(node, output_nr)
            edges, stop = node.edges, ""
            if node.cut or (edges and (depth >= max_depth or len(indent) >= FOLD_AT)):
                stop = self.stop_at(node, depth)
            elif edges:
                indent += space if is_last else pipe
                depth += 1
                is_last = True
                for edge in reversed(edges):
                    if edge[0] is not None or show_none:
                        stack.append((edge, indent, is_last, depth))
                        is_last = False
            if (node.uses > 1 or node in shared) and (is_plain or not is_named_leaf(node)):
                text = f" [{node.index}]{text}"
                if stop != more:
                    references[node] = again + text if is_plain else ""
            yield f"{start}{node.name}{text}{stop}"

    def reference(self, node: GraphNode, output_nr: int) -> str:
        """Return what stands for a node that is drawn elsewhere."""
        return f"{self.marks.again} [{node.index}]{self.output_text(node, output_nr)}"

    def stop_at(self, node: GraphNode, depth: int) -> str:
        """Return the mark of a node that nothing is drawn below, or not here, if it has anything below."""
        if not node.cut and not shown_edges(node, show_none=self.show_none):
            return ""
        if node.cut or depth >= self.max_depth:
            return self.marks.more
        self.shared.add(node)
        self.folded.append((node, depth))
        return self.marks.below

    def unfold(self) -> str:
        """Put the edges of a node on the stack after all; return what stands before the first."""
        node, depth = self.folded.popleft()
        tag = f"[{node.index}] "
        for edge in reversed(shown_edges(node, show_none=self.show_none)):
            self.stack.append((edge, " " * len(tag), not self.stack, depth + 1))
        return tag

    def output_text(self, node: GraphNode, output_nr: int) -> str:
        """Return which output it is, where there are several, its names, and its shape if asked for."""
        text = f" output {output_nr}" if len(node.shapes) > 1 else ""
        if output_nr in node.labels:
            text += f": {', '.join(node.labels[output_nr])}"
        has_shape = output_nr < len(node.shapes)  # else a GradientEdge names an output that there is not
        return text + self.shape_texts[node.shapes[output_nr]] if has_shape else text


class _ShapeTexts(dict["Shape | None", str]):
    """The text of an output's shape, each made once: a large graph has few."""

    def __init__(self, *, are_shown: bool) -> None:
        self.are_shown = are_shown

    def __missing__(self, shape: Shape | None) -> str:
        self[shape] = text = f" {shape_text(shape)}" if self.are_shown else ""
        return text


def _nodes_given_again(graph: GraphData) -> set[GraphNode]:
    """Return the outputs' nodes that another output or an edge leads to as well."""
    given, again = set(), set()
    for node, _ in graph.outputs:
        if node is not None:
            if node.uses or node in given:
                again.add(node)
            given.add(node)
    return again


def is_named_leaf(node: GraphNode) -> bool:
    """Tell whether a name is all that there is to say: each time, a named leaf is drawn the same."""
    return node.variable is not None and bool(node.labels)


def shown_edges(node: GraphNode, *, show_none: bool) -> list[Edge]:
    """Return the edges of `node` that are asked for: those that lead nowhere only if `show_none`."""
    return [edge for edge in node.edges if show_none or edge[0] is not None]


def shape_text(shape: Shape | None) -> str:
    """Return a shape as Python writes it.

    >>> shape_text((2, 3)), shape_text(()), shape_text(None)
    ('(2, 3)', '()', '(?)')
    """
    return "(?)" if shape is None else str(shape)
