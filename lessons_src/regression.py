"""Fit a line with raw autograd: two tensors, one loop, no optimiser.

The model is ``y_pred = a + b * x``. The loop is in `_descend`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from lessons_src.checks import check_data, check_settings, check_start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


# `a` and `b` are tensors. They are typed as Any, since for a type checker their `.grad` may be None.
def _descend(x: Tensor, y: Tensor, a: Any, b: Any, *, lr: float, steps: int) -> Iterator[tuple[float, ...]]:
    """Yield the loss of each step, and `a` and `b` after it."""
    for _ in range(steps):
        y_pred = a + b * x
        loss = ((y_pred - y) ** 2).mean()
        loss.backward()

        with torch.no_grad():  # an update is not part of the graph
            a -= lr * a.grad
            b -= lr * b.grad
            a.grad.zero_()  # or the next backward would add to it
            b.grad.zero_()

        yield loss.item(), a.item(), b.item()


def fit_line(
    x: Tensor,
    y: Tensor,
    *,
    lr: float = 0.01,
    steps: int = 100,
    a: float | Tensor | None = None,
    b: float | Tensor | None = None,
) -> LineFit:
    """Fit a line to `x` and `y` by gradient descent on the mean squared error.

    `x` and `y` must have the same shape, dtype (float32 or float64) and device. They get no
    gradient, even if they require one. The fit also works inside ``torch.no_grad()`` and
    ``torch.inference_mode()``.

    Source: <https://docs.pytorch.org/tutorials/beginner/pytorch_with_examples.html>

    Args:
        x: The inputs, of any shape.
        y: The targets, of the same shape.
        lr: The learning rate: each step subtracts `lr` times the gradient from `a` and `b`.
        steps: The number of steps.
        a: The initial intercept: a number, or a tensor of one element, which is copied. By
            default, it is drawn with ``torch.randn(1)``.
        b: The initial slope, likewise; it is drawn after `a`.

    Raises:
        TypeError: An argument has the wrong type or dtype.
        ValueError: The shapes differ, `x` is empty, or a number is out of range or not finite.
        DivergenceError: The loss, `a` or `b` is no longer finite.

    Examples:
        >>> x = torch.linspace(-1, 1, 50)
        >>> fit = fit_line(x, 3 * x + 1, lr=0.1, steps=200, a=0, b=0)
        >>> round(fit.a, 3), round(fit.b, 3), len(fit.losses)
        (1.0, 3.0, 200)
        >>> fit_line(x.reshape(50, 1), 3 * x + 1)
        Traceback (most recent call last):
        ValueError: x has shape (50, 1) and y has shape (50,): they must be equal, or broadcasting \
compares every x with every y. Try y.reshape(x.shape).
    """
    check_data(x, y)
    check_settings(lr, steps)
    check_start("a", a, x.dtype)
    check_start("b", b, x.dtype)
    losses: list[float] = []
    path: list[tuple[float, float]] = []
    # This leaves no_grad too. Clones made outside inference mode can be saved for backward.
    with torch.inference_mode(mode=False):
        x, y = x.detach().clone(), y.detach().clone()
        start_a, start_b = _leaf(a, x), _leaf(b, x)
        line = start_a.item(), start_b.item()
        for loss, new_a, new_b in _descend(x, y, start_a, start_b, lr=float(lr), steps=steps):
            if not math.isfinite(loss):
                what = f"the loss is {loss} at step {len(losses)}"
                raise DivergenceError(_runaway(what, lr), LineFit(*line, losses, path))
            line = new_a, new_b
            losses.append(loss)
            path.append(line)
    fit = LineFit(*line, losses, path)
    if not (math.isfinite(fit.a) and math.isfinite(fit.b)):  # no later loss shows it
        raise DivergenceError(_runaway(f"a={fit.a}, b={fit.b} after step {steps - 1}", lr), fit)
    return fit


def _leaf(value: float | Tensor | None, x: Tensor) -> Tensor:
    """Return a new leaf of shape (1,) that has the initial value, drawn if it is None."""
    start = torch.randn(1) if value is None else value
    start = torch.as_tensor(start, dtype=x.dtype, device=x.device)
    return start.detach().reshape(1).clone().requires_grad_()


def _runaway(what: str, lr: float) -> str:
    return f"{what} with lr={lr}. Try a smaller lr, or x and y of a smaller scale."


@dataclass(frozen=True)
class LineFit:
    """A fitted line ``y = a + b * x``, and the history of its fit.

    Attributes:
        a: The intercept.
        b: The slope.
        losses: The loss of each step, before its update.
        path: ``(a, b)`` after each step.
    """

    a: float
    b: float
    losses: list[float] = field(repr=False)
    path: list[tuple[float, float]] = field(repr=False)

    def progress_lines(self) -> list[str]:
        r"""Return a line of text for every tenth step: its loss, then `a` and `b` after its update.

        Examples:
            >>> xs = torch.tensor([0.0, 1.0, 2.0])
            >>> line = fit_line(xs, 1 + 2 * xs, lr=0.1, steps=20, a=0.0, b=0.0)
            >>> print("\n".join(line.progress_lines()))
            Step 0: Loss=11.6667, a=0.6000, b=0.8667
            Step 10: Loss=0.0114, a=1.1534, b=1.8873
        """
        steps = list(enumerate(zip(self.losses, self.path, strict=True)))
        return [f"Step {i}: Loss={loss:.4f}, a={a:.4f}, b={b:.4f}" for i, (loss, (a, b)) in steps[::10]]


class DivergenceError(ArithmeticError):
    """The fit diverged: the loss, `a` or `b` is no longer finite.

    Attributes:
        fit (LineFit): The steps up to that point.
    """

    def __init__(self, message: str, fit: LineFit) -> None:
        super().__init__(message, fit)
        self.fit = fit

    def __str__(self) -> str:
        return str(self.args[0])
