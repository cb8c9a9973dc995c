"""The checks of lesson 8, Walk the graph."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

from lessons_src.exercises.checking import Hint, ask, check
from lessons_src.traversal import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor
    from torch.autograd.graph import Node

VISITS = 200_000
"""How often a function may ask the nodes of one graph for their children. The largest has 3,001 nodes."""

DEEP = 3_000


class _TooManyVisitsError(Exception):
    """A function asks for children again and again."""


class Standin:
    """Is in a node's place, and counts how often the nodes of its graph are asked for their children.

    Its type has the name of the node's type. What it does not have itself, the node is asked for.

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> type(standin((w * w).grad_fn)).__name__
    'MulBackward0'
    """

    def __init__(self, node: Node, graph: dict[Node, Standin], asked: list[None]) -> None:
        self._node, self._graph, self.asked = node, graph, asked
        graph[node] = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self._node)  # so that it is an instance of `torch.autograd.graph.Node`

    @property
    def next_functions(self) -> tuple[tuple[Standin | None, int], ...]:
        self.asked.append(None)
        if len(self.asked) > VISITS:
            raise _TooManyVisitsError
        return tuple(
            (None if child is None else self._of(child), number)
            for child, number in self._node.next_functions
        )

    def _of(self, node: Node) -> Standin:
        return self._graph.get(node) or _named(node)(node, self._graph, self.asked)


def _named(node: Node) -> type[Standin]:
    return type(type(node).__name__, (Standin,), {})


def standin(node: Node | None) -> Any:
    """Return what is in the place of a graph's first node; its children come as they are asked for."""
    assert node is not None
    return _named(node)(node, {}, [])


def _walked(call: str, answer: Callable[..., Any], *arguments: object) -> Any:
    try:
        return ask(answer, *arguments, shown=call)
    except Hint as hint:
        error = hint.__cause__
        if isinstance(error, _TooManyVisitsError):
            raise Hint(
                f"{call} asks for children more than {VISITS:,} times in a graph of {DEEP + 1:,} nodes at "
                "most: it walks along every path. Remember what you have seen."
            ) from error
        if isinstance(error, RecursionError):
            raise Hint(
                f"{call} ends in a RecursionError: it calls itself for each of {DEEP:,} operations in a row. "
                "Use a stack of your own."
            ) from error
        if isinstance(error, AttributeError) and "NoneType" in str(error):
            raise Hint(
                f"{call} asks None for something. Where an input requires no gradient, the child is None."
            ) from error
        raise


def _leaf(value: float = 3.0) -> Tensor:
    return torch.tensor(value, requires_grad=True)


def _doubled(times: int, start: Tensor) -> Tensor:
    for _ in range(times):
        start = start + start
    return start


def _chain(length: int, start: Tensor) -> Tensor:
    for _ in range(length):
        start = start + 1
    return start


def _graphs(deep: int) -> Iterator[tuple[str, Tensor]]:
    """Yield graphs with what they are called in a hint, the simplest first."""
    w, x = _leaf(), torch.ones(3)
    s = w * w
    yield "w * w", s
    yield "s + s + w, where s = w * w", s + s + w
    yield "w + w * w * w", w + w * w * w
    yield "a * b + b * c", _leaf(1.0) * (b := _leaf()) + b * _leaf(2.0)
    yield "((w * x - 1) ** 2).mean()", ((w * x - 1) ** 2).mean()
    yield "25 doublings", _doubled(25, w)
    yield f"{deep:,} additions", _chain(deep, w)


