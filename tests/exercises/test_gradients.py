"""What the checks of lesson 3 say of a right answer, of each common mistake, and of nonsense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.autograd.functional import hessian, jacobian

from lessons_src.exercises import (
    check_curvatures,
    check_diagnose,
    check_nudged,
    check_safe_root,
    check_slope_in_b,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.rstrip("\n")


NO_FUNCTION = "the answer must be a function, not 12.0. Give its name without brackets."


def by_autograd(a: float, b: float, x: Tensor, y: Tensor) -> float:
    slope = torch.tensor(b, requires_grad=True)
    return torch.autograd.grad(((a + slope * x - y) ** 2).mean(), slope)[0].item()


@pytest.mark.parametrize(
    "slope",
    [
        lambda a, b, x, y: 2 * (x * (a + b * x - y)).sum() / len(x),
        lambda a, b, x, y: -2 * (x * (y - a - b * x)).mean().item(),
    ],
    ids=["sum", "turned"],
)
def test_a_right_slope_in_b(capsys: pytest.CaptureFixture[str], slope: Callable[..., Any]) -> None:
    check_slope_in_b(slope)
    assert said(capsys) == "Right."


@pytest.mark.parametrize(
    ("slope", "hint"),
    [
        (
            lambda a, b, x, y: (2 * (a + b * x - y)).mean(),
            "that is the slope in `a`. When b grows by 1, a residual grows by its point's x.",
        ),
        (
            lambda a, b, x, y: ((a + b * x - y) * x).mean(),
            "that is half of the slope: the derivative of r² is 2 r.",
        ),
        (
            lambda a, b, x, y: (2 * (y - a - b * x) * x).mean(),
            "the size is right and the sign is not: of `y - prediction`, the slope is -x.",
        ),
        (by_autograd, "write the slope as a formula; autograd is off here."),
        (
            lambda a, b, x, y: (2 * (a + b * x - y) * x).sum(),
            "that is the sum over the points. The loss is a mean, and so is its slope.",
        ),
        (
            lambda a, b, x, y: 2 * (a + b * x - y).mean() * x.mean(),
            "multiply each residual by its own x, and take the mean after that.",
        ),
        (
            lambda a, b, x, y: 2 * (a + b * x - y) * x,
            "your slope has the shape (5,): take the mean over the points.",
        ),
        (
            lambda *_: -1.64,
            (
                "at a = -1.0, b = 2.0, x = [-3.0, 0.5, 4.0], y = [2.0, 0.0, 1.0] your slope is -1.6400. "
                "Nudge b there, and compare."
            ),
        ),
        (lambda *_: "steep", "the answer must be one number, not 'steep'."),
        (12.0, NO_FUNCTION),
    ],
)
def test_a_wrong_slope_in_b(capsys: pytest.CaptureFixture[str], slope: Callable[..., Any], hint: str) -> None:
    check_slope_in_b(slope)
    assert said(capsys) == f"Not yet: {hint}"


def nudge(f: Callable[[Tensor], Tensor], w: Tensor, ahead: float, behind: float, whole: float) -> Tensor:
    """Nudge each parameter alone, by so much ahead and behind, and divide by the whole."""
    steps = torch.eye(len(w), dtype=w.dtype)
    return torch.stack([(f(w + ahead * step) - f(w - behind * step)) / whole for step in steps])


def nudge_in_place(f: Callable[[Tensor], Tensor], w: Tensor, step: float) -> Tensor:
    slopes = torch.zeros_like(w)
    for i in range(len(w)):
        w[i] += step
        up = f(w)
        w[i] -= 2 * step
        slopes[i] = (up - f(w)) / (2 * step)
    return slopes


def copied_once(f: Callable[[Tensor], Tensor], w: Tensor, step: float) -> Tensor:
    slopes, up, down = torch.zeros_like(w), w.clone(), w.clone()
    for i in range(len(w)):
        up[i] += step
        down[i] -= step
        slopes[i] = (f(up) - f(down)) / (2 * step)
    return slopes


def nudge_at_once(f: Callable[[Tensor], Tensor], w: Tensor, step: float) -> Tensor:
    steps = step * torch.eye(len(w), dtype=w.dtype)
    return torch.vmap(lambda along: (f(w + along) - f(w - along)) / (2 * step))(steps)


@pytest.mark.parametrize(
    "nudged", [lambda f, w, step: nudge(f, w, step, step, 2 * step), nudge_at_once], ids=["loop", "vmap"]
)
def test_right_nudges(capsys: pytest.CaptureFixture[str], nudged: Callable[..., Any]) -> None:
    check_nudged(nudged)
    assert said(capsys) == "Right."


def by_autograd_of_all(f: Callable[[Tensor], Tensor], w: Tensor, _: float) -> Tensor:
    w = w.clone().requires_grad_()
    return torch.autograd.grad(f(w), w)[0]


def in_forward_mode(f: Callable[[Tensor], Tensor], w: Tensor, _: float) -> Tensor:
    forward: Any = forward_ad  # which is not annotated
    with forward.dual_level():
        results = [f(forward.make_dual(w, along)) for along in torch.eye(len(w), dtype=w.dtype)]
        return torch.stack([forward.unpack_dual(result).tangent for result in results])


AUTOGRAD = "right, but autograd followed `w` through `f`. Nudge instead."


@pytest.mark.filterwarnings("ignore:`torch.jit.script`")  # by torch in forward mode
@pytest.mark.parametrize(
    ("nudged", "hint"),
    [
        (
            lambda f, w, step: (f(w + step) - f(w - step)) / (2 * step),
            "you nudge all parameters at once. Nudge one, hold the others still, and do that for each.",
        ),
        (by_autograd_of_all, AUTOGRAD),
        (lambda f, w, _: torch.func.grad(f)(w), AUTOGRAD),
        pytest.param(lambda f, w, _: torch.func.jacfwd(f)(w), AUTOGRAD, id="jacfwd"),
        (in_forward_mode, AUTOGRAD),
        (
            nudge_in_place,
            (
                "your function changes `w` itself, and `up = w` is `w` under another name. Nudge a copy: "
                "`w.clone()`."
            ),
        ),
        (
            copied_once,
            "the nudges of earlier parameters are still there. Take a new copy of `w` for each parameter.",
        ),
        (
            lambda f, w, _: f(w.sum()),
            (
                "<lambda>(w[0]**2 + 3 * w[1] + w[0] * w[2], tensor([1., 2., 4.], dtype=torch.float64), 0.01) "
                "raises IndexError: invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number."
            ),
        ),
        (
            lambda f, w, step: nudge(f, w, step, step, step),
            "each slope is twice as large as it must be: the whole way is 2 * step.",
        ),
        (
            lambda f, w, step: nudge(f, w, step, step, 1),
            "that is the rise. Divide it by the whole way, 2 * step.",
        ),
        (
            lambda f, w, step: nudge(f, w, -step, -step, 2 * step),
            "each slope has the wrong sign: take what is behind from what is ahead.",
        ),
        (lambda f, w, step: nudge(f, w, step, 0, step), "you nudge to one side only. Nudge to both."),
        pytest.param(
            lambda f, w, step: nudge(f, w, 0, step, step),
            "you nudge to one side only. Nudge to both.",
            id="behind",
        ),
        (
            lambda f, w, step: nudge(f, w, step, step, 3 * step).round(decimals=2),
            (
                "for f = w[0]**2 + 3 * w[1] + w[0] * w[2] at [1.0, 2.0, 4.0] you return [4.0, 2.0, 0.67]. "
                "Compare it with autograd."
            ),
        ),
        (lambda *_: [1.0, 2.0, 3.0], "return a tensor of shape (3,), not [1.0, 2.0, 3.0]."),
        (lambda _f, w, _step: w[:2], "return a tensor of shape (3,), not (2,)."),
        (
            lambda f, w, step: f(w, step),
            (
                "<lambda>(w[0]**2 + 3 * w[1] + w[0] * w[2], tensor([1., 2., 4.], dtype=torch.float64), 0.01) "
                "raises TypeError: Named.__call__() takes 2 positional arguments but 3 were given."
            ),
        ),
        (12.0, NO_FUNCTION),
    ],
)
def test_wrong_nudges(capsys: pytest.CaptureFixture[str], nudged: Callable[..., Any], hint: str) -> None:
    check_nudged(nudged)
    assert said(capsys) == f"Not yet: {hint}"


def diagnose(f: Callable[[Tensor], Tensor], value: float) -> str:
    w = torch.tensor(value, requires_grad=True)
    result = f(w)
    if not result.requires_grad:
        return "cut"
    (slope,) = torch.autograd.grad(result, w)
    if not slope.isfinite():
        return "not finite"
    return "good" if slope else "zero"


def slope_at(f: Callable[[Tensor], Tensor], value: float) -> float:
    w = torch.tensor(value, requires_grad=True)
    return torch.autograd.grad(f(w), w)[0].item()


def without_cut(f: Callable[[Tensor], Tensor], value: float) -> str:
    return "good" if slope_at(f, value) else "zero"


def all_else_is_cut(f: Callable[[Tensor], Tensor], value: float) -> str:
    return (
        "good" if f(torch.tensor(value, requires_grad=True)).requires_grad and slope_at(f, value) else "cut"
    )


def without_nan(f: Callable[[Tensor], Tensor], value: float) -> str:
    word = diagnose(f, value)
    return "good" if word == "not finite" else word


def infinite_alone(f: Callable[[Tensor], Tensor], value: float) -> str:
    word = diagnose(f, value)
    return "good" if word == "not finite" and slope_at(f, value) != float("inf") else word


def rising_is_good(f: Callable[[Tensor], Tensor], value: float) -> str:
    word = diagnose(f, value)
    return "zero" if word == "good" and slope_at(f, value) < 0 else word


def nearly_zero(f: Callable[[Tensor], Tensor], value: float) -> str:
    word = diagnose(f, value)
    return "zero" if word == "good" and abs(slope_at(f, value)) < 1e-6 else word


def never_cut(f: Callable[[Tensor], Tensor], value: float) -> str:
    word = diagnose(f, value)
    return "zero" if word == "cut" else word


def test_a_right_diagnosis(capsys: pytest.CaptureFixture[str]) -> None:
    check_diagnose(diagnose)
    assert said(capsys) == "Right."


@pytest.mark.parametrize(
    ("diagnosis", "hint"),
    [
        (
            without_cut,
            (
                "of (w > 0).float() at 1.0 your function says nothing: it ends in autograd's error. "
                "Look at `requires_grad` of the result first."
            ),
        ),
        (never_cut, "of (w > 0).float() at 1.0 you say 'zero', and its result does not require grad."),
        (all_else_is_cut, "of w.round() at 0.3 you say 'cut', and its slope is 0."),
        (without_nan, "of w.sqrt() at 0.0 you say 'good', and its slope is inf."),
        (infinite_alone, "of w.sqrt() * 0 at 0.0 you say 'good', and its slope is nan."),
        (nearly_zero, "of w / 1e9 at 1.0 you say 'zero', and its slope is 1e-09."),
        (rising_is_good, "of -3 * w at 1.0 you say 'zero', and its slope is -3."),
        (lambda *_: "fine", "return one of the words 'cut', 'good', 'not finite', 'zero', not 'fine'."),
        (lambda *_: [1], "return one of the words 'cut', 'good', 'not finite', 'zero', not [1]."),
        (
            lambda f: f,
            "<lambda>(w * w, 3.0) raises TypeError: <lambda>() takes 1 positional argument but 2 were given.",
        ),
        (12.0, NO_FUNCTION),
    ],
)
def test_a_wrong_diagnosis(
    capsys: pytest.CaptureFixture[str], diagnosis: Callable[..., Any], hint: str
) -> None:
    check_diagnose(diagnosis)
    assert said(capsys).replace("test_a_wrong_diagnosis.<locals>.", "") == f"Not yet: {hint}"


def two_wheres(w: Tensor) -> Tensor:
    return torch.where(w > 0, torch.where(w > 0, w, 1.0).sqrt(), 0.0)


def by_index(w: Tensor) -> Tensor:
    root = torch.zeros_like(w)
    root[w > 0] = w[w > 0].sqrt()
    return root


def by_relu(w: Tensor) -> Tensor:
    return torch.relu(w).sqrt()


@pytest.mark.parametrize("safe_root", [two_wheres, by_index, by_relu])
def test_a_safe_root(capsys: pytest.CaptureFixture[str], safe_root: Callable[..., Any]) -> None:
    check_safe_root(safe_root)
    assert said(capsys) == "Right."


W = "w = [4.0, 0.25, 0.0, -1.0]"
BACK = "At 0 the root has an infinite slope: let no number that is 0 or less reach it."


@pytest.mark.parametrize(
    ("safe_root", "hint"),
    [
        (
            lambda w: torch.where(w > 0, w.sqrt(), 0.0),
            f"the values are right, but for {W} the slopes are [0.25, 1.0, nan, nan]. {BACK}",
        ),
        (
            lambda w: torch.maximum(w, torch.tensor(0.0)) ** 0.5,
            f"the values are right, but for {W} the slopes are [0.25, 1.0, inf, 0.0]. {BACK}",
        ),
        (
            lambda w: torch.maximum(w, torch.tensor(0.0)).sqrt(),
            f"the values are right, but for {W} the slopes are [0.25, 1.0, inf, 0.0]. {BACK}",
        ),
        (
            lambda w: two_wheres(w) + torch.where(w > 0, 0.0, w - w.detach()),
            f"the values are right, but for {W} the slopes are [0.25, 1.0, 1.0, 1.0].",
        ),
        (
            lambda w: w.clamp(min=0.25).sqrt(),
            f"for {W} you return 0.5 for 0.0; where w is not positive, return 0.",
        ),
        (
            lambda w: w.sqrt() if w > 0 else 0 * w,
            "`if`, like Python's `max`, asks once, and a tensor may hold several numbers: use `torch.where`.",
        ),
        (torch.sqrt, f"for {W} you return nan for -1.0; where w is not positive, return 0."),
        (torch.relu, f"for {W} you return [4.0, 0.25, 0.0, 0.0]; where w is positive, return its root."),
        (
            lambda w: two_wheres(w).detach(),
            "your result does not require grad: the record is cut. Compute it from `w` itself.",
        ),
        (lambda w: w[0], "return a tensor of shape (4,), not ()."),
        (lambda _: 2.0, "return a tensor of shape (4,), not 2.0."),
        (12.0, NO_FUNCTION),
    ],
    ids=[
        "where",
        "power",
        "maximum",
        "slope 1",
        "far",
        "if",
        "sqrt",
        "no root",
        "detach",
        "one",
        "number",
        "nonsense",
    ],
)
def test_a_root_that_is_not_safe(
    capsys: pytest.CaptureFixture[str], safe_root: Callable[..., Any], hint: str
) -> None:
    check_safe_root(safe_root)
    assert said(capsys) == f"Not yet: {hint}"


def second_slopes(f: Callable[[Tensor], Tensor], w: Tensor) -> Tensor:
    return hessian(f, w)  # type: ignore[no-any-return, no-untyped-call]


def by_nudging_slopes(f: Callable[[Tensor], Tensor], w: Tensor) -> Tensor:
    def slopes(w: Tensor) -> Tensor:
        w = w.double().requires_grad_()
        return torch.autograd.grad(f(w), w)[0]

    steps = 1e-4 * torch.eye(len(w))
    return torch.stack([(slopes(w + s) - slopes(w - s))[i] / 2e-4 for i, s in enumerate(steps)])


def by_nudging_twice(f: Callable[[Tensor], Tensor], w: Tensor) -> Tensor:
    w, steps = w.double(), 1e-3 * torch.eye(len(w))
    return torch.stack([(f(w + step) - 2 * f(w) + f(w - step)) / 1e-6 for step in steps])


@pytest.mark.parametrize(
    "curvatures",
    [lambda f, w: second_slopes(f, w).diagonal(), by_nudging_slopes, by_nudging_twice],
    ids=["hessian", "nudged", "nudged twice"],
)
def test_right_curvatures(capsys: pytest.CaptureFixture[str], curvatures: Callable[..., Any]) -> None:
    check_curvatures(curvatures)
    assert said(capsys) == "Right."


def once_more(f: Callable[[Tensor], Tensor], w: Tensor) -> Tensor:
    w = w.clone().requires_grad_()
    (first,) = torch.autograd.grad(f(w), w, create_graph=True)
    return torch.stack([torch.autograd.grad(s, w, retain_graph=True)[0][i] for i, s in enumerate(first)])


def known_straight(answer: object) -> Callable[..., object]:
    """Return a function that is right about what is curved, and says `answer` of what is straight."""

    def curvatures(f: Callable[[Tensor], Tensor], w: Tensor) -> object:
        every = second_slopes(f, w)
        return every.diagonal() if every.any() else answer

    return curvatures


def without_create_graph(f: Callable[[Tensor], Tensor], w: Tensor) -> Tensor:
    w = w.clone().requires_grad_()
    (first,) = torch.autograd.grad(f(w), w)
    return torch.autograd.grad(first.sum(), w)[0]


CUBIC = "w[0]**3 + 5 * w[1]**2 + w[0] * w[1] * w[2]"
STRAIGHT = "3 * w[0] - w[1] + w[2]"


@pytest.mark.parametrize(
    ("curvatures", "hint"),
    [
        (jacobian, "those are the slopes. Take the slope of each of them once more."),
        (
            lambda f, w: second_slopes(f, w).sum(1),
            "that is the slope of the sum of all slopes, which mixes the parameters. Take one at a time.",
        ),
        (hessian, "you return the slope of each slope in every parameter. Only i in i is asked for."),
        (
            without_create_graph,
            (
                f"without_create_graph({CUBIC}, tensor([2., 1., 3.])) raises RuntimeError: element "
                "0 of tensors does not require grad and does not have a grad_fn."
            ),
        ),
        (
            lambda *_: torch.tensor([12.0, 10.0, 0.0]),
            (
                "for f = (w**4).sum() + w.prod() at [2.0, 1.0, 3.0] you return [12.0, 10.0, 0.0]. "
                "Nudge a slope, and compare."
            ),
        ),
        (lambda f, w: f(w), "return a tensor of shape (3,), not ()."),
        (
            once_more,
            (
                f"right, but for f = {STRAIGHT} it ends in autograd's error: slopes that do not depend on w "
                "have no record. What is the curvature of a straight function?"
            ),
        ),
        (
            known_straight(torch.tensor([3.0, -1.0, 1.0])),
            f"for f = {STRAIGHT} you return [3.0, -1.0, 1.0]. How fast do its slopes change?",
        ),
        (known_straight(0.0), "return a tensor of shape (3,), not 0.0."),
        (12.0, NO_FUNCTION),
    ],
)
def test_wrong_curvatures(
    capsys: pytest.CaptureFixture[str], curvatures: Callable[..., Any], hint: str
) -> None:
    check_curvatures(curvatures)
    assert said(capsys) == f"Not yet: {hint}"
