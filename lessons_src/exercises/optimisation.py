"""The checks of lesson 4, Optimisation."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import torch

from lessons_src.exercises.checking import Hint, ask, check, cures, is_followed, near, number, own_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

CLOSE = 1e-3


_WALKS = [
    ([9.0, 4.0, 1.8, 0.8], False, "these losses fall. That is health."),
    ([9.0, 8.99, 8.98, 8.97], False, "these losses hardly fall, but they fall. That is no divergence."),
    (
        [3.0, 1.2, 1.4, 0.9, 1.1, 0.8],
        False,
        "some losses rise, but the list falls as a whole. On minibatches that is no divergence.",
    ),
    (
        [3.0, 3.4, 1.2, 0.8],
        False,
        "the losses rise once, above the first, and then they fall. Where do they end?",
    ),
    (
        [1.0, 0.5, 0.7, 0.4, 1.05],
        False,
        "the last loss is a little above the first, as on minibatches it may be: ask for a clear factor.",
    ),
    ([3.0, 90.0, 1.2, 0.8], False, "the losses rise once, far above the first, and then they fall."),
    (
        [9e4, 6e4, 4e4],
        False,
        "these losses are large, and they fall. Compare with the first, not with a number.",
    ),
    ([0.0, 0.0], False, "these losses stay where they are. Nothing grows."),
    ([9.0, 18.0, 36.0, 72.0, 144.0], True, "each loss is twice as large as the one before."),
    ([0.02, 0.05, 0.04, 0.2, 0.9], True, "these losses are small, and in the end 45 times what they were."),
    ([9.0, 3e20, float("inf")], True, "the loss is too large to write down."),
    (
        [9.0, 3e20, float("inf"), float("nan")],
        True,
        "the walk ended in nan. A comparison such as `nan > 9.0` is False.",
    ),
    (
        [float("inf"), float("inf")],
        True,
        "these losses are too large to write down, and inf is not above inf. Ask whether the last is finite.",
    ),
]


@check
def check_diverges(answer: Callable[[list[float]], Any]) -> None:
    """Check a function that says whether a walk diverged.

    `answer` takes the list of the walk's losses, as floats, and returns True or False.

    Examples:
        >>> check_diverges(lambda losses: losses[-1] > 2 * losses[0])
        Not yet: for [9.0, 3e+20, inf, nan] your answer is False. The walk ended in nan. A comparison \
such as `nan > 9.0` is False.
    """
    for losses, diverged, why in _WALKS:
        said = ask(answer, list(losses))
        if hasattr(said, "item"):  # of PyTorch or NumPy
            said = said.item()
        if not isinstance(said, bool):
            raise Hint(f"for {losses} your answer is {said!r}. It must be True or False.")
        if said != diverged:
            raise Hint(f"for {losses} your answer is {said}. {_sentence(why)}")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _limit_hint(limit: float, bend: float) -> str | None:
    """Say why this is not the limit on a parabola of this curvature, or None if it is."""
    slips = {
        bend: "this is the curvature. A larger curvature needs a smaller learning rate.",
        bend / 2: "this is upside down: a larger curvature needs a smaller learning rate.",
        1 / bend: "a walk with it lands in one step. It may jump beyond the bottom and still settle.",
        4 / bend: "with it each step lands three times as far away as the last.",
    }
    right = 2 / bend
    if near(limit, right, within=CLOSE):
        return None
    for slip, hint in slips.items():
        if near(limit, slip, within=CLOSE):
            return hint
    if limit <= 0:
        return "a learning rate is above 0."
    if limit < right:
        return "a walk with it settles, and with a slightly larger one it does so too."
    return f"a walk with it does not settle. The curvature is {bend:g}."


@check
def check_limit(answer: Callable[..., Any]) -> None:
    """Check a function that returns the limit of the learning rate on a parabola.

    `answer` takes a loss, which is a function of one tensor, and returns a number.

    Examples:
        >>> check_limit(lambda loss_of: 0.1)
        Not yet: for the loss 2 * (w - 5) ** 2 you return 0.1: a walk with it settles, and with a slightly \