@check
def check_kinds(answer: Callable[..., Any]) -> None:
    """Check the function that counts the nodes of each kind.

    `answer` takes a node and returns a dictionary from names to numbers.

    >>> check_kinds(lambda root: {})
    Not yet: for w * w there is no AccumulateGrad in your dictionary.
    """
    for name, result in _graphs(DEEP):
        assert result.grad_fn is not None
        wanted: dict[str, int] = {}
        for node in walk(result.grad_fn):
            wanted[type(node).__name__] = wanted.get(type(node).__name__, 0) + 1
        root = standin(result.grad_fn)
        _compare_kinds(name, _walked("kinds(root)", answer, root), wanted)
        root.asked.clear()
        if _walked("kinds(root)", answer, root) != wanted:
            raise Hint(
                f"for {name} the first call is right and the second is not: something is "
                "remembered from call to call. A default such as seen=set() is made once."
            )


def _compare_kinds(name: str, kinds: object, wanted: dict[str, int]) -> None:
    if not isinstance(kinds, dict):
        raise Hint(f"kinds(root) must return a dictionary, not {kinds!r}.")
    if "NoneType" in kinds:
        raise Hint(f"for {name} your dictionary has NoneType: a child that is None is no node.")
    for kind in sorted(wanted.keys() | kinds.keys(), key=str):
        if kind not in kinds:
            raise Hint(f"for {name} there is no {kind} in your dictionary.")
        if kind not in wanted:
            raise Hint(f"for {name} your dictionary has {kind!r}, which is the name of no node's type.")
        if kinds[kind] != wanted[kind]:
            raise Hint(
                f"for {name} you count {kinds[kind]} of {kind}, and it must be {wanted[kind]}. "
                "A node that is met twice is one node."
            )


ALONE = "the node of a leaf of (3,)"


@check
def check_shapes(answer: Callable[..., Any]) -> None:
    """Check the function that makes a tree whose leaves show their shapes.

    `answer` takes a node or None, and returns `((name, memloc), children)` or None, as `traverse_graph` does.

    >>> from lessons_src import traverse_graph
    >>> check_shapes(traverse_graph)
    Not yet: for the node of a leaf of (3,) the line must be 'AccumulateGrad (3,)', not 'AccumulateGrad'.
    """
    w, v, matrix = _leaf(), torch.ones(3, requires_grad=True), torch.ones(2, 3, requires_grad=True)
    leaf = (v * 2).grad_fn.next_functions[0][0]  # type: ignore[union-attr]
    for name, root in (
        (ALONE, leaf),
        ("v * w, with shapes (3,) and ()", (v * w).grad_fn),
        ("w * w, with a single number w", (w * w).grad_fn),
        ("((matrix @ v) * 10).mean() + w", ((matrix @ v) * 10).mean().add(w).grad_fn),
    ):
        _compare_tree(name, _shapes(answer, root), root)
    try:
        nothing = answer(None)
    except Exception as error:
        raise Hint(NO_NODE) from error
    if nothing is not None:
        raise Hint(NO_NODE)


NO_NODE = "a leaf's grad_fn is None, and for None traverse_graph returns None. Keep its first two lines."


def _shapes(answer: Callable[..., Any], root: Node | None) -> Any:
    try:
        return _walked("with_shapes(grad_fn)", answer, root)
    except Hint as hint:
        if isinstance(hint.__cause__, RecursionError):
            raise Hint(
                "your function calls itself without end. It must hand on the child, not its own node."
            ) from hint
        if "no attribute 'variable'" in str(hint):
            raise Hint(
                "only the node of a leaf has a `variable`. hasattr says whether one is there."
            ) from hint
        raise


def _compare_tree(place: str, tree: object, node: Any) -> None:
    match tree:
        case ((str(name), str()), list(children)):
            pass
        case _:
            raise Hint(f"for {place} a tree must be ((name, memloc), children), not {tree!r}.")
    kind = type(node).__name__
    wanted = f"{kind} {tuple(node.variable.shape)}" if hasattr(node, "variable") else kind
    if name != wanted:
        raise Hint(f"for {place} the line must be {wanted!r}, not {name!r}.{_asked(name, place)}")
    if None in children:
        raise Hint(f"for {place} your tree has None among the children. A child that is None is left out.")
    below = [child for child, _ in node.next_functions if child is not None]
    if len(children) != len(below):
        raise Hint(f"for {place} your {kind} has {len(children)} children, and must have {len(below)}.")
    for child, following in zip(children, below, strict=True):
        _compare_tree(place, child, following)


