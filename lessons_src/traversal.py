"""Walk the autograd graph: data in, data out, no text.

Each tensor that an operation made points at the graph node of that operation, its ``grad_fn``.
Each node points at the nodes of its inputs, its ``next_functions``. A leaf that requires a
gradient ends in a node called ``AccumulateGrad``, which adds to the leaf's ``.grad``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import torch

from lessons_src.memory import SHALLOW, make_safe_to_free

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


def walk(grad_fn: Node) -> dict[Node, list[Node]]:
    """Return `grad_fn` and all nodes below it, each once and after its inputs, with those inputs.

    No recursion: a chain of 1,000 operations is deeper than Python's stack allows. The nodes are
    the keys, not their ids: before torch 2.13 a node's Python object, unless something holds it,
    dies during the walk, and the next one may get its id.

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> [(type(node).__name__, len(inputs)) for node, inputs in walk((w * w).grad_fn).items()]
    [('AccumulateGrad', 0), ('MulBackward0', 2)]
    """
    graph: dict[Node, list[Node]] = {}
    opened: dict[Node, list[Node]] = {}
    stack = [grad_fn]
    while stack:
        node = stack.pop()
        if node not in opened:
            opened[node] = [fn for fn, _ in node.next_functions if fn is not None]
            stack.append(node)
            stack.extend(fn for fn in reversed(opened[node]) if fn not in opened)
        elif node not in graph:  # we come back to it after its inputs
            graph[node] = opened[node]
    if len(graph) > SHALLOW:
        make_safe_to_free(graph)
    return graph


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
