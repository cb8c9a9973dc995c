"""Read the autograd graph: make a `GraphNode` of each of PyTorch's nodes."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import torch
from torch.autograd.graph import GradientEdge

from lessons_src.graph.model import GraphNode
from lessons_src.graph.names import find_labels
from lessons_src.memory import SHALLOW, make_safe_to_free

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from torch.autograd.graph import Node

    from lessons_src.graph.model import Edge, Shape
    from lessons_src.graph.names import LabelsFound, Names

OneOutput: TypeAlias = "torch.Tensor | Node | GradientEdge | None"
Output: TypeAlias = "OneOutput | Sequence[OneOutput]"
"""A tensor, a ``grad_fn``, a ``GradientEdge``, ``None`` for no graph, or a sequence of them."""

_ONE = (torch.Tensor, GradientEdge, str, bytes)  # never a sequence of outputs
_MUST = "must be a tensor, a grad_fn, a GradientEdge or a sequence of them"
_NO_LABELS: Mapping[int, tuple[str, ...]] = MappingProxyType({})


class Reading(NamedTuple):
    """The parts of an `AutogradGraph`, and its nodes by PyTorch's nodes."""

    nodes: list[GraphNode]
    outputs: tuple[Edge, ...]
    made: dict[Node, GraphNode]


def read(output: Output, names: Names, max_nodes: int) -> Reading:
    """Return the graph from `output` down, as `AutogradGraph.from_output` describes it.

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> y = w * w
    >>> reading = read(y, None, max_nodes=100)
    >>> [node.name for node in reading.nodes], reading.made[y.grad_fn] is reading.nodes[0]
    (['MulBackward0', 'AccumulateGrad'], True)
    """
    _check_max_nodes(max_nodes)
    ends = _gradient_edges(output)
    made = _visit([fn for fn, _ in ends if fn is not None], find_labels(names), max_nodes)
    outputs = tuple([(None if fn is None else made[fn], output_nr) for fn, output_nr in ends])
    nodes = _sort(dict.fromkeys([node for node, _ in outputs if node is not None]))
    if len(nodes) > SHALLOW or any(node.cut for node in nodes):
        fns = sorted(made, key=lambda fn: made[fn].index)
        inputs = ([fns[child.index] for child, _ in node.edges if child] for node in reversed(nodes))
        make_safe_to_free(zip(reversed(fns), inputs, strict=True))
    return Reading(nodes, outputs, made)


def _check_max_nodes(max_nodes: object) -> None:
    if not isinstance(max_nodes, int) or isinstance(max_nodes, bool):
        raise TypeError(f"max_nodes must be an int, not {type(max_nodes).__name__}.")
    if max_nodes < 1:
        raise ValueError(f"max_nodes must be at least 1, not {max_nodes}.")


def _gradient_edges(output: Output) -> list[tuple[Node | None, int]]:
    """Return each output's node, or ``None``, and its index among the node's outputs.

    >>> w = torch.ones(3, requires_grad=True)
    >>> [(type(node).__name__, number) for node, number in _gradient_edges(w.unbind()[1:])]
    [('UnbindBackward0', 1), ('UnbindBackward0', 2)]
    """
    if isinstance(output, _ONE) or not isinstance(output, Sequence):
        return [_gradient_edge(output, "output")]
    if not output:
        raise ValueError(f"output {_MUST}, not an empty sequence.")
    return [_gradient_edge(each, f"output[{i}]") for i, each in enumerate(output)]


def _gradient_edge(output: object, place: str) -> tuple[Node | None, int]:
    match output:
        case None:
            return None, 0
        case torch.Tensor():
            return _node_of(output), output.output_nr
        case GradientEdge(node, output_nr):
            return node, output_nr
        case object(next_functions=tuple()):
            return cast("Node", output), 0
        case torch.nn.Module():
            raise TypeError(f"{place} {_MUST}, not a module. Pass what the {type(output).__name__} returned.")
    raise TypeError(f"{place} {_MUST}, not {type(output).__name__}.")


def _node_of(tensor: torch.Tensor) -> Node | None:
    if tensor.grad_fn is not None or not tensor.requires_grad:
        return tensor.grad_fn
    with torch.inference_mode(mode=False), torch.enable_grad():  # only a view shows a leaf's node
        view = tensor.view_as(tensor)
    assert view.grad_fn is not None
    return view.grad_fn.next_functions[0][0]


def _visit(roots: list[Node], labels: LabelsFound, max_nodes: int) -> dict[Node, GraphNode]:
    """Make a `GraphNode` of each node from `roots` down; `_sort` sets its index.

    At most `max_nodes` are visited, nearest to the roots first, but always the roots. A node whose
    inputs would exceed that gets their number as `cut`, and no edges.

    The visit does not recurse: a chain of 100,000 operations is deeper than Python's stack. The
    keys are the nodes, not their ids: before torch 2.13, a node's Python object is freed during
    the visit unless something refers to it, and another node may then get its id.
    """
    made = {fn: _make_node(fn, labels) for fn in roots}
    fns = list(made)
    for fn in fns:  # the loop appends to it
        node, inputs = made[fn], fn.next_functions
        if len(made) + len(inputs) > max_nodes and _are_too_many(inputs, made, max_nodes):
            node.cut = sum(child is not None for child, _ in inputs)
            continue
        edges: list[Edge] = []
        for child, output_nr in inputs:
            if child is None:
                edges.append((None, output_nr))
                continue
            used = made.get(child)
            if used is None:
                made[child] = used = _make_node(child, labels)
                fns.append(child)
            used.uses += 1
            edges.append((used, output_nr))
        node.edges = tuple(edges)
    return made


def _are_too_many(
    inputs: tuple[tuple[Node | None, int], ...], made: Collection[Node], max_nodes: int
) -> bool:
    new = {fn for fn, _ in inputs if fn is not None and fn not in made}
    return bool(new) and len(made) + len(new) > max_nodes


def _make_node(fn: Node, labels: LabelsFound) -> GraphNode:
    name = type(fn).__name__
    if name == "AccumulateGrad":
        variable: torch.Tensor = fn.variable  # type: ignore[attr-defined]
        return GraphNode(
            0, name, (), _shapes((variable,)), labels.leaves.get(id(variable), _NO_LABELS), variable, 0
        )
    # The metadata is that of the node's inputs in backward: a gradient for each output, of its shape.
    outputs = fn._input_metadata  # noqa: SLF001
    return GraphNode(0, name, (), _shapes(outputs), labels.results.get(fn, _NO_LABELS), None, 0)


def _shapes(outputs: Sequence[Any]) -> tuple[Shape | None, ...]:
    try:
        return tuple([tuple(output.shape) for output in outputs])
    except RuntimeError:  # a nested tensor of the strided layout has no shape
        return (None,) * len(outputs)


def _sort(roots: Iterable[GraphNode]) -> list[GraphNode]:
    """Return all nodes from `roots` down, each after the nodes that use it, and set their index.

    A node's first input follows it directly if no other node uses that input.
    """
    order: list[GraphNode] = []
    ready = [node for node in reversed(list(roots)) if not node.uses]
    while ready:
        node = ready.pop()
        node.index = len(order)
        order.append(node)
        for child, _ in reversed(node.edges):
            if child is not None:
                child.index += 1  # counts the uses visited until the child is ready
                if child.index == child.uses:
                    ready.append(child)
    return order
