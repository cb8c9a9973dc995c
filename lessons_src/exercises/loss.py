"""The checks of lesson 2: which number to call the loss, and the shapes that spoil it."""

from __future__ import annotations

from math import isclose, isfinite, isnan
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.overrides import TorchFunctionMode

from lessons_src.exercises.checking import Hint, ask, check, near, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SPOILED = torch.tensor([1.0, 1.4, 2.2, 2.3, 9.0])
MEAN, MEDIAN = 3.18, 2.2
MEAN_BEFORE = 2.0
STEP = 0.01  # of the numbers that the exercise tries
# The sigmoid of this score is 1 in float32.
EXTREME = 200.0


def _check_slope(
    loss_of: Callable[..., Any], parameter: torch.Tensor, data: torch.Tensor, slope: torch.Tensor, name: str
) -> None:
    """Raise `Hint` unless the slope of a learner's loss, whose values are right, is right too."""
    parameter = parameter.clone().requires_grad_()
    loss = ask(loss_of, parameter, data)
    if not isinstance(loss, torch.Tensor):
        raise Hint(
            "the values are right, but a plain number has no slope to follow. Return a tensor, without "
            "`.item()`."
        )
    if loss.grad_fn is None:
        raise Hint(
            f"the values are right, but the loss is cut off from `{name}`. Do without `.item()`, `detach()` "
            "and `torch.tensor(…)`."
        )
    # A loss of shape (1,) is one number as well.
    (found,) = torch.autograd.grad(loss.sum(), parameter, allow_unused=True)
    if found is None or not near(found, slope):
        raise Hint(
            f"the values are right, but for {name} = {parameter.tolist()} and {data.tolist()} the slope is "
            f"{found}. Is a part cut off, or infinite on the way?"
        )


class _ReadyMade(TorchFunctionMode):
    """Ends in a hint when PyTorch's own loss is called."""

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = function.__name__
        if name.endswith(("_loss", "cross_entropy", "_with_logits")):
            raise Hint(f"right, but `{name}` is a ready-made loss. Write your own.")
        return function(*args, **(kwargs or {}))


def _one_number(answer: object, what: str) -> float:
    """Return the loss that a learner's function gave, or say that one for each point is no loss yet."""
    if isinstance(answer, torch.Tensor) and answer.numel() > 1:
        raise Hint(
            f"{what}, your loss has the shape {tuple(answer.shape)}. A loss is one number: take the mean."
        )
    return number(answer)


@check
def check_middles(by_squares: object, by_absolute: object) -> None:
    """Judge the numbers `m` with the smallest mean squared and mean absolute error on `y_far`.

    Examples:
        >>> check_middles(by_squares=2.0, by_absolute=2.0)
        Not yet: 2.0 is the mean of y; use y_far, whose last value is 9.
    """
    squares, absolute = number(by_squares), number(by_absolute)
    for value in (squares, absolute):
        if value > SPOILED.max():
            raise Hint(
                f"{value:g} is larger than every value in y_far. If it is a place in `m`, look up m[…]."
            )
    if near(squares, MEDIAN, 0.01) and near(absolute, MEAN, 0.01):
        raise Hint("both numbers are right, but they are the wrong way round.")
    if near(squares, MEAN_BEFORE, 0.005):
        raise Hint(f"{squares} is the mean of y; use y_far, whose last value is 9.")
    for name, value, best, loss in [
        ("by_squares", squares, MEAN, (SPOILED - squares).square().mean()),
        ("by_absolute", absolute, MEDIAN, (SPOILED - absolute).abs().mean()),
    ]:
        if not isclose(value, best, abs_tol=STEP + 1e-6):
            side = "larger" if value < best else "smaller"
            raise Hint(f"{name} = {value:g} gives a loss of {loss:.2f}; a {side} number gives less.")


@check
def check_fit_matrix(fit_matrix: Callable[..., Any]) -> None:
    """Judge the repaired `fit_matrix(x, y)`, which returns a line's intercept and slope for flat data.

    Examples:
        >>> check_fit_matrix(lambda x, y: (3.0, 1.0))
        Not yet: the two numbers are the wrong way round: the intercept comes first.
    """
    for x, intercept, slope in [([0.0, 1.0, 2.0, 3.0, 4.0], 1.0, 3.0), ([-2.0, 0.0, 3.0], 2.0, -0.5)]:
        inputs = torch.tensor(x)
        targets = intercept + slope * inputs
        found = _two_numbers(ask(fit_matrix, inputs, targets))
        if near(found[0], targets.mean().item(), 0.02) and near(found[1], 0, 0.02):
            raise Hint("on a line with a slope your function finds 0 and the mean of y.")
        if not all(map(isfinite, found)):
            raise Hint(
                "your fit ends at inf or nan: its steps grow. Keep the mean in the loss, and `lr` as it was."
            )
        if near(found[0], slope, 0.02) and near(found[1], intercept, 0.02):
            raise Hint("the two numbers are the wrong way round: the intercept comes first.")
        if not (near(found[0], intercept, 0.02) and near(found[1], slope, 0.02)):
            raise Hint(
                f"for x = {x} and y = {targets.tolist()} your function finds "
                f"{found[0]:g} and {found[1]:g}, and that line does not pass through the points."
            )


def _two_numbers(answer: object) -> tuple[float, float]:
    match answer:
        case intercept, slope:
            return number(intercept), number(slope)
    raise Hint(f"let your function return two numbers, not {answer!r}.")


