"""Walk the autograd graph: data in, data out, no text.

Each tensor that an operation made points at the graph node of that operation, its ``grad_fn``.
Each node points at the nodes of its inputs, its ``next_functions``. A leaf that requires a
gradient ends in a node called ``AccumulateGrad``, which adds to the leaf's ``.grad``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch

from lessons_src.discovery import discover
from lessons_src.garbage import without_garbage_collection

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch.autograd.graph import Node

Tree: TypeAlias = "tuple[tuple[str, str], list[Tree]]"
"""A node's name and memory location, and the trees of its inputs, as ``((name, memloc), children)``."""


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
    nodes saved, not the nodes. Nodes die as they would without the traversal.

    Source: <https://docs.pytorch.org/docs/stable/notes/autograd.html>

    Args:
        grad_fn: The node of an operation's result. ``None``, the ``grad_fn`` of a leaf, gives
            ``None``.

    Raises:
        TypeError: `grad_fn` is not a node.

    Examples:
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


@without_garbage_collection
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
