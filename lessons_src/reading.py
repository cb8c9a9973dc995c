"""Read the autograd graph: from PyTorch's nodes to our own."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from lessons_src.discovery import discover
from lessons_src.garbage import without_garbage_collection
from lessons_src.naming import find_labels
from lessons_src.node import GraphNode
from lessons_src.outputs import gradient_edges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch
    from torch.autograd.graph import Node

    from lessons_src.naming import Names
    from lessons_src.node import Edge, Shape
    from lessons_src.outputs import Output

Shapes: TypeAlias = "tuple[Shape | None, ...]"

_NO_LABELS: Mapping[int, tuple[str, ...]] = MappingProxyType({})


class Reading(NamedTuple):
    """What was read: the parts of an `AutogradGraph`, and its nodes by PyTorch's own."""

    nodes: list[GraphNode]
    outputs: tuple[Edge, ...]
    made: dict[Node, GraphNode]


@without_garbage_collection
def read(output: Output, names: Names, max_nodes: int) -> Reading:
    """Return the graph from `output` down, as `AutogradGraph.from_output` describes it.

    >>> import torch
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> y = w * w
    >>> reading = read(y, None, max_nodes=100)
    >>> [node.name for node in reading.nodes], reading.made[y.grad_fn] is reading.nodes[0]
    (['MulBackward0', 'AccumulateGrad'], True)
    """
    _check_max_nodes(max_nodes)
    outputs = gradient_edges(output)
    labels = find_labels(names)
    make_node = _node_maker(labels.leaves)
    nodes, made = discover([fn for fn, _ in outputs if fn is not None], make_node, max_nodes)
    for fn, labels_of_result in labels.results.items():
        if fn in made:
            made[fn].labels = labels_of_result
    ends = tuple([(None if fn is None else made[fn], output_nr) for fn, output_nr in outputs])
    return Reading(nodes, ends, made)


def _node_maker(labels_of_leaves: Mapping[int, Mapping[int, tuple[str, ...]]]) -> Callable[[Node], GraphNode]:
    def make_node(fn: Node) -> GraphNode:
        name = type(fn).__name__
        variable: torch.Tensor | None = None
        labels = _NO_LABELS
        if name == "AccumulateGrad":
            variable = fn.variable  # type: ignore[attr-defined]
            labels = labels_of_leaves.get(id(variable), _NO_LABELS)
            outputs: Sequence[Any] = (variable,)
        else:
            # What comes in when backward runs, a gradient for each output, is shaped as that output.
            outputs = fn._input_metadata  # noqa: SLF001
        try:
            if len(outputs) == 1:  # as nearly always
                shapes: Shapes = (tuple(outputs[0].shape),)
            else:
                shapes = tuple([tuple(output.shape) for output in outputs])
        except RuntimeError:  # a nested tensor of the strided layout has no shape
            shapes = (None,) * len(outputs)
        return GraphNode(0, name, (), shapes, labels, variable, 0)

    return make_node


def _check_max_nodes(max_nodes: object) -> None:
    if not isinstance(max_nodes, int) or isinstance(max_nodes, bool):
        raise TypeError(f"max_nodes: a number of nodes is meant, an int, not {type(max_nodes).__name__}.")
    if max_nodes < 1:
        raise ValueError(f"max_nodes: at least 1 is meant, not {max_nodes}.")
