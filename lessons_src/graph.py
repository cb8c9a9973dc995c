"""The autograd graph as data: no string is made here, and nothing is printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from lessons_src.graph_outputs import gradient_edges
from lessons_src.naming import NameFinder
from lessons_src.traversal import discover

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch.autograd.graph import Node

    from lessons_src.graph_outputs import Output
    from lessons_src.naming import Labels, Names

Edge: TypeAlias = "tuple[GraphNode | None, int]"
Shape: TypeAlias = tuple[int, ...]

MAX_NODES = 1_000_000

_NO_EDGE: Edge = (None, 0)
_NO_LABELS: Labels = {}


@dataclass(slots=True, eq=False)
class GraphNode:
    """A node of an `AutogradGraph`: one operation that was recorded, or one leaf.

    `name` is that of the node's class, such as ``MulBackward0``. `edges` has a pair for each input
    of the operation: the node that made it, and which of that node's outputs it is. The pair is
    ``(None, 0)`` for an input that needs no gradient. `shapes` has the shape of each output, or
    ``None`` where PyTorch does not tell. `labels` has the names of each output that has any.
    `variable` is the leaf's tensor. `index` is the node's place in the graph's `nodes`.

    `uses` counts the edges that lead to the node. `cut` counts its inputs when the graph stops
    here because it was as large as allowed; `edges` is empty then.
    """

    index: int
    name: str
    edges: tuple[Edge, ...] = field(repr=False)
    shapes: tuple[Shape | None, ...]
    labels: Mapping[int, tuple[str, ...]]
    variable: torch.Tensor | None
    uses: int
    cut: int = 0

    @property
    def label(self) -> str | None:
        """The names of the node's outputs, with commas between, or ``None`` where it has no name."""
        names = [name for output_nr in sorted(self.labels) for name in self.labels[output_nr]]
        return ", ".join(names) if names else None


@dataclass(eq=False, repr=False)
class AutogradGraph:
    """The graph from `outputs` down to the leaves, as plain data.

    `nodes` has each node once and before its inputs, which is an order that backward can take.
    `outputs` has for each given output its node, or ``None`` where no operation was recorded, and
    which of that node's outputs it is. `max_nodes` is how many nodes there may be.

    It keeps the leaves' tensors, but neither the graph that it was read from nor what that saved.
    """

    nodes: list[GraphNode]
    outputs: tuple[Edge, ...]
    max_nodes: int = MAX_NODES

    @classmethod
    def from_output(cls, output: Output, names: Names = None, max_nodes: int = MAX_NODES) -> AutogradGraph:
        """Return the graph of a tensor, a ``grad_fn``, a ``GradientEdge``, or a sequence of them.

        `names` says what tensors are called: a mapping, of which all that is no tensor is ignored
        (``locals()`` is one), or a module. A leaf is named where it is the very tensor, a result
        where it is the same output of the same node. A module within a mapping names the
        parameters and buffers that have no name yet, as in ``model.0.weight``.

        Of a graph of more than `max_nodes`, the nodes nearest to the output are read. `cut` says
        how many inputs were not followed.

        Raises `TypeError` or `ValueError`, naming the argument, for what is none of that.

        Source: https://docs.pytorch.org/docs/stable/notes/autograd.html

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
        return read_graph(output, names, max_nodes)[0]

    @property
    def roots(self) -> list[GraphNode]:
        """The nodes of the outputs, each once."""
        return list(dict.fromkeys(node for node, _ in self.outputs if node is not None))

    @property
    def leaves(self) -> list[GraphNode]:
        """The nodes of the leaves, the tensors that backward gives a gradient to."""
        return [node for node in self.nodes if node.variable is not None]

    @property
    def cut(self) -> int:
        """How many inputs were not followed because the graph has more than `max_nodes` nodes."""
        return sum(node.cut for node in self.nodes)


def read_graph(
    output: Output, names: Names = None, max_nodes: int = MAX_NODES
) -> tuple[AutogradGraph, list[Node]]:
    """Return what `AutogradGraph.from_output` does, and PyTorch's own node for each of its nodes.

    >>> import torch
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> y = w * w
    >>> graph, grad_fns = read_graph(y)
    >>> grad_fns[0] is y.grad_fn
    True
    """
    _check_max_nodes(max_nodes)
    outputs = gradient_edges(output)
    finder = NameFinder(names)
    order, edges, uses, cut = discover([fn for fn, _ in outputs if fn is not None], max_nodes)
    made: dict[Node | None, Edge] = {None: _NO_EDGE}
    nodes = []
    index = len(order)
    for fn in reversed(order):  # so that the inputs of each are there already
        index -= 1
        name = type(fn).__name__
        variable: torch.Tensor | None = fn.variable if name == "AccumulateGrad" else None  # type: ignore[attr-defined]
        if variable is None:
            shapes, labels = _output_shapes(fn), finder.of_node(fn)
        else:
            shapes, labels = (tuple(variable.shape),), finder.of_leaf(variable)
        inputs = tuple([(made[child][0], nr) if nr else made[child] for child, nr in edges[fn]])
        node = GraphNode(index, name, inputs, shapes, labels or _NO_LABELS, variable, uses[fn])
        made[fn] = (node, 0)
        nodes.append(node)
    nodes.reverse()
    if cut:
        for node, fn in zip(nodes, order, strict=True):
            node.cut = cut.get(fn, 0)
    return AutogradGraph(nodes, tuple([(made[fn][0], nr) for fn, nr in outputs]), max_nodes), order


def _output_shapes(fn: Node) -> tuple[Shape | None, ...]:
    metadata = fn._input_metadata  # noqa: SLF001  # the gradients that come in are shaped as what went out
    try:
        return tuple([tuple(output.shape) for output in metadata])
    except RuntimeError:  # a nested tensor of the strided layout has no shape
        return (None,) * len(metadata)


def _check_max_nodes(max_nodes: object) -> None:
    if not isinstance(max_nodes, int) or isinstance(max_nodes, bool):
        raise TypeError(f"max_nodes: a number of nodes is meant, an int, not {type(max_nodes).__name__}.")
    if max_nodes < 1:
        raise ValueError(f"max_nodes: at least 1 is meant, not {max_nodes}.")
