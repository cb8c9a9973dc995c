"""`AutogradGraph`: the graph as data that can show itself. `print_graph`: the same in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from lessons_src.graph.build import read
from lessons_src.graph.model import MAX_NODES, GraphData
from lessons_src.graph.options import TextOptions
from lessons_src.graph.text import is_shown_by_stdout, print_lines, print_table, text_lines
from lessons_src.memory import garbage_collection_paused
from lessons_src.printing import MAX_LINES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lessons_src.graph.build import Output
    from lessons_src.graph.names import Names
    from lessons_src.graph.options import TextKeywords


class AutogradGraph(GraphData):
    """The graph from `outputs` down to the leaves, as plain data.

    It keeps the leaves' tensors, but neither the graph that it was read from nor what that saved.
    A notebook shows it as a drawing.

    Attributes:
        nodes: Each node once and before its inputs, which is an order that backward can take.
        outputs: For each given output its node, or ``None`` where no operation was recorded, and
            which of that node's outputs it is.
        max_nodes: How many nodes there may be.
    """

    @classmethod
    @garbage_collection_paused()  # until PyTorch's nodes, of which only the data is kept, are gone again
    def from_output(cls, output: Output, names: Names = None, max_nodes: int = MAX_NODES) -> AutogradGraph:
        """Return the graph of a tensor, a ``grad_fn``, a ``GradientEdge``, or a sequence of them.

        Source: <https://docs.pytorch.org/docs/stable/notes/autograd.html>

        Args:
            output: What the graph leads down from.
            names: What tensors are called. A leaf is named where it is the very tensor, a result
                where it is the same output of the same node.
            max_nodes: How many nodes are read, those nearest to the output. `cut` says how many
                inputs were not followed.

        Raises:
            TypeError: An argument is none of that. The message names it.
            ValueError: `output` is a sequence of none, or `max_nodes` is not positive.

        Examples:
            >>> import torch
            >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
            >>> y = w * w
            >>> graph = AutogradGraph.from_output(y.sum(), names={"w": w, "y": y})
            >>> [(node.index, node.name, node.label) for node in graph.nodes]
            [(0, 'SumBackward0', None), (1, 'MulBackward0', 'y'), (2, 'AccumulateGrad', 'w')]
            >>> graph.nodes[1].shapes
            ((2,),)
            >>> graph.leaves[0].variable is w
            True
        """
        reading = read(output, names, max_nodes)
        return cls(reading.nodes, reading.outputs, max_nodes)

    def render(self, **options: Unpack[TextKeywords]) -> str:
        """Return the graph as text: a tree, a line for each edge, from the outputs to the leaves.

        A line has the node's name and label. A node that several lines lead to has its index for a
        tag, as in ``[2]``, and is drawn once; after that ``→ [2]`` refers to it. A named leaf just
        has its name again. Where an operation has several outputs, the line says which.

        After 20 levels the tree goes on at the margin: ``↓`` at the end of a line says that what
        is below that node stands further down, beside its tag. The last line says how many lines
        were left out of what there is without limits, and how many inputs `max_nodes` kept from
        being followed.

        Source: <https://github.com/pytorch/pytorch/issues/34953>

        Args:
            **options: The fields of [`TextOptions`][], such as `shapes` and `max_lines`.

        Raises:
            TypeError: An option is of the wrong kind. The message names it.
            ValueError: A limit is too small. The message names it.

        Examples:
            >>> import torch
            >>> w = torch.tensor(3.0, requires_grad=True)
            >>> y = w
            >>> for _ in range(20):
            ...     y = y + y
            >>> graph = AutogradGraph.from_output(y, names={"w": w})
            >>> print(graph.render(max_lines=3))
            └── AddBackward0
                ├── AddBackward0 [1]
                │   ├── AddBackward0 [2]
            … 38 more lines
        """
        return "\n".join(self.iter_lines(**options))

    def iter_lines(self, **options: Unpack[TextKeywords]) -> Iterator[str]:
        """Return an iterator over the lines of [`render`][], each made when it is asked for.

        Examples:
            >>> import torch
            >>> w = torch.tensor(3.0, requires_grad=True)
            >>> next(AutogradGraph.from_output(w * w).iter_lines())
            '└── MulBackward0'
        """
        return text_lines(self, TextOptions(**options))

    def print_tabular(self, *, max_lines: int | None = MAX_LINES) -> None:
        """Print the graph as a table, a line for each node, as ``torch.fx`` does.

        An input is the index of its node, and ``None`` if it has no gradient.

        Source: <https://docs.pytorch.org/docs/stable/fx.html>

        Args:
            max_lines: How many nodes are listed; the last line says how many were left out.
                ``None`` sets no limit.

        Raises:
            TypeError: `max_lines` is of the wrong kind.
            ValueError: `max_lines` is too small.

        Examples:
            >>> import torch
            >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
            >>> AutogradGraph.from_output((w * 3).sum(), names={"w": w}).print_tabular()
            node  name            label  shape  inputs
            ----  --------------  -----  -----  ---------
            0     SumBackward0           ()     [1]
            1     MulBackward0           (2,)   [2], None
            2     AccumulateGrad  w      (2,)
        """
        print_table(self, max_lines)

    def to_dot(self, *, shapes: bool = False, show_none: bool = False) -> str:
        """Return the graph in the DOT language, which Graphviz draws, and many other programs.

        It is the drawing of [`to_svg`][] without its layout, has the same ids, and needs no
        package. The text is the same for the same graph.

        Source: <https://graphviz.org/doc/info/lang.html>

        Args:
            shapes: Whether each box has the output's shape.
            show_none: Whether inputs without a gradient are shown.

        Raises:
            TypeError: An option is of the wrong kind. The message names it.

        Examples:
            >>> import torch
            >>> w = torch.tensor(3.0, requires_grad=True)
            >>> print(AutogradGraph.from_output(w.exp(), names={"w": w}).to_dot().splitlines()[-2])
              "node-0" -> "node-1" [id="edge-0-1"];
        """
        from lessons_src.graph.dot import dot_text
        from lessons_src.graph.picture import make_picture

        return dot_text(make_picture(self, shapes=shapes, show_none=show_none))

    def to_svg(self, *, shapes: bool = False, show_none: bool = False, id_prefix: str = "") -> str:
        """Return the graph as a drawing: from the outputs at the top down to the leaves.

        A leaf is a box with round ends, an operation one with corners, and an output's outline is
        double. A box has the names that there are, and the node's own name. An arrow leads from an
        operation to what made an input of it, and says which of that node's outputs it was if
        there are several. A dashed box says how many inputs `max_nodes` kept from being followed.

        For scripts, each node has an id such as ``node-3``, each arrow one such as ``edge-1-3``
        (``edge-1-3-2`` for a second between the same nodes). A node also has ``data-index``, and
        an arrow ``data-from`` with ``data-input``, its place in that node's `edges`. Colours are
        CSS variables. Graphviz lays it out, through the package pygraphviz.

        Source: <https://graphviz.org/docs/layouts/dot/>

        Args:
            shapes: Whether each box has the output's shape.
            show_none: Whether inputs without a gradient are shown.
            id_prefix: What each id begins with, and a hyphen after it.

        Raises:
            ImportError: pygraphviz is missing.
            TypeError: An option is of the wrong kind. The message names it.
            ValueError: The graph takes more than a few seconds to lay out, or `id_prefix` cannot
                begin an id.

        Examples:
            >>> import torch
            >>> w = torch.tensor(3.0, requires_grad=True)
            >>> svg = AutogradGraph.from_output(w.exp(), names={"w": w}).to_svg(id_prefix="exp")
            >>> [part.partition('"')[0] for part in svg.split('<g id="')[1:]]
            ['exp-edge-0-1', 'exp-node-0', 'exp-node-1']
        """
        from lessons_src.graph.picture import make_picture
        from lessons_src.graph.svg import svg_text

        return svg_text(make_picture(self, shapes=shapes, show_none=show_none), id_prefix)

    def _repr_svg_(self) -> str | None:
        """Return what a notebook shows, or ``None`` where `to_svg` says that it cannot be drawn."""
        from lessons_src.graph.layout import MissingPackageError, TooLargeError

        try:
            return self.to_svg()
        except (MissingPackageError, TooLargeError):
            return None


def print_graph(
    output: Output,
    names: Names = None,
    *,
    max_nodes: int = MAX_NODES,
    **options: Unpack[TextKeywords],
) -> None:
    """Print the autograd graph of `output` as a tree, with the names that `names` gives.

    [`AutogradGraph.render`][] says how to read the text. Where standard output has no box
    characters, the tree is drawn in ASCII, unless `ascii_only` says otherwise.

    Source: <https://github.com/pytorch/pytorch/issues/34953>

    Args:
        output: What the graph leads down from: a tensor, a ``grad_fn``, a ``GradientEdge``, or a
            sequence of them.
        names: What tensors are called: a mapping of names to tensors, for which ``locals()`` does,
            or a module.
        max_nodes: How many nodes are read, those nearest to the output.
        **options: The fields of [`TextOptions`][], such as `shapes` and `max_lines`.

    Raises:
        TypeError: An argument is of the wrong kind. The message names it, and nothing is printed.
        ValueError: An argument is out of range. The message names it, and nothing is printed.

    Examples:
        >>> import torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> h = w.exp()
        >>> loss = (h * w + h).sum()
        >>> print_graph(loss, names={"w": w, "h": h, "loss": loss}, shapes=True)
        └── SumBackward0: loss ()
            └── AddBackward0 (2,)
                ├── MulBackward0 (2,)
                │   ├── ExpBackward0 [3]: h (2,)
                │   │   └── AccumulateGrad: w (2,)
                │   └── AccumulateGrad: w (2,)
                └── → [3]: h (2,)
    """
    options.setdefault("ascii_only", not is_shown_by_stdout())
    print_lines(AutogradGraph.from_output(output, names, max_nodes).iter_lines(**options))
