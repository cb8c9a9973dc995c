"""The checks of Lesson 1: Three demos first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from lessons_src.exercises.checking import Hint, ask, check, cures, near, number, own_steps

if TYPE_CHECKING:
    from collections.abc import Callable

NEAR_HOOP = 0.01
HOOP = 3, 2
OTHER_HOOPS = {
    (5, 2.5): "the hoop of the lesson",
    (3, 2.5): "a hoop 3 m away, but still 2.5 m up",
    (5, 2): "a hoop 2 m up, but still 5 m away",
}
STEEPEST = 90
BORDER = 0.12, 0.13


@check
def check_circle(answer: Callable[..., Any]) -> None:
    """Judge the loss of a circle: a function of the centre `u`, `v`, the radius `r` and the points `x`, `y`.

    It returns the mean of the squared distances from the points to the circle, as a tensor of one number.

    Examples:
        >>> from lessons_src import exercises
        >>> exercises.check_circle(lambda u, v, r, x, y: (x - u) ** 2 + (y - v) ** 2 - r)
        Not yet: the loss must be one number, and yours has the shape (4,). Take the mean.
    """
    for circle, points in (
        # The other points lie on a circle round (1, -2) with the radius 5, and these do not.
        ((0.5, 1.0, 3.0), ((3.0, -1.0, 2.0, 0.0), (0.0, 2.0, -2.0, 5.0))),
        ((1.0, -2.0, 5.0), ((6.0, 4.0, 1.0, -3.0), (-2.0, 2.0, 3.0, 1.0))),
    ):
        u, v, r = (torch.tensor(value, requires_grad=True) for value in circle)
        x, y = map(torch.tensor, points)
        loss = _loss(answer, "u, v, r, x, y", u, v, r, x, y)
        right, mistakes = _circle_losses(u, v, r, x, y)
        given = f"for u = {u:g}, v = {v:g}, r = {r:g}, x = {x.tolist()}, y = {y.tolist()}"
        _compare(loss, right, mistakes, given)
        _compare_slopes(loss, right, {"u": u, "v": v, "r": r})


@check
def check_hoop(answer: object) -> None:
    """Judge an angle, in degrees, that is to hit the hoop 3 metres away and 2 metres up.

    Examples:
        >>> from lessons_src import exercises
        >>> exercises.check_hoop(30)
        Not yet: at 30.0 degrees the ball is 0.83 m below the hoop. Take more steps, or another learning rate.
    """
    degrees = number(answer)
    if not math.isfinite(degrees):
        raise Hint(f"the angle is {degrees}. The learning rate was too large.")
    if 0 < degrees < math.pi / 2 and _hits(math.degrees(degrees), HOOP):
        raise Hint(f"{degrees:.4g} looks like radians. Hand in degrees: `rad2deg()` makes them.")
    if not 0 < degrees < STEEPEST:
        raise Hint(
            f"{degrees:.1f} degrees is no throw towards the hoop: it must be between 0 and {STEEPEST}. "
            "Was the start in radians (`deg2rad()` makes them), and the learning rate small enough?"
        )
    if _hits(degrees, HOOP):
        return
    for hoop, which in OTHER_HOOPS.items():
        if _hits(degrees, hoop):
            raise Hint(f"{degrees:.1f} degrees hits {which}. Change both, how far and how high.")
    above = _height(degrees, HOOP[0]) - HOOP[1]
    rounded = any(_hits(degrees + hundredths / 100, HOOP) for hundredths in range(-5, 6))
    other = "hand in the tensor, not a rounded number" if rounded else "another learning rate"
    raise Hint(
        f"at {degrees:.1f} degrees the ball is {abs(above):.2g} m {'above' if above > 0 else 'below'} the "
        f"hoop. Take more steps, or {other}."
    )


@check
def check_descend(answer: Callable[..., Any]) -> None:
    """Judge a loop: a function of `loss_of`, the list of `parameters`, `lr` and the number of `steps`.

    It moves the parameters, and returns the list of the losses before each step, as numbers.

    Examples:
        >>> from lessons_src import exercises
        >>> exercises.check_descend(lambda loss_of, parameters, lr, steps: 3)
        Not yet: a step from w = 1 down (w - 3)**2 never asks for the loss. How often does your loop run \
