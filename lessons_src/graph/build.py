"""Read the autograd graph: from PyTorch's nodes to our own."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeVar, cast

import torch
from torch.autograd.graph import GradientEdge

from lessons_src.graph.model import GraphNode
from lessons_src.graph.names import find_labels
from lessons_src.memory import SHALLOW, make_safe_to_free, without_garbage_collection

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from torch.autograd.graph import Node

    from lessons_src.graph.model import Edge, Shape
    from lessons_src.graph.names import Names

OneOutput: TypeAlias = "torch.Tensor | Node | GradientEdge | None"
Output: TypeAlias = "OneOutput | Sequence[OneOutput]"
"""A tensor, a ``grad_fn``, a ``GradientEdge``, ``None`` for what has no graph, or a sequence of them."""

_ONE = (torch.Tensor, GradientEdge, str, bytes)  # never a sequence of outputs
_MEANT = "a tensor, a grad_fn, a GradientEdge or a sequence of them is meant"


def gradient_edges(output: Output) -> list[tuple[Node | None, int]]:
    """Return each output's node, ``None`` where it has none, and which of the node's outputs it is.

    >>> w = torch.ones(3, requires_grad=True)
    >>> [(type(node).__name__, number) for node, number in gradient_edges(w.unbind()[1:])]
    [('UnbindBackward0', 1), ('UnbindBackward0', 2)]
    """
    if isinstance(output, _ONE) or not isinstance(output, Sequence):
        return [_gradient_edge(output, "output")]
    if not output:
        raise ValueError(f"output: {_MEANT}, not a sequence of none.")
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
            raise TypeError(
                f"{place}: {_MEANT}, not a module: pass what the {type(output).__name__} returned."
            )
    raise TypeError(f"{place}: {_MEANT}, not {type(output).__name__}.")


def _node_of(tensor: torch.Tensor) -> Node | None:
    if tensor.grad_fn is not None or not tensor.requires_grad:
        return tensor.grad_fn
    with torch.inference_mode(mode=False), torch.enable_grad():  # a leaf's node is only seen from a view
        view = tensor.view_as(tensor)
    assert view.grad_fn is not None
    return view.grad_fn.next_functions[0][0]


Edges: TypeAlias = "tuple[tuple[Node | None, int], ...]"


class Found(Protocol):
    """What `discover` makes of a node: anything that takes these four."""

    edges: tuple[tuple[Any, int], ...]
    index: int
    uses: int
    cut: int


AnyFound = TypeVar("AnyFound", bound=Found)


def discover(
    roots: Iterable[Node], make: Callable[[Node], AnyFound], max_nodes: float = float("inf")
) -> tuple[list[AnyFound], dict[Node, AnyFound]]:
    """Visit all nodes from `roots` down, and return what `make` makes of each, in order and by node.

    Each is made without edges, and gets them here, as pairs of what was made of the input and the
    number of the output that it is. It also gets how many edges lead to it, and its index in the
    order, in which it stands before its inputs.

    Of a graph of more than `max_nodes`, that many are visited, those nearest to the roots (and the
    roots in any case). One whose inputs would be too many gets their number as `cut`, and no edges.

    Call it from a function that runs `without_garbage_collection`, or the collector looks through
    all nodes made so far, over and over.

    No recursion: a chain of 100,000 operations is deeper than Python's stack. The nodes are the
    keys, not their ids: before torch 2.13 a node's Python object, unless something holds it, dies
    during the walk, and the next one may get its id.

    >>> from types import SimpleNamespace
    >>> import torch
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> order, _ = discover([(w * w).exp().grad_fn], lambda fn: SimpleNamespace(
    ...     name=fn.name(), edges=(), index=0, uses=0, cut=0))
    >>> [(node.name, node.uses) for node in order]
    [('ExpBackward0', 0), ('MulBackward0', 1), ('torch::autograd::AccumulateGrad', 2)]
    """
    made, starts, is_whole = _visit(roots, make, max_nodes)
    order = _sort(starts)
    if len(order) > SHALLOW or not is_whole:
        fns = sorted(made, key=lambda fn: made[fn].index)
        inputs = (
            (fns[node.index], [fns[child.index] for child, _ in node.edges if child])
            for node in reversed(order)
        )
        make_safe_to_free(inputs)
    return order, made


def _visit(
    roots: Iterable[Node], make: Callable[[Node], AnyFound], max_nodes: float
) -> tuple[dict[Node, AnyFound], list[AnyFound], bool]:
    """Return what was made of each node and of the roots, and whether that is the whole graph."""
    made = {fn: make(fn) for fn in roots}
    fns, visited = list(made), list(made.values())
    starts = visited.copy()
    is_whole = True
    for fn, node in zip(fns, visited, strict=False):  # which grow meanwhile
        inputs = fn.next_functions
        if not inputs:
            continue
        if len(fns) + len(inputs) > max_nodes and _are_too_many(inputs, made, max_nodes):
            node.cut = sum(child_fn is not None for child_fn, _ in inputs)
            is_whole = False
            continue
        edges: list[tuple[AnyFound | None, int]] = []
        for child_fn, output_nr in inputs:
            child: AnyFound | None = None
            if child_fn in made:
                child = made[child_fn]
                child.uses += 1
            elif child_fn is not None:
                made[child_fn] = child = make(child_fn)
                child.uses = 1
                fns.append(child_fn)
                visited.append(child)
            edges.append((child, output_nr))
        node.edges = tuple(edges)
    return made, starts, is_whole


def _are_too_many(inputs: Edges, made: Collection[Node], max_nodes: float) -> bool:
    new = {fn for fn, _ in inputs if fn is not None and fn not in made}
    return bool(new) and len(made) + len(new) > max_nodes


def _sort(starts: list[AnyFound]) -> list[AnyFound]:
    """Return all from `starts` down, each after all that use it, and if it can be next to the last."""
    order: list[AnyFound] = []
    ready = [node for node in reversed(starts) if not node.uses]
    while ready:
        node = ready.pop()
        node.index = len(order)
        order.append(node)
        for child, _ in reversed(node.edges):
            if child is not None:
                child.index += 1  # how many of those that use it have come
                if child.index == child.uses:
                    ready.append(child)
    return order


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
