"""The checks of lesson 6: the right answers, and a hint of its own for each common mistake."""

# ruff: noqa: ARG005  # an answer may ignore what it is given

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from lessons_src.exercises import check_formula, check_reconnected, check_start, check_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def said(capsys: pytest.CaptureFixture[str], check: Callable[..., None], answer: Any) -> str:
    check(answer)
    return capsys.readouterr().out.removeprefix("Not yet: ").rstrip("\n")


def once(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    product = a @ x
    return product * (product + b)


def other_side(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    product = x @ a
    return product * (product + b)


def swapped(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    product = a @ x
    return product * (b + product)


def hanging_otherwise(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    product = a @ x
    return (product + product) * b


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            lambda a, b, x: (a @ x) * (a @ x + b),
            (
                "your tree has the right lines, but two of them that must have one location have two: "
                "you compute one thing twice. Give it a name, and use the name twice."
            ),
        ),
        (
            lambda a, b, x: once(a, b, torch.ones(2, 2)),
            "your tree is right, but the result is the same for every `x`.",
        ),
        (
            lambda a, b, x: a @ x + b,
            "the first line of your tree is AddBackward0, not MulBackward0. Which operation comes last?",
        ),
        (
            swapped,
            (
                "your tree has the right lines in another order. "
                "The first factor, or the first thing to be added, is the upper branch."
            ),
        ),
        (
            hanging_otherwise,
            "your tree has the right nodes, but they do not hang together as in the exercise's tree.",
        ),
        (
            lambda a, b, x: (a * x) * (b + x),
            (
                "your tree has the nodes AddBackward0, MulBackward0, MulBackward0, a, b; "
                "it must have AddBackward0, MmBackward0, MmBackward0, MulBackward0, a, a, b."
            ),
        ),
        (
            lambda a, b, x: a * b.detach().requires_grad_(),
            (
                "your tree has the nodes MulBackward0, a, a leaf that is neither a nor b; "
                "it must have AddBackward0, MmBackward0, MmBackward0, MulBackward0, a, a, b."
            ),
        ),
        (lambda a, b, x: x @ x, "no recorded operation made your result, so it has no tree."),
        (lambda a, b, x: "a @ x", "the function must return a tensor, not 'a @ x'."),
        (lambda a, b, x: ..., "put your answer in place of `...`, and run this block again."),
        (lambda a, b, x: None, "formula(a, b, x) returns None; let it return your answer."),
        (
            lambda a, b: a @ b,
            "formula(a, b, x) raises TypeError: <lambda>() takes 2 positional arguments but 3 were given.",
        ),
        ("a @ x", "the answer must be a function, not 'a @ x'. Give its name without brackets."),
    ],
)
def test_each_mistake_in_formula_gets_its_own_hint(
    capsys: pytest.CaptureFixture[str], answer: Any, hint: str
) -> None:
    assert said(capsys, check_formula, answer) == hint


def test_formula_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    for answer in (once, other_side):
        assert said(capsys, check_formula, answer) == "Right."


def in_place(n: int) -> Tensor:
    values = torch.randn(n, requires_grad=True)
    with torch.no_grad():
        values *= 0.1
    return values


def refused(n: int) -> Tensor:
    values = torch.randn(n, requires_grad=True)
    values *= 0.1
    return values


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            lambda n: torch.randn(n, requires_grad=True) * 0.1,
            (
                "start(3) is no leaf: its grad_fn is MulBackward0. "
                "The operation was recorded, and an optimiser refuses the result."
            ),
        ),
        (
            lambda n: (torch.randn(n, requires_grad=True) * 0.1).detach(),
            "start(3).requires_grad is False, so nothing that is computed from it will be recorded.",
        ),
        (
            refused,
            (
                "start(3) raises RuntimeError: "
                "a leaf Variable that requires grad is being used in an in-place operation."
            ),
        ),
        (
            lambda n: torch.randn(n, requires_grad=True),
            "the numbers are those of torch.randn, and must be 0.1 times as large.",
        ),
        (
            lambda n: torch.zeros(n, requires_grad=True),
            "start(3) must hold the numbers of one torch.randn(3), each times 0.1.",
        ),
        (
            lambda n: (torch.randn(3) * 0.1).requires_grad_(),
            "start(5) must have the shape (5,), not (3,).",
        ),
        (lambda n: [0.1] * n, "the function must return a tensor, not [0.1, 0.1, 0.1]."),
        (
            torch.zeros(3),
            "the answer must be a function, not tensor([0., 0., 0.]). Give its name without brackets.",
        ),
    ],
)
def test_each_mistake_in_start_gets_its_own_hint(
    capsys: pytest.CaptureFixture[str], answer: Any, hint: str
) -> None:
    assert said(capsys, check_start, answer) == hint


def test_start_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    for answer in (
        lambda n: (torch.randn(n) * 0.1).requires_grad_(),
        lambda n: torch.nn.Parameter(torch.randn(n) * 0.1),
        in_place,
    ):
        assert said(capsys, check_start, answer) == "Right."


