"""The checks of Lesson 1 know the answers, and the commonest mistakes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lessons_src.exercises import (
    check_border,
    check_circle,
    check_descend,
    check_hoop,
    check_repair_misfit,
    checking,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Says = Callable[..., str]


@pytest.fixture
def says(capsys: pytest.CaptureFixture[str]) -> Says:
    def say(check: Callable[..., None], answer: Any) -> str:
        check(answer)
        return capsys.readouterr().out.removeprefix("Not yet: ").removesuffix("\n")

    return say


def away(u: Any, v: Any, x: Any, y: Any) -> Any:
    return torch.hypot(x - u, y - v)


ON_IT = "for u = 0.5, v = 1, r = 3, x = [3.0, -1.0, 2.0, 0.0], y = [0.0, 2.0, -2.0, 5.0]: "
ELSEWHERE = "for u = 0.5, v = 1, r = 3, x = [3.0, -1.0, 2.0, 0.0], y = [0.0, 2.0, -2.0, 5.0]: "
CUT = "the loss is cut off from the parameters. Do without `detach()` and `torch.tensor(…)`."
NO_FUNCTION = "the answer must be a function, not {}. Give its name without brackets."
HALF_CUT = (
    "the loss is right, but not its slope for {}: a part is cut off. Do without `.item()` and `detach()`."
)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("((away(u, v, x, y) - r) ** 2).mean()", "Right."),
        ("((((x - u) ** 2 + (y - v) ** 2).sqrt() - r) ** 2).sum() / len(x)", "Right."),
        ("((away(u, v, x, y) - r) ** 2).mean().reshape(1)", "Right."),
        (
            "(away(u, v, x, y) - r) ** 2",
            "the loss must be one number, and yours has the shape (4,). Take the mean.",
        ),
        (
            "((away(u, v, x, y) - r) ** 2).sum()",
            f"{ELSEWHERE}that is the sum of the squares. Take their mean.",
        ),
        (
            "(away(u, v, x, y) - r).mean()",
            f"{ELSEWHERE}the misses are not squared: those inside and outside cancel.",
        ),
        (
            "(away(u, v, x, y) - r).abs().mean()",
            f"{ELSEWHERE}those are the sizes of the misses. Take their squares.",
        ),
        (
            "(((x - u) ** 2 + (y - v) ** 2 - r) ** 2).mean()",
            f"{ON_IT}you compare the distance, squared, with the radius. Take its root.",
        ),
        (
            "(((x - u) ** 2 + (y - v) ** 2 - r ** 2) ** 2).mean()",
            f"{ELSEWHERE}you compare two squares. Compare the distance with the radius.",
        ),
        (
            "((torch.hypot(x + u, y + v) - r) ** 2).mean()",
            f"{ON_IT}you add the centre to the points. How far apart they are is a difference.",
        ),
        (
            "((away(v, u, x, y) - r) ** 2).mean()",
            f"{ON_IT}you exchange the coordinates of the centre: `u` belongs to x, and `v` to y.",
        ),
        (
            "(((x - u).abs() + (y - v).abs() - r) ** 2).mean()",
            f"{ON_IT}you add the way across to the way up. The distance is shorter.",
        ),
        (
            "((away(u, v, x, y) - r) ** 2).mean() + 1",
            f"{ON_IT}the loss must be 0.6791, and yours is 1.6791.",
        ),
        ("(away(u, v, x, y) * math.nan).mean()", f"{ON_IT}the loss must be 0.6791, and yours is nan."),
        (
            "((away(u, v, x, y) - r) ** 2).mean().item()",
            (
                "the loss must be a tensor, and yours is 0.6791167259216309, which has no slope. "
                "Do without `.item()`."
            ),
        ),
        ("((away(u, v, x, y) - r) ** 2).mean().detach()", CUT),
        ("torch.tensor(((away(u, v, x, y) - r) ** 2).mean().item())", CUT),
        ("((away(u, v, x, y) - r.item()) ** 2).mean()", HALF_CUT.format("r")),
        ("((away(u, v, x, y) - r) ** 2).mean() + v - v.detach()", HALF_CUT.format("v")),
        ("None", "<lambda>(u, v, r, x, y) returns None; let it return your answer."),
        (
            "math.hypot(x - u, y - v)",
            (
                "<lambda>(u, v, r, x, y) raises ValueError: only one element tensors can be converted to "
                "Python scalars."
            ),
        ),
    ],
)
def test_the_loss_of_a_circle(loss: str, said: str, says: Says) -> None:
    assert says(check_circle, eval(f"lambda u, v, r, x, y: {loss}")) == said


@pytest.mark.parametrize(
    ("degrees", "said"),
    [
        (43.05, "Right."),
        (torch.tensor([43.05], requires_grad=True), "Right."),
        (78.845, "Right."),
        (0.7514, "0.7514 looks like radians. Hand in degrees: `rad2deg()` makes them."),
        (
            405,
            (
                "405.0 degrees is no throw towards the hoop: it must be between 0 and 90. Was the "
                "start in radians (`deg2rad()` makes them), and the learning rate small enough?"
            ),
        ),
        (
            90,
            (
                "90.0 degrees is no throw towards the hoop: it must be between 0 and 90. Was the "
                "start in radians (`deg2rad()` makes them), and the learning rate small enough?"
            ),
        ),
        (45.07, "45.1 degrees hits the hoop of the lesson. Change both, how far and how high."),
        (
            49.64,
            "49.6 degrees hits a hoop 3 m away, but still 2.5 m up. Change both, how far and how high.",
        ),
        (
            39.1,
            "39.1 degrees hits a hoop 2 m up, but still 5 m away. Change both, how far and how high.",
        ),
        (
            42,
            "at 42.0 degrees the ball is 0.074 m below the hoop. Take more steps, or another learning rate.",
        ),
        (
            78.8,
            (
                "at 78.8 degrees the ball is 0.05 m above the hoop. Take more steps, or hand in the tensor, "
                "not a rounded number."
            ),
        ),
        (
            60,
            "at 60.0 degrees the ball is 1.4 m above the hoop. Take more steps, or another learning rate.",
        ),
        (math.nan, "the angle is nan. The learning rate was too large."),
        ("43.7", "the answer must be one number, not '43.7'."),
        (torch.ones(2), "the answer must be one number, not a tensor of shape (2,)."),
        (None, "the answer must be one number, not None."),
    ],
    ids=str,
)
def test_the_angle(degrees: object, said: str, says: Says) -> None:
    assert says(check_hoop, degrees) == said


STUCK = "a step from w = 1 down (w - 3)**2 does not move w. "
TWO = "the first step is right. After the second, "
THEN = "when the second `backward()` comes?"
MOVES = "the parameters move right. "


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("p -= lr * p.grad; p.grad.zero_()", "Right."),
        ("p.sub_(lr * p.grad); p.grad = None", "Right."),
        ("p.grad.zero_(); p -= lr * p.grad", f"{STUCK}What does `p.grad` hold when the step reads it?"),
        ("p = p - lr * p.grad", f"{STUCK}Does it change `p` itself, by `p -= …`?"),
        (
            "p = p - lr * p.grad; p.grad.zero_()",
            (
                "mended(loss_of, [w], lr=0.1, steps=1) raises AttributeError: 'NoneType' object has no "
                f"attribute 'zero_'. {checking.NO_GRAD_YET}"
            ),
        ),
        (
            "p = p - lr * p.grad\n                    for p in parameters: p.grad.zero_()",
            f"{STUCK}Does it change `p` itself, by `p -= …`?",
        ),
        ("pass", f"{STUCK}Does it change `p` itself, by `p -= …`?"),
        (
            "p += lr * p.grad; p.grad.zero_()",
            (
                "a step from w = 1 down (w - 3)**2 moves w to 0.6, and the loss grows. In which direction "
                "must the step go?"
            ),
        ),
        (
            "p -= 2 * lr * p.grad; p.grad.zero_()",
            (
                "a step from w = 1 down (w - 3)**2 with lr = 0.1 moves w to 1.8, and it must be 1.4. The "
                "slope there is -4."
            ),
        ),
        (
            "p -= lr * p.grad",
            f"{TWO}w must be 1.72, and it is 2.12. What does `w.grad` hold {THEN}",
        ),
        (
            "p -= lr * p.grad; parameters[0].grad.zero_()",
            f"{TWO}v must be 0.92, and it is 0.32. What does `v.grad` hold {THEN}",
        ),
    ],
)
def test_the_step_of_a_loop(step: str, said: str, says: Says) -> None:
    assert says(check_descend, loop(step=step)) == said


def test_a_loop_that_returns_after_its_first_step(says: Says) -> None:
    def once(loss_of: Any, parameters: Any, lr: float, _: int) -> Any:
        return loop()(loss_of, parameters, lr, 1)

    assert says(check_descend, once) == "with steps = 2 it makes one step. Is `return` inside the loop?"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"keep": "loss"},
            f"{MOVES}The list must hold numbers, and it holds tensors: see `.item()`.",
        ),
        ({"keep": "0"}, f"{MOVES}For two steps the losses must be [13.0, 8.32], not [0, 0]."),
        ({"give": "losses[:1]"}, f"{MOVES}For two steps the losses must be [13.0, 8.32], not [13.0]."),
        ({"give": "losses[0]"}, f"{MOVES}Return the list of the losses, not 13.0."),
        (
            {"give": "None"},
            "mended(loss_of, [w], lr=0.1, steps=1) returns None; let it return your answer.",
        ),
        (
            {"under": "torch.enable_grad()"},
            (
                "mended(loss_of, [w], lr=0.1, steps=1) raises RuntimeError: a leaf Variable that requires "
                f"grad is being used in an in-place operation. {checking.IN_PLACE}"
            ),
        ),
    ],
    ids=str,
)
def test_the_rest_of_a_loop(changes: dict[str, str], said: str, says: Says) -> None:
    assert says(check_descend, loop(**changes)) == said


def loop(
    step: str = "p -= lr * p.grad; p.grad.zero_()",
    keep: str = "loss.item()",
    give: str = "losses",
    under: str = "torch.no_grad()",
) -> Any:
    """Return the lesson's loop with these parts."""
    names: dict[str, Any] = {"torch": torch}
    exec(
        f"""def mended(loss_of, parameters, lr, steps):
            losses = []
            for step in range(steps):
                loss = loss_of(*parameters)
                loss.backward()
                with {under}:
                    for p in parameters:
                        {step}
                losses.append({keep})
            return {give}""",
        names,
    )
    return names["mended"]


