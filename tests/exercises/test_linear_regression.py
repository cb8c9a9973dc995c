"""The checks of lesson 5: a loop that is right, and each mistake with its own hint."""

from __future__ import annotations

import math
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lessons_src import fit_line
from lessons_src.exercises import check_my_fit, check_updates_until, check_weighted_fit, checking
from lessons_src.exercises import linear_regression as hints

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def said(check: Callable[[Any], None], answer: object, capsys: pytest.CaptureFixture[str]) -> str:
    check(answer)
    return capsys.readouterr().out.removesuffix("\n")


def squared_error(residuals: Tensor) -> Tensor:
    return (residuals**2).mean()


def fit(
    x: Tensor,
    y: Tensor,
    lr: float,
    steps: int,
    *,
    measure: Callable[[Tensor], Tensor] = squared_error,
    cleared: str = "ab",
    together: bool = False,
    start: Callable[[int], Tensor] = torch.zeros,
) -> tuple[Tensor, Tensor]:
    a: Any = start(1).requires_grad_()
    b: Any = start(1).requires_grad_()
    for _ in range(steps):
        measure(a + b * x - y).backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            a -= lr * a.grad
            b -= lr * (a if together else b).grad
            for name, parameter in (("a", a), ("b", b)):
                if name in cleared:
                    parameter.grad.zero_()
    return a, b


def cleared_too_early(x: Tensor, y: Tensor, lr: float, steps: int) -> tuple[Tensor, Tensor]:
    a: Any = torch.zeros(1, requires_grad=True)
    b: Any = torch.zeros(1, requires_grad=True)
    for _ in range(steps):
        ((a + b * x - y) ** 2).mean().backward()
        with torch.no_grad():
            a.grad.zero_()
            b.grad.zero_()
            a -= lr * a.grad
            b -= lr * b.grad
    return a, b


def squared_mean(residuals: Tensor) -> Tensor:
    return residuals.mean() ** 2


def by_step(
    clear: str = "a.grad.zero_(); b.grad.zero_()",
    *,
    update: str = "a -= lr * a.grad; b -= lr * b.grad",
    once: str = "pass",
    anew: str = "loss = squares(a, b).mean()",
    retain: str = "",
) -> Any:
    """Return the lesson's loop with these parts."""
    names: dict[str, Any] = {"torch": torch}
    exec(
        f"""def my_fit(x, y, lr, steps):
            a, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
            sgd = torch.optim.SGD([a, b], lr=lr)
            squares = lambda a, b: (a + b * x - y) ** 2
            {once}
            for step in range(steps):
                {anew}
                loss.backward({retain})
                with torch.no_grad():
                    {update}
                    {clear}
            return a, b""",
        names,
    )
    return names["my_fit"]


def by_fit_line(x: Tensor, y: Tensor, lr: float, steps: int) -> tuple[float, float]:
    line = fit_line(x, y, lr=lr, steps=steps, a=0, b=0)
    return line.a, line.b


