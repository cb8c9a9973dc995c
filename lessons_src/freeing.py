"""Let a deep autograd graph be freed after Python has seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch.autograd.graph import Node

SHALLOW = 1000
"""So many nodes are freed by recursion without harm."""

STAGE = 20


def make_safe_to_free(graph: Iterable[tuple[Node, Sequence[Node]]]) -> None:
    """Let a graph be freed without recursion to its depth, which crashes Python on torch 2.13 to 2.15.

    There, a node that Python has seen frees its inputs by recursion, and some 5,000 levels overflow
    the stack of a thread. So every 20 levels above the leaves, a node's own ``metadata`` holds its
    inputs too. They then go after the node, by the hand of Python's containers, whose nesting
    Python limits to 50. A node never holds more than its inputs, which it keeps alive anyway.

    `graph` gives each node after its inputs, with those inputs.
    """
    levels: dict[Node, int] = {}
    for node, inputs in graph:
        below = [levels.get(fn, 0) for fn in inputs]  # 0 for what was not walked
        levels[node] = level = 1 + max(below) if below else 0
        stage = level // STAGE * STAGE
        held = [fn for fn, its in zip(inputs, below, strict=True) if STAGE <= its < stage]
        if held:
            node.metadata["inputs"] = held  # type: ignore[index]  # to the stub, a method
