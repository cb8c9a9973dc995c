"""Let a deep autograd graph be read fast, and be freed without a crash."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch.autograd.graph import Node

SHALLOW = 1000
"""So many nodes are freed by recursion without harm."""

STAGE = 20


def make_safe_to_free(nodes: Iterable[Node]) -> None:
    """Let a graph be freed without recursion to its depth, which crashes Python on torch 2.13 to 2.15.

    There, a node that Python has seen frees its inputs by recursion, and some 5,000 levels overflow
    the stack of a thread. So every 20 levels above the leaves, a node's own ``metadata`` holds its
    inputs too. They then go after the node, by the hand of Python's containers, whose nesting
    Python limits to 50. A node never holds more than its inputs, which it keeps alive anyway.

    `nodes` has each node after its inputs. An input that is not among them counts as a leaf.
    """
    levels: dict[Node, int] = {}
    for node in nodes:
        inputs = [fn for fn, _ in node.next_functions if fn is not None]
        below = [levels.get(fn, 0) for fn in inputs]
        levels[node] = level = 1 + max(below) if below else 0
        stage = level // STAGE * STAGE
        held = [fn for fn, its in zip(inputs, below, strict=True) if STAGE <= its < stage]
        if held:
            node.metadata["inputs"] = held  # type: ignore[index]  # to the stub, a method


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Pause Python's garbage collector while many objects and no garbage are made.

    Python starts a collection after each 700 new objects, and finds nothing, since all of a graph
    is in use. With PyTorch's nodes among the objects this took up to 30 % of the time.

    Source: <https://docs.python.org/3.11/library/gc.html>

    >>> with garbage_collection_paused():
    ...     gc.isenabled()
    False
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