def _asked(name: str, place: str) -> str:
    if name == "AccumulateGrad" and place != ALONE:  # the node of a single leaf was right
        return " Which function does yours call for a child?"
    return ""


@check
def check_depth(answer: Callable[..., Any]) -> None:
    """Check the function that measures the longest way down.

    `answer` takes a node and returns how many nodes are on the longest way from it to a leaf's node.

    >>> check_depth(lambda node: 7)
    Not yet: for the node of a leaf the depth is 1, not 7.
    """
    given = [(name, result.grad_fn) for name, result in _graphs(100)]
    first = given[0][1]
    assert first is not None
    for name, root in [("the node of a leaf", first.next_functions[0][0]), *given]:
        assert root is not None
        deepest, total, shortest = _measures(walk(root))
        depth = _walked("depth(node)", answer, standin(root))
        if depth == deepest:
            continue
        if depth == deepest - 1:
            raise Hint(
                f"for {name} you count the arrows, {depth}. Count the nodes: a leaf's node has depth 1."
            )
        if depth == shortest:
            raise Hint(
                f"for {name} your way is {depth} long, and there is a longer one through another child."
            )
        if depth == total:
            raise Hint(f"for {name} you add the children up. Only the deepest of them counts.")
        raise Hint(f"for {name} the depth is {deepest}, not {depth!r}.")


def _measures(graph: dict[Node, list[Node]]) -> tuple[int, int, int]:
    """Return the longest way, all visits of a walk along every path, and the shortest way."""
    deepest: dict[Node, int] = {}
    total: dict[Node, int] = {}
    shortest: dict[Node, int] = {}
    for node, inputs in graph.items():  # inputs come first
        deepest[node] = 1 + max((deepest[child] for child in inputs), default=0)
        total[node] = 1 + sum(total[child] for child in inputs)
        shortest[node] = 1 + min((shortest[child] for child in inputs), default=0)
    root = next(reversed(graph))
    return deepest[root], total[root], shortest[root]


@check
def check_lost(answer: Callable[..., Any]) -> None:
    """Check the function that names the parameters which a loss does not reach.

    `answer` takes a loss and a dictionary from names to tensors, and returns a list of names.

    >>> check_lost(lambda loss, names: list(names))
    Not yet: 'a' is in your list, and the loss reaches it.
    """
    for loss, names, wanted in _losses():
        found = _walked_loss(answer, loss, dict(names))
        if not isinstance(found, list | tuple | set) or not all(isinstance(name, str) for name in found):
            raise Hint(f"lost(loss, names) must return a list of names, not {found!r}.")
        for name in sorted(set(found) - wanted):
            raise Hint(_why_not(name, names))
        for name in sorted(wanted - set(found)):
            raise Hint(_why(name, loss, names))


def _walked_loss(answer: Callable[..., Any], loss: Tensor, names: dict[str, Tensor]) -> Any:
    try:
        return _walked("lost(loss, names)", answer, loss, names)
    except Hint as hint:
        if loss.grad_fn is None and hint.__cause__ is not None:
            raise Hint(
                "the graph of a loss may be cut altogether. "
                "Then loss.grad_fn is None, and every parameter is lost."
            ) from hint
        if "Boolean value of Tensor" in str(hint.__cause__):
            raise Hint("== and in compare numbers, entry by entry. `is` says which tensor it is.") from hint
        raise


def _why_not(name: str, names: dict[str, Tensor]) -> str:
    if name not in names:
        return f"{name!r} is in your list, and is not one of the names."
    if not names[name].requires_grad:
        return f"{name!r} is in your list, and is no parameter: it requires no gradient."
    if not names[name].is_leaf:
        return f"{name!r} is in your list, and is no parameter: it is a result."
    return f"{name!r} is in your list, and the loss reaches it."


