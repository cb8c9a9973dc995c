"""`AutogradGraph`: the graph as data that can show itself. `print_graph`: the same in one call."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from lessons_src.graph.build import read
from lessons_src.graph.dot import dot_text
from lessons_src.graph.drawing_text import outputs_text
from lessons_src.graph.layout import check_boxes, obstacle
from lessons_src.graph.model import MAX_NODES, GraphData
from lessons_src.graph.options import TextOptions
from lessons_src.graph.picture import make_picture
from lessons_src.graph.reach import find_path, find_unreached
from lessons_src.graph.svg import svg_text
from lessons_src.graph.text import print_lines, print_table, text_lines
from lessons_src.memory import garbage_collection_paused
from lessons_src.printing import MAX_LINES, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from lessons_src.graph.build import Output
    from lessons_src.graph.model import GraphNode
    from lessons_src.graph.names import Names
    from lessons_src.graph.options import TextKeywords
    from lessons_src.graph.reach import Unreached


class AutogradGraph(GraphData):
    """The graph from `outputs` down to the leaves, as plain data.

    It keeps the leaves' tensors alive, but neither PyTorch's graph nor the tensors saved in it.
    A notebook shows it as a drawing; if that is not possible, as text with the reason.
    ``str(graph)`` is ``graph.render()``. A graph can be copied, pickled and saved, with its leaves.

    Attributes:
        nodes: Each node once, before its inputs: an order in which backward can run.
        outputs: For each given output its node, or ``None`` if no operation was recorded, and its
            index among that node's outputs.
        max_nodes: How many nodes are read at most.
        detached: For each output without a node its name, which may be empty.
    """

    @classmethod
    @garbage_collection_paused()  # until PyTorch's nodes are freed; only their data is kept
    def from_output(cls, output: Output, names: Names = None, max_nodes: int = MAX_NODES) -> AutogradGraph:
        """Return the graph of an [`Output`][lessons_src.graph.build.Output], such as a tensor.

        Source: <https://docs.pytorch.org/docs/stable/notes/autograd.html>

        Args:
            output: Where the graph starts: a tensor, a ``grad_fn``, a ``GradientEdge``, or a sequence or
                mapping of them, whose keys become names.
            names: The names of tensors. A leaf is found by its tensor, the result of an operation
                by its node and its index among the node's outputs.
            max_nodes: How many nodes are read at most, nearest to the output first. `cut` counts
                the inputs that were not followed.

        Raises:
            TypeError: An argument has the wrong type. The message names it.
            ValueError: `output` is empty, `names` is a ``state_dict()``, or `max_nodes` is less than 1.

        Examples:
            >>> import torch
            >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
            >>> y = x * x
            >>> square = AutogradGraph.from_output(y.sum(), names={"x": x, "y": y})
            >>> [(node.name, node.label) for node in square.nodes]
            [('SumBackward0', None), ('MulBackward0', 'y'), ('AccumulateGrad', 'x')]
            >>> square.nodes[1].shapes
            ((2,),)
            >>> square.leaves[0].variable is x
            True
        """
        reading = read(output, names, max_nodes)
        return cls(reading.nodes, reading.outputs, max_nodes, reading.detached)

    def render(self, **options: Unpack[TextKeywords]) -> str:
        """Return the graph as text: a tree, a line for each edge, from the outputs to the leaves.

        A line has the node's name and label. A node with several parents is drawn once, with its
        index as a tag, such as ``[2]``; later lines refer to it as ``→ [2]``. A named leaf is drawn
        each time, without a tag. If an operation has several outputs, the line says which one.

        After 20 levels the tree continues at the margin: ``↓`` at the end of a line says that the
        inputs of that node are drawn further down, beside its tag. The last line counts the lines
        that were left out, and the inputs that were not followed because of `max_nodes`.

        Source: <https://github.com/pytorch/pytorch/issues/34953>

        Args:
            **options: The fields of [`TextOptions`][], such as `shapes` and `max_lines`.

        Raises:
            TypeError: An option has the wrong type. The message names it.
            ValueError: A limit is less than 1. The message names it.

        Examples:
            >>> import torch
            >>> x = torch.tensor(3.0, requires_grad=True)
            >>> y = x
            >>> for _ in range(20):
            ...     y = y + y
            >>> print(AutogradGraph.from_output(y, names={"x": x}).render(max_lines=3))
            └── AddBackward0
                ├── AddBackward0 [1]
                │   ├── AddBackward0 [2]
            … 38 more lines
        """
        return "\n".join(self.iter_lines(**options))

    def iter_lines(self, **options: Unpack[TextKeywords]) -> Iterator[str]:
        """Return a lazy iterator over the lines of [`render`][].

        Examples:
            >>> import torch
            >>> x = torch.tensor(3.0, requires_grad=True)
            >>> next(AutogradGraph.from_output(x * x).iter_lines())
            '└── MulBackward0'
        """
        return text_lines(self, TextOptions(**options))

    def unreached(self, module: torch.nn.Module) -> Unreached:
        """Return the parameters of `module` that get no gradient from this graph, each with the reason.

        It is a dictionary of names and reasons, and prints with a line for each reason:

        - ``frozen``: the parameter's ``requires_grad`` is False.
        - ``detached or unused``: the graph has no path to the parameter. It had no part in the outputs,
          or the path was cut, as by ``detach()`` or under ``torch.no_grad()``.
        - ``unknown``: there is no path in what was read, but `cut` is not 0, or a reentrant checkpoint
          hides a part of the graph.

        A parameter that is reached may still get zeros, or no gradient from a custom `Function`. One that is
        not may get its gradient from such a function, if that runs a backward itself.

        Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html>

        Args:
            module: The module whose parameters were used, not a copy. A parameter with several names is
                listed by each of them.

        Raises:
            TypeError: `module` is no module.

        Examples:
            >>> import torch
            >>> model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1))
            >>> model[1].weight.requires_grad = False
            >>> print(AutogradGraph.from_output(model[1](torch.ones(1))).unreached(model))
            frozen (requires_grad is False): 1.weight
            detached or unused (no operation in the graph leads to it): 0.weight and 0.bias
        """
        return find_unreached(self, module)

    def path(self, to: torch.Tensor | str) -> list[GraphNode]:
        """Return a shortest path from an output to a leaf, as nodes.

        Args:
            to: The leaf's tensor, or a name, which may be that of another node too.

        Raises:
            TypeError: `to` is neither a tensor nor a string.
            ValueError: No path leads there. The message says why.

        Examples:
            >>> import torch
            >>> a = torch.tensor(3.0, requires_grad=True)
            >>> y = torch.sin(a * 2)
            >>> [node.name for node in AutogradGraph.from_output(y).path(a)]
            ['SinBackward0', 'MulBackward0', 'AccumulateGrad']
        """
        return find_path(self, to)

    def print_tabular(self, *, max_lines: int | None = MAX_LINES) -> None:
        """Print the graph as a table, a line for each node, as ``torch.fx`` does.

        An input is the index of its node, or ``None`` if it requires no gradient. A cell has at most 6
        names, shapes or inputs, and counts the others.

        Source: <https://docs.pytorch.org/docs/stable/fx.html>

        Args:
            max_lines: How many nodes are listed; one more line counts the others. ``None`` sets no
                limit.

        Raises:
            TypeError: `max_lines` has the wrong type.
            ValueError: `max_lines` is less than 1.

        Examples:
            >>> import torch
            >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
            >>> AutogradGraph.from_output((x * 3).sum(), names={"x": x}).print_tabular()
            node  name            label  shape  inputs
            ----  --------------  -----  -----  ---------
            0     SumBackward0           ()     [1]
            1     MulBackward0           (2,)   [2], None
            2     AccumulateGrad  x      (2,)
        """
        print_table(self, max_lines)

    def to_dot(self, *, shapes: bool = False, show_none: bool = False) -> str:
        """Return the graph in the DOT language, for Graphviz and other programs.

        It has the content and the ids of [`to_svg`][], without a layout, and needs no package.
        The text is the same for the same graph.

        Source: <https://graphviz.org/doc/info/lang.html>

        Args:
            shapes: Whether to show the shape of each output.
            show_none: Whether to show inputs that require no gradient.

        Raises:
            TypeError: An option has the wrong type. The message names it.

        Examples:
            >>> import torch
            >>> x = torch.tensor(3.0, requires_grad=True)
            >>> exponential = AutogradGraph.from_output(x.exp(), names={"x": x})
            >>> print(exponential.to_dot().splitlines()[-2])
              "node-0" -> "node-1" [id="edge-0-1"];
        """
        return dot_text(make_picture(self, shapes=shapes, show_none=show_none))

    def to_svg(self, *, shapes: bool = False, show_none: bool = False, id_prefix: str = "") -> str:
        """Return the graph as an SVG drawing, with the outputs at the top and the leaves below.

        A leaf is a box with round ends, an operation is a box with corners, and an output has a
        double outline. A box shows the node's labels and its name. An arrow leads from an operation
        to the node of an input, and shows which output of that node it is, if there are several. A
        dashed box counts the inputs that were not followed because of `max_nodes`.

        For scripts, each node has an id such as ``node-3``, and each arrow an id such as
        ``edge-1-3`` (``edge-1-3-2`` for a second arrow between the same nodes). A node also has
        ``data-index``, an arrow ``data-from`` and ``data-input``, its index in that node's `edges`.
        Colours are CSS variables. Graphviz computes the layout, through the package pygraphviz.

        Source: <https://graphviz.org/docs/layouts/dot/>

        Args:
            shapes: Whether to show the shape of each output.
            show_none: Whether to show inputs that require no gradient.
            id_prefix: The start of each id; a hyphen follows it.

        Raises:
            ImportError: pygraphviz is missing.
            TypeError: An option has the wrong type. The message names it.
            ValueError: The graph takes more than a few seconds to lay out or is more than 10,000 pixels
                wide, or `id_prefix` cannot begin an id.

        Examples:
            >>> import torch
            >>> x = torch.tensor(3.0, requires_grad=True)
            >>> exponential = AutogradGraph.from_output(x.exp(), names={"x": x})
            >>> svg = exponential.to_svg(id_prefix="exp")
            >>> [part.partition('"')[0] for part in svg.split('<g id="')[1:]]
            ['exp-edge-0-1', 'exp-node-0', 'exp-node-1']
        """
        check_boxes(len(self.nodes))  # a picture of a million boxes takes half a minute
        return svg_text(make_picture(self, shapes=shapes, show_none=show_none), id_prefix)

    def _repr_svg_(self) -> str | None:
        """Return the drawing for a notebook, or ``None`` if it cannot be drawn."""
        return None if self._why_not_drawn() else self.to_svg()

    def _repr_pretty_(self, printer: Any, cycle: object) -> None:
        """Show a notebook the tree, and why it is no drawing, if it cannot be drawn."""
        reason = self._why_not_drawn()
        printer.text(f"{self}\n{reason}" if reason else repr(self))

    def _why_not_drawn(self) -> str:
        return obstacle(len(self.nodes), partial(make_picture, self))

    def __str__(self) -> str:
        return self.render()

    def __repr__(self) -> str:
        if not self.nodes:
            return "<AutogradGraph without nodes>"
        size = f"{plural(len(self.nodes), 'node')}, {plural(len(self.leaves), 'leaf', 'leaves')}"
        return f"<AutogradGraph of {outputs_text(self)}: {size}>"


def print_graph(
    output: Output,
    names: Names = None,
    *,
    max_nodes: int = MAX_NODES,
    **options: Unpack[TextKeywords],
) -> None:
    """Print the autograd graph of `output` as a tree, with the names in `names`.

    [`AutogradGraph.render`][] says how to read the text.

    Source: <https://github.com/pytorch/pytorch/issues/34953>

    Args:
        output: Where the graph starts: a tensor, a ``grad_fn``, a ``GradientEdge``, or a sequence or
            mapping of them, whose keys become names.
        names: The names of tensors: a mapping of names to tensors, such as ``locals()``, or a
            module.
        max_nodes: How many nodes are read at most, nearest to the output first.
        **options: The fields of [`TextOptions`][], such as `shapes` and `max_lines`.

    Raises:
        TypeError: An argument has the wrong type. The message names it, and nothing is printed.
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
    print_lines(AutogradGraph.from_output(output, names, max_nodes).iter_lines(**options))
