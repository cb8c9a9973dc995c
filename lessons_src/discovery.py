"""Find all nodes of an autograd graph, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from lessons_src.freeing import SHALLOW, make_safe_to_free

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from torch.autograd.graph import Node

Edges: TypeAlias = "tuple[tuple[Node | None, int], ...]"


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

    Call it from a function that runs `without_garbage_collection`, or the collector looks through
    all nodes made so far, over and over.

    No recursion: a chain of 100,000 operations is deeper than Python's stack. The nodes are the
    keys, not their ids: before torch 2.13 a node's Python object, unless something holds it, dies
    during the walk, and the next one may get its id.

    >>> from types import SimpleNamespace
    >>> import torch
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> order, _ = discover([(w * w).exp().grad_fn], lambda fn: SimpleNamespace(
    ...     name=fn.name(), edges=(), index=0, uses=0, cut=0))
    >>> [(node.name, node.uses) for node in order]
    [('ExpBackward0', 0), ('MulBackward0', 1), ('torch::autograd::AccumulateGrad', 2)]
    """
    made, starts, is_whole = _visit(roots, make, max_nodes)
    order = _sort(starts)
    if len(order) > SHALLOW or not is_whole:
        fns = sorted(made, key=lambda fn: made[fn].index)
        inputs = (
            (fns[node.index], [fns[child.index] for child, _ in node.edges if child])
            for node in reversed(order)
        )
        make_safe_to_free(inputs)
    return order, made


def _visit(
    roots: Iterable[Node], make: Callable[[Node], AnyFound], max_nodes: float
) -> tuple[dict[Node, AnyFound], list[AnyFound], bool]:
    """Return what was made of each node and of the roots, and whether that is the whole graph."""
    made = {fn: make(fn) for fn in roots}
    fns, visited = list(made), list(made.values())
    starts = visited.copy()
    is_whole = True
    for fn, node in zip(fns, visited, strict=False):  # which grow meanwhile
        inputs = fn.next_functions
        if not inputs:
            continue
        if len(fns) + len(inputs) > max_nodes and _are_too_many(inputs, made, max_nodes):
            node.cut = sum(child_fn is not None for child_fn, _ in inputs)
            is_whole = False
            continue
        edges: list[tuple[AnyFound | None, int]] = []
        for child_fn, output_nr in inputs:
            child: AnyFound | None = None
            if child_fn in made:
                child = made[child_fn]
                child.uses += 1
            elif child_fn is not None:
                made[child_fn] = child = make(child_fn)
                child.uses = 1
                fns.append(child_fn)
                visited.append(child)
            edges.append((child, output_nr))
        node.edges = tuple(edges)
    return made, starts, is_whole


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
