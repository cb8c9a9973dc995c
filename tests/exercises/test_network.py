"""The checks of lesson 10: what is right, and the hint for each common mistake."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from lessons_src.exercises import check_all_learn, check_arms, check_count, check_sgd, checking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor


def said(capsys: pytest.CaptureFixture[str], check: Callable[[Any], None], answer: object) -> str:
    check(answer)
    return capsys.readouterr().out


def count(sizes: list[int]) -> int:
    return sum(inputs * outputs + outputs for inputs, outputs in pairwise(sizes))


def weights(sizes: list[int]) -> int:
    return sum(inputs * outputs for inputs, outputs in pairwise(sizes))


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (weights, "304. That is the weights alone. Each result of a layer has a bias too."),
        (lambda sizes: weights(sizes) + sum(sizes), "339. The inputs have no biases."),
        (
            lambda sizes: weights(sizes) + len(sizes) - 1,
            "307. Each layer has as many biases as it has outputs, and not one.",
        ),
        (sum, "35. You added the sizes. Between two layers there is a weight for each pair."),
        (math.prod, "512. Count layer by layer, and add."),
        (lambda _: math.nan, "nan. Count layer by layer, and add."),
    ],
)
def test_a_wrong_count_gets_its_hint(capsys: pytest.CaptureFixture[str], answer: object, hint: str) -> None:
    assert said(capsys, check_count, answer) == f"Not yet: for [2, 16, 16, 1] you count {hint}\n"


def test_a_count_is_a_number_and_depends_on_the_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_count, count) == "Right.\n"
    assert (
        said(capsys, check_count, lambda _: 337)
        == "Not yet: for [784, 10] you count 337. Count layer by layer, and add.\n"
    )
    assert said(capsys, check_count, str) == (
        "Not yet: the answer must be one number, not '[2, 16, 16, 1]'.\n"
    )


class Right(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden: Any = nn.ModuleList([nn.Linear(2, 16), nn.Linear(16, 16)])
        self.out = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Any:
        for layer in self.hidden:
            x = torch.tanh(layer(x))
        return self.out(x)[:, 0]


class PlainList(Right):
    def __init__(self) -> None:
        super().__init__()
        del self.hidden
        self.hidden = [nn.Linear(2, 16), nn.Linear(16, 16)]


class StillCut(Right):
    def forward(self, x: Tensor) -> Any:
        for layer in self.hidden:
            x = torch.tanh(layer(x).data)
        return self.out(x)[:, 0]


class OneUnused(Right):
    def forward(self, x: Tensor) -> Any:
        return self.out(torch.tanh(self.hidden[0](x)))[:, 0]


class NoSuper(nn.Module):
    def __init__(self) -> None:
        self.out = nn.Linear(16, 1)


class TakesASize(Right):
    def __init__(self, size: int) -> None:
        raise NotImplementedError


class AllCut(Right):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).detach()


class Column(Right):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x)[:, None]


class NoTensor(Right):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).tolist()[0] > 9


class Rounded(Right):
    def forward(self, x: Tensor) -> Any:
        for layer in self.hidden:
            x = torch.round(torch.tanh(layer(x)))
        return self.out(x)[:, 0]


class Straight(Right):
    def forward(self, x: Tensor) -> Any:
        for layer in self.hidden:
            x = layer(x)
        return self.out(x)[:, 0]


class Slip(Right):
    def forward(self, x: Tensor) -> Any:
        return self.out(x)


TAKES = "TakesASize() raises TypeError: TakesASize.__init__() missing 1 required positional argument: 'size'."
SHAPE = "for points of shape (3, 2), the scores have the shape"


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            PlainList,
            (
                "`model.parameters()` gives 17 numbers, and there should be 337. The module found some in "
                "its attributes ['out']. It does not look into a plain list: read about `nn.ModuleList`."
            ),
        ),
        (
            StillCut,
            (
                "no gradient comes to hidden.0.weight, hidden.0.bias, hidden.1.weight, hidden.1.bias. "
                "Something in `forward` cuts the graph on the way, or `forward` never uses them."
            ),
        ),
        (
            OneUnused,
            (
                "no gradient comes to hidden.1.weight, hidden.1.bias. Something in `forward` cuts the graph "
                "on the way, or `forward` never uses them."
            ),
        ),
        (
            NoSuper,
            (
                "NoSuper() raises AttributeError: cannot assign module before Module.__init__() call. Call "
                "`super().__init__()` in the first line of your `__init__`: it prepares the place where "
                "parameters are kept."
            ),
        ),
        (TakesASize, TAKES),
        (
            Rounded,
            (
                "the gradient that comes to hidden.0.weight, hidden.0.bias, hidden.1.weight, hidden.1.bias "
                "is zero: something in `forward` has no slope to follow, such as `round`."
            ),
        ),
        (
            Straight,
            "without a bend between them, three layers are one, and one is not enough for spirals.",
        ),
        (AllCut, "the scores require no grad: `forward` cuts its whole graph off."),
        (Column, f"{SHAPE} (3, 1). It must be (3,)."),
        (NoTensor, f"{SHAPE} False. It must be (3,)."),
        (dict, "the answer must be a class of `nn.Module`; it made {}."),
        (3, "the answer must be a function, not 3. Give its name without brackets."),
    ],
)
def test_a_model_that_does_not_learn_gets_its_hint(
    capsys: pytest.CaptureFixture[str], answer: object, hint: str
) -> None:
    assert said(capsys, check_all_learn, answer) == f"Not yet: {hint}\n"


class Sigmoid(Right):
    def forward(self, x: Tensor) -> Any:
        for layer in self.hidden:
            x = torch.sigmoid(layer(x))
        return self.out(x)[:, 0]


def test_a_network_that_bends_a_little_bends(capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(100):
        torch.manual_seed(seed)
        assert said(capsys, check_all_learn, Sigmoid) == "Right.\n", seed


def test_all_parameters_learn(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_all_learn, Right) == "Right.\n"
    assert "raises RuntimeError: mat1 and mat2 shapes cannot" in said(capsys, check_all_learn, Slip)


class MySGD:
    def __init__(self, parameters: Iterable[Any], lr: float) -> None:
        self.parameters: Any = list(parameters)
        self.lr = lr

    def step(self) -> None:
        with torch.no_grad():
            for parameter in self.parameters:
                if parameter.grad is not None:
                    parameter.sub_(self.lr * parameter.grad)

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None


class Idle(MySGD):
    def step(self) -> None:
        pass


class Rebinds(MySGD):
    def step(self) -> None:
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter = parameter - self.lr * parameter.grad  # noqa: PLW2901  # the mistake


class KeepsTheGenerator(MySGD):
    def __init__(self, parameters: Iterable[Any], lr: float) -> None:
        super().__init__([], lr)
        self.parameters = parameters


class Uphill(MySGD):
    def __init__(self, parameters: Iterable[Any], lr: float) -> None:
        super().__init__(parameters, -lr)


class TwiceAsFar(MySGD):
    def __init__(self, parameters: Iterable[Any], lr: float) -> None:
        super().__init__(parameters, 2 * lr)


class NeverClears(MySGD):
    def zero_grad(self) -> None:
        pass


class StepsOverNone(MySGD):
    def step(self) -> None:
        with torch.no_grad():
            for parameter in self.parameters:
                parameter.sub_(self.lr * parameter.grad)


class ZeroesNone(MySGD):
    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad.zero_()


class Recorded(MySGD):
    def step(self) -> None:
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.sub_(self.lr * parameter.grad)


class Decays(MySGD):
    def step(self) -> None:
        super().step()
        with torch.no_grad():
            self.parameters[2] += 1


class StepsAndClears(MySGD):
    def step(self) -> None:
        super().step()
        for parameter in self.parameters:
            parameter.grad = None


class StepsAndZeroes(MySGD):
    def step(self) -> None:
        super().step()
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.grad.zero_()


class StepsWronglyAndClears(StepsAndClears):
    def __init__(self, parameters: Iterable[Any], lr: float) -> None:
        super().__init__(parameters, 2 * lr)


class EmptySGD(torch.optim.SGD):
    pass


class Wrapper:
    def __init__(self, parameters: Iterable[Any], lr: float) -> None:
        self.sgd = torch.optim.SGD(parameters, lr=lr)

    def step(self) -> None:
        self.sgd.step()

    def zero_grad(self) -> None:
        self.sgd.zero_grad()


class NoStep:
    def __init__(self, parameters: Iterable[Any], lr: float) -> None:
        pass

    def zero_grad(self) -> None:
        pass


NOT_MOVED = "no parameter has moved. Which tensor does `t = …` change, in a loop over the parameters?"
FIRST = "after call 1 of `step()`: "
STEP_CLEARS = "`step()` has changed the gradients. It only reads them: to clear is for `zero_grad()`."
PASS_OVER = "A parameter that got no gradient has None in `.grad`: pass over it."


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (Idle, f"{FIRST}{NOT_MOVED}"),
        (Rebinds, f"{FIRST}{NOT_MOVED}"),
        (
            KeepsTheGenerator,
            (
                f"{FIRST}no parameter has moved. `model.parameters()` is a generator, and going through "
                "it once uses it up. Keep a list."
            ),
        ),
        (Uphill, f"{FIRST}the step goes uphill. Subtract."),
        (TwiceAsFar, f"{FIRST}it should subtract `lr` times the gradient, and nothing else."),
        (Decays, f"{FIRST}it should subtract `lr` times the gradient, and nothing else."),
        (StepsAndClears, STEP_CLEARS),
        (StepsAndZeroes, STEP_CLEARS),
        (
            StepsWronglyAndClears,
            "after call 1 of `step()`: it should subtract `lr` times the gradient, and nothing else.",
        ),
        (NeverClears, "after `zero_grad()`, some parameter still has its old gradient."),
        (
            StepsOverNone,
            "step() raises TypeError: unsupported operand type(s) for *: 'float' and 'NoneType'. "
            + PASS_OVER,
        ),
        (
            ZeroesNone,
            f"zero_grad() raises AttributeError: 'NoneType' object has no attribute 'zero_'. {PASS_OVER}",
        ),
        (
            Recorded,
            (
                "step() raises RuntimeError: a leaf Variable that requires grad is being used in an in-place "
                "operation."
            ),
        ),
        (torch.optim.SGD, checking._OPTIMISER),
        (EmptySGD, checking._OPTIMISER),
        (Wrapper, checking._OPTIMISER),
        (NoStep, "your class has no method `step`."),
        (
            lambda *_, **__: None,
            "<lambda>(model.parameters(), lr=0.01) returns None; let it return your answer.",
        ),
        (7, "the answer must be a function, not 7. Give its name without brackets."),
    ],
)
def test_an_optimiser_that_is_wrong_gets_its_hint(
    capsys: pytest.CaptureFixture[str], answer: object, hint: str
) -> None:
    assert said(capsys, check_sgd, answer) == f"Not yet: {hint}\n"


class ZeroesInPlace(MySGD):
    def zero_grad(self) -> None:
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.grad.zero_()


@pytest.mark.parametrize("answer", [MySGD, ZeroesInPlace])
def test_the_optimiser_is_right(capsys: pytest.CaptureFixture[str], answer: object) -> None:
    assert said(capsys, check_sgd, answer) == "Right.\n"


def on_the_arms(points: Tensor) -> Tensor:
    """Return the nearest arm at the distance of each point, by the formula that made them."""
    distance = points.norm(dim=1) / 3
    turn = torch.atan2(points[:, 1], points[:, 0]) / (2 * math.pi) - 1.25 * distance
    return torch.remainder((3 * turn).round(), 3)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            lambda points: torch.ones(len(points)),
            "100 of 300 new points are right, as by chance. Your function always says 1.",
        ),
        (
            lambda points: on_the_arms(points).clamp(max=1),
            (
                "190 of 300 new points are right. Your function never says 2: let the last layer give three "
                "scores."
            ),
        ),
        (
            lambda points: torch.arange(len(points)) // 100,
            (
                "102 of 300 new points are right; reach 255. Train longer, on more points, with a "
                "larger layer or a smaller learning rate."
            ),
        ),
        (
            lambda points: torch.zeros(len(points), 3),
            "these are three scores for each point. The label is the place of the largest: `argmax(1)`.",
        ),
        (
            lambda points: points,
            ("for 300 points the answer must be a tensor of shape (300,), not a tensor of shape (300, 2)."),
        ),
        (
            lambda points: [0] * len(points),
            "for 300 points the answer must be a tensor of shape (300,), not a list.",
        ),
        (lambda _: 2, "for 300 points the answer must be a tensor of shape (300,), not 2."),
        (
            lambda points: torch.full((len(points),), 0.5),
            "each label must be 0, 1 or 2. One of yours is 0.5.",
        ),
        (lambda points: points @ points, "<lambda>(points) raises RuntimeError: "),
        (None, "the answer must be a function, not None. Give its name without brackets."),
    ],
)
def test_arms_that_are_wrong_get_their_hint(
    capsys: pytest.CaptureFixture[str], answer: object, hint: str
) -> None:
    assert said(capsys, check_arms, answer).startswith(f"Not yet: {hint}")


def test_the_arms_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_arms, on_the_arms) == "Right.\n"
