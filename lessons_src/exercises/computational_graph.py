"""The checks of lesson 6, The computational graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lessons_src.exercises.checking import Hint, ask, check, near
from lessons_src.traversal import walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from torch.autograd.graph import Node

Lines = tuple[str, tuple["Lines", ...]]
"""A node's name, or that of its leaf, and the same for each of its children, from left to right."""

A, B = ("a", ()), ("b", ())
PRODUCT = ("MmBackward0", (A,))
WANTED: Lines = ("MulBackward0", (PRODUCT, ("AddBackward0", (PRODUCT, B))))
NODES = 5
"""The tree of `product * (product + b)`, where the product is `a @ x`, and the number of its nodes."""


@check
def check_formula(answer: Callable[..., Any]) -> None:
    """Check the function whose result has the tree of the exercise.

    `answer` takes the matrices `a`, `b` and `x`, of two rows and two columns, and returns one.

    >>> check_formula(lambda a, b, x: a @ x + b)
    Not yet: the first line of your tree is AddBackward0, not MulBackward0. Which operation comes last?
    """
    a, b = (torch.randn(2, 2, requires_grad=True) for _ in range(2))
    result = _tensor(ask(answer, a, b, torch.randn(2, 2), shown="formula(a, b, x)"))
    if result.grad_fn is None:
        raise Hint("no recorded operation made your result, so it has no tree.")
    if (count := len(walk(result.grad_fn))) > 4 * NODES:
        raise Hint(f"your graph has {count} nodes, and the exercise's has {NODES}.")
    lines = _lines(result.grad_fn, {a: "a", b: "b"})
    if lines != WANTED:
        raise Hint(_difference(lines))
    if len(walk(result.grad_fn)) > NODES:
        raise Hint(
            "your tree has the right lines, but two of them that must have one location have two: "
            "you compute one thing twice. Give it a name, and use the name twice."
        )
    if torch.equal(result, ask(answer, a, b, torch.randn(2, 2))):
        raise Hint("your tree is right, but the result is the same for every `x`.")


def _lines(node: Node, names: dict[Tensor, str]) -> Lines:
    if hasattr(node, "variable"):
        return (names.get(node.variable, "a leaf that is neither a nor b"), ())
    return (_name(node), tuple(_lines(child, names) for child, _ in node.next_functions if child is not None))


def _name(node: Node) -> str:
    return type(node).__name__


def _difference(lines: Lines) -> str:
    if lines[0] != WANTED[0]:
        return f"the first line of your tree is {lines[0]}, not {WANTED[0]}. Which operation comes last?"
    if _sorted(lines) == _sorted(WANTED):
        return (
            "your tree has the right lines in another order. "
            "The first factor, or the first thing to be added, is the upper branch."
        )
    yours, wanted = sorted(_names(lines)), sorted(_names(WANTED))
    if yours == wanted:
        return "your tree has the right nodes, but they do not hang together as in the exercise's tree."
    return f"your tree has the nodes {', '.join(yours)}; it must have {', '.join(wanted)}."


def _names(lines: Lines) -> list[str]:
    return [lines[0], *(name for child in lines[1] for name in _names(child))]


def _sorted(lines: Lines) -> Lines:
    return (lines[0], tuple(sorted(map(_sorted, lines[1]))))


@check
def check_start(answer: Callable[..., Any]) -> None:
    """Check the function that makes starting values.

    `answer` takes a number `n` and returns a tensor of shape `(n,)`, which is 0.1 times `torch.randn(n)`.

    >>> check_start(lambda n: torch.randn(n) * 0.1)
    Not yet: start(3).requires_grad is False, so nothing that is computed from it will be recorded.
    """
    for n in (3, 5):
        torch.manual_seed(n)
        values = _tensor(ask(answer, n, shown=f"start({n})"))
        torch.manual_seed(n)
        expected = torch.randn(n) * 0.1
        if values.grad_fn is not None:
            raise Hint(
                f"start({n}) is no leaf: its grad_fn is {_name(values.grad_fn)}. "
                "The operation was recorded, and an optimiser refuses the result."
            )
        if not values.requires_grad:
            raise Hint(
                f"start({n}).requires_grad is False, so nothing that is computed from it will be recorded."
            )
        if values.shape != expected.shape:
            raise Hint(f"start({n}) must have the shape ({n},), not {tuple(values.shape)}.")
        if near(values, expected * 10):
            raise Hint("the numbers are those of torch.randn, and must be 0.1 times as large.")
        if not near(values, expected):
            raise Hint(f"start({n}) must hold the numbers of one torch.randn({n}), each times 0.1.")


