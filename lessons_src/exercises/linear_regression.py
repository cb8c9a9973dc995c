"""Judge the exercises of lesson 5: a loop that fits a line.

Where a loop should arrive, and where it arrives with a common mistake in it, is computed here in float64
from the formulas of the gradients, without autograd.
"""

from __future__ import annotations

from math import hypot, isfinite
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from lessons_src.exercises.checking import Hint, ask, check, cures, near, number, own_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

    from torch import Tensor

    Line = tuple[float, float]
    Mistake = tuple[Line, str]  # where it leads to, and the hint

# At a = 0 and b = 0 both gradients are negative on the first points, and positive on the others.
POINTS = torch.tensor([0.0, 2.0, 3.0, 4.0]), torch.tensor([1.0, 2.0, 8.0, 7.0])
OTHER_POINTS = torch.tensor([-1.0, 0.0, 3.0]), torch.tensor([1.0, -3.0, -5.0])
UPSIDE_DOWN = POINTS[0], -POINTS[1]  # each gradient comes from the other side
LR, STEPS = 0.03, 7
WEIGHT = torch.tensor([1, 2, 1, 3])
STOP_LR, SMALL, LIMIT = 0.1, 0.01, 100  # so the usual mistakes end before the limit
CALLS = 150 * LIMIT  # of PyTorch, in a loop that gives up: enough for any

PAIR = "return `a` and `b`, the two parameters, in this order: `return a, b`."
RANDOM = "two calls with the same data give different answers. Start at a = 0 and b = 0."
OTHER_DATA = "it gives the same line for two sets of points. Use the arguments `x` and `y`."
NOT_FINITE = (
    "it arrives at inf or nan: its steps grow. Use the arguments `lr` and `steps`, and clear the gradients."
)
SWAPPED = "these are the right numbers in the wrong order. Return `a` before `b`."
STILL = (
    "`a` or `b` is still 0. Is *clear* after *update*, does it empty `.grad` and not the parameter, and does "
    "`-=` change the tensors you return?"
)
FIRST_AGAIN = (
    "each step goes by the first gradient again. Is the loss computed anew in each step, and does *clear* "
    "empty `.grad` and not the parameter?"
)
FIT_LINE = "right, but `fit_line` has made the steps. Write the loop yourself."
BY_FORMULA = "right, but by formulas. Let `backward()` find the gradients."
UPHILL = "the loss rises with each step. Which sign has a step *against* the gradient?"
NO_CLEAR = "the first step is right, the second is not. What is in `.grad` by then?"
SUM = "the gradients are too large, in proportion to the number of points. Is the loss a mean, or a sum?"
TOO_FEW = "it makes one step too few. Count what `range` counts."
TOO_MANY = "it makes one step too many. Count what `range` counts."
OWN_LR = "it uses a learning rate of 0.01. Use the argument `lr`."
OWN_STEPS = "it makes 100 steps. Use the argument `steps`."
SQUARED_MEAN = "one point off by 3 and one off by -3 give a loss of 0. Look at *measure*: what is squared?"
TOGETHER = "`a` and `b` move by the same amount. Look at *update*."
ONE_CLEAR = "the first step is right; from the second on `b` moves too far. Look at *clear*."
NO_WEIGHT = "every point counts once, as without weights. Use `weight` in *measure*."
DIVIDED_BY_N = "with all weights 2, the loss must be what it is with all weights 1. By what do you divide?"
NOT_DIVIDED = "the loss is a sum. By what must you divide it?"
SQUARED_WEIGHT = "a point of weight 3 counts 9 times. What do you square?"
NEVER = (
    "it never stops by itself. Compare the size of both gradients with `small`, after `backward()`. Is the "
    "loss a mean, and is `.grad` cleared in each step?"
)
GIVE_UP = f"with `lr` = 0 the gradients never become small. It must return {LIMIT} then, and"
ONE_STEP = "it makes one step, however large `steps` is. Is `return` inside the loop?"
SIGNED = "a gradient of -5 is smaller than `small`, and not small. Compare its size."
TOO_EARLY = "it stops in its first step. What is in `.grad` where you look at it?"
TOO_LATE = (
    "it counts more updates than it needs. Compare each gradient by itself with `small`, not their sum or "
    "norm; and if both are small at the start, the count is 0."
)
ONE_OFF = "it is one off. Count the updates: if both gradients are small at the start, that is 0."
ONE_SMALL = "it stops when one of the gradients is small, and the other is not. Wait for both."


def _gradients(x: Tensor, y: Tensor, a: float, b: float) -> Line:
    """Return the slopes of the mean squared error in `a` and in `b`."""
    r = a + b * x.double() - y.double()
    return 2 * r.mean().item(), 2 * (r * x.double()).mean().item()


def _gradients_of_squared_mean(x: Tensor, y: Tensor, a: float, b: float) -> Line:
    r = (a + b * x.double() - y.double()).mean().item()
    return 2 * r, 2 * r * x.double().mean().item()


