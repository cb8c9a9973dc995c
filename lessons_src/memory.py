"""Read an autograd graph fast, and free a deep one without a crash."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torch.autograd.graph import Node

SHALLOW = 2000
"""A graph of this many nodes can be freed by recursion."""

STAGE = 20


def make_safe_to_free(graph: Iterable[tuple[Node, Sequence[Node]]]) -> None:
    """Prevent the deep recursion that crashes Python when torch 2.13 to 2.15 frees a deep graph.

    A node that has a Python object frees its inputs by recursion: on 2.13, 45,000 levels overflow a
    stack of 8 MB, and 5,500 one of 1 MB. So every 20 levels above the leaves, a node's ``metadata``
    refers to its inputs too. They are then freed after the node, as the contents of a Python
    container, and Python limits that recursion to 50 levels. A node keeps nothing alive but its
    inputs, as before.

    `graph` has each node with its inputs, after the inputs themselves. An input that is not a node of
    it counts as a leaf.
    """
    levels: dict[Node, int] = {}
    for node, inputs in graph:
        level = 0
        for fn in inputs:
            level = max(level, levels.get(fn, 0) + 1)
        levels[node] = level
        stage = level // STAGE * STAGE
        if held := [fn for fn in inputs if STAGE <= levels.get(fn, 0) < stage]:
            node.metadata[__name__] = held  # type: ignore[index]  # a method in the stub


def hold_inputs(nodes: Iterable[Node]) -> None:
    """Do the same for nodes that were met on their own, without the graph below them.

    Whoever looks at one node in each step of a loop meets, in the end, all nodes of a deep graph.
    """
    for node in nodes:
        inputs = [fn for fn, _ in node.next_functions if fn is not None]
        node.metadata[__name__] = inputs  # type: ignore[index]  # a method in the stub


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Pause Python's garbage collector while many objects and no garbage are made.

    Python starts a collection after some hundred new objects, and finds no garbage, because all of a
    graph is in use. These collections took up to 30 % of the time to read a graph.

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
