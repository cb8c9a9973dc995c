"""The checks of lesson 3: slopes by hand, by nudging and by autograd, and the places where they are odd."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.functional import hessian, jacobian

from lessons_src.exercises.checking import Hint, ask, check, is_followed, near, number

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Named:
    """A function that a hint can name: its repr is its formula, not a place in memory."""

    formula: str
    call: Callable[[Tensor], Tensor] = field(repr=False)

    def __repr__(self) -> str:
        return self.formula

    def __call__(self, w: Tensor) -> Tensor:
        return self.call(w)


def _vector(answer: object, expected: Tensor) -> Tensor:
    """Return a learner's tensor, if it has the shape that is asked for."""
    if not isinstance(answer, Tensor):
        raise Hint(f"return a tensor of shape {tuple(expected.shape)}, not {answer!r}.")
    if answer.shape != expected.shape:
        raise Hint(f"return a tensor of shape {tuple(expected.shape)}, not {tuple(answer.shape)}.")
    return answer


@check
def check_slope_in_b(slope_in_b: Callable[..., Any]) -> None:
    """Judge `slope_in_b(a, b, x, y)`: the slope in `b` of the mean squared error of the line `a + b x`.

    Examples:
        >>> check_slope_in_b(lambda a, b, x, y: 2 * (a + b * x - y).mean())
        Not yet: that is the slope in `a`. When b grows by 1, a residual grows by its point's x.
    """
    for a, b, points, heights in [
        (1.5, 0.2, [0.0, 1.0, 2.0, 3.0, 4.0], [1.0, 1.4, 2.2, 2.3, 3.1]),
        (-1.0, 2.0, [-3.0, 0.5, 4.0], [2.0, 0.0, 1.0]),
    ]:
        x, y = torch.tensor(points), torch.tensor(heights)
        try:
            with torch.no_grad():  # where autograd finds no way back
                answer = ask(slope_in_b, a, b, x, y)
        except Hint as error:
            if "does not require grad" in str(error):
                raise Hint("write the slope as a formula; autograd is off here.") from error
            raise
        if isinstance(answer, Tensor) and answer.numel() > 1:
            raise Hint(f"your slope has the shape {tuple(answer.shape)}: take the mean over the points.")
        given, r = torch.tensor(number(answer)), a + b * x - y
        right = (2 * r * x).mean()
        for mistake, hint in [
            (
                (2 * r).mean(),
                "that is the slope in `a`. When b grows by 1, a residual grows by its point's x.",
            ),
            (right / 2, "that is half of the slope: the derivative of r² is 2 r."),
            (-right, "the size is right and the sign is not: of `y - prediction`, the slope is -x."),
            ((2 * r * x).sum(), "that is the sum over the points. The loss is a mean, and so is its slope."),
            (2 * r.mean() * x.mean(), "multiply each residual by its own x, and take the mean after that."),
        ]:
            if near(given, mistake, 1e-3):
                raise Hint(hint)
        if not near(given, right, 1e-3):
            raise Hint(
                f"at a = {a}, b = {b}, x = {points}, y = {heights} your slope is {given:.4f}. "
                "Nudge b there, and compare."
            )


NUDGED: list[tuple[Named, list[float], float]] = [
    (
        Named("w[0]**2 + 3 * w[1] + w[0] * w[2]", lambda w: w[0] ** 2 + 3 * w[1] + w[0] * w[2]),
        [1.0, 2.0, 4.0],
        0.01,
    ),
    (Named("w[0]**3 - w[0] * w[1]", lambda w: w[0] ** 3 - w[0] * w[1]), [2.0, -1.0], 0.1),
]


def _differences(
    f: Callable[[Tensor], Tensor], w: Tensor, ahead: float, behind: float, *, kept: bool = False
) -> Tensor:
    """Return the slope in each parameter between a nudge ahead and one behind; earlier ones may be kept."""
    nudges = torch.eye(len(w), dtype=torch.float64)
    if kept:
        nudges = nudges.cumsum(0)
    return torch.stack([f(w + ahead * each) - f(w - behind * each) for each in nudges]) / (ahead + behind)


@check
def check_nudged(nudged: Callable[..., Any]) -> None:
    """Judge `nudged(f, w, step)`: the gradient of `f` at `w`, of shape (n,), by central differences.

    Examples:
        >>> check_nudged(lambda f, w, step: (f(w + step) - f(w - step)) / (2 * step))
        Not yet: you nudge all parameters at once. Nudge one, hold the others still, and do that for each.
    """
    for f, place, step in NUDGED:
        _judge_nudged(nudged, f, torch.tensor(place, dtype=torch.float64), step)


