"""The checks of lesson 4: what is right, and the hint for each common mistake."""

from __future__ import annotations

import math
import random
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lessons_src.exercises import (
    check_diverges,
    check_land,
    check_limit,
    check_one_epoch,
    check_rescale,
    checking,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    Loss = Callable[[Tensor], Tensor]


def said(capsys: pytest.CaptureFixture[str], check: Callable[[Any], None], answer: object) -> str:
    check(answer)
    return capsys.readouterr().out


def diverges(losses: list[float]) -> bool:
    return not math.isfinite(losses[-1]) or losses[-1] > 2 * losses[0]


def diverges_as_a_tensor(losses: list[float]) -> Tensor:
    return torch.tensor(diverges(losses))


@pytest.mark.parametrize("answer", [diverges, diverges_as_a_tensor])
def test_divergence_is_found(capsys: pytest.CaptureFixture[str], answer: object) -> None:
    assert said(capsys, check_diverges, answer) == "Right.\n"


NAN = "The walk ended in nan. A comparison such as `nan > 9.0` is False."


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            lambda losses: losses[-1] > 2 * losses[0],
            f"for [9.0, 3e+20, inf, nan] your answer is False. {NAN}",
        ),
        (
            lambda losses: not losses[-1] <= losses[0],
            (
                "for [1.0, 0.5, 0.7, 0.4, 1.05] your answer is True. The last loss is a little above the "
                "first, as on minibatches it may be: ask for a clear factor."
            ),
        ),
        (
            lambda losses: not losses[-1] < 2 * losses[0],
            "for [0.0, 0.0] your answer is True. These losses stay where they are. Nothing grows.",
        ),
        (
            lambda losses: not losses[-1] <= 2 * losses[0],
            (
                "for [inf, inf] your answer is False. These losses are too large to write down, and inf is "
                "not above inf. Ask whether the last is finite."
            ),
        ),
        (
            lambda losses: any(b > a for a, b in pairwise(losses)),
            (
                "for [3.0, 1.2, 1.4, 0.9, 1.1, 0.8] your answer is True. Some losses rise, but the list "
                "falls as a whole. On minibatches that is no divergence."
            ),
        ),
        (
            lambda losses: max(losses) > losses[0],
            (
                "for [3.0, 3.4, 1.2, 0.8] your answer is True. The losses rise once, above the first, and "
                "then they fall. Where do they end?"
            ),
        ),
        (
            lambda losses: math.isnan(losses[-1]),
            (
                "for [9.0, 18.0, 36.0, 72.0, 144.0] your answer is False. Each loss is twice as large as "
                "the one before."
            ),
        ),
        (
            lambda losses: 2 * losses[0] < losses[-1] < 1e9,
            ("for [9.0, 3e+20, inf] your answer is False. The loss is too large to write down."),
        ),
        (
            lambda losses: losses[-1] > 0.9 * losses[0],
            (
                "for [9.0, 8.99, 8.98, 8.97] your answer is True. These losses hardly fall, but they fall. "
                "That is no divergence."
            ),
        ),
        (
            lambda losses: losses[-1] < losses[0],
            "for [9.0, 4.0, 1.8, 0.8] your answer is True. These losses fall. That is health.",
        ),
        (lambda _: "yes", "for [9.0, 4.0, 1.8, 0.8] your answer is 'yes'. It must be True or False."),
        (True, "the answer must be a function, not True. Give its name without brackets."),
    ],
)
def test_a_wrong_diagnosis_gets_its_hint(
    capsys: pytest.CaptureFixture[str], answer: object, hint: str
) -> None:
    assert said(capsys, check_diverges, answer) == f"Not yet: {hint}\n"


def slopes(loss_of: Loss, w: float) -> tuple[float, float]:
    at = torch.tensor(w, requires_grad=True)
    (slope,) = torch.autograd.grad(loss_of(at), at, create_graph=True)
    (bend,) = torch.autograd.grad(slope, at)
    return slope.item(), bend.item()


def limit_by(rule: Callable[[float], float]) -> Callable[[Loss], float]:
    return lambda loss_of: rule(slopes(loss_of, 1.0)[1])


def limit_by_search(loss_of: Loss) -> float:
    """By walks, and without the curvature."""
    low, up = 0.0, 10.0
    while up - low > 1e-4:
        lr = (low + up) / 2
        w = torch.tensor(1.0, dtype=torch.float64)
        for _ in range(1000):
            at = w.clone().requires_grad_()
            (slope,) = torch.autograd.grad(loss_of(at), at)
            if not abs(slope) < 1e6:
                break
            w = w - lr * slope
        low, up = (lr, up) if abs(slope) < 1 else (low, lr)
    return low


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(limit_by(lambda bend: 2 / bend), id="by the rule"),
        pytest.param(lambda loss_of: torch.tensor([2 / slopes(loss_of, 0.0)[1]]), id="a tensor"),
        pytest.param(limit_by_search, id="by search"),
    ],
)
def test_the_limit_is_right(capsys: pytest.CaptureFixture[str], answer: object) -> None:
    assert said(capsys, check_limit, answer) == "Right.\n"


