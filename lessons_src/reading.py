"""Read the autograd graph: from PyTorch's nodes to an `AutogradGraph`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessons_src.graph import MAX_NODES, AutogradGraph, GraphNode
from lessons_src.naming import NameFinder
from lessons_src.outputs import gradient_edges
from lessons_src.traversal import discover

if TYPE_CHECKING:
    import torch
    from torch.autograd.graph import Node

    from lessons_src.graph import Edge, Shape
    from lessons_src.naming import Labels, Names
    from lessons_src.outputs import Output

_NO_EDGE: Edge = (None, 0)
_NO_LABELS: Labels = {}


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