@pytest.mark.parametrize(
    ("lr", "said"),
    [
        (0.12, "Right."),
        (0.125, "Right."),
        (torch.tensor(0.1299), "Right."),
        (
            0.1,
            (
                "with 0.1, w does not run away: after 1000 steps it is 1.4142. The border is above. "
                "Near the border, w needs more steps."
            ),
        ),
        (
            0.15,
            (
                "with 0.15, w does not run away, but it does not settle either: in the end it is 1.6116, "
                "then 1.0342. The border is below."
            ),
        ),
        (0.3, "with 0.3, w runs away. It stops settling long before. The border is below."),
        (0, "a learning rate must be a number above 0, not 0."),
        (-0.1, "a learning rate must be a number above 0, not -0.1."),
        (math.inf, "a learning rate must be a number above 0, not inf."),
        (math.nan, "a learning rate must be a number above 0, not nan."),
        ("0.125", "the answer must be one number, not '0.125'."),
        (None, "the answer must be one number, not None."),
    ],
)
def test_the_border(lr: object, said: str, says: Says) -> None:
    assert says(check_border, lr) == said


def misfit(p: Any, seen: Any, known: Any) -> Any:
    return ((p - seen)[known] ** 2).mean()


def down(p: Any) -> Any:
    return p[1:] - p[:-1]


