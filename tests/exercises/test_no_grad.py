"""The checks of lesson 7: what is right, and each mistake with its own hint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from lessons_src.exercises import check_diagnoses, check_evaluate, check_mean_loss, check_step, checking
from lessons_src.exercises import no_grad as hints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor


def said(check: Callable[[Any], None], answer: object, capsys: pytest.CaptureFixture[str]) -> str:
    check(answer)
    assert torch.is_grad_enabled()
    return capsys.readouterr().out.removesuffix("\n").removeprefix("Not yet: ")


FIVE = 'give a list of five words, each of them "learns", "RuntimeError", "TypeError" or "neither".'


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (["learns", "RuntimeError", "neither", "TypeError", "learns"], "Right."),
        (("learns", "RuntimeError", "neither", "TypeError", "learns"), "Right."),
        (["RuntimeError"] * 5, f"1 of 5 are right. {hints.QUESTIONS[0]}"),
        (["learns"] * 5, f"2 of 5 are right. {hints.QUESTIONS[1]}"),
        (
            ["learns", "TypeError", "neither", "TypeError", "learns"],
            f"4 of 5 are right. {hints.QUESTIONS[1]}",
        ),
        (
            ["learns", "RuntimeError", "RuntimeError", "TypeError", "learns"],
            f"4 of 5 are right. {hints.QUESTIONS[2]}",
        ),
        (
            ["learns", "RuntimeError", "neither", "learns", "learns"],
            f"4 of 5 are right. {hints.QUESTIONS[3]}",
        ),
        (
            ["learns", "RuntimeError", "neither", "RuntimeError", "learns"],
            f"4 of 5 are right. {hints.QUESTIONS[3]}",
        ),
        (
            ["learns", "RuntimeError", "neither", "TypeError", "RuntimeError"],
            f"4 of 5 are right. {hints.QUESTIONS[4]}",
        ),
        (["learns", "RuntimeError"], FIVE),
        (["learns", "raises", "neither", "raises", "learns"], FIVE),
        ({"learns", "neither"}, FIVE),
        (None, FIVE),
        ([["learns"], [], [], [], []], FIVE),
        (["learns", ..., ..., ..., ...], "put your answer in place of each `...`, and run this block again."),
        (..., "put your answer in place of `...`, and run this block again."),
    ],
)
def test_diagnoses(answer: object, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(check_diagnoses, answer, capsys) == hint


@torch.no_grad()
def step(parameters: list[Any], lr: float) -> None:
    for parameter in parameters:
        parameter -= lr * parameter.grad  # noqa: PLW2901
        parameter.grad = None


@torch.no_grad()
def step_that_zeroes(parameters: list[Any], lr: float) -> None:
    for parameter in parameters:
        parameter.add_(parameter.grad, alpha=-lr)
        parameter.grad.zero_()


def step_by_data(parameters: list[Any], lr: float) -> None:
    for parameter in parameters:
        parameter.data -= lr * parameter.grad
        parameter.grad = None


def recorded(parameters: list[Any], lr: float) -> None:
    for parameter in parameters:
        parameter -= lr * parameter.grad  # noqa: PLW2901


@torch.no_grad()
def moves_the_name(parameters: list[Any], lr: float) -> None:
    for parameter in parameters:
        parameter = parameter - lr * parameter.grad  # noqa: PLW2901
        parameter.grad = None


@torch.no_grad()
def moves_and_clears(parameters: list[Any], lr: float) -> None:
    for parameter in parameters:
        parameter = parameter - lr * parameter.grad  # noqa: PLW2901
        parameter.grad.zero_()


def clears_in_a_second_loop(parameters: list[Any], lr: float) -> None:
    moves_the_name(parameters, lr)
    for parameter in parameters:
        parameter.grad.zero_()


@torch.no_grad()
def of_two(parameters: list[Any], lr: float) -> None:
    a, b = parameters
    a -= lr * a.grad
    b -= lr * b.grad
    a.grad = b.grad = None


def by_sgd(parameters: list[Any], lr: float) -> None:
    sgd = torch.optim.SGD(parameters, lr=lr)
    sgd.step()
    sgd.zero_grad()


class OwnOptimiser(torch.optim.Optimizer):
    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            step(group["params"], group["lr"])


def by_own_optimiser(parameters: list[Any], lr: float) -> None:
    OwnOptimiser(parameters, {"lr": lr}).step()


@torch.no_grad()
def clears_first(parameters: list[Any], lr: float) -> None:
    for parameter in parameters:
        parameter.grad.zero_()
        parameter.sub_(lr * parameter.grad)


@torch.no_grad()
def replaces(parameters: list[Any], lr: float) -> None:
    for i, parameter in enumerate(parameters):
        parameters[i] = (parameter - lr * parameter.grad).requires_grad_()


@torch.no_grad()
def appends(parameters: list[Any], lr: float) -> None:
    step(parameters, lr)
    parameters.append(torch.ones(1))


def freezes(parameters: list[Any], lr: float) -> None:
    for parameter in parameters:
        parameter.requires_grad_(False).sub_(lr * parameter.grad)
        parameter.grad = None


def switches_off(parameters: list[Any], lr: float) -> None:
    torch.set_grad_enabled(False)
    step(parameters, lr)


@torch.no_grad()
def climbs(parameters: list[Any], lr: float) -> None:
    step(parameters, -lr)


@torch.no_grad()
def has_its_own_lr(parameters: list[Any], _: float) -> None:
    step(parameters, 0.1)


@torch.no_grad()
def does_not_clear(parameters: list[Any], lr: float) -> None:
    for parameter in parameters:
        parameter.sub_(lr * parameter.grad)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (step, "Right."),
        (step_that_zeroes, "Right."),
        (step_by_data, "Right."),
        (
            recorded,
            (
                "recorded([tensor([1.], requires_grad=True), tensor([ 2., -3.], requires_grad=True)], 0.5) "
                "raises RuntimeError: a leaf Variable that requires grad is being used in an in-place "
                f"operation. {checking.IN_PLACE}"
            ),
        ),
        (moves_the_name, hints.MOVED_NAME),
        (
            moves_and_clears,
            (
                "moves_and_clears([tensor([1.], requires_grad=True), tensor([ 2., -3.], "
                "requires_grad=True)], 0.5) raises AttributeError: 'NoneType' object has no attribute "
                f"'zero_'. {checking.NO_GRAD_YET}"
            ),
        ),
        (clears_in_a_second_loop, hints.MOVED_NAME),
        (
            of_two,
            (
                "of_two([tensor([1.], requires_grad=True)], 0.5) raises ValueError: not enough values to "
                "unpack (expected 2, got 1)."
            ),
        ),
        (by_sgd, checking._OPTIMISER),
        (by_own_optimiser, "Right."),
        (clears_first, hints.CLEARED_FIRST),
        (replaces, hints.REPLACED),
        (appends, hints.REPLACED),
        (freezes, hints.NO_FLAG),
        (switches_off, checking._STILL_OFF),
        (climbs, hints.UPHILL),
        (has_its_own_lr, hints.OTHER_STEP),
        (does_not_clear, hints.NOT_CLEARED),
        (None, "the answer must be a function, not None. Give its name without brackets."),
    ],
)
def test_a_step(answer: object, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(check_step, answer, capsys) == hint


def by_item(losses: Iterator[Tensor]) -> float:
    values = [loss.item() for loss in losses]
    return sum(values) / len(values)


def by_detach(losses: Iterator[Tensor]) -> Tensor:
    return torch.stack([loss.detach() for loss in losses]).mean()


def in_no_grad(losses: Iterator[Tensor]) -> Tensor:
    total, count = torch.zeros(()), 0
    with torch.no_grad():
        for loss in losses:
            total += loss
            count += 1
    return total / count


def returns_the_graph(losses: Iterator[Tensor]) -> Tensor:
    kept = list(losses)
    return torch.stack(kept).mean()


def item_at_the_end(losses: Iterator[Tensor]) -> float:
    return returns_the_graph(losses).item()


def by_next(losses: Iterator[Tensor]) -> float:
    total, count = next(losses).item(), 1
    for loss in losses:
        total, count = total + loss.item(), count + 1
    return total / count


def sums_tensors_in_between(losses: Iterator[Tensor]) -> float:
    total: Any = 0
    count = 0
    for loss in losses:
        total += loss
        count += 1
    return float(total.item() / count)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (by_item, "Right."),
        (by_detach, "Right."),
        (by_next, "Right."),
        (in_no_grad, "Right."),
        (returns_the_graph, hints.RETURNS_GRAPH),
        (item_at_the_end, hints.KEEPS_GRAPHS),
        (sums_tensors_in_between, hints.KEEPS_GRAPHS),
        (lambda losses: sum(loss.item() for loss in losses), hints.SUM),
        (lambda losses: max(loss.item() for loss in losses), hints.OTHER_MEAN),
        (lambda _: 4.0, hints.NOT_ALL),
        (
            lambda losses: [loss.item() for loss in losses],
            "the answer must be one number, not [2.0, 9.0, 4.0, 1.0].",
        ),
        (3.0, "the answer must be a function, not 3.0. Give its name without brackets."),
    ],
    ids=range(12),
)
def test_a_mean_of_losses(answer: object, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(check_mean_loss, answer, capsys) == hint


def test_a_mean_that_asks_for_a_length_is_told_that_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    hint = "len(losses) raises TypeError: object of type 'Losses' has no len()."
    assert said(check_mean_loss, len, capsys) == hint


def evaluate(model: Any, x: Tensor, y: Tensor) -> Any:
    modules = list(model.modules())
    modes = [module.training for module in modules]
    model.eval()
    with torch.no_grad():
        loss = ((model(x) - y) ** 2).mean()
    for module, mode in zip(modules, modes, strict=True):
        module.training = mode
    return loss


def sets_all_layers_alike(model: Any, x: Tensor, y: Tensor) -> Any:
    was_training = model.training
    model.eval()
    with torch.no_grad():
        loss = ((model(x) - y) ** 2).mean()
    model.train(was_training)
    return loss


def puts_only_the_outermost_back(model: Any, x: Tensor, y: Tensor) -> Any:
    was_training = model.training
    loss = stays_in_eval(model, x, y)
    model.training = was_training
    return loss


def with_dropout(model: Any, x: Tensor, y: Tensor) -> Any:
    with torch.no_grad():
        return ((model(x) - y) ** 2).mean().item()


def is_recorded(model: Any, x: Tensor, y: Tensor) -> Any:
    was_training = model.training
    loss = ((model.eval()(x) - y) ** 2).mean().item()
    model.train(was_training)
    return loss


def stays_in_eval(model: Any, x: Tensor, y: Tensor) -> Any:
    model.eval()
    return with_dropout(model, x, y)


def goes_back_to_training(model: Any, x: Tensor, y: Tensor) -> Any:
    loss = stays_in_eval(model, x, y)
    model.train()
    return loss


def is_absolute(model: Any, x: Tensor, y: Tensor) -> Any:
    return (model.eval()(x) - y).abs().mean()


def leaves_recording_off(model: Any, x: Tensor, y: Tensor) -> Any:
    torch.set_grad_enabled(False)
    return evaluate(model, x, y)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (evaluate, "Right."),
        (with_dropout, hints.DROPOUT),
        (is_recorded, hints.RECORDED),
        (stays_in_eval, hints.LEFT_IN_EVAL),
        (goes_back_to_training, hints.LEFT_TRAINING),
        (sets_all_layers_alike, hints.LEFT_INSIDE),
        (puts_only_the_outermost_back, hints.LEFT_INSIDE),
        (is_absolute, hints.OTHER_LOSS),
        (leaves_recording_off, checking._STILL_OFF),
        (lambda _, x, __: x, "the answer must be one number, not a tensor of shape (6, 2)."),
        ("evaluate", "the answer must be a function, not 'evaluate'. Give its name without brackets."),
    ],
)
def test_an_evaluation(answer: object, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(check_evaluate, answer, capsys) == hint