LIMIT = "for the loss 2 * (w - 5) ** 2 you return"


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            limit_by(lambda bend: bend),
            f"{LIMIT} 4: this is the curvature. A larger curvature needs a smaller learning rate.",
        ),
        (
            limit_by(lambda bend: bend / 2),
            f"{LIMIT} 2: this is upside down: a larger curvature needs a smaller learning rate.",
        ),
        (
            limit_by(lambda bend: 1 / bend),
            (
                f"{LIMIT} 0.25: a walk with it lands in one step. It may jump beyond the bottom and still "
                "settle."
            ),
        ),
        (
            limit_by(lambda bend: 4 / bend),
            f"{LIMIT} 1: with it each step lands three times as far away as the last.",
        ),
        (limit_by(lambda bend: -2 / bend), f"{LIMIT} -0.5: a learning rate is above 0."),
        (
            limit_by(lambda bend: 1.9 / bend),
            f"{LIMIT} 0.475: a walk with it settles, and with a slightly larger one it does so too.",
        ),
        (
            limit_by(lambda bend: 2.1 / bend),
            f"{LIMIT} 0.525: a walk with it does not settle. The curvature is 4.",
        ),
        (lambda _: math.nan, f"{LIMIT} nan: a walk with it does not settle. The curvature is 4."),
        (
            lambda _: 0.5,
            (
                "for the loss (w + 3) ** 2 / 4 you return 0.5: this is the curvature. A larger curvature "
                "needs a smaller learning rate."
            ),
        ),
        (lambda _: "2 / L''", "the answer must be one number, not \"2 / L''\"."),
        (lambda _: None, "<lambda>(loss_of) returns None; let it return your answer."),
    ],
)
def test_a_wrong_limit_gets_its_hint(capsys: pytest.CaptureFixture[str], answer: object, hint: str) -> None:
    assert said(capsys, check_limit, answer) == f"Not yet: {hint}\n"


def land(loss_of: Loss, w: float) -> float:
    slope, bend = slopes(loss_of, w)
    return w - slope / bend


def uphill(loss_of: Loss, w: float) -> float:
    slope, bend = slopes(loss_of, w)
    return w + slope / bend


def twice_as_far(loss_of: Loss, w: float) -> float:
    slope, bend = slopes(loss_of, w)
    return w - 2 * slope / bend


def lr_one(loss_of: Loss, w: float) -> float:
    return w - slopes(loss_of, w)[0]


def times_the_curvature(loss_of: Loss, w: float) -> float:
    slope, bend = slopes(loss_of, w)
    return w - slope * bend


def the_rate(loss_of: Loss, w: float) -> float:
    return 1 / slopes(loss_of, w)[1]


def without_create_graph(loss_of: Loss, w: float) -> float:
    at = torch.tensor(w, requires_grad=True)
    (slope,) = torch.autograd.grad(loss_of(at), at)
    (bend,) = torch.autograd.grad(slope, at)
    return (at - slope / bend).item()


def by_nudging(loss_of: Loss, w: float) -> float:
    at = w + torch.tensor([-0.01, 0.0, 0.01], dtype=torch.float64)
    behind, here, ahead = map(loss_of, at)
    return float(w - 0.01 * (ahead - behind) / 2 / (ahead + behind - 2 * here))


def from_zero_only(loss_of: Loss, w: float) -> float:
    return 5.0


LANDS = "for the loss 2 * (w - 5) ** 2 from 1.0 you land at"


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda _, w: w, f"{LANDS} 1. `w` is where it was. Return the new place."),
        (uphill, f"{LANDS} -3. This step goes uphill. Step against the slope."),
        (
            twice_as_far,
            (
                f"{LANDS} 9. It is as far from the bottom as before, on the other side. 2 / L'' is the "
                "limit; half of it lands."
            ),
        ),
        (lr_one, f"{LANDS} 17. This is a step with a learning rate of 1. Divide by the curvature."),
        (
            times_the_curvature,
            f"{LANDS} 65. This step is longer where the curvature is larger. It should be shorter.",
        ),
        (
            the_rate,
            f"{LANDS} 0.25. This is the learning rate. Take the step with it, and return the place.",
        ),
        (
            by_nudging,
            "right, but without autograd. Take the slope and the curvature from it.",
        ),
        (
            from_zero_only,
            (
                "for the loss (w + 3) ** 2 / 4 from 3.0 you land at 5. The slope there is 3, and the "
                "slope of the slope 0.5. Print yours."
            ),
        ),
        (
            without_create_graph,
            (
                "autograd says that a tensor does not require grad. The slope has a slope only if the first "
                "`grad` records it: `create_graph=True`."
            ),
        ),
        (
            lambda *_: math.nan,
            f"{LANDS} nan. The slope there is -16, and the slope of the slope 4. Print yours.",
        ),
        (lambda *_: "5", "the answer must be one number, not '5'."),
        (5.0, "the answer must be a function, not 5.0. Give its name without brackets."),
        (lambda: 5.0, "<lambda>(loss_of, 1.0) raises TypeError: "),
    ],
)
def test_a_wrong_landing_gets_its_hint(capsys: pytest.CaptureFixture[str], answer: object, hint: str) -> None:
    assert said(capsys, check_land, answer).startswith(f"Not yet: {hint}")


