"""Walk the autograd graph: data in, data out, no text.

Each tensor that an operation made points at the graph node of that operation, its ``grad_fn``.
Each node points at the nodes of its inputs, its ``next_functions``. A leaf that requires a
gradient ends in a node called ``AccumulateGrad``, which adds to the leaf's ``.grad``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import torch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from torch.autograd.graph import Node

Tree: TypeAlias = "tuple[tuple[str, str], list[Tree]]"
Edges: TypeAlias = "tuple[tuple[Node | None, int], ...]"

_SHALLOW = 1000
_STAGE = 20


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
    found = discover([grad_fn])
    return {fn: [child for child, _ in found.edges[fn] if child is not None] for fn in reversed(found.order)}


class Found(NamedTuple):
    """What `discover` found: the nodes in an order that backward can take, and what hangs on each."""

    order: list[Node]
    edges: dict[Node, Edges]
    uses: dict[Node, int]  # how many edges lead to the node
    cut: dict[Node, int]  # how many inputs the node has, of which none was followed


def discover(roots: Iterable[Node], max_nodes: float = float("inf")) -> Found:
    """Return all nodes from `roots` down, each once and before its inputs, with their edges.

    Of a graph of more than `max_nodes`, that many are found, those nearest to the roots (and the
    roots in any case). A node whose inputs would be too many is cut: it has no edges here.

    No recursion: a chain of 100,000 operations is deeper than Python's stack. The nodes are the
    keys, not their ids: before torch 2.13 a node's Python object, unless something holds it, dies
    during the walk, and the next one may get its id.

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> [type(node).__name__ for node in discover([(w * w).exp().grad_fn]).order]
    ['ExpBackward0', 'MulBackward0', 'AccumulateGrad']
    """
    edges: dict[Node, Edges] = {}
    cut: dict[Node, int] = {}
    uses = dict.fromkeys(roots, 0)
    queue = list(uses)
    for node in queue:  # which grows meanwhile
        found = node.next_functions
        if len(queue) + len(found) > max_nodes:
            inputs = [fn for fn, _ in found if fn is not None]
            if len(uses.keys() | inputs) > max(max_nodes, len(uses)):
                cut[node] = len(inputs)
                found = ()
        edges[node] = found
        for fn, _ in found:
            if fn in uses:
                uses[fn] += 1
            elif fn is not None:
                uses[fn] = 1
                queue.append(fn)
    order = _sort(queue, edges, uses)
    if len(order) > _SHALLOW or cut:
        _make_safe_to_free(order, edges)
    return Found(order, edges, uses, cut)


def _sort(nodes: list[Node], edges: dict[Node, Edges], uses: dict[Node, int]) -> list[Node]:
    """Return `nodes`, each after all that use it, and where that can be, next to its first user."""
    unseen = uses.copy()
    ready = [node for node in reversed(nodes) if not uses[node]]
    order = []
    while ready:
        node = ready.pop()
        order.append(node)
        for fn, _ in reversed(edges[node]):
            if fn is not None:
                unseen[fn] -= 1
                if not unseen[fn]:
                    ready.append(fn)
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


def _make_safe_to_free(order: list[Node], edges: dict[Node, Edges]) -> None:
    """Let a deep graph be freed after it was walked, which crashes Python on torch 2.13 to 2.15.

    There, a node that Python has seen frees its inputs by recursion, and some 5,000 levels overflow
    the stack of a thread. So every 20 levels above the leaves, a node's own ``metadata`` holds its
    inputs too. They then go after the node, by the hand of Python's containers, whose nesting
    Python limits to 50. A node never holds more than its inputs, which it keeps alive anyway.
    """
    levels: dict[Node, int] = {}
    for node in reversed(order):
        inputs = [fn for fn, _ in edges[node] if fn is not None]
        levels[node] = level = 1 + max([levels[fn] for fn in inputs], default=-1)
        stage = level // _STAGE * _STAGE
        below = [fn for fn in inputs if _STAGE <= levels[fn] < stage]
        if below:
            node.metadata["inputs"] = below  # type: ignore[index]  # the stub takes it for a method
