"""What the checks of lesson 2 say of a right answer, of each common mistake, and of nonsense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    logsigmoid,
    mse_loss,
    multilabel_soft_margin_loss,
    softplus,
)

from lessons_src.exercises import check_bread_loss, check_fit_matrix, check_from_scores, check_middles

if TYPE_CHECKING:
    from collections.abc import Callable

WHERE_TO_LOOK = "Write the cost in terms of the score, without a sigmoid."
TOO_LARGE = (
    "With a sigmoid, 1 - p becomes 0: write the cost in terms of the score. Without one, it is `exp(200)` "
    "that becomes inf: see the second hint."
)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.rstrip("\n")


@pytest.mark.parametrize(
    ("by_squares", "by_absolute", "hint"),
    [
        (2.2, 3.18, "both numbers are right, but they are the wrong way round."),
        (2.0, 2.2, "2.0 is the mean of y; use y_far, whose last value is 9."),
        (318, 220, "318 is larger than every value in y_far. If it is a place in `m`, look up m[…]."),
        (torch.tensor(2.5), 2.2, "by_squares = 2.5 gives a loss of 9.17; a larger number gives less."),
        (3.2, 2.2, "by_squares = 3.2 gives a loss of 8.71; a smaller number gives less."),
        (8.44, 2.2, "by_squares = 8.44 gives a loss of 36.37; a smaller number gives less."),
        (3.18, 3.18, "by_absolute = 3.18 gives a loss of 2.33; a smaller number gives less."),
        ("mean", 2.2, "the answer must be one number, not 'mean'."),
        (None, None, "the answer must be one number, not None."),
        (torch.ones(3), 2.2, "the answer must be one number, not a tensor of shape (3,)."),
    ],
)
def test_a_wrong_middle(
    capsys: pytest.CaptureFixture[str], by_squares: object, by_absolute: object, hint: str
) -> None:
    check_middles(by_squares, by_absolute)
    assert said(capsys) == f"Not yet: {hint}"


def fit(x: Tensor, y: Tensor, loss: Callable[[Tensor, Tensor], Tensor]) -> tuple[float, float]:
    """Fit a line as the exercise does, by a loss of its residuals' two sides."""
    inputs = torch.stack([torch.ones_like(x), x], dim=1)
    weights = torch.zeros(2, 1, requires_grad=True)
    for _ in range(200):
        loss(inputs @ weights, y).backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            assert weights.grad is not None
            weights -= 0.1 * weights.grad
            weights.grad.zero_()
    return weights[0].item(), weights[1].item()


@pytest.mark.parametrize(
    "loss",
    [
        lambda y_pred, y: ((y_pred - y.reshape(-1, 1)) ** 2).mean(),
        lambda y_pred, y: ((y_pred.squeeze() - y) ** 2).mean(),
        lambda y_pred, y: mse_loss(y_pred[:, 0], y),
        lambda y_pred, y: ((y_pred.T - y) ** 2).mean(),
    ],
    ids=["a column of targets", "squeeze", "mse_loss", "a row of predictions"],
)
def test_each_way_to_mend_the_shapes_is_right(
    capsys: pytest.CaptureFixture[str], loss: Callable[[Tensor, Tensor], Tensor]
) -> None:
    check_fit_matrix(lambda x, y: fit(x, y, loss))
    assert said(capsys) == "Right."


def test_a_middle_may_be_the_next_number_that_was_tried(capsys: pytest.CaptureFixture[str]) -> None:
    check_middles(3.17, torch.tensor([2.2]))
    check_middles(by_squares=3.18, by_absolute=2.21)
    assert said(capsys) == "Right.\nRight."


BROADCAST = "on a line with a slope your function finds 0 and the mean of y."


@pytest.mark.parametrize(
    ("fit_matrix", "hint"),
    [
        (lambda x, y: fit(x, y, lambda y_pred, y: ((y_pred - y) ** 2).mean()), BROADCAST),
        pytest.param(
            lambda x, y: fit(x, y, lambda y_pred, y: ((y_pred - y.reshape(1, -1)) ** 2).mean()),
            BROADCAST,
            id="a row",
        ),
        (
            lambda x, y: fit(x, y, lambda y_pred, y: ((y_pred[:, 0] - y) ** 2).sum()),
            "your fit ends at inf or nan: its steps grow. Keep the mean in the loss, and `lr` as it was.",
        ),
        (
            lambda x, y: fit(x, y, lambda y_pred, y: ((y_pred[:, 0] - y) ** 2).mean())[::-1],
            "the two numbers are the wrong way round: the intercept comes first.",
        ),
        (
            lambda *_: (1.0, 3.0),
            (
                "for x = [-2.0, 0.0, 3.0] and y = [3.0, 2.0, 0.5] your function finds 1 and 3, "
                "and that line does not pass through the points."
            ),
        ),
        (lambda *_: 3.0, "let your function return two numbers, not 3.0."),
        (lambda *_: (1.0, 2.0, 3.0), "let your function return two numbers, not (1.0, 2.0, 3.0)."),
        (lambda x, y: (x, y), "the answer must be one number, not a tensor of shape (5,)."),
        (None, "the answer must be a function, not None. Give its name without brackets."),
        (
            lambda x: x,
            (
                "<lambda>(tensor([0., 1., 2., 3., 4.]), tensor([ 1.,  4.,  7., 10., 13.])) raises TypeError: "
                "test_a_wrong_fit.<locals>.<lambda>() takes 1 positional argument but 2 were given."
            ),
        ),
    ],
)
def test_a_wrong_fit(capsys: pytest.CaptureFixture[str], fit_matrix: Callable[..., Any], hint: str) -> None:
    check_fit_matrix(fit_matrix)
    assert said(capsys).replace("<lambda>()", "test_a_wrong_fit.<locals>.<lambda>()") == f"Not yet: {hint}"