SLIPS: list[tuple[Callable[..., Any], str]] = [
    (lambda x, y, lr, steps: fit(x, y, lr, steps)[::-1], hints.SWAPPED),
    (cleared_too_early, hints.STILL),
    (by_step("a.zero_(); b.zero_()"), hints.STILL),
    (by_step("a.zero_(); b.grad.zero_()"), hints.STILL),
    (
        by_step(anew="a.data.zero_(); b.data.zero_(); loss = squares(a, b).mean()", clear="pass"),
        hints.FIRST_AGAIN,
    ),
    (by_step(once="loss = squares(a, b).mean()", anew="pass", retain="retain_graph=True"), hints.FIRST_AGAIN),
    (by_step(once="loss = squares(a, b).mean()", anew="pass"), checking.AGAIN),
    (by_step(once="errors = squares(a, b)", anew="loss = errors.mean()"), checking.AGAIN),
    (by_fit_line, hints.FIT_LINE),
    (lambda *given: (by_fit_line(*given), fit(*given))[0], hints.FIT_LINE),
    (hints._descend, hints.BY_FORMULA),
    (by_step(update="sgd.step()"), checking._OPTIMISER),
    (lambda x, y, lr, steps: fit(x, y, -lr, steps), hints.UPHILL),
    (partial(fit, cleared=""), hints.NO_CLEAR),
    (partial(fit, measure=lambda r: (r**2).sum()), hints.SUM),
    (lambda x, y, lr, _: fit(x, y, lr, 1), hints.ONE_STEP),
    (lambda x, y, lr, steps: fit(x, y, lr, steps - 1), hints.TOO_FEW),
    (lambda x, y, lr, steps: fit(x, y, lr, steps + 1), hints.TOO_MANY),
    (lambda x, y, _, steps: fit(x, y, 0.01, steps), hints.OWN_LR),
    (lambda x, y, lr, _: fit(x, y, lr, 100), hints.OWN_STEPS),
    (partial(fit, start=torch.randn), hints.RANDOM),
    (lambda _, __, lr, steps: fit(*hints.POINTS, lr, steps), hints.OTHER_DATA),
    (lambda *_: 2.0, hints.PAIR),
    (lambda *_: torch.tensor(2.0), hints.PAIR),
    (lambda *_: torch.zeros(3), hints.PAIR),
    (lambda *_: (torch.zeros(2), 1), "the answer must be one number, not a tensor of shape (2,)."),
    (lambda *_: ("1", "2"), "the answer must be one number, not '1'."),
    (3, "the answer must be a function, not 3. Give its name without brackets."),  # type: ignore[list-item]
    (
        lambda x, *_: (x.sum().item(), 2.0),
        (
            "it arrives at a=9.0000, b=2.0000, which is the wrong place. Begin at a = 0 and b = 0, make one "
            "step, then two, and compare each with the loop of the lesson on the same points."
        ),
    ),
]