def colleague(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    loss = torch.tensor([(w * u - v).item() for u, v in zip(x, y, strict=True)]).square().mean()
    loss.requires_grad = True
    return loss


def walked(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    loss = (w * x - y).square().mean()
    loss.backward()  # type: ignore[no-untyped-call]
    return loss


def rounded(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    errors = w * x - y
    return (errors.detach() + errors.round() - errors.round().detach()).square().mean()


def no_message(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    raise ValueError


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            colleague,
            (
                "your loss is a leaf. requires_grad = True makes it the end of a new graph; "
                "it finds no way back to w."
            ),
        ),
        (
            lambda w, x, y: (w.item() * x - y).square().mean(),
            "your loss does not require a gradient: no path leads from it to anything.",
        ),
        (
            lambda w, x, y: (w.detach().clone().requires_grad_() * x - y).square().mean(),
            "your loss has a graph, but w.grad is None after backward(): no path leads to w.",
        ),
        (rounded, "a path leads to w, and what arrives is zero. Which operation sends zeros?"),
        (
            lambda w, x, y: ((w * x - y) * (w * x - y).detach()).mean(),
            "a gradient arrives at w, but not all of it: one of the paths to w is still cut.",
        ),
        (
            lambda w, x, y: (w * x - y).abs().mean(),
            "the value is not that of the colleague's loss, which is the mean of the squared errors.",
        ),
        (
            lambda w, x, y: (w * x - y).square(),
            "your loss must be one number, of shape (), not of shape (4,).",
        ),
        (walked, "your function must only compute the loss. Leave backward() to the check."),
        (no_message, "reconnected(w, x, y) raises ValueError: no message."),
        (lambda w, x, y: 1.0, "the function must return a tensor, not 1.0."),
        (None, "the answer must be a function, not None. Give its name without brackets."),
    ],
)
def test_each_mistake_in_reconnected_gets_its_own_hint(
    capsys: pytest.CaptureFixture[str], answer: Any, hint: str
) -> None:
    assert said(capsys, check_reconnected, answer) == hint


def test_reconnected_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    for answer in (
        lambda w, x, y: (w * x - y).square().mean(),
        lambda w, x, y: torch.nn.functional.mse_loss(w * x, y),
    ):
        assert said(capsys, check_reconnected, answer) == "Right."


def table_by(
    *, empty: bool = True, retain: bool = True, clone: bool = True
) -> Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]:
    def table(function: Callable[[Tensor], Tensor], p: Tensor) -> Tensor:
        q, rows = function(p), []
        for v in torch.eye(len(q)):
            if p.grad is not None and empty:
                p.grad.zero_()
            q.backward(gradient=v, retain_graph=retain)  # type: ignore[no-untyped-call]
            assert p.grad is not None
            rows.append(p.grad.clone() if clone else p.grad)
        return torch.stack(rows)

    return table


def anew(function: Callable[[Tensor], Tensor], p: Tensor) -> Tensor:
    rows: list[Any] = []
    for v in torch.eye(len(function(p))):
        p.grad = None
        function(p).backward(gradient=v)  # type: ignore[no-untyped-call]
        rows.append(p.grad)
    return torch.stack(rows)


def one_row(function: Callable[[Tensor], Tensor], p: Tensor) -> Tensor | None:
    q = function(p)
    q.backward(gradient=torch.ones_like(q))  # type: ignore[no-untyped-call]
    return p.grad


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            table_by(retain=False),
            (
                "the second backward fails: the first has freed what the nodes had saved. "
                "Ask it to retain the graph."
            ),
        ),
        (
            table_by(empty=False),
            "for q = M @ p each row has the rows above added to it: p.grad was not emptied.",
        ),
        (
            table_by(clone=False),
            (
                "for q = M @ p all rows are equal: they may be one tensor, p.grad, which backward() changes. "
                "Keep a clone of each."
            ),
        ),
        (
            lambda function, p: table_by()(function, p).T,
            "for q = M @ p rows and columns are exchanged: a row belongs to an entry of q.",
        ),
        (one_row, "for q = M @ p there is a single row. Walk once for each entry of q."),
        (
            lambda function, p: function(p).backward(),
            "q holds several numbers. Say with gradient= how much each of them weighs.",
        ),
        (
            lambda function, p: torch.eye(len(p)),
            (
                "for q = M @ p the shape must be (2, 3), not (3, 3): "
                "a row for each entry of q, a column for each entry of p."
            ),
        ),
        (
            lambda function, p: table_by()(function, p).cummin(1).values,
            "for q = M @ p row 0 must be [1, 2, 3], not [1, 1, 1].",
        ),
        (
            lambda function, p: list(anew(function, p)),
            "table(function, p) returns a list. torch.stack makes a tensor of a list of rows.",
        ),
        (lambda function, p: p.grad, "table(function, p) returns None; let it return your answer."),
        (lambda function, p: 2, "the function must return a tensor, not 2."),
        (3, "the answer must be a function, not 3. Give its name without brackets."),
    ],
)
def test_each_mistake_in_table_gets_its_own_hint(
    capsys: pytest.CaptureFixture[str], answer: Any, hint: str
) -> None:
    assert said(capsys, check_table, answer) == hint


def test_table_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    for answer in (table_by(), anew):
        assert said(capsys, check_table, answer) == "Right."
