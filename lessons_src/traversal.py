"""Walk the autograd graph: data in, data out, no text.

The result of an operation has a ``grad_fn``, the graph node of that operation. A node has
``next_functions``, the nodes of its inputs. A leaf that requires a gradient has a node called
``AccumulateGrad``, which adds to the leaf's ``.grad``.
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
    node with two parents is traversed once, and both parents hold the same tuple. So time and
    memory grow with the number of nodes and edges, not with the number of paths.

    `memloc` identifies the node: no two nodes of one traversal share it. From torch 2.13 on, another
    traversal of the same graph gives it again as long as the graph exists. It is the end of the
    address of the node's Python object, ``hex(id(grad_fn))[-5:]``, with more digits if two nodes
    have the same five. Python reuses the address of a freed object.

    The graph may be deep. ``backward`` may have freed it: this frees the tensors that the nodes
    saved, not the nodes. The result keeps no node alive.

    Source: <https://docs.pytorch.org/docs/stable/notes/autograd.html>

    Args:
        grad_fn: The ``grad_fn`` of a tensor. If it is ``None``, as for a leaf, so is the result.

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
    for node, inputs in graph.items():  # inputs come first, so their trees exist
        trees[node] = ((type(node).__name__, memlocs[node]), [trees[fn] for fn in inputs])
    return trees[grad_fn]


def walk(grad_fn: Node) -> dict[Node, list[Node]]:
    """Map `grad_fn` and each node below it to its inputs; inputs come before what uses them.

    The walk does not recurse: a chain of 1,000 operations is deeper than Python's recursion limit.
    The keys are the nodes, not their ids: before torch 2.13, a node's Python object is freed during
    the walk unless something refers to it, and another node may then get its id.

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
        elif node not in graph:  # on the stack again, after its inputs
            graph[node] = opened[node]
    if len(graph) > SHALLOW:
        make_safe_to_free(graph.items())
    return graph


def _check_node(grad_fn: object) -> None:
    if isinstance(grad_fn, torch.Tensor):
        raise TypeError("grad_fn must be a node of the graph, not a tensor. Pass t.grad_fn.")
    if not isinstance(getattr(grad_fn, "next_functions", None), tuple):
        raise TypeError(f"grad_fn must be the grad_fn of a tensor, not {type(grad_fn).__name__}.")


def _memory_locations(nodes: Collection[Node]) -> dict[Node, str]:
    addresses = {node: hex(id(node)) for node in nodes}
    digits = 5
    while len({address[-digits:] for address in addresses.values()}) < len(addresses):
        digits += 1
    return {node: address[-digits:] for node, address in addresses.items()}