@pytest.mark.parametrize(("answer", "hint"), SLIPS, ids=count())
def test_a_slip_in_the_loop_gets_its_own_hint(
    answer: object, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(check_my_fit, answer, capsys) == f"Not yet: {hint}"


def test_a_loop_that_forgets_to_differentiate_is_told_which_line_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def no_backward(x: Tensor, *_: object) -> Any:
        a: Any = torch.zeros(1, requires_grad=True)
        return 0.1 * a.grad * x

    assert said(check_my_fit, no_backward, capsys) == (
        "Not yet: no_backward(tensor([0., 2., 3., 4.]), tensor([1., 2., 8., 7.]), 0.03, 7) raises TypeError: "
        f"unsupported operand type(s) for *: 'float' and 'NoneType'. {checking.NO_GRAD_YET}"
    )


def recorded(x: Tensor, y: Tensor, lr: float, _: int) -> None:
    a: Any = torch.zeros(1, requires_grad=True)
    ((a + x - y) ** 2).mean().backward()
    a -= lr * a.grad


def rebound(x: Tensor, y: Tensor, lr: float, _: int) -> None:
    a: Any = torch.zeros(1, requires_grad=True)
    ((a + x - y) ** 2).mean().backward()
    with torch.no_grad():
        a = a - lr * a.grad  # the mistake
        a.grad.zero_()


def rebound_without_clear(x: Tensor, y: Tensor, lr: float, steps: int) -> None:
    a: Any = torch.zeros(1, requires_grad=True)
    for _ in range(steps):
        ((a + x - y) ** 2).mean().backward()
        with torch.no_grad():
            a = a - lr * a.grad  # the mistake


def unmarked(x: Tensor, y: Tensor, lr: float, _: int) -> None:
    a: Any = torch.zeros(1)  # the mistake
    ((a + x - y) ** 2).mean().backward()


def half_marked(x: Tensor, y: Tensor, lr: float, _: int) -> None:
    a: Any = torch.zeros(1, requires_grad=True)
    b: Any = torch.zeros(1)  # the mistake
    ((a + b * x - y) ** 2).mean().backward()
    with torch.no_grad():
        b -= lr * b.grad


def measured_in_no_grad(x: Tensor, y: Tensor, lr: float, _: int) -> None:
    a: Any = torch.zeros(1, requires_grad=True)
    with torch.no_grad():
        loss = ((a + x - y) ** 2).mean()  # the mistake
    loss.backward()


@pytest.mark.parametrize(
    ("answer", "error", "hint"),
    [
        (unmarked, "RuntimeError: element 0", checking.NO_WAY_BACK),
        (half_marked, "TypeError: unsupported", checking.NO_GRAD_YET),
        (measured_in_no_grad, "RuntimeError: element 0", checking.NO_WAY_BACK),
        (recorded, "RuntimeError: a leaf Variable", checking.IN_PLACE),
        (by_step("a.grad.zero()"), "AttributeError: 'Tensor' object", checking._IN_STEP["attribute 'zero'"]),
        (
            by_step("a.zero_grad()"),
            "AttributeError: 'Tensor' object",
            checking._IN_STEP["attribute 'zero_grad'"],
        ),
        (rebound, "AttributeError: 'NoneType'", checking.NO_GRAD_YET),
        (
            rebound_without_clear,
            "RuntimeError: element 0 of tensors does not require grad",
            checking.NO_WAY_BACK,
        ),
        (lambda *_: 1 // 0, "ZeroDivisionError: ", ""),
    ],
)
def test_an_update_that_raises_is_told_how_to_write_it(
    answer: object, error: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = said(check_my_fit, answer, capsys)
    assert f" raises {error}" in told
    assert told.endswith(hint)


BY_GRAD = "grads = torch.autograd.grad(loss, [a, b]); a -= lr * grads[0]; b -= lr * grads[1]"


@pytest.mark.parametrize(
    "answer",
    [
        fit,
        lambda *arguments: torch.cat(fit(*arguments)),
        lambda *arguments: torch.stack(fit(*arguments)),
        lambda *arguments: [parameter.item() for parameter in fit(*arguments)],
        by_step(anew="loss = squares(a, b).mean(); a.grad = b.grad = None", clear="pass"),
        by_step("pass", update=BY_GRAD, retain="retain_graph=True"),
    ],
    ids=["tensors", "one tensor", "a column", "numbers", "cleared first", "by `grad`"],
)
def test_a_loop_that_is_right(answer: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(check_my_fit, answer, capsys) == "Right."


@pytest.mark.parametrize(
    ("bugs", "hint"),
    [
        ({"measure": squared_mean, "together": True, "cleared": "a"}, hints.TOGETHER),
        ({"measure": squared_mean, "together": True}, hints.TOGETHER),
        ({"measure": squared_mean, "cleared": "a"}, hints.SQUARED_MEAN),
        ({"measure": squared_mean}, hints.SQUARED_MEAN),
        ({"together": True, "cleared": "a"}, hints.TOGETHER),
        ({"together": True}, hints.TOGETHER),
        ({"cleared": "a"}, hints.ONE_CLEAR),
    ],
)
def test_each_bug_that_is_left_has_a_symptom(
    bugs: dict[str, Any], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(check_my_fit, partial(fit, **bugs), capsys) == f"Not yet: {hint}"


def weighted(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Any]:
    def weighted_fit(x: Tensor, y: Tensor, weight: Tensor, lr: float, steps: int) -> Any:
        return fit(x, y, lr, steps, measure=lambda r: loss(r, weight))

    return weighted_fit


@pytest.mark.parametrize(
    ("loss", "said_of_it"),
    [
        (lambda r, w: (w * r**2).sum() / w.sum(), "Right."),
        (lambda r, w: (w / w.sum() * r**2).sum(), "Right."),
        (lambda r, _: (r**2).mean(), f"Not yet: {hints.NO_WEIGHT}"),
        (lambda r, w: (w * r**2).mean(), f"Not yet: {hints.DIVIDED_BY_N}"),
        (lambda r, w: (w * r**2).sum(), f"Not yet: {hints.NOT_DIVIDED}"),
        (lambda r, w: ((w * r) ** 2).mean(), f"Not yet: {hints.SQUARED_WEIGHT}"),
        (lambda r, w: ((w * r) ** 2).sum() / w.sum(), f"Not yet: {hints.SQUARED_WEIGHT}"),
        (lambda r, w: ((w * r) ** 2).sum() / (w**2).sum(), f"Not yet: {hints.SQUARED_WEIGHT}"),
    ],
    ids=count(),
)
def test_a_weighted_loss(
    loss: Callable[[Tensor, Tensor], Tensor], said_of_it: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(check_weighted_fit, weighted(loss), capsys) == said_of_it


def test_a_weighted_loop_may_have_the_slips_of_any_loop(capsys: pytest.CaptureFixture[str]) -> None:
    right = weighted(lambda r, w: (w * r**2).sum() / w.sum())
    assert said(check_weighted_fit, lambda *a: right(*a)[::-1], capsys) == f"Not yet: {hints.SWAPPED}"


def test_repeated_points_are_not_for_fit_line(capsys: pytest.CaptureFixture[str]) -> None:
    def repeated(x: Tensor, y: Tensor, weight: Tensor, lr: float, steps: int) -> Any:
        times = weight.int()
        return by_fit_line(x.repeat_interleave(times), y.repeat_interleave(times), lr, steps)

    assert said(check_weighted_fit, repeated, capsys) == f"Not yet: {hints.FIT_LINE}"


def updates(
    is_done: Callable[[Tensor, Tensor, float], bool], first: int = 0, *, cleared: bool = True
) -> Callable[..., int]:
    def updates_until(x: Tensor, y: Tensor, lr: float, small: float) -> int:
        a: Any = torch.zeros(1, requires_grad=True)
        b: Any = torch.zeros(1, requires_grad=True)
        for updated in range(first, 100):
            ((a + b * x - y) ** 2).mean().backward()
            if is_done(a.grad, b.grad, small):
                return updated
            with torch.no_grad():
                a -= lr * a.grad
                b -= lr * b.grad
                if cleared:
                    a.grad.zero_()
                    b.grad.zero_()
        return 100

    return updates_until


def measured_once(x: Tensor, y: Tensor, lr: float, small: float) -> int:
    a: Any = torch.zeros(1, requires_grad=True)
    loss = ((a + x - y) ** 2).mean()
    for _ in range(2):
        loss.backward()
    return 0


NEVER = f"Not yet: {hints.NEVER}"


def gives_up(after: int | None) -> Callable[..., int]:
    def updates_until(x: Tensor, y: Tensor, lr: float, small: float) -> int:
        a = b = torch.zeros(1)
        for updated in count():
            residual = a + b * x - y
            grad_a, grad_b = 2 * residual.mean(), 2 * (residual * x).mean()
            if updated == after or (grad_a.abs() < small and grad_b.abs() < small):
                return updated
            a, b = a - lr * grad_a, b - lr * grad_b
        raise AssertionError

    return updates_until


def in_plain_numbers(x: Tensor, y: Tensor, lr: float, small: float, *, last: float = math.inf) -> int:
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    a = b = 0.0
    updated = 0
    while updated < last:
        residuals = [a + b * at - height for at, height in points]
        grad_a = 2 * sum(residuals) / len(points)
        grad_b = 2 * sum(r * at for r, (at, _) in zip(residuals, points, strict=True)) / len(points)
        if abs(grad_a) < small and abs(grad_b) < small:
            break
        a, b = a - lr * grad_a, b - grad_b * lr
        updated += 1
    return updated


def with_returned_slopes(x: Tensor, y: Tensor, lr: float, small: float) -> int:
    a: Any = torch.zeros(1, requires_grad=True)
    b: Any = torch.zeros(1, requires_grad=True)
    for updated in range(100):
        loss = ((a + b * x - y) ** 2).mean()
        grad_a, grad_b = torch.autograd.grad(loss, [a, b])
        if grad_a.abs() < small and grad_b.abs() < small:
            return updated
        with torch.no_grad():
            a -= lr * grad_a
            b -= lr * grad_b
    return 100


def until_each_was_small(order: tuple[int, ...]) -> Callable[..., int]:
    """Loops, each until one of the gradients is small, as if that then stayed small."""

    def updates_until(x: Tensor, y: Tensor, lr: float, small: float) -> int:
        a = b = torch.zeros(1)
        updated = 0
        for which in order:
            while updated < 100:
                residual = a + b * x - y
                grads = 2 * residual.mean(), 2 * (residual * x).mean()
                if grads[which].abs() < small:
                    break
                a, b = a - lr * grads[0], b - lr * grads[1]
                updated += 1
        return updated

    return updates_until


@pytest.mark.parametrize(
    ("answer", "said_of_it"),
    [
        (partial(in_plain_numbers, last=100), "Right."),
        (with_returned_slopes, "Right."),
        (in_plain_numbers, f"Not yet: {hints.GIVE_UP} yours goes on."),
        (updates(lambda a, b, small: bool(a.abs() < small and b.abs() < small)), "Right."),
        (updates(lambda a, b, small: bool(max(a.abs(), b.abs()) < small)), "Right."),
        (updates(lambda a, b, small: bool(a < small and b < small)), f"Not yet: {hints.SIGNED}"),
        (updates(lambda a, b, small: bool(a < small and b.abs() < small)), f"Not yet: {hints.ONE_SMALL}"),
        (updates(lambda a, b, small: bool(a.abs() < small and b > -small)), f"Not yet: {hints.ONE_SMALL}"),
        (until_each_was_small((0, 1)), f"Not yet: {hints.ONE_SMALL}"),
        (
            until_each_was_small((1, 0)),
            "Not yet: 16 is not the number of updates. Print both gradients in each step, and count by hand.",
        ),
        (updates(lambda a, _, small: bool(a.abs() < small)), f"Not yet: {hints.ONE_SMALL}"),
        (updates(lambda _, b, small: bool(b.abs() < small)), f"Not yet: {hints.ONE_SMALL}"),
        (
            updates(lambda a, b, small: bool(a.abs() < small or b.abs() < small)),
            f"Not yet: {hints.ONE_SMALL}",
        ),
        (
            updates(lambda a, b, small: bool(a.abs() < small and b.abs() < small), first=1),
            f"Not yet: {hints.TOO_LATE}",
        ),
        (
            updates(lambda a, b, small: bool(a.abs() < small and b.abs() < small), first=-1),
            f"Not yet: {hints.ONE_OFF}",
        ),
        (updates(lambda a, b, small: bool(torch.cat([a, b]).norm() < small)), f"Not yet: {hints.TOO_LATE}"),
        (updates(lambda a, b, small: bool(a.abs() + b.abs() < small)), f"Not yet: {hints.TOO_LATE}"),
        (updates(lambda a, b, small: bool(a.abs() < small and b.abs() < small), cleared=False), NEVER),
        (measured_once, f"Not yet: {checking.AGAIN}"),
        (updates(lambda *_: True), f"Not yet: {hints.TOO_EARLY}"),
        (updates(lambda *_: True, first=1), f"Not yet: {hints.TOO_EARLY}"),
        (updates(lambda *_: False), NEVER),
        (gives_up(after=None), f"Not yet: {hints.GIVE_UP} yours goes on."),
        (gives_up(after=300), f"Not yet: {hints.GIVE_UP} yours returns 300."),
        (
            lambda *_: 33,
            "Not yet: 33 is not the number of updates. Print both gradients in each step, and count by hand.",
        ),
        (lambda *_: "many", "Not yet: the answer must be one number, not 'many'."),
    ],
    ids=count(),
)
def test_a_loop_that_stops_by_itself(
    answer: object, said_of_it: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(check_updates_until, answer, capsys) == said_of_it
