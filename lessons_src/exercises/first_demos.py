"""The checks of Lesson 1: Three demos first."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

from lessons_src.exercises.checking import Hint, ask, check, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# What a wrong loss would be, and the hint for those who wrote it.
Mistakes = dict[str, torch.Tensor]


@check
def check_circle(answer: Callable[..., Any]) -> None:
    """Judge the loss of a circle: a function of the centre `u`, `v`, the radius `r` and the points `x`, `y`.

    It returns the mean of the squared distances from the points to the circle, as a tensor of one number.

    Examples:
        >>> from lessons_src import exercises
        >>> exercises.check_circle(lambda u, v, r, x, y: (x - u) ** 2 + (y - v) ** 2 - r)
        Not yet: the loss must be one number, and yours has the shape (4,). Take the mean.
    """
    names = "u, v, r, x, y"
    for centre, points in (
        # These points lie on a circle round (1, -2) with the radius 5, and those do not.
        ((1.0, -2.0, 5.0), ((6.0, 4.0, 1.0, -3.0), (-2.0, 2.0, 3.0, 1.0))),
        ((0.5, 1.0, 0.7), ((3.0, -1.0, 2.0, 0.0), (0.0, 2.0, -2.0, 5.0))),
    ):
        u, v, r = parameters = [torch.tensor(value, requires_grad=True) for value in centre]
        x, y = map(torch.tensor, points)
        loss = _loss(answer, names, *parameters, x, y)
        away = torch.hypot(x - u, y - v)
        _compare(
            loss,
            ((away - r) ** 2).mean(),
            {
                "that is the sum of the squares. Take their mean.": ((away - r) ** 2).sum(),
                "you forgot the square: misses inside and outside the circle cancel.": (away - r).mean(),
                "those are the sizes of the misses. Take their squares.": (away - r).abs().mean(),
                "you compare the square of the distance with the radius. Take its root first.": (
                    (away**2 - r) ** 2
                ).mean(),
                "you compare the square of the distance with that of the radius. Take the root first.": (
                    (away**2 - r**2) ** 2
                ).mean(),
                "you add the centre to the points. How far apart they are is a difference.": (
                    (torch.hypot(x + u, y + v) - r) ** 2
                ).mean(),
                "how far a point is from the centre is a root of two squares, not a sum of two distances.": (
                    ((x - u).abs() + (y - v).abs() - r) ** 2
                ).mean(),
            },
            f"for u = {u:g}, v = {v:g}, r = {r:g}, x = {x.tolist()} and y = {y.tolist()}",
        )
        _compare_slopes(loss, ((away - r) ** 2).mean(), dict(zip("uvr", parameters, strict=True)))


@check
def check_hoop(answer: object) -> None:
    """Judge an angle, in degrees, that is to hit the hoop 4 metres away and 2 metres up.

    Examples:
        >>> from lessons_src import exercises
        >>> exercises.check_hoop(30)
        Not yet: at 30.0 degrees the ball passes 0.49 m below the hoop. Take more steps, or another learning rate.
    """
    degrees = number(answer)
    if not math.isfinite(degrees):
        raise Hint(f"the angle is {degrees}. The learning rate was too large.")
    if _hits(math.degrees(degrees), 4, 2) and 0 < degrees < math.pi / 2:
        raise Hint(f"{degrees:.4g} looks like radians. Hand in degrees: `rad2deg()` makes them.")
    if not 0 < degrees < 90:
        raise Hint(
            f"{degrees:.1f} degrees is no throw towards the hoop: it must be between 0 and 90. Was the start "
            "in radians (`deg2rad()` makes them), and the learning rate small enough for it?"
        )
    if _hits(degrees, 4, 2):
        return
    others = {(5, 1.5): "the hoop of the lesson", (4, 1.5): "4 m away, but still 1.5 m up"}
    others |= {(5, 2): "2 m up, but still 5 m away"}
    for (far, up), which in others.items():
        if _hits(degrees, far, up):
            raise Hint(f"{degrees:.1f} degrees hits a hoop that is {which}. Change both in the loss.")
    above = _height(degrees, 4) - 2
    raise Hint(
        f"at {degrees:.1f} degrees the ball passes {abs(above):.2g} m {'above' if above > 0 else 'below'} "
        "the hoop. Take more steps, or another learning rate."
    )


@check
def check_descend(answer: Callable[..., Any]) -> None:
    """Judge a loop: a function of `loss_of`, the list of `parameters`, `lr` and the number of `steps`.

    It moves the parameters, and returns the list of the losses before each step, as numbers.

    Examples:
        >>> from lessons_src import exercises
        >>> exercises.check_descend(lambda loss_of, parameters, lr, steps: [])
        Not yet: after one step down (w - 3)**2 from w = 1 with lr = 0.1, w must be larger, and it is still 1. \