with steps = 1?
    """
    _check_one_step(answer)
    w, v = (torch.tensor(value, requires_grad=True) for value in (1.0, 2.0))
    with own_steps(), cures():
        losses = ask(
            answer,
            lambda w, v: (w - 3) ** 2 + (v + 1) ** 2,
            [w, v],
            0.1,
            2,
            shown="(loss_of, [w, v], lr=0.1, steps=2)",
        )
    if near((w.item(), v.item()), (1.4, 1.4)):
        raise Hint("with steps = 2 it makes one step. Is `return` inside the loop?")
    # Where the slopes add up, w comes to 2.12, and v to 0.32.
    for name, parameter, right in (("w", w, 1.72), ("v", v, 0.92)):
        if not near(parameter.item(), right):
            raise Hint(
                f"the first step is right. After the second, {name} must be {right}, and it is "
                f"{parameter.item():.4g}. What does `{name}.grad` hold when the second `backward()` comes?"
            )
    _check_losses(losses, [13.0, 8.32])


@check
def check_border(answer: object) -> None:
    """Judge the learning rate, a number, above which `w` no longer settles at the root of 2.

    Examples:
        >>> from lessons_src import exercises
        >>> exercises.check_border(0.3)
        Not yet: with 0.3, w runs away. It stops settling long before. The border is below.
    """
    lr = number(answer)
    if not 0 < lr < math.inf:
        raise Hint(f"a learning rate must be a number above 0, not {lr:g}.")
    below, above = BORDER
    before, after = _last_two(lr)
    if lr < below - 1e-6:  # 0.12 in float32 is a little less
        raise Hint(
            f"with {lr:g}, w does not run away: after 1000 steps it is {after:.4f}. The border is above. "
            "Near the border, w needs more steps."
        )
    if not math.isfinite(after):
        raise Hint(f"with {lr:g}, w runs away. It stops settling long before. The border is below.")
    if lr > above:
        raise Hint(
            f"with {lr:g}, w does not run away, but it does not settle either: in the end it is "
            f"{before:.4f}, then {after:.4f}. The border is below."
        )


@check
def check_repair_misfit(answer: Callable[..., Any]) -> None:
    """Judge the loss of a repaired picture: a function of `pixels`, `seen` and `known`, all of one shape.

    `known` is True where a pixel is known. The loss is the mean of the squared differences there, plus 0.1
    times the roughness.

    Examples:
        >>> from lessons_src import exercises
        >>> exercises.check_repair_misfit(lambda pixels, seen, known: ((pixels - seen) ** 2)[known].mean())
        Not yet: for a picture of 3 by 4 pixels: the roughness is missing.
    """
    for rows, columns in ((3, 4), (5, 2)):
        wave = torch.arange(1.0, rows * columns + 1).reshape(rows, columns)
        pixels = (wave * wave).cos().requires_grad_()
        known = wave % 3 > 0
        seen = wave.sin() * known
        loss = _loss(answer, "pixels, seen, known", pixels, seen, known)
        right, mistakes = _repair_losses(pixels, seen, known)
        _compare(loss, right, mistakes, f"for a picture of {rows} by {columns} pixels")
        _compare_slopes(loss, right, {"pixels": pixels})


def _circle_losses(
    u: torch.Tensor, v: torch.Tensor, r: torch.Tensor, x: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the loss of a circle, and for each common mistake the hint and what it would be."""
    away = torch.hypot(x - u, y - v)
    squares = (away - r) ** 2
    walked = (x - u).abs() + (y - v).abs()
    return squares.mean(), {
        "that is the sum of the squares. Take their mean.": squares.sum(),
        "the misses are not squared: those inside and outside cancel.": (away - r).mean(),
        "those are the sizes of the misses. Take their squares.": (away - r).abs().mean(),
        "you compare the distance, squared, with the radius. Take its root.": ((away**2 - r) ** 2).mean(),
        "you compare two squares. Compare the distance with the radius.": ((away**2 - r**2) ** 2).mean(),
        "you compare the distance with the radius, squared. Do not square it.": ((away - r**2) ** 2).mean(),
        "you add the centre to the points. How far apart they are is a difference.": (
            (torch.hypot(x + u, y + v) - r) ** 2
        ).mean(),
        "you exchange the coordinates of the centre: `u` belongs to x, and `v` to y.": (
            (torch.hypot(x - v, y - u) - r) ** 2
        ).mean(),
        "you add the way across to the way up. The distance is shorter.": ((walked - r) ** 2).mean(),
    }