def bread(baked: Tensor, wanted: Tensor) -> Tensor:
    return torch.maximum(baked - wanted, 3 * (wanted - baked)).mean()


def bread_of_numbers(baked: Tensor, wanted: Tensor) -> float:
    costs: list[float] = [max(baked.item() - w, 3 * (w - baked.item())) for w in wanted.tolist()]
    return sum(costs) / len(costs)


def bread_by_if(baked: Tensor, wanted: Tensor) -> Tensor:
    if baked > wanted:
        return (baked - wanted).mean()
    return 3 * (wanted - baked).mean()


PLAIN_NUMBER = (
    "the values are right, but a plain number has no slope to follow. Return a tensor, without `.item()`."
)
ASKS_ONCE = "`if`, like Python's `max`, asks once, and a tensor may hold several numbers: use `torch.where`."
AT_NINE = "the values are right, but for baked = 9.0 and [10.0, 7.0, 8.0, 14.0] the slope is"


@pytest.mark.parametrize(
    "loss",
    [
        bread,
        lambda baked, wanted: (torch.relu(baked - wanted) + 3 * torch.relu(wanted - baked)).mean(),
        lambda baked, wanted: bread(baked, wanted).reshape(1),
    ],
    ids=["maximum", "relu", "one number in a row"],
)
def test_a_right_loss_for_bread(capsys: pytest.CaptureFixture[str], loss: Callable[..., Any]) -> None:
    check_bread_loss(loss)
    assert said(capsys) == "Right."


@pytest.mark.parametrize(
    ("bread_loss", "hint"),
    [
        (
            lambda baked, wanted: (baked - wanted).abs().mean(),
            "two loaves too many and two too few cost the same. Too few must cost three times as much.",
        ),
        (
            lambda baked, wanted: torch.maximum(3 * (baked - wanted), wanted - baked).mean(),
            "it is the other way round: a loaf too few costs three times as much as one too many.",
        ),
        (
            lambda baked, wanted: torch.where(baked > wanted, 1, 3).mul(baked - wanted).mean(),
            "your loss can be negative, so one day can pay for another. Make each day's cost positive.",
        ),
        (
            lambda baked, wanted: torch.where(baked > wanted, 1, 3).mul((baked - wanted) ** 2).mean(),
            "two loaves too many must cost twice as much as one, not four times: do not square.",
        ),
        (
            lambda baked, wanted: torch.where(baked > wanted, 1.0, 3.0).mean(),
            "you count days. Two loaves too many must cost twice as much as one.",
        ),
        (
            lambda baked, wanted: torch.maximum(baked - wanted, 3 * (wanted - baked)),
            "for 4 days, your loss has the shape (4,). A loss is one number: take the mean.",
        ),
        (
            lambda baked, wanted: torch.maximum(baked - wanted, 3 * (wanted - baked)).sum(),
            "for four days you give the sum of the costs. Take the mean.",
        ),
        (
            lambda baked, wanted: bread(baked, wanted.mean()),
            "for 9 baked and [10.0, 7.0, 9.0, 14.0] wanted your loss is 3, which is not the mean cost.",
        ),
        (
            lambda baked, wanted: bread(baked, wanted) + 1,
            "for 8 baked and [8.0] wanted your loss is 1, which is not the mean cost.",
        ),
        (bread_of_numbers, PLAIN_NUMBER),
        (lambda baked, wanted: bread(baked, wanted).item(), PLAIN_NUMBER),
        (
            lambda baked, wanted: bread(baked.detach(), wanted),
            (
                "the values are right, but the loss is cut off from `baked`. Do without `.item()`, "
                "`detach()` and `torch.tensor(…)`."
            ),
        ),
        (
            lambda baked, wanted: (
                torch.relu(baked - wanted).detach() + 3 * torch.relu(wanted - baked)
            ).mean(),
            f"{AT_NINE} -1.5. Is a part cut off, or infinite on the way?",
        ),
        (
            lambda baked, wanted: bread(baked.detach(), wanted) + 0 * torch.ones(1, requires_grad=True).sum(),
            f"{AT_NINE} None. Is a part cut off, or infinite on the way?",
        ),
        (bread_by_if, ASKS_ONCE),
        (lambda baked, wanted: max(baked - wanted, 3 * (wanted - baked)).mean(), ASKS_ONCE),
        (lambda *_: "dear", "the answer must be one number, not 'dear'."),
        (
            lambda *_: None,
            "<lambda>(tensor(12.), tensor([10.])) returns None; let it return your answer.",
        ),
        (3, "the answer must be a function, not 3. Give its name without brackets."),
    ],
)
def test_a_wrong_loss_for_bread(
    capsys: pytest.CaptureFixture[str], bread_loss: Callable[..., Any], hint: str
) -> None:
    check_bread_loss(bread_loss)
    assert said(capsys) == f"Not yet: {hint}"