Does the step change the tensor `p` itself, by `p -= …`?
    """
    _check_one_step(answer)
    w, v = (torch.tensor(value, requires_grad=True) for value in (1.0, 2.0))
    losses = ask(
        _with_names(answer, lambda w, v: (w - 3) ** 2 + (v + 1) ** 2, [w, v], 0.1, 2),
        *map(_Name, ("loss_of", "[w, v]", "lr=0.1", "steps=2")),
    )
    # With both slopes added up in the second step, they would be 2.12 and 0.32.
    ends = {"w": (w.item(), 1.72), "v": (v.item(), 0.92)}
    wrong = [name for name, (end, right) in ends.items() if abs(end - right) > 1e-4]
    if wrong:
        name = wrong[-1]
        end, right = ends[name]
        raise Hint(
            f"the first step is right. After the second, {name} must be {right:g}, and it is {end:.4g}. What does "
            f"the `.grad` of each parameter hold when the second `backward()` comes?"
        )
    _check_losses(losses)


@check
def check_border(answer: object) -> None:
    """Judge the learning rate, a number, above which `w` no longer settles at the root of 2.

    Examples:
        >>> from lessons_src import exercises
        >>> exercises.check_border(0.2)
        Not yet: with 0.2, w does not run away, but it never settles either: in the end it is 1.3877, then 1.4283. \
The border is below.
    """
    lr = number(answer)
    if not 0 < lr < math.inf:
        raise (
            Hint(f"a learning rate must be above 0, and {lr:g} is not.")
            if lr <= 0
            else Hint(f"the answer must be a finite number, not {lr}.")
        )
    if 0.12 <= lr <= 0.13:
        return
    before, after = _last_two(lr)
    if lr < 0.12:
        raise Hint(
            f"with {lr:g}, w settles: in the end it is {after:.4f}. The border is above. Near it w needs "
            "many more steps to settle."
        )
    if not math.isfinite(after):
        raise Hint(
            f"with {lr:g}, w runs away. But w stops settling long before it runs away. The border is below."
        )
    raise Hint(
        f"with {lr:g}, w does not run away, but it never settles either: in the end it is {before:.4f}, then "
        f"{after:.4f}. The border is below."
    )


@check
def check_repair(answer: Callable[..., Any]) -> None:
    """Judge the loss of a repaired picture: a function of `pixels`, `seen` and `known`, all of one shape.

    `known` is True where a pixel is known. The loss is the misfit, the mean of the squared differences where
    `known`, and 0.1 times the roughness.

    Examples:
        >>> from lessons_src import exercises
        >>> exercises.check_repair(lambda pixels, seen, known: ((pixels - seen) ** 2)[known].mean())
        Not yet: for a picture of 3 by 4 pixels: the roughness is missing.
    """
    for rows, columns in ((3, 4), (5, 2)):
        wave = torch.arange(1.0, rows * columns + 1)
        pixels = (wave * wave).cos().reshape(rows, columns).requires_grad_()
        known = (wave % 3 > 0).reshape(rows, columns)
        seen = wave.sin().reshape(rows, columns) * known
        loss = _loss(answer, "pixels, seen, known", pixels, seen, known)
        right, mistakes = _repairs(pixels, seen, known)
        _compare(loss, right, mistakes, f"for a picture of {rows} by {columns} pixels")
        _compare_slopes(loss, right, {"pixels": pixels})


def _repairs(pixels: torch.Tensor, seen: torch.Tensor, known: torch.Tensor) -> tuple[torch.Tensor, Mistakes]:
    """Return the loss of a repair, and what it would be with the commonest mistakes."""
    squares = (pixels - seen) ** 2
    misfit = squares[known].mean()
    down, right = pixels.diff(dim=0) ** 2, pixels.diff(dim=1) ** 2
    rough = down.mean() + right.mean()
    around = sum(((pixels - pixels.roll(1, dim)) ** 2).mean() for dim in (0, 1))
    return misfit + 0.1 * rough, {
        "the roughness is missing.": misfit,
        "the misfit is missing.": 0.1 * rough,
        "the roughness counts in full. Take 0.1 of it.": misfit + rough,
        "the misfit also counts the lost pixels, as if they were black.": squares.mean() + 0.1 * rough,
        "divide the misfit by the number of the known pixels, not of all.": (squares * known).mean()
        + 0.1 * rough,
        "the misfit counts the lost pixels, and not the known ones.": squares[~known].mean() + 0.1 * rough,
        "the neighbours to the right are missing in the roughness.": misfit + 0.1 * down.mean(),
        "the neighbours below are missing in the roughness.": misfit + 0.1 * right.mean(),
        "you add squares up. Take the mean of each of the three.": squares[known].sum()
        + 0.1 * (down.sum() + right.sum()),
        "you add up the squares of the roughness. Take the mean in each direction.": misfit
        + 0.1 * (down.sum() + right.sum()),
        "the differences of neighbours are not squared: up and down cancel.": misfit
        + 0.1 * (pixels.diff(dim=0).mean() + pixels.diff(dim=1).mean()),
        "`roll` makes the last row a neighbour of the first. Leave such pairs out.": misfit + 0.1 * around,
    }


class _Name(str):
    """A word that stands for an argument in what `ask` says of a call."""

    __slots__ = ()

    __repr__ = str.__str__


def _with_names(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """Return a function that calls `function` with `arguments`, whatever it is given: their names, to tell."""
    if not callable(function):
        return function

    def call(*names: str) -> Any:
        return function(*arguments)

    call.__name__ = getattr(function, "__name__", "your function")
    return call


def _loss(function: Callable[..., Any], names: str, *arguments: torch.Tensor) -> torch.Tensor:
    """Return the loss that the learner's `function` computes: one number with a slope."""
    loss = ask(_with_names(function, *arguments), *map(_Name, names.split(", ")))
    if not isinstance(loss, torch.Tensor):
        raise Hint(
            f"the loss must be a tensor, and yours is {loss!r}. A plain number has no slope: compute with tensors to "
            "the end."
        )
    if loss.numel() != 1:
        raise Hint(
            f"the loss must be one number, and yours has the shape {tuple(loss.shape)}. Take the mean."
        )
    if not loss.requires_grad:
        raise Hint(
            "the loss has no slope: it is cut off from the parameters. Do without `.item()`, `.detach()`, "
            "`torch.tensor(…)` and comparisons."
        )
    return loss