def _why(name: str, loss: Tensor, names: dict[str, Tensor]) -> str:
    if loss.grad_fn is None:
        return f"{name!r} must be in your list: this loss has no grad_fn, so it reaches nothing."
    if names[name].grad is not None:
        return f"{name!r} must be in your list: its .grad is from an earlier walk, not from this loss."
    if any(torch.equal(names[name], tensor) for other, tensor in names.items() if other != name):
        return f"{name!r} must be in your list. Another tensor has the same numbers: compare with `is`."
    return f"{name!r} must be in your list: no path leads to it."


def _losses() -> Iterator[tuple[Tensor, dict[str, Tensor], set[str]]]:
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])
    a, b, w = _leaf(0.5), _leaf(0.25), torch.tensor([1.0, -1.0], requires_grad=True)
    out = a + b * x
    names = {"a": a, "b": b, "w": w, "x": x, "y": y, "out": out}
    yield (out * w - y).square().mean(), names, set()
    yield (out.detach() * w - y).square().mean(), names, {"a", "b"}
    yield torch.tensor((out * w).sum().item()), names, {"a", "b", "w"}
    twin = w.detach().clone().requires_grad_()
    yield (twin * x).sum(), {"w": w, "twin": twin}, {"w"}
    first, last = _leaf(0.5), _leaf(0.25)
    yield _chain(DEEP, first), {"first": first, "last": last}, {"last"}


@check
def check_way(answer: Callable[..., Any]) -> None:
    """Check the function that finds a path.

    `answer` takes a node and a leaf, and returns the nodes on one path between them as a list.

    >>> check_way(lambda root, leaf: [root])
    Not yet: for w * w your last node is MulBackward0, and must be the AccumulateGrad of the leaf.
    """
    for name, result in _graphs(DEEP):
        assert result.grad_fn is not None
        nodes = walk(result.grad_fn)
        for leaf in [node.variable for node in nodes if hasattr(node, "variable")]:
            _compare_way(name, _find_way(answer, result, leaf), leaf)
        if found := _find_way(answer, result, _leaf()):
            raise Hint(
                f"for {name} you find a path of {len(found)} nodes to a leaf that is not there, "
                "and has the number of one that is. Compare leaves with `is`, and return [] where no path is."
            )


def _find_way(answer: Callable[..., Any], result: Tensor, leaf: Tensor) -> Any:
    root = standin(result.grad_fn)
    try:
        found = _walked("way(root, leaf)", answer, root, leaf)
    except Hint as hint:
        if "returns None" in str(hint):
            raise Hint(
                "way(root, leaf) returns None. It must return a list, and [] where no path is."
            ) from hint
        raise
    if not isinstance(found, list):
        raise Hint(f"way(root, leaf) must return a list, not {found!r}.")
    if not all(isinstance(node, Standin) for node in found):
        raise Hint(
            "way(root, leaf) must return nodes, and your list holds something else: names, or tensors."
        )
    root.asked.clear()
    if found and found[0] is not root:
        if found[-1] is root:
            raise Hint("your path begins at the leaf. Turn the list round.")
        raise Hint("your path must begin with root itself.")
    return found


def _compare_way(name: str, found: list[Any], leaf: Tensor) -> None:
    if not found:
        raise Hint(f"for {name} you find no path, and there is one.")
    if getattr(found[-1], "variable", leaf) is not leaf:
        raise Hint(f"for {name} your path ends at another leaf than the one that is asked for.")
    if not hasattr(found[-1], "variable"):
        raise Hint(
            f"for {name} your last node is {type(found[-1]).__name__}, "
            "and must be the AccumulateGrad of the leaf."
        )
    for node, after in pairwise(found):
        if not any(child is after for child, _ in node.next_functions):
            raise Hint(
                f"for {name} {type(after).__name__} comes after {type(node).__name__} in your list, "
                "and is not its child. A list of all that was visited is no path."
            )