def test_the_step_lands(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_land, land) == "Right.\n"
    assert said(capsys, check_land, lambda loss_of, w: torch.tensor([land(loss_of, w)])) == "Right.\n"


def rescale(x: Tensor) -> Tensor:
    return (x - x.mean()) / x.std(correction=0)


def in_place(x: Tensor) -> Tensor:
    x -= x.mean()
    return x / x.std(correction=0)


def signs(x: Tensor) -> Tensor:
    new = torch.ones_like(x)
    new[::2] = -1
    return rescale(new)


FIRST = "for x = [0.0, 1.0, 2.0, 3.0, 4.0], "


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            lambda x: x,
            f"{FIRST}their mean is 2.00. While it is not 0, neither `a` nor `b` runs along the valley.",
        ),
        (
            lambda x: x - x.mean(),
            (
                f"{FIRST}their mean is 0, and their mean square is 2.00. The curvature is 2 in the "
                "direction of `a` and 2 times the mean square in that of `b`."
            ),
        ),
        (
            lambda x: x / x.std(correction=0),
            f"{FIRST}the scale is right, but the mean is 1.41. Shift first, then scale.",
        ),
        (
            lambda x: x / (x**2).mean().sqrt(),
            f"{FIRST}the scale is right, but the mean is 0.82. Shift first, then scale.",
        ),
        (
            lambda x: (x - x.mean()) / x.std(),
            (
                f"{FIRST}their mean square is 0.80. `std()` divides by n - 1, and the loss by n: "
                "`std(correction=0)` does too."
            ),
        ),
        (
            in_place,
            "your function changes the data that it is given. Make new tensors: `y - p`, not `y -= p`.",
        ),
        (signs, "subtract one number from all of `x`, and divide all by one number."),
        (lambda x: x / 0, f"{FIRST}the new inputs are [nan, inf, inf, inf, inf]."),
        (lambda x: x.mean(), "the new inputs must be a tensor of shape (5,), not ()."),
        (lambda _: 2, "the new inputs must be a tensor of shape (5,), not 2."),
        (lambda _: None, "<lambda>([0.0, 1.0, 2.0, 3.0, 4.0]) returns None; let it return your answer."),
        ("x", "the answer must be a function, not 'x'. Give its name without brackets."),
    ],
)
def test_a_valley_that_is_not_round_gets_its_hint(
    capsys: pytest.CaptureFixture[str], answer: object, hint: str
) -> None:
    assert said(capsys, check_rescale, answer) == f"Not yet: {hint}\n"


def test_the_valley_is_round(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_rescale, rescale) == "Right.\n"
    assert said(capsys, check_rescale, lambda x: -rescale(x)) == "Right.\n"


def epoch_by(
    cut: Callable[[Tensor, int], Sequence[Tensor]], sign: int = 1, *, clear: bool = True
) -> Callable[..., list[float]]:
    """Return an epoch whose parts are `cut(order, size)`."""

    def epoch(*given: Any) -> list[float]:
        p, x, y, lr, order, size = given
        losses = []
        for part in cut(order, size):
            loss = ((p[0] + p[1] * x[part] - y[part]) ** 2).mean()
            loss.backward()
            with torch.no_grad():
                p -= sign * lr * p.grad
                if clear:
                    p.grad.zero_()
            losses.append(loss.item())
        return losses

    return epoch


one_epoch = epoch_by(torch.split)


DICE = random.Random(0)
CALLS = count()


def shuffled(order: Tensor, size: int) -> Sequence[Tensor]:
    return torch.split(order[DICE.sample(range(len(order)), len(order))], size)


def shuffled_the_second_time(order: Tensor, size: int) -> Sequence[Tensor]:
    return torch.split(order, size) if next(CALLS) == 0 else shuffled(order, size)