NO_COPY = (
    "your function changes `w` itself, and `up = w` is `w` under another name. Nudge a copy: `w.clone()`."
)


def _judge_nudged(nudged: Callable[..., Any], f: Named, w: Tensor, step: float) -> None:
    slopes = _differences(f, w, step, step)
    followed: list[bool] = []

    def watched(w: Tensor) -> Tensor:
        followed.append(is_followed(w))
        return f(w)

    try:
        answer = ask(nudged, Named(str(f), watched), w, step)
    except Hint as error:
        if "changes the data" in str(error):
            raise Hint(NO_COPY) from error
        raise
    if isinstance(answer, Tensor) and near(answer, slopes.sum(), 0.05):
        raise Hint(
            "you nudge all parameters at once. Nudge one, hold the others still, and do that for each."
        )
    given = _vector(answer, slopes)
    for mistake, hint in [
        (2 * slopes, "each slope is twice as large as it must be: the whole way is 2 * step."),
        (slopes * 2 * step, "that is the rise. Divide it by the whole way, 2 * step."),
        (-slopes, "each slope has the wrong sign: take what is behind from what is ahead."),
        (_differences(f, w, step, 0), "you nudge to one side only. Nudge to both."),
        (_differences(f, w, 0, step), "you nudge to one side only. Nudge to both."),
        (
            _differences(f, w, step, step, kept=True),
            "the nudges of earlier parameters are still there. Take a new copy of `w` for each parameter.",
        ),
    ]:
        if near(given, mistake, 1e-6):
            raise Hint(hint)
    if not near(given, slopes, 1e-6):
        raise Hint(f"for f = {f} at {w.tolist()} you return {given.tolist()}. Compare it with autograd.")
    if any(followed):
        raise Hint("right, but autograd followed `w` through `f`. Nudge instead.")


DIAGNOSES = [
    (Named("w * w", lambda w: w * w), 3.0, "good"),
    (Named("w.round()", torch.round), 0.3, "zero"),
    (Named("relu(w)", torch.relu), -1.0, "zero"),
    (Named("-3 * w", lambda w: -3 * w), 1.0, "good"),
    (Named("(w > 0).float()", lambda w: (w > 0).float()), 1.0, "cut"),
    (Named("torch.tensor(w.item())", lambda w: torch.tensor(w.item())), 1.0, "cut"),
    (Named("w.sqrt()", torch.sqrt), 0.0, "not finite"),
    (Named("w.sqrt() * 0", lambda w: w.sqrt() * 0), 0.0, "not finite"),
    (Named("-w.sqrt()", lambda w: -w.sqrt()), 0.0, "not finite"),
    (Named("w / 1000", lambda w: w / 1000), 1.0, "good"),
    (Named("w / 1e9", lambda w: w / 1e9), 1.0, "good"),
]
WORDS = sorted({word for _, _, word in DIAGNOSES})


@check
def check_diagnose(diagnose: Callable[..., Any]) -> None:
    """Judge `diagnose(f, value)`, which says "cut", "zero", "not finite" or "good" of the slope of `f` there.

    Examples:
        >>> check_diagnose(lambda f, value: "good")
        Not yet: of w.round() at 0.3 you say 'good', and its slope is 0.
    """
    for f, value, word in DIAGNOSES:
        given = _diagnosis(diagnose, f, value, word)
        if given not in WORDS:
            raise Hint(f"return one of the words {', '.join(map(repr, WORDS))}, not {given!r}.")
        if given != word:
            w = torch.tensor(value, requires_grad=True)
            result = f(w)
            if result.requires_grad:
                (slope,) = torch.autograd.grad(result, w)
                raise Hint(f"of {f} at {value} you say {given!r}, and its slope is {slope.item():g}.")
            raise Hint(f"of {f} at {value} you say {given!r}, and its result does not require grad.")


def _diagnosis(diagnose: Callable[..., Any], f: Named, value: float, word: str) -> object:
    """Return a learner's diagnosis, or say what to do with the error that a cut record raises."""
    try:
        return ask(diagnose, f, value)
    except Hint as hint:
        if word == "cut" and isinstance(hint.__cause__, RuntimeError):
            raise Hint(
                f"of {f} at {value} your function says nothing: it ends in autograd's error. "
                "Look at `requires_grad` of the result first."
            ) from hint
        raise