larger one it does so too.
    """
    cases: list[tuple[str, Callable[[Tensor], Tensor], float]] = [
        ("2 * (w - 5) ** 2", lambda w: 2 * (w - 5) ** 2, 4.0),
        ("(w + 3) ** 2 / 4", lambda w: (w + 3) ** 2 / 4, 0.5),
        ("3 * w * w - w", lambda w: 3 * w * w - w, 6.0),
    ]
    for text, loss_of, bend in cases:
        limit = number(ask(answer, loss_of, shown="(loss_of)"))
        hint = _limit_hint(limit, bend)
        if hint is not None:
            raise Hint(f"for the loss {text} you return {limit:.4g}: {hint}")


def _landed_wrongly(place: float, start: float, slope: float, bend: float) -> str:
    """Say which slip ends at this place."""
    slips = {
        start: "`w` is where it was. Return the new place.",
        start + slope / bend: "this step goes uphill. Step against the slope.",
        start
        - 2
        * slope
        / bend: "it is as far from the bottom as before, on the other side. 2 / L'' is the limit; "
        "half of it lands.",
        start - slope: "this is a step with a learning rate of 1. Divide by the curvature.",
        start - slope * bend: "this step is longer where the curvature is larger. It should be shorter.",
        1 / bend: "this is the learning rate. Take the step with it, and return the place.",
    }
    for slip, hint in slips.items():
        if abs(place - slip) < CLOSE:
            return hint
    return f"the slope there is {slope:g}, and the slope of the slope {bend:g}. Print yours."


@check
def check_land(answer: Callable[..., Any]) -> None:
    """Check a function that takes one step with the learning rate 1 / L''.

    `answer` takes a loss, which is a function of one tensor, and the place `w`, a float. It returns the place
    after the step, a number.

    Examples:
        >>> check_land(lambda loss_of, w: w)
        Not yet: for the loss 2 * (w - 5) ** 2 from 1.0 you land at 1. `w` is where it was. Return the new \
place.
    """
    cases: list[tuple[str, Callable[[Tensor], Tensor], float, float, float]] = [
        ("2 * (w - 5) ** 2", lambda w: 2 * (w - 5) ** 2, 1.0, -16.0, 4.0),
        ("(w + 3) ** 2 / 4", lambda w: (w + 3) ** 2 / 4, 3.0, 3.0, 0.5),
        ("(w * w - 2) ** 2", lambda w: (w * w - 2) ** 2, 2.0, 16.0, 40.0),
    ]
    followed: list[bool] = []
    for text, loss_of, start, slope, bend in cases:

        def watched(w: Tensor, loss_of: Callable[[Tensor], Tensor] = loss_of) -> Tensor:
            followed.append(is_followed(w))
            return loss_of(w)

        try:
            place = number(ask(answer, watched, start, shown=f"(loss_of, {start})"))
        except Hint as hint:
            if "does not require grad" in str(hint) and not any(followed):
                raise Hint("the tensor that you give to the loss does not require a gradient.") from hint
            if "does not require grad" in str(hint):
                raise Hint(
                    "autograd says that a tensor does not require grad. The slope has a slope only if the "
                    "first `grad` records it: `create_graph=True`."
                ) from hint
            raise
        if not abs(place - (start - slope / bend)) < CLOSE:
            why = _landed_wrongly(place, start, slope, bend)
            raise Hint(f"for the loss {text} from {start} you land at {place:.4g}. {_sentence(why)}")
    if not any(followed):
        raise Hint("right, but without autograd. Take the slope and the curvature from it.")


def _ratio_hint(new: Tensor) -> str | None:
    """Say why the valley of these inputs is not round, or None if it is."""
    mean, square = new.mean().item(), (new**2).mean().item()
    n = len(new)
    if abs(mean) < CLOSE and abs(square - 1) < CLOSE:
        return None
    if abs(mean) > CLOSE:
        if abs(square - mean**2 - 1) < CLOSE or abs(square - 1) < CLOSE:
            return f"the scale is right, but the mean is {mean:.2f}. Shift first, then scale."
        return f"their mean is {mean:.2f}. While it is not 0, neither `a` nor `b` runs along the valley."
    if abs(square * n / (n - 1) - 1) < CLOSE:
        return (
            f"their mean square is {square:.2f}. `std()` divides by n - 1, and the loss by n: "
            "`std(correction=0)` does too."
        )
    return (
        f"their mean is 0, and their mean square is {square:.2f}. The curvature is 2 in the direction of `a` "
        "and 2 times the mean square in that of `b`."
    )


@check
def check_rescale(answer: Callable[[Tensor], Any]) -> None:
    """Check a function that makes the valley of a line's loss round.

    `answer` takes the inputs `x`, a tensor of shape (n,), and returns new inputs of the same shape, which are
    shifted and scaled.

    Examples:
        >>> check_rescale(lambda x: x - x.mean())
        Not yet: for x = [0.0, 1.0, 2.0, 3.0, 4.0], their mean is 0, and their mean square is 2.00. The \