@check
def check_bread_loss(bread_loss: Callable[..., Any]) -> None:
    """Judge `bread_loss(baked, wanted)`: the mean cost of a number of loaves, for the wishes of several days.

    Examples:
        >>> check_bread_loss(lambda baked, wanted: (baked - wanted).abs().mean())
        Not yet: two loaves too many and two too few cost the same. Too few must cost three times as much.
    """
    too_many = _one_number(ask(bread_loss, torch.tensor(12.0), torch.tensor([10.0])), "for one day")
    too_few = _one_number(ask(bread_loss, torch.tensor(8.0), torch.tensor([10.0])), "for one day")
    if min(too_many, too_few) < 0:
        raise Hint(
            "your loss can be negative, so one day can pay for another. Make each day's cost positive."
        )
    if near(too_many, too_few):
        raise Hint(
            "two loaves too many and two too few cost the same. Too few must cost three times as much."
        )
    if near(too_many, 3 * too_few):
        raise Hint("it is the other way round: a loaf too few costs three times as much as one too many.")
    if near(too_many, 4) or near(too_few, 12):
        raise Hint("two loaves too many must cost twice as much as one, not four times: do not square.")
    if near(too_many, 1) and near(too_few, 3):
        raise Hint("you count days. Two loaves too many must cost twice as much as one.")
    for baked, wanted in [(8.0, [8.0]), (12.0, [10.0]), (8.0, [10.0]), (9.0, [10.0, 7.0, 9.0, 14.0])]:
        difference = torch.tensor(baked) - torch.tensor(wanted)
        costs = torch.where(difference > 0, difference, -3 * difference)
        given = ask(bread_loss, torch.tensor(baked), torch.tensor(wanted))
        loss = _one_number(given, f"for {len(wanted)} days")
        if len(wanted) > 1 and near(loss, costs.sum().item()):
            raise Hint("for four days you give the sum of the costs. Take the mean.")
        if not near(loss, costs.mean().item()):
            raise Hint(
                f"for {baked:g} baked and {wanted} wanted your loss is {loss:g}, which is not the mean cost."
            )
    # Two days with too many and two with too few, none of them at the kink.
    _check_slope(
        bread_loss, torch.tensor(9.0), torch.tensor([10.0, 7.0, 8.0, 14.0]), torch.tensor(-1.0), "baked"
    )


@check
def check_from_scores(from_scores: Callable[..., Any]) -> None:
    """Judge `from_scores(scores, labels)`: the binary cross-entropy, for scores of any size.

    Examples:
        >>> check_from_scores(lambda scores, labels: torch.sigmoid(scores).log().mean())
        Not yet: your loss is negative. The logarithm of a probability is: put a minus in front.
    """
    ones, zeros = torch.ones(2), torch.zeros(2)
    scores = torch.tensor([1.0, -2.0])
    passed = _one_number(ask(from_scores, scores, ones), "for two scores")
    failed = _one_number(ask(from_scores, scores, zeros), "for two scores")
    right = binary_cross_entropy_with_logits(scores, ones).item()
    other = binary_cross_entropy_with_logits(scores, zeros).item()
    if isnan(passed):
        raise Hint("your loss is nan. A score can be negative, and has no logarithm then: squeeze it first.")
    if min(passed, failed) < 0:
        raise Hint("your loss is negative. The logarithm of a probability is: put a minus in front.")
    if near(passed, other) and near(failed, right):
        raise Hint("it is the other way round: the sigmoid is the probability of label 1.")
    if near(passed, failed):
        raise Hint("your loss is the same whatever the labels. A label of 0 wants the probability of a no.")
    if near(passed, 2 * right):
        raise Hint("for two scores your loss is twice as large as it must be. Take the mean, not the sum.")
    _compare(from_scores, scores, ones)
    _compare(from_scores, scores, zeros)
    _compare(from_scores, torch.tensor([3.0, -0.5, 0.0, 1.5]), torch.tensor([0.0, 1.0, 1.0, 1.0]))
    for score, label in [(EXTREME, 0.0), (-EXTREME, 1.0), (EXTREME, 1.0), (-EXTREME, 0.0)]:
        _compare(from_scores, torch.tensor([score]), torch.tensor([label]))
    scores, labels = torch.tensor([1.0, -2.0, EXTREME, -EXTREME]), torch.tensor([0.0, 1.0, 0.0, 1.0])
    slope = (torch.sigmoid(scores) - labels) / len(scores)
    _check_slope(from_scores, scores, labels, slope, "scores")
    with _ReadyMade():
        from_scores(scores, labels)


def _compare(from_scores: Callable[..., Any], scores: torch.Tensor, labels: torch.Tensor) -> None:
    """Compare a learner's cross-entropy with PyTorch's own, on scores that may be extreme."""
    loss = _one_number(ask(from_scores, scores, labels), f"for {len(scores)} scores")
    expected = binary_cross_entropy_with_logits(scores, labels).item()
    if near(loss, expected):
        return
    case = f"for scores {scores.tolist()} and labels {labels.tolist()}"
    if scores.abs().max() < EXTREME:
        raise Hint(f"{case} your loss is {loss:.4f}. Compare it with `cross_entropy` of this lesson.")
    if not isfinite(loss):
        raise Hint(
            f"{case} your loss is {loss}: on the way a number became too large or too small for float32. "
            "With a sigmoid, 1 - p becomes 0: write the cost in terms of the score. Without one, it is "
            "`exp(200)` that becomes inf: see the second hint."
        )
    raise Hint(
        f"{case} your loss is {loss:.4g}. If you cut the probability off, a score of 200 costs no more "
        "than one of 20. Write the cost in terms of the score, without a sigmoid."
    )
