"""Walk the autograd graph: data in, data out, no text.

Each tensor that an operation made points at the graph node of that operation, its ``grad_fn``.
Each node points at the nodes of its inputs, its ``next_functions``. A leaf that requires a
gradient ends in a node called ``AccumulateGrad``, which adds to the leaf's ``.grad``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import torch

from lessons_src.freeing import make_safe_to_free

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from torch.autograd.graph import Node

Tree: TypeAlias = "tuple[tuple[str, str], list[Tree]]"
Edges: TypeAlias = "tuple[tuple[Node | None, int], ...]"

_SHALLOW = 1000


def traverse_graph(grad_fn: Node | None) -> Tree | None:
    """Return the graph from `grad_fn` down to its leaves, as ``((name, memloc), children)``.

    `children` has one entry for each input that is part of the graph, in the inputs' order. A
    node that is reached in two ways is one node: both parents hold the very same tuple, so time
    and memory grow with the number of nodes and edges, not with the number of paths.

    `memloc` stands for the node: two nodes of one traversal never share it, and another traversal
    of the same graph finds it again as long as the graph lives. It is the end of the memory
    address of the node's Python object, ``hex(id(grad_fn))[-5:]``, with more than five digits
    where five would confuse two nodes. After the node is gone, its address is used again.

    The graph may be deep, and ``backward`` may have freed it: that frees the tensors that the
    nodes saved, not the nodes. Nodes die as they would without the traversal. ``None``, the
    ``grad_fn`` of a leaf, gives ``None``. Raises `TypeError` for anything that is not a node.

    Source: https://docs.pytorch.org/docs/stable/notes/autograd.html

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> (name, memloc), children = traverse_graph((w * w).grad_fn)
    >>> name, [child_name for (child_name, _), _ in children]
    ('MulBackward0', ['AccumulateGrad', 'AccumulateGrad'])
    >>> children[0] is children[1]
    True
    """
    if grad_fn is None:
        return None
    _check_node(grad_fn)
    graph = walk(grad_fn)
    memlocs = _memory_locations(graph)
    trees: dict[Node, Tree] = {}
    for node, inputs in graph.items():  # inputs come first, so their trees are there already
        trees[node] = ((type(node).__name__, memlocs[node]), [trees[fn] for fn in inputs])
    return trees[grad_fn]


def walk(grad_fn: Node) -> dict[Node, list[Node]]:
    """Return `grad_fn` and all nodes below it, each once and after its inputs, with those inputs.

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> [(type(node).__name__, len(inputs)) for node, inputs in walk((w * w).grad_fn).items()]
    [('AccumulateGrad', 0), ('MulBackward0', 2)]
    """
    order, _ = discover([grad_fn], _Visited)
    return {visited.fn: [child.fn for child, _ in visited.edges if child] for visited in reversed(order)}


@dataclass(slots=True, eq=False, repr=False)
class _Visited:
    """What `walk` keeps of a node: nothing but the node."""

    fn: Node
    edges: tuple[tuple[_Visited | None, int], ...] = ()
    index: int = 0
    uses: int = 0
    cut: int = 0


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

    No recursion: a chain of 100,000 operations is deeper than Python's stack. The nodes are the
    keys, not their ids: before torch 2.13 a node's Python object, unless something holds it, dies
    during the walk, and the next one may get its id.

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> order, _ = discover([(w * w).exp().grad_fn], _Visited)
    >>> [(type(visited.fn).__name__, visited.uses) for visited in order]
    [('ExpBackward0', 0), ('MulBackward0', 1), ('AccumulateGrad', 2)]
    """
    made = {fn: make(fn) for fn in roots}
    fns, visited = list(made), list(made.values())
    starts = visited.copy()
    is_whole = True
    for fn, node in zip(fns, visited, strict=False):  # which grow meanwhile
        inputs = fn.next_functions
        if len(fns) + len(inputs) > max_nodes and _are_too_many(inputs, made, max_nodes):
            node.cut = sum(child_fn is not None for child_fn, _ in inputs)
            is_whole = False
            continue
        edges: list[tuple[AnyFound | None, int]] = []
        for child_fn, output_nr in inputs:
            if child_fn is None:
                edges.append((None, output_nr))
                continue
            child = made.get(child_fn)
            if child is None:
                made[child_fn] = child = make(child_fn)
                fns.append(child_fn)
                visited.append(child)
            child.uses += 1
            edges.append((child, output_nr))
        node.edges = tuple(edges)
    order = _sort(starts)
    if len(order) > _SHALLOW or not is_whole:
        make_safe_to_free(order, made)
    return order, made


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


def _check_node(grad_fn: object) -> None:
    if isinstance(grad_fn, torch.Tensor):
        raise TypeError("this is a tensor, not a node of the graph: pass t.grad_fn instead of t.")
    if not isinstance(getattr(grad_fn, "next_functions", None), tuple):
        raise TypeError(
            f"a node of the graph is meant, the grad_fn of a tensor, not {type(grad_fn).__name__}."
        )


def _memory_locations(nodes: Collection[Node]) -> dict[Node, str]:
    addresses = {node: hex(id(node)) for node in nodes}
    digits = 5
    while len({address[-digits:] for address in addresses.values()}) < len(addresses):
        digits += 1
    return {node: address[-digits:] for node, address in addresses.items()}