def _descend(
    x: Tensor,
    y: Tensor,
    lr: float = LR,
    steps: int = STEPS,
    *,
    gradients: Callable[[Tensor, Tensor, float, float], Line] = _gradients,
    kept: Line = (0, 0),
    together: bool = False,
) -> Line:
    """Return where the loop arrives; `kept` is how much of each old gradient is left in `.grad`."""
    a = b = grad_a = grad_b = 0.0
    for _ in range(steps):
        new_a, new_b = gradients(x, y, a, b)
        grad_a, grad_b = kept[0] * grad_a + new_a, kept[1] * grad_b + new_b
        a, b = a - lr * grad_a, b - lr * (grad_a if together else grad_b)
    return a, b


def _line(function: Callable[..., Any], *arguments: Any) -> Line:
    """Return the intercept and the slope that the learner's function returns."""
    with own_steps(), cures():
        answer = ask(function, *arguments)
    match answer.flatten().tolist() if isinstance(answer, torch.Tensor) else answer:
        case a, b:
            line = number(a), number(b)
        case _:
            raise Hint(PAIR)
    if not all(map(isfinite, line)):
        raise Hint(NOT_FINITE)
    return line


def _judge_own_loop(function: Callable[..., Any], *arguments: Any) -> None:
    """Raise a hint if a loop that arrives where it should is not one of the learner's, with autograd."""
    with own_steps() as steps:
        ask(function, *arguments)
    if ("lessons_src.regression", "fit_line") in steps.callers:
        raise Hint(FIT_LINE)
    if not steps.went_back:
        raise Hint(BY_FORMULA)


def _judge(line: Line, right: Line, mistakes: Sequence[Mistake]) -> None:
    """Raise the hint of the mistake that leads to this line, unless the line is right."""
    if near(line, right):
        return
    if 0 in line:
        raise Hint(STILL)
    for wrong, hint in mistakes:
        if near(line, wrong):
            raise Hint(hint)
    raise Hint(
        f"it arrives at a={line[0]:.4f}, b={line[1]:.4f}, which is the wrong place. Begin at a = 0 and "
        "b = 0, make one step, then two, and compare each with the loop of the lesson on the same points."
    )


def _slips(x: Tensor, y: Tensor) -> list[Mistake]:
    """Return where a loop with one of the usual mistakes arrives on these points."""
    a, b = _descend(x, y)
    return [
        ((b, a), SWAPPED),
        (_descend(x, y, -LR), UPHILL),
        (_descend(x, y, kept=(1, 1)), NO_CLEAR),
        (_descend(x, y, kept=(0, 1)), ONE_CLEAR),
        # With the squared mean too, whose gradient in `a` is the same.
        (_descend(x, y, together=True), TOGETHER),
        (_descend(x, y, gradients=_gradients_of_squared_mean, kept=(0, 1)), SQUARED_MEAN),
        (_descend(x, y, gradients=_gradients_of_squared_mean), SQUARED_MEAN),
        (_descend(x, y, len(x) * LR), SUM),
        (_descend(x, y, steps=1), ONE_STEP),
        (_descend(x, y, steps=STEPS - 1), TOO_FEW),
        (_descend(x, y, steps=STEPS + 1), TOO_MANY),
        (_descend(x, y, 0.01), OWN_LR),
        (_descend(x, y, steps=100), OWN_STEPS),
        (_descend(x, y, gradients=lambda x, y, *_: _gradients(x, y, 0, 0)), FIRST_AGAIN),
    ]


@check
def check_my_fit(answer: Callable[..., Any]) -> None:
    """Judge your training loop, or a repaired one, on two sets of points.

    `answer` is a function of `x`, `y`, `lr` and `steps`. It starts at a = 0 and b = 0, and returns `a`
    and `b`.

    Examples:
        >>> from lessons_src.exercises import check_my_fit
        >>> check_my_fit(lambda x, y, lr, steps: 0.0)
        Not yet: return `a` and `b`, the two parameters, in this order: `return a, b`.
    """
    both = POINTS, OTHER_POINTS
    lines = [_line(answer, x, y, LR, STEPS) for x, y in both]
    again = _line(answer, *POINTS, LR, STEPS)
    if not near(lines[0], again):
        raise Hint(RANDOM)
    if lines[0] == lines[1] != (0.0, 0.0):
        raise Hint(OTHER_DATA)
    for line, (x, y) in zip(lines, both, strict=True):
        _judge(line, _descend(x, y), _slips(x, y))
    _judge_own_loop(answer, *POINTS, LR, STEPS)


@check
def check_weighted_fit(answer: Callable[..., Any]) -> None:
    """Judge a loop in which some points count more than others.

    `answer` is a function of `x`, `y`, `weight`, `lr` and `steps`; `weight` has the shape of `x`. It starts
    at a = 0 and b = 0, and returns `a` and `b`.

    Examples:
        >>> from lessons_src.exercises import check_weighted_fit
        >>> check_weighted_fit(lambda x, y, weight, lr, steps: (1, 2, 3))
        Not yet: return `a` and `b`, the two parameters, in this order: `return a, b`.
    """
    for (x, y), weight in ((POINTS, WEIGHT), (OTHER_POINTS, torch.tensor([2, 1, 1]))):
        _judge_weighted(answer, x, y, weight)
    _judge_own_loop(answer, *POINTS, WEIGHT.float(), LR, STEPS)


