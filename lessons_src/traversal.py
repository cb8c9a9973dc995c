"""Walk the autograd graph: data in, data out, no text.

Each tensor that an operation made points at the graph node of that operation, its ``grad_fn``.
Each node points at the nodes of its inputs, its ``next_functions``. A leaf that requires a
gradient ends in a node called ``AccumulateGrad``, which adds to the leaf's ``.grad``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import torch

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch.autograd.graph import Node

Tree: TypeAlias = "tuple[tuple[str, str], list[Tree]]"

_BLOCK = 1000


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
    nodes saved, not the nodes. Nodes die as they would without the traversal, except that in a
    graph of over 1,000 nodes, one that is still in use may keep others. ``None``, the ``grad_fn``
    of a leaf, gives ``None``. Raises `TypeError` for anything that is not a node.

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

    No recursion: a chain of 100,000 operations is deeper than Python's stack. The nodes are the
    keys, not their ids: before torch 2.13 a node's Python object, unless something holds it, dies
    during the walk, and the next one may get its id.

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> [(type(node).__name__, len(inputs)) for node, inputs in walk((w * w).grad_fn).items()]
    [('AccumulateGrad', 0), ('MulBackward0', 2)]
    """
    inputs: dict[Node, list[Node]] = {}
    graph: dict[Node, list[Node]] = {}
    stack = [grad_fn]
    while stack:
        node = stack.pop()
        if node in inputs:  # everything below it has been walked by now
            graph[node] = inputs[node]
        else:
            inputs[node] = [fn for fn, _ in node.next_functions if fn is not None]
            stack.append(node)
            stack.extend(fn for fn in inputs[node] if fn not in inputs)
    if len(graph) > _BLOCK:
        _make_safe_to_free(graph)
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


def _make_safe_to_free(graph: dict[Node, list[Node]]) -> None:
    """Let a deep graph be freed after it was walked, which crashes Python on torch 2.13 to 2.15.

    There, a node that Python has seen frees its inputs by recursion, and some 5,000 levels overflow
    the stack of a thread. So the graph is cut into blocks, and a node with inputs in lower blocks
    holds those blocks, each a list of nodes, inputs first. When the node goes, the lists go. Python
    empties a list from its end, so each node of it goes before its inputs do, not by recursion.
    No cycle comes of it, as each node holds only nodes that come before it in its latest walk.
    """
    order = list(graph)
    blocks = [order[start : start + _BLOCK] for start in range(0, len(order), _BLOCK)]
    block_of = {node: block for block in blocks for node in block}
    for node, inputs in graph.items():
        lower = [block_of[fn] for fn in inputs if block_of[fn] is not block_of[node]]
        node.metadata["blocks below"] = lower  # type: ignore[index]  # the stub takes it for a method