def _repair_losses(
    pixels: torch.Tensor, seen: torch.Tensor, known: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the loss of a repair, and for each common mistake the hint and what it would be."""
    squares = (pixels - seen) ** 2
    misfit = squares[known].mean()
    down, right = pixels.diff(dim=0), pixels.diff(dim=1)
    summed = (down**2).sum() + (right**2).sum()
    rough = (down**2).mean() + (right**2).mean()
    rough_seen = (seen.diff(dim=0) ** 2).mean() + (seen.diff(dim=1) ** 2).mean()
    around = ((pixels - pixels.roll(1, 0)) ** 2 + (pixels - pixels.roll(1, 1)) ** 2).mean()
    return misfit + 0.1 * rough, {
        "the roughness is missing.": misfit,
        "the misfit is missing.": 0.1 * rough,
        "the roughness is that of `seen`. Take that of `pixels`.": misfit + 0.1 * rough_seen,
        "the roughness counts in full. Take 0.1 of it.": misfit + rough,
        "the misfit counts the lost pixels too, as if they were black.": squares.mean() + 0.1 * rough,
        "divide the misfit by the number of known pixels, not of all.": (squares * known).mean()
        + 0.1 * rough,
        "the misfit counts the lost pixels, not the known ones.": squares[~known].mean() + 0.1 * rough,
        "in the roughness, the neighbours to the right are missing.": misfit + 0.1 * (down**2).mean(),
        "in the roughness, the neighbours below are missing.": misfit + 0.1 * (right**2).mean(),
        "you add squares up. Take three means.": squares[known].sum() + 0.1 * summed,
        "you add up the squares of the roughness. Take the mean in each direction.": misfit + 0.1 * summed,
        "the differences of neighbours are not squared, and cancel.": misfit
        + 0.1 * (down.mean() + right.mean()),
        "`roll` makes the last row a neighbour of the first. Leave such pairs out.": misfit + 0.1 * around,
    }


def _loss(function: Callable[..., Any], names: str, *arguments: torch.Tensor) -> torch.Tensor:
    """Return the loss that the learner's `function` computes: one number with a slope."""
    loss = ask(function, *arguments, shown=f"({names})")
    if not isinstance(loss, torch.Tensor):
        raise Hint(
            f"the loss must be a tensor, and yours is {loss!r}, which has no slope. Do without `.item()`."
        )
    if loss.numel() != 1:
        raise Hint(
            f"the loss must be one number, and yours has the shape {tuple(loss.shape)}. Take the mean."
        )
    if not loss.requires_grad:
        raise Hint("the loss is cut off from the parameters. Do without `detach()` and `torch.tensor(…)`.")
    return loss


def _compare(loss: torch.Tensor, right: torch.Tensor, mistakes: dict[str, torch.Tensor], given: str) -> None:
    """Raise `Hint` unless `loss` is `right`, with the hint of the mistake that gives `loss`."""
    value = loss.item()
    if near(value, right.item()):
        return
    for hint, wrong in mistakes.items():
        if near(value, wrong.item()):
            raise Hint(f"{given}: {hint}")
    raise Hint(f"{given}: the loss must be {right.item():.4f}, and yours is {value:.4f}.")


def _compare_slopes(loss: torch.Tensor, right: torch.Tensor, parameters: dict[str, torch.Tensor]) -> None:
    """Raise `Hint` unless both losses have the same slopes: a part of a loss may be cut off."""
    inputs = list(parameters.values())
    found = torch.autograd.grad(loss, inputs, allow_unused=True)
    wanted = torch.autograd.grad(right, inputs)
    for name, slope, target in zip(parameters, found, wanted, strict=True):
        if slope is None or not near(slope, target):
            raise Hint(
                f"the loss is right, but not its slope for {name}: a part is cut off. Do without `.item()` "
                "and `detach()`."
            )


def _height(degrees: float, far: float) -> float:
    """Return the height of the lesson's ball after `far` metres."""
    across, up = 10 * math.cos(math.radians(degrees)), 10 * math.sin(math.radians(degrees))
    height = 0.0
    for _ in range(10):
        time = far / 10 / across
        height += up * time
        brake = 1 - 0.03 * math.hypot(across, up) * time
        across, up = across * brake, up * brake - 9.81 * time
    return height


def _hits(degrees: float, hoop: tuple[float, float]) -> bool:
    far, up = hoop
    return abs(_height(degrees, far) - up) < NEAR_HOOP


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
    asked = []

    def loss_of(w: torch.Tensor) -> torch.Tensor:
        asked.append(w)
        return (w - 3) ** 2

    with own_steps(), cures():
        ask(loop, loss_of, [w], 0.1, 1, shown="(loss_of, [w], lr=0.1, steps=1)")
    told, end = "a step from w = 1 down (w - 3)**2", w.item()
    if end == 1 and w._version and w.grad is not None and w.grad == 0:  # noqa: SLF001
        raise Hint(f"{told} does not move w. What does `p.grad` hold when the step reads it?")
    if not asked:
        raise Hint(f"{told} never asks for the loss. How often does your loop run with steps = 1?")
    if end == 1:
        raise Hint(f"{told} does not move w. Does it change `p` itself, by `p -= …`?")
    if end < 1:
        raise Hint(f"{told} moves w to {end:.4g}, and the loss grows. In which direction must the step go?")
    if not near(end, 1.4):
        raise Hint(f"{told} with lr = 0.1 moves w to {end:.4g}, and it must be 1.4. The slope there is -4.")


def _check_losses(losses: object, wanted: list[float]) -> None:
    """Raise `Hint` unless `losses` are those before each step, as numbers."""
    told = "the parameters move right."
    if not isinstance(losses, list):
        raise Hint(f"{told} Return the list of the losses, not {losses!r}.")
    if any(isinstance(loss, torch.Tensor) for loss in losses):
        raise Hint(f"{told} The list must hold numbers, and it holds tensors: see `.item()`.")
    if len(losses) != len(wanted) or not all(map(near, map(number, losses), wanted)):
        raise Hint(f"{told} For two steps the losses must be {wanted}, not {losses}.")