def _compare(loss: torch.Tensor, right: torch.Tensor, mistakes: Mistakes, given: str) -> None:
    """Raise `Hint` unless `loss` is `right`; the hint is that of the mistake which `loss` is."""
    value = loss.item()
    if _same(value, right.item()):
        return
    for hint, wrong in mistakes.items():
        if _same(value, wrong.item()):
            raise Hint(f"{given}: {hint}")
    raise Hint(f"{given} the loss must be {right.item():.4f}, and yours is {value:.4f}.")


def _compare_slopes(loss: torch.Tensor, right: torch.Tensor, parameters: dict[str, torch.Tensor]) -> None:
    """Raise `Hint` unless both losses have the same slopes: part of a loss may be cut off."""
    inputs = list(parameters.values())
    found = torch.autograd.grad(loss, inputs, allow_unused=True)
    wanted = torch.autograd.grad(right, inputs)
    for name, slope, target in zip(parameters, found, wanted, strict=True):
        if slope is None or not torch.allclose(slope, target, atol=1e-4):
            raise Hint(
                f"the loss is right, but not the slope that arrives at {name}: a part of the loss is cut off. "
                "Do without `.item()` and `.detach()`."
            )


def _same(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=1e-4, abs_tol=1e-5)


def _height(degrees: float, far: float) -> float:
    """Return the height of the lesson's ball after `far` metres."""
    across, up = 10 * math.cos(math.radians(degrees)), 10 * math.sin(math.radians(degrees))
    height = 0.0
    for _ in range(20):
        time = far / 20 / across
        height += up * time
        brake = 1 - 0.03 * math.hypot(across, up) * time
        across, up = across * brake, up * brake - 9.81 * time
    return height


def _hits(degrees: float, far: float, up: float) -> bool:
    return abs(_height(degrees, far) - up) < 0.01


def _last_two(lr: float) -> tuple[float, float]:
    """Return the last two values of `w` after many steps down (w² - 2)² from 1."""
    values = [1.0]
    for _ in range(1000):
        w = values[-1]
        values.append(w - lr * 4 * w * (w * w - 2))
    return values[-2], values[-1]


def _check_one_step(loop: Callable[..., Any]) -> None:
    """Raise `Hint` unless `loop` takes one step as it should."""
    w = torch.tensor(1.0, requires_grad=True)
    ask(
        _with_names(loop, lambda w: (w - 3) ** 2, [w], 0.1, 1),
        *map(_Name, ("loss_of", "[w]", "lr=0.1", "steps=1")),
    )
    told = "after one step down (w - 3)**2 from w = 1 with lr = 0.1, w must be larger, and it is"
    end = w.item()
    if end == 1 and w.grad is not None and w.grad == 0:
        raise Hint(f"{told} still 1. What does `p.grad` hold when the step reads it?")
    if end == 1:
        raise Hint(f"{told} still 1. Does the step change the tensor `p` itself, by `p -= …`?")
    if end < 1:
        raise Hint(f"{told} {end:.4g}. In which direction does the step go?")
    if abs(end - 1.4) > 1e-4:
        raise Hint(
            f"after one step down (w - 3)**2 from w = 1 with lr = 0.1, w must be 1.4, and it is {end:.4g}. The slope "
            "there is -4."
        )


def _check_losses(losses: Any) -> None:
    """Raise `Hint` unless these are the losses before each of two steps, as numbers."""
    wanted = [13.0, 8.32]
    if isinstance(losses, torch.Tensor) or not isinstance(losses, list | tuple):
        raise Hint(f"the parameters move right. Return a list of the losses, not {losses!r}.")
    if any(isinstance(loss, torch.Tensor) for loss in losses):
        raise Hint(
            "the parameters move right. The list must hold numbers, and it holds tensors: see `.item()`."
        )
    if len(losses) != 2 or not all(map(_same, map(number, losses), wanted)):
        raise Hint(f"the parameters move right. For two steps the losses must be {wanted}, not {losses}.")