curvature is 2 in the direction of `a` and 2 times the mean square in that of `b`.
    """
    for values in ([0.0, 1.0, 2.0, 3.0, 4.0], [-20.0, -10.0, 0.0, 10.0, 20.0], [70.0, 71.0, 75.0]):
        x = torch.tensor(values)
        new = ask(answer, x, shown=f"({values})")
        if not isinstance(new, torch.Tensor) or new.shape != x.shape:
            kind = tuple(new.shape) if isinstance(new, torch.Tensor) else repr(new)
            raise Hint(f"the new inputs must be a tensor of shape {tuple(x.shape)}, not {kind}.")
        new = new.double()
        if not new.isfinite().all():
            raise Hint(f"for x = {values}, the new inputs are {new.tolist()}.")
        hint = _ratio_hint(new)
        if hint is not None:
            raise Hint(f"for x = {values}, {hint}")
        order = (x - x.mean()).double()
        if abs((new * order).mean() / order.std(correction=0)) < 1 - CLOSE:
            raise Hint("subtract one number from all of `x`, and divide all by one number.")


X = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0])
Y = torch.tensor([1.0, 1.5, 2.5, 2.0, 3.5])
ORDER = torch.tensor([3, 0, 4, 1, 2])


def _misses(p: Tensor, part: Tensor) -> Tensor:
    return p[0] + p[1] * X[part] - Y[part]


def _epoch(parts: list[Tensor], *, lr: float, clear: bool = True) -> tuple[Tensor, list[float], list[float]]:
    """Return where minibatch descent from (0, 0) ends, by slopes by hand, and the losses before and after."""
    p, grad = torch.zeros(2), torch.zeros(2)
    before, after = [], []
    for part in parts:
        residual = _misses(p, part)
        before.append((residual**2).mean().item())
        slope = 2 * torch.stack([residual.mean(), (residual * X[part]).mean()])
        grad = slope if clear else grad + slope
        p = p - lr * grad
        after.append((_misses(p, part) ** 2).mean().item())
    return p, before, after


OTHER_ORDER = "you took the points in another order than `order`, which is shuffled already."


def _epoch_went_wrongly(p: Tensor, lr: float, size: int) -> str:
    """Say which slip ends at this place."""
    parts = list(torch.split(ORDER, size))
    slips = [
        ([], True, "`p` is where it was. Change it itself, with `-=`."),
        (
            parts,
            False,
            "the gradients of earlier minibatches are still in `p.grad`. Clear it after each step.",
        ),
        (
            parts[:-1],
            True,
            "the last minibatch is missing. It has fewer points than the others, and it counts.",
        ),
        (parts[:1], True, "only the first minibatch took a step. Take one for each."),
        ([ORDER] * 3, True, "each step looked at all the points. Use only those of its minibatch."),
        (list(torch.split(ORDER, 2)), True, "your minibatches have 2 points. Use `size`."),
        ([ORDER], True, "one step looked at all the points. Cut `order` into parts of `size`."),
        *(
            (list(torch.split(torch.tensor(order), size)), True, OTHER_ORDER)
            for order in permutations(range(len(ORDER)))
        ),
    ]
    for steps, clear, hint in slips:
        if near(p, _epoch(steps, lr=lr, clear=clear)[0]):
            return hint
    return "each step subtracts `lr` times the gradient of the mean squared error on its minibatch."


def _run(answer: Callable[..., Any], lr: float, size: int) -> tuple[Tensor, Any]:
    """Return where the learner's epoch ends, and what it returns."""
    p = torch.zeros(2, requires_grad=True)
    with own_steps(), cures():
        losses = ask(answer, p, X, Y, lr, ORDER, size, shown=f"(p, x, y, lr, order, {size})")
    return p.detach(), losses


@check
def check_one_epoch(answer: Callable[..., Any]) -> None:
    """Check a function that takes one epoch of minibatch steps.

    `answer(p, x, y, lr, order, size)` changes the parameter `p`, intercept and slope, in place, and returns
    the list of the losses. `order` holds the numbers of the points, and `size` says how many are a minibatch.

    Examples:
        >>> check_one_epoch(lambda p, x, y, lr, order, size: [0.0])
        Not yet: after one epoch of 5 points in parts of 2, p is wrong: `p` is where it was. Change it \
itself, with `-=`.
    """
    lr = 0.05
    for size in (2, 2, 3):  # a random order may be right once
        right, before, after = _epoch(list(torch.split(ORDER, size)), lr=lr)
        p, losses = _run(answer, lr, size)
        if not near(p, right):
            why = _epoch_went_wrongly(p, lr, size)
            raise Hint(f"after one epoch of 5 points in parts of {size}, p is wrong: {why}")
        _judge_losses(losses, before, after)


def _judge_losses(losses: Any, right: list[float], after: list[float]) -> None:
    try:
        found = [number(loss) for loss in losses]
    except (Hint, TypeError) as error:
        raise Hint(f"`p` is right. Return the losses too, as a list of numbers, not {losses!r}.") from error
    if any(isinstance(loss, torch.Tensor) for loss in losses):
        raise Hint("`p` is right. The list must hold numbers, and it holds tensors: see `.item()`.")
    if len(found) == len(right) and near(found, after):
        raise Hint("`p` is right, but you measure each loss after its step. Measure it before.")
    if len(found) != len(right) or not near(found, right):
        given, wanted = ([round(loss, 4) for loss in each] for each in (found, right))
        raise Hint(
            f"`p` is right, but the losses are not: return {wanted} here, each of its own minibatch, "
            f"measured before its step. You return {given}."
        )