def right(p: Any) -> Any:
    return p[:, 1:] - p[:, :-1]


def rough(p: Any) -> Any:
    return (down(p) ** 2).mean() + (right(p) ** 2).mean()


PICTURE = "for a picture of 3 by 4 pixels: "


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("misfit(p, s, k) + 0.1 * rough(p)", "Right."),
        ("((p - s) ** 2 * k).sum() / k.sum() + rough(p) / 10", "Right."),
        ("misfit(p, s, k)", f"{PICTURE}the roughness is missing."),
        ("0.1 * rough(p)", f"{PICTURE}the misfit is missing."),
        (
            "misfit(p, s, k) + 0.1 * rough(s)",
            f"{PICTURE}the roughness is that of `seen`. Take that of `pixels`.",
        ),
        ("misfit(p, s, k) + rough(p)", f"{PICTURE}the roughness counts in full. Take 0.1 of it."),
        (
            "((p - s) ** 2).mean() + 0.1 * rough(p)",
            f"{PICTURE}the misfit counts the lost pixels too, as if they were black.",
        ),
        (
            "((p - s) ** 2 * k).mean() + 0.1 * rough(p)",
            f"{PICTURE}divide the misfit by the number of known pixels, not of all.",
        ),
        (
            "misfit(p, s, ~k) + 0.1 * rough(p)",
            f"{PICTURE}the misfit counts the lost pixels, not the known ones.",
        ),
        (
            "misfit(p, s, k) + 0.1 * (down(p) ** 2).mean()",
            f"{PICTURE}in the roughness, the neighbours to the right are missing.",
        ),
        (
            "misfit(p, s, k) + 0.1 * (right(p) ** 2).mean()",
            f"{PICTURE}in the roughness, the neighbours below are missing.",
        ),
        (
            "((p - s)[k] ** 2).sum() + 0.1 * ((down(p) ** 2).sum() + (right(p) ** 2).sum())",
            f"{PICTURE}you add squares up. Take three means.",
        ),
        (
            "misfit(p, s, k) + 0.1 * ((down(p) ** 2).sum() + (right(p) ** 2).sum())",
            f"{PICTURE}you add up the squares of the roughness. Take the mean in each direction.",
        ),
        (
            "misfit(p, s, k) + 0.1 * (down(p).mean() + right(p).mean())",
            f"{PICTURE}the differences of neighbours are not squared, and cancel.",
        ),
        (
            "misfit(p, s, k) + 0.1 * sum(((p - p.roll(1, dim)) ** 2).mean() for dim in (0, 1))",
            f"{PICTURE}`roll` makes the last row a neighbour of the first. Leave such pairs out.",
        ),
        ("misfit(p, s, k) + 0.1 * rough(p.detach())", HALF_CUT.format("pixels")),
        (
            "(p - s)[k] ** 2",
            "the loss must be one number, and yours has the shape (8,). Take the mean.",
        ),
        ("None", "<lambda>(pixels, seen, known) returns None; let it return your answer."),
    ],
)
def test_the_loss_of_a_repair(loss: str, said: str, says: Says) -> None:
    assert says(check_repair_misfit, eval(f"lambda p, s, k: {loss}")) == said


@pytest.mark.parametrize("check", [check_circle, check_descend, check_repair_misfit])
@pytest.mark.parametrize("answer", [None, "loss", 3, torch.ones(2)], ids=str)
def test_what_is_no_function_gets_a_hint(check: Callable[..., None], answer: object, says: Says) -> None:
    assert says(check, answer) == NO_FUNCTION.format(repr(answer))
