"""Read the autograd graph: make a `GraphNode` of each of PyTorch's nodes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import torch
from torch.autograd.graph import GradientEdge

from lessons_src.graph.model import GraphNode
from lessons_src.graph.names import find_labels, shown, unbatched
from lessons_src.memory import SHALLOW, hold_inputs, make_safe_to_free

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch.autograd.graph import Node

    from lessons_src.graph.model import Edge, Shape
    from lessons_src.graph.names import LabelsFound, Names

OneOutput: TypeAlias = "torch.Tensor | Node | GradientEdge | None"
Output: TypeAlias = "OneOutput | Sequence[Output] | Mapping[str, Any]"
"""A tensor, a ``grad_fn``, a ``GradientEdge``, ``None`` for no graph, or a sequence or mapping of them.

Sequences and mappings may be nested. The keys of a mapping become names, and what else it holds is ignored.
So a model's output, such as those of Hugging Face's transformers, can be handed over as it is.
"""

_NO_NAMES: Mapping[int, tuple[str, ...]] = {}  # one for all of a million nodes

_MUST = "must be a tensor, a grad_fn, a GradientEdge, or a sequence or mapping of them"


class Reading(NamedTuple):
    """The parts of an `AutogradGraph`, and its nodes by PyTorch's nodes."""

    nodes: list[GraphNode]
    outputs: tuple[Edge, ...]
    made: dict[Node, GraphNode]
    detached: tuple[str, ...]


def read(output: Output, names: Names, max_nodes: int) -> Reading:
    """Return the graph from `output` down, as `AutogradGraph.from_output` describes it.

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> y = w * w
    >>> reading = read(y, None, max_nodes=100)
    >>> [node.name for node in reading.nodes], reading.made[y.grad_fn] is reading.nodes[0]
    (['MulBackward0', 'AccumulateGrad'], True)
    """
    _check_max_nodes(max_nodes)
    ends = _ends(output)
    labels = find_labels(names)
    made = _visit([end.fn for end in ends if end.fn is not None], labels, max_nodes)
    outputs = tuple([(None if end.fn is None else made[end.fn], end.output_nr) for end in ends])
    for end, (node, output_nr) in zip(ends, outputs, strict=True):
        if end.name and node is not None:
            given = node.labels.get(output_nr, ())
            node.labels = {**node.labels, output_nr: tuple(dict.fromkeys([*given, end.name]))}
    nodes = _sort(dict.fromkeys([node for node, _ in outputs if node is not None]))
    if len(nodes) > SHALLOW or any(node.cut for node in nodes):
        fns = sorted(made, key=lambda fn: made[fn].index)
        inputs = ([fns[child.index] for child, _ in node.edges if child] for node in reversed(nodes))
        make_safe_to_free(zip(reversed(fns), inputs, strict=True))
    hold_inputs([fn for fn, node in made.items() if node.cut])
    hold_inputs([fn for fn in labels.results if fn not in made])
    return Reading(nodes, outputs, made, tuple([end.name for end in ends if end.fn is None]))


def _check_max_nodes(max_nodes: object) -> None:
    if not isinstance(max_nodes, int) or isinstance(max_nodes, bool):
        raise TypeError(f"max_nodes must be an int, not {type(max_nodes).__name__}.")
    if max_nodes < 1:
        raise ValueError(f"max_nodes must be at least 1, not {max_nodes}.")


class _End(NamedTuple):
    """Where the graph starts: an output's node, or ``None``, its index among the node's outputs, its name."""

    fn: Node | None
    output_nr: int
    name: str


def _ends(output: Output) -> list[_End]:
    """Return each output's end.

    >>> first, second = torch.ones(2, requires_grad=True).unbind()
    >>> [(type(fn).__name__, *rest) for fn, *rest in _ends({"a": second, "more": [first, "text"], "b": 3})]
    [('UnbindBackward0', 1, 'a'), ('UnbindBackward0', 0, 'more[0]')]
    """
    ends = list(_ends_in(output, "output", "", is_strict=True))
    if not ends:
        empty = "a mapping without any" if isinstance(output, Mapping) else "an empty sequence"
        raise ValueError(f"output {_MUST}, not {empty}.")
    return ends


def _ends_in(output: object, place: str, name: str, *, is_strict: bool) -> Iterator[_End]:
    """Yield the ends in `output`; anything else is an error if `is_strict`, and is ignored in a mapping."""
    match output:
        case None:
            yield _End(None, 0, name)
        case torch.Tensor():
            tensor = unbatched(output)
            yield _End(_node_of(tensor), tensor.output_nr, name)
        case GradientEdge(node, output_nr):
            yield _End(node, output_nr, name)
        case object(next_functions=tuple()):
            yield _End(cast("Node", output), 0, name)
        case Mapping():
            for key, each in output.items():
                inner = f"{name}.{shown(str(key))}" if name else shown(str(key))
                yield from _ends_in(each, f"{place}[{key!r}]", inner, is_strict=False)
        case Sequence() if not isinstance(output, str | bytes):
            for i, each in enumerate(output):
                yield from _ends_in(each, f"{place}[{i}]", name and f"{name}[{i}]", is_strict=is_strict)
        case _ if is_strict:
            raise TypeError(f"{place} {_MUST}, not {_kind(output)}.")


def _kind(output: object) -> str:
    kind = type(output).__name__
    return f"a module. Pass what the {kind} returned" if isinstance(output, torch.nn.Module) else kind


def _node_of(tensor: torch.Tensor) -> Node | None:
    if tensor.grad_fn is not None or not tensor.requires_grad:
        return tensor.grad_fn
    # A leaf does not know its node, only what uses it does. This operation takes a tensor of any kind.
    with torch.inference_mode(mode=False), torch.enable_grad():
        used: torch.Tensor = torch._C._functions.DelayedError("", 1)(tensor)  # noqa: SLF001
    assert used.grad_fn is not None
    return used.grad_fn.next_functions[0][0]


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
        if len(made) + len(inputs) > max_nodes:
            new = {child for child, _ in inputs if child is not None and child not in made}
            if new and len(made) + len(new) > max_nodes:
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


def _make_node(fn: Node, labels: LabelsFound) -> GraphNode:
    name = shown(type(fn).__name__)
    if name == "AccumulateGrad":
        variable: torch.Tensor = fn.variable  # type: ignore[attr-defined]
        names = labels.leaves.get(id(variable), _NO_NAMES)
        return GraphNode(0, name, (), _shapes((variable,)), names, variable, 0)
    if name == "CppFunction":  # a node of C++ that has no class of its own in Python
        name = re.split("::|CppNode<", fn.name())[-1].removesuffix(">")
    # The metadata is that of the node's inputs in backward: a gradient for each output, of its shape.
    shapes = _shapes(fn._input_metadata)  # noqa: SLF001
    return GraphNode(0, name, (), shapes, labels.results.get(fn, _NO_NAMES), None, 0)


def _shapes(outputs: Sequence[Any]) -> tuple[Shape | None, ...]:
    try:
        shapes = [tuple(output.shape) for output in outputs]
        # A dimension of a symbolic shape is no number.
        return tuple([shape if all(type(n) is int for n in shape) else None for shape in shapes])
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