@check
def check_reconnected(answer: Callable[..., Any]) -> None:
    """Check the repaired loss.

    `answer` takes a parameter `w` of shape `()`, and data `x` and `y` of shape `(n,)`; it returns the mean of
    the squared errors of `w * x`.

    >>> check_reconnected(lambda w, x, y: (w.detach() * x - y).square().mean())
    Not yet: your loss does not require a gradient: no path leads from it to anything.
    """
    for size in (4, 7):
        w = torch.randn((), requires_grad=True)
        x, y = torch.randn(size), torch.randn(size)
        loss = _tensor(ask(answer, w, x, y, shown="reconnected(w, x, y)"))
        if w.grad is not None:
            raise Hint("your function must only compute the loss. Leave backward() to the check.")
        if not loss.requires_grad:
            raise Hint("your loss does not require a gradient: no path leads from it to anything.")
        if loss.is_leaf:
            raise Hint(
                "your loss is a leaf. requires_grad = True makes it the end of a new graph; "
                "it finds no way back to w."
            )
        errors = w.detach() * x - y
        _check_gradient(w, loss, errors.square().mean(), 2 * (errors * x).mean())


def _check_gradient(w: Tensor, loss: Tensor, value: Tensor, gradient: Tensor) -> None:
    if loss.shape != ():
        raise Hint(f"your loss must be one number, of shape (), not of shape {tuple(loss.shape)}.")
    if not near(loss, value):
        raise Hint("the value is not that of the colleague's loss, which is the mean of the squared errors.")
    loss.backward()  # type: ignore[no-untyped-call]
    if w.grad is None:
        raise Hint("your loss has a graph, but w.grad is None after backward(): no path leads to w.")
    if torch.equal(w.grad, torch.zeros(())):
        raise Hint("a path leads to w, and what arrives is zero. Which operation sends zeros?")
    if not near(w.grad, gradient, 1e-3):
        raise Hint("a gradient arrives at w, but not all of it: one of the paths to w is still cut.")


@check
def check_table(answer: Callable[..., Any]) -> None:
    """Check the function that makes a Jacobian with `backward`.

    `answer` takes a function and a vector `p` of shape `(n,)`, which requires a gradient. The function's
    result has the shape `(m,)`, and the table has the shape `(m, n)`.

    >>> check_table(lambda function, p: function(p).sum().backward())
    Not yet: table(function, p) returns None; let it return your answer.
    """
    matrix = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for name, function, n in (
        ("M @ p", lambda p: matrix @ p, 3),
        ("p * p", lambda p: p * p, 2),
        ("p.cumprod(0)", lambda p: p.cumprod(0), 4),
        ("p[:1] * p[1:]", lambda p: p[:1] * p[1:], 4),
    ):
        p = torch.arange(2.0, 2 + n).requires_grad_()
        wanted = torch.autograd.functional.jacobian(function, p.detach())  # type: ignore[no-untyped-call]
        _check_rows(name, _table(answer, function, p), wanted)


def _table(answer: Callable[..., Any], function: Callable[[Tensor], Tensor], p: Tensor) -> Tensor:
    try:
        table = ask(answer, function, p, shown="table(function, p)")
    except Hint as hint:
        raise Hint(_cure(str(hint))) from hint
    if isinstance(table, list | tuple):
        raise Hint("table(function, p) returns a list. torch.stack makes a tensor of a list of rows.")
    return _tensor(table).detach()


def _cure(hint: str) -> str:
    if "second time" in hint:
        return (
            "the second backward fails: the first has freed what the nodes had saved. "
            "Ask it to retain the graph."
        )
    if "scalar outputs" in hint:
        return "q holds several numbers. Say with gradient= how much each of them weighs."
    return hint


def _check_rows(name: str, table: Tensor, wanted: Tensor) -> None:
    if table.shape == wanted.shape and near(table, wanted):
        return
    if table.shape == wanted.T.shape and near(table, wanted.T):
        raise Hint(f"for q = {name} rows and columns are exchanged: a row belongs to an entry of q.")
    if table.shape == wanted.shape[1:]:
        raise Hint(f"for q = {name} there is a single row. Walk once for each entry of q.")
    if table.shape != wanted.shape:
        raise Hint(
            f"for q = {name} the shape must be {tuple(wanted.shape)}, not {tuple(table.shape)}: "
            "a row for each entry of q, a column for each entry of p."
        )
    if near(table, wanted.cumsum(0)):
        raise Hint(f"for q = {name} each row has the rows above added to it: p.grad was not emptied.")
    if torch.equal(table, table[-1:].expand_as(table)):
        raise Hint(
            f"for q = {name} all rows are equal: they may be one tensor, p.grad, which backward() changes. "
            "Keep a clone of each."
        )
    row = next(
        i for i, (yours, right) in enumerate(zip(table, wanted, strict=True)) if not near(yours, right)
    )
    raise Hint(f"for q = {name} row {row} must be {_row(wanted[row])}, not {_row(table[row])}.")


def _row(row: Tensor) -> str:
    return "[" + ", ".join(f"{value:g}" for value in row.tolist()) + "]"


def _tensor(answer: object) -> Tensor:
    if not isinstance(answer, torch.Tensor):
        raise Hint(f"the function must return a tensor, not {answer!r}.")
    return answer