@check
def check_safe_root(safe_root: Callable[..., Any]) -> None:
    """Judge `safe_root(w)`: the square root where `w` is positive, else 0, with a slope that is 0 there too.

    Examples:
        >>> check_safe_root(abs)
        Not yet: for w = [4.0, 0.25, 0.0, -1.0] you return 1.0 for -1.0; where w is not positive, return 0.
    """
    for values in ([4.0, 0.25, 0.0, -1.0], [[9.0], [-0.5]]):
        w = torch.tensor(values, requires_grad=True)
        positive = w.detach() > 0
        root = w.detach().clamp(min=0).sqrt()
        given = _vector(ask(safe_root, w), w)
        for result, value in zip(given[~positive].tolist(), w[~positive].tolist(), strict=True):
            if result != 0:
                raise Hint(
                    f"for w = {values} you return {result} for {value}; where w is not positive, return 0."
                )
        if not near(given, root, 1e-6):
            raise Hint(f"for w = {values} you return {given.tolist()}; where w is positive, return its root.")
        if not given.requires_grad:
            raise Hint("your result does not require grad: the record is cut. Compute it from `w` itself.")
        (slopes,) = torch.autograd.grad(given.sum(), w)
        if not slopes.isfinite().all():
            raise Hint(
                f"the values are right, but for w = {values} the slopes are {slopes.tolist()}. "
                "At 0 the root has an infinite slope: let no number that is 0 or less reach it."
            )
        if not near(slopes, torch.where(positive, 0.5 / root, 0.0), 1e-3):
            raise Hint(f"the values are right, but for w = {values} the slopes are {slopes.tolist()}.")


CURVED = [
    Named("w[0]**3 + 5 * w[1]**2 + w[0] * w[1] * w[2]", lambda w: w[0] ** 3 + 5 * w[1] ** 2 + w.prod()),
    Named("(w**4).sum() + w.prod()", lambda w: (w**4).sum() + w.prod()),
]
STRAIGHT = Named("3 * w[0] - w[1] + w[2]", lambda w: 3 * w[0] - w[1] + w[2])


@check
def check_curvatures(curvatures: Callable[..., Any]) -> None:
    """Judge `curvatures(f, w)`: for each parameter, how fast the slope in it changes with it, of shape (n,).

    Examples:
        >>> check_curvatures(torch.autograd.functional.jacobian)
        Not yet: those are the slopes. Take the slope of each of them once more.
    """
    w = torch.tensor([2.0, 1.0, 3.0])
    for f in CURVED:
        answer = ask(curvatures, f, w.clone())
        every = hessian(f, w)  # type: ignore[no-untyped-call]
        right = every.diagonal()
        if isinstance(answer, Tensor) and answer.shape == every.shape and near(answer, every, 1e-3):
            raise Hint("you return the slope of each slope in every parameter. Only i in i is asked for.")
        given = _vector(answer, w)
        for mistake, hint in [
            (
                jacobian(f, w),  # type: ignore[no-untyped-call]
                "those are the slopes. Take the slope of each of them once more.",
            ),
            (
                every.sum(0),
                "that is the slope of the sum of all slopes, which mixes the parameters. Take one at a time.",
            ),
        ]:
            if near(given, mistake, 1e-3):
                raise Hint(hint)
        if not near(given, right, 1e-2):
            raise Hint(
                f"for f = {f} at {w.tolist()} you return {given.tolist()}. Nudge a slope, and compare."
            )
    _check_straight(curvatures, w)


def _check_straight(curvatures: Callable[..., Any], w: Tensor) -> None:
    """Raise `Hint` unless the curvatures of a straight function, whose slopes have no record, are 0."""
    try:
        given = _vector(ask(curvatures, STRAIGHT, w.clone()), w)
    except Hint as hint:
        if isinstance(hint.__cause__, RuntimeError):
            raise Hint(
                f"right, but for f = {STRAIGHT} it ends in autograd's error: slopes that do not depend on w "
                "have no record. What is the curvature of a straight function?"
            ) from hint
        raise
    if not near(given, torch.zeros(3), 1e-3):
        raise Hint(f"for f = {STRAIGHT} you return {given.tolist()}. How fast do its slopes change?")