def given(p: Tensor, labels: Tensor) -> Tensor:
    return torch.where(labels == 1, p, 1 - p)


@pytest.mark.parametrize(
    "from_scores",
    [
        lambda scores, labels: softplus(torch.where(labels == 1, -scores, scores)).mean(),
        lambda scores, labels: (softplus(scores) - scores * labels).mean(),
        lambda scores, labels: -logsigmoid((2 * labels - 1) * scores).mean(),
    ],
    ids=["where", "difference", "logsigmoid"],
)
def test_a_right_cross_entropy(capsys: pytest.CaptureFixture[str], from_scores: Callable[..., Any]) -> None:
    check_from_scores(from_scores)
    assert said(capsys) == "Right."


@pytest.mark.parametrize(
    ("from_scores", "hint"),
    [
        (
            lambda scores, labels: -given(torch.sigmoid(scores), labels).log().mean(),
            (
                "for scores [200.0] and labels [0.0] your loss is inf: on the way a number became too large "
                f"or too small for float32. {TOO_LARGE}"
            ),
        ),
        pytest.param(
            lambda scores, labels: (torch.log(1 + torch.exp(scores)) - scores * labels).mean(),
            (
                "for scores [200.0] and labels [0.0] your loss is inf: on the way a number became too large "
                f"or too small for float32. {TOO_LARGE}"
            ),
            id="exp",
        ),
        (
            lambda scores, labels: -given(torch.sigmoid(scores), labels).clamp(min=1e-7).log().mean(),
            (
                "for scores [200.0] and labels [0.0] your loss is 16.12. If you cut the probability off, a "
                f"score of 200 costs no more than one of 20. {WHERE_TO_LOOK}"
            ),
        ),
        (
            lambda scores, labels: given(torch.sigmoid(scores), labels).log().mean(),
            "your loss is negative. The logarithm of a probability is: put a minus in front.",
        ),
        (
            lambda scores, labels: -given(scores, labels).log().mean(),
            "your loss is nan. A score can be negative, and has no logarithm then: squeeze it first.",
        ),
        (
            lambda scores, labels: -given(torch.sigmoid(-scores), labels).log().mean(),
            "it is the other way round: the sigmoid is the probability of label 1.",
        ),
        (
            lambda scores, _: -torch.sigmoid(scores).log().mean(),
            "your loss is the same whatever the labels. A label of 0 wants the probability of a no.",
        ),
        (
            lambda scores, labels: -given(torch.sigmoid(scores), labels).log().sum(),
            "for two scores your loss is twice as large as it must be. Take the mean, not the sum.",
        ),
        (
            lambda scores, labels: -given(torch.sigmoid(scores), labels).log(),
            "for two scores, your loss has the shape (2,). A loss is one number: take the mean.",
        ),
        (
            lambda scores, labels: -(labels * logsigmoid(scores)).mean(),
            (
                "for scores [1.0, -2.0] and labels [0.0, 0.0] your loss is -0.0000. "
                "Compare it with `cross_entropy` of this lesson."
            ),
        ),
        (lambda scores, labels: binary_cross_entropy_with_logits(scores, labels).item(), PLAIN_NUMBER),
        (
            binary_cross_entropy_with_logits,
            "right, but `binary_cross_entropy_with_logits` is a ready-made loss. Write your own.",
        ),
        (
            lambda scores, labels: multilabel_soft_margin_loss(scores[:, None], labels[:, None]),
            "right, but `multilabel_soft_margin_loss` is a ready-made loss. Write your own.",
        ),
        (
            lambda scores, labels: (
                torch.where(scores > 50, scores, torch.log(1 + torch.exp(scores))) - scores * labels
            ).mean(),
            (
                "the values are right, but for scores = [1.0, -2.0, 200.0, -200.0] and [0.0, 1.0, 0.0, 1.0] "
                "the slope is tensor([ 0.1828, -0.2202,     nan, -0.2500]). Is a part cut off, or "
                "infinite on the way?"
            ),
        ),
        (lambda scores, labels: scores.mean() if labels > 0 else -scores.mean(), ASKS_ONCE),
        (lambda *_: [1.0], "the answer must be one number, not [1.0]."),
        (None, "the answer must be a function, not None. Give its name without brackets."),
    ],
)
def test_a_wrong_cross_entropy(
    capsys: pytest.CaptureFixture[str], from_scores: Callable[..., Any], hint: str
) -> None:
    check_from_scores(from_scores)
    assert said(capsys) == f"Not yet: {hint}"