def _judge_weighted(answer: Callable[..., Any], x: Tensor, y: Tensor, weight: Tensor) -> None:
    n, total, squares = len(x), int(weight.sum()), int((weight**2).sum())

    def repeated(times: Tensor, lr: float = LR) -> Line:
        return _descend(x.repeat_interleave(times), y.repeat_interleave(times), lr)

    mistakes = [
        (_descend(x, y), NO_WEIGHT),
        (repeated(weight, LR * total / n), DIVIDED_BY_N),
        (repeated(weight, LR * total), NOT_DIVIDED),
        *((repeated(weight**2, LR * squares / count), SQUARED_WEIGHT) for count in (n, total, squares)),
        *_slips(x.repeat_interleave(weight), y.repeat_interleave(weight)),
    ]
    _judge(_line(answer, x, y, weight.float(), LR, STEPS), repeated(weight), mistakes)


def _updates(x: Tensor, y: Tensor, is_done: Callable[[float, float], bool]) -> int:
    """Return how many updates are made until `is_done(grad_a, grad_b)`."""
    a = b = 0.0
    updates = 0
    while not is_done(*(grads := _gradients(x, y, a, b))):
        a, b = a - STOP_LR * grads[0], b - STOP_LR * grads[1]
        updates += 1
    return updates


def _judge_count(count: float, x: Tensor, y: Tensor) -> None:
    right = _updates(x, y, lambda i, j: abs(i) < SMALL and abs(j) < SMALL)
    if count == right:
        return
    mistakes = [
        (_updates(x, y, lambda i, j: i < SMALL and j < SMALL), SIGNED),
        (_updates(x, y, lambda i, _: abs(i) < SMALL), ONE_SMALL),
        (_updates(x, y, lambda _, j: abs(j) < SMALL), ONE_SMALL),
        (_updates(x, y, lambda i, j: hypot(i, j) < SMALL), TOO_LATE),
        (_updates(x, y, lambda i, j: abs(i) + abs(j) < SMALL), TOO_LATE),
        (right + 1, TOO_LATE),
        (right - 1, ONE_OFF),
        (0, TOO_EARLY),
        (1, TOO_EARLY),
        (LIMIT, NEVER),
    ]
    for wrong, hint in mistakes:
        if count == wrong:
            raise Hint(hint)
    raise Hint(
        f"{count:g} is not the number of updates. Print both gradients in each step, and count by hand."
    )


class _EndlessError(Exception):
    """A loop of the learner does not end."""


class _Counted(TorchFunctionMode):
    """Raises after `CALLS` operations, to end a loop that does not.

    A mode and not a subclass of the data: with that, `a -= …` would give `a` another object, of the subclass.
    """

    calls = 0

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.count()
        return function(*args, **(kwargs or {}))

    def count(self) -> None:
        self.calls += 1
        if self.calls > CALLS:
            raise _EndlessError


class _CountedRate(float):
    """A learning rate of 0 that ends a loop over plain numbers."""

    def __new__(cls, _: _Counted) -> Self:
        return super().__new__(cls)

    def __init__(self, counted: _Counted) -> None:
        self.counted = counted

    def __mul__(self, other: Any) -> Any:
        self.counted.count()
        return super().__mul__(other)

    __rmul__ = __mul__


def _judge_end(answer: Callable[..., Any]) -> None:
    """Raise a hint unless the loop gives up where the gradients never become small."""
    counted = _Counted()

    def watched(*arguments: Any) -> Any:
        with counted:
            return answer(*arguments)

    try:
        count = ask(watched, *POINTS, _CountedRate(counted), SMALL, shown="yours")
    except Hint as hint:
        if isinstance(hint.__cause__, _EndlessError):
            raise Hint(f"{GIVE_UP} yours goes on.") from None
        raise Hint(f"{GIVE_UP} {hint}") from hint
    if number(count) != LIMIT:
        raise Hint(f"{GIVE_UP} yours returns {count}.")


@check
def check_updates_until(answer: Callable[..., Any]) -> None:
    """Judge a loop that stops by itself, and that gives up in time.

    `answer` is a function of `x`, `y`, `lr` and `small`. It returns the number of updates until both
    gradients are smaller in size than `small`, and 100 at most.

    Examples:
        >>> from lessons_src.exercises import check_updates_until
        >>> check_updates_until(lambda x, y, lr, small: 0)
        Not yet: it stops in its first step. What is in `.grad` where you look at it?
    """
    for x, y in (OTHER_POINTS, POINTS, UPSIDE_DOWN):
        with cures():
            count = ask(answer, x, y, STOP_LR, SMALL)
        _judge_count(number(count), x, y)
    _judge_end(answer)
