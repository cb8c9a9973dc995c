"""Let a deep autograd graph be freed after Python has seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch.autograd.graph import Node

    from lessons_src.discovery import Found

STAGE = 20


def make_safe_to_free(order: Sequence[Found], made: Mapping[Node, Found]) -> None:
    """Let a graph be freed without recursion to its depth, which crashes Python on torch 2.13 to 2.15.

    There, a node that Python has seen frees its inputs by recursion, and some 5,000 levels overflow
    the stack of a thread. So every 20 levels above the leaves, a node's own ``metadata`` holds its
    inputs too. They then go after the node, by the hand of Python's containers, whose nesting
    Python limits to 50. A node never holds more than its inputs, which it keeps alive anyway.

    `order` has each node before its inputs, and `made` has what `order` has, by PyTorch's node.
    """
    fns = sorted(made, key=lambda fn: made[fn].index)
    levels = [0] * len(order)
    for node in reversed(order):
        level, lowest = 0, len(order)
        for child, _ in node.edges:
            if child is not None:
                below = levels[child.index]
                level = max(level, below + 1)
                if STAGE <= below < lowest:
                    lowest = below
        levels[node.index] = level
        stage = level // STAGE * STAGE
        if lowest < stage:
            children = [child for child, _ in node.edges if child is not None]
            held = [fns[child.index] for child in children if STAGE <= levels[child.index] < stage]
            fns[node.index].metadata["inputs"] = held  # type: ignore[index]  # to the stub, a method