LOSSES = (
    "`p` is right, but the losses are not: return [2.5, 2.8625, 0.3906] here, each of its own minibatch, "
    "measured before its step."
)
WRONG = "after one epoch of 5 points in parts of 2, p is wrong: "
OTHER_ORDER = f"{WRONG}you took the points in another order than `order`, which is shuffled already."


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            lambda *_: [1.0],
            f"{WRONG}`p` is where it was. Change it itself, with `-=`.",
        ),
        (
            epoch_by(torch.split, clear=False),
            f"{WRONG}the gradients of earlier minibatches are still in `p.grad`. Clear it after each step.",
        ),
        (
            epoch_by(lambda order, size: torch.split(order[:4], size)),
            f"{WRONG}the last minibatch is missing. It has fewer points than the others, and it counts.",
        ),
        (
            epoch_by(lambda order, size: [order[:size]]),
            f"{WRONG}only the first minibatch took a step. Take one for each.",
        ),
        pytest.param(
            epoch_by(lambda _, size: torch.split(torch.arange(5), size)), OTHER_ORDER, id="as they come"
        ),
        pytest.param(epoch_by(shuffled), OTHER_ORDER, id="shuffled"),
        pytest.param(epoch_by(shuffled_the_second_time), OTHER_ORDER, id="right the first time"),
        (
            epoch_by(lambda order, _: [order] * 3),
            f"{WRONG}each step looked at all the points. Use only those of its minibatch.",
        ),
        (
            epoch_by(lambda order, _: [order]),
            f"{WRONG}one step looked at all the points. Cut `order` into parts of `size`.",
        ),
        (
            epoch_by(torch.split, sign=-1),
            f"{WRONG}each step subtracts `lr` times the gradient of the mean squared error on its minibatch.",
        ),
        (
            lambda *arguments: one_epoch(*arguments)[:2],
            (f"{LOSSES} You return [2.5, 2.8625]."),
        ),
        (
            lambda *arguments: [0.0, *one_epoch(*arguments)],
            (f"{LOSSES} You return [0.0, 2.5, 2.8625, 0.3906]."),
        ),
        (
            lambda *arguments: [loss + 1 for loss in one_epoch(*arguments)],
            (f"{LOSSES} You return [3.5, 3.8625, 1.3906]."),
        ),
        (
            lambda *arguments: [torch.tensor(loss) for loss in one_epoch(*arguments)],
            "`p` is right. The list must hold numbers, and it holds tensors: see `.item()`.",
        ),
        (
            lambda *arguments: sum(one_epoch(*arguments)) * 0,
            "`p` is right. Return the losses too, as a list of numbers, not 0.0.",
        ),
        (
            lambda *arguments: str(len(one_epoch(*arguments))),
            "`p` is right. Return the losses too, as a list of numbers, not '3'.",
        ),
        (
            lambda *arguments: None if one_epoch(*arguments) else [],
            "<lambda>(p, x, y, lr, order, 2) returns None; let it return your answer.",
        ),
    ],
)
def test_an_epoch_that_went_wrong_gets_its_hint(
    capsys: pytest.CaptureFixture[str], answer: object, hint: str
) -> None:
    assert said(capsys, check_one_epoch, answer) == f"Not yet: {hint}\n"


def epoch(
    unpack: str = "a, b = p",
    update: str = "p -= lr * p.grad",
    clear: str = "p.grad = None",
    once: str = "pass",
) -> Any:
    """Return the lesson's epoch with these parts, which measures each loss after its step."""
    names: dict[str, Any] = {"torch": torch}
    exec(
        f"""def one_epoch(p, x, y, lr, order, size):
            {once}
            losses = []
            for part in order.split(size):
                {unpack}
                ((a + b * x[part] - y[part]) ** 2).mean().backward()
                with torch.no_grad():
                    {update}
                    {clear}
                    losses.append(((p[0] + p[1] * x[part] - y[part]) ** 2).mean().item())
            return losses""",
        names,
    )
    return names["one_epoch"]


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (epoch(), "`p` is right, but you measure each loss after its step. Measure it before."),
        (epoch("pass", once="a, b = p"), checking._IN_STEP["is a view and its base"]),
        (epoch(update="a -= lr * a.grad"), checking.NO_GRAD_YET),
        (epoch(update="p = p - lr * p.grad", clear="p.grad.zero_()"), checking.NO_GRAD_YET),
        (epoch(once="sgd = torch.optim.SGD([p], lr=lr)", update="sgd.step()"), checking._OPTIMISER),
    ],
)
def test_a_slip_in_an_epoch_has_its_cure(
    capsys: pytest.CaptureFixture[str], answer: object, hint: str
) -> None:
    assert said(capsys, check_one_epoch, answer).endswith(f"{hint}\n")


def test_the_epoch_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_one_epoch, one_epoch) == "Right.\n"
