"""The checks of lesson 10, A network from raw tensors."""

from __future__ import annotations

import math
from itertools import pairwise
from types import GeneratorType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lessons_src.exercises.checking import Hint, ask, check, near, number, own_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


def _weights(sizes: Sequence[int]) -> int:
    return sum(inputs * outputs for inputs, outputs in pairwise(sizes))


@check
def check_count(answer: Callable[[list[int]], Any]) -> None:
    """Check a function that counts the numbers in a network.

    `answer` takes the sizes from inputs to outputs, such as [2, 16, 16, 1]. It returns how many weights and
    biases there are, a whole number.

    Examples:
        >>> check_count(lambda sizes: sum(sizes))
        Not yet: for [2, 16, 16, 1] you count 35. You added the sizes. Between two layers there is a weight \
for each pair.
    """
    for sizes in ([2, 16, 16, 1], [784, 10], [3, 5, 4, 3, 2]):
        count = number(ask(answer, list(sizes)))
        weights, biases = _weights(sizes), sum(sizes[1:])
        if count == weights + biases:
            continue
        slips = {
            weights: "That is the weights alone. Each result of a layer has a bias too.",
            weights + sum(sizes): "The inputs have no biases.",
            weights + len(sizes) - 1: "Each layer has as many biases as it has outputs, and not one.",
            sum(sizes): "You added the sizes. Between two layers there is a weight for each pair.",
        }
        why = slips.get(int(count) if math.isfinite(count) else -1, "Count layer by layer, and add.")
        raise Hint(f"for {sizes} you count {count:g}. {why}")


INPUTS = torch.tensor([[0.5, -1.0], [1.5, 2.0], [-2.0, 0.25]])


@check
def check_all_learn(answer: Callable[[], Any]) -> None:
    """Check a module class of which all parameters must learn.

    `answer` is a class of `nn.Module` with three linear layers, 2 to 16 to 16 to 1, that is made without
    arguments. It takes points of shape (n, 2) and returns scores of shape (n,).

    Examples:
        >>> check_all_learn(lambda: torch.nn.Linear(2, 1))
        Not yet: for points of shape (3, 2), the scores have the shape (3, 1). It must be (3,).
    """
    if isinstance(answer, nn.Module):
        raise Hint("give the name of your class, without brackets: the check makes a module of it.")
    try:
        model = ask(answer)
    except Hint as hint:
        if "before Module.__init__() call" in str(hint):
            raise Hint(
                f"{hint} Call `super().__init__()` in the first line of your `__init__`: it prepares the "
                "place where parameters are kept."
            ) from hint
        raise
    if not isinstance(model, nn.Module):
        raise Hint(f"the answer must be a class of `nn.Module`; it made {model!r}.")
    scores = ask(model, INPUTS, shown="your module called with points")
    if not isinstance(scores, torch.Tensor) or scores.shape != (3,):
        shape = tuple(scores.shape) if isinstance(scores, torch.Tensor) else repr(scores)
        raise Hint(f"for points of shape (3, 2), the scores have the shape {shape}. It must be (3,).")
    count, wanted = sum(parameter.numel() for parameter in model.parameters()), 337
    if count != wanted:
        names = sorted({name.split(".")[0] for name, _ in model.named_parameters()})
        in_lists = any(isinstance(value, list | tuple | dict) and value for value in vars(model).values())
        raise Hint(
            f"`model.parameters()` gives {count} numbers, and there should be {wanted}. The module found "
            f"some in its attributes {names}. "
            + (
                "It does not look into a plain list: read about `nn.ModuleList`."
                if in_lists
                else "Three layers, 2 to 16 to 16 to 1, have so many."
            )
        )
    _check_slopes(model, scores)
    far = 20 * INPUTS[:2]  # where each function that bends has bent
    with torch.no_grad():
        one, other, both, none = model(torch.stack([*far, far.sum(0), torch.zeros(2)]))
    if near(one + other, both + none):
        raise Hint("without a bend between them, three layers are one, and one is not enough for spirals.")


def _check_slopes(model: nn.Module, scores: Tensor) -> None:
    """Raise `Hint` unless a gradient that is not 0 comes to every parameter."""
    if not scores.requires_grad:
        raise Hint("the scores require no grad: `forward` cuts its whole graph off.")
    parameters = dict(model.named_parameters())
    slopes = torch.autograd.grad(scores.square().sum(), list(parameters.values()), allow_unused=True)
    if missing := [name for name, slope in zip(parameters, slopes, strict=True) if slope is None]:
        raise Hint(
            f"no gradient comes to {', '.join(missing)}. Something in `forward` cuts the graph on the way, "
            "or `forward` never uses them."
        )
    if flat := [name for name, slope in zip(parameters, slopes, strict=True) if not slope.any()]:
        raise Hint(
            f"the gradient that comes to {', '.join(flat)} is zero: something in `forward` has no slope to "
            "follow, such as `round`."
        )


class _Model(nn.Module):
    """Two parameters that are used and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Parameter(torch.tensor([1.0, -2.0]))
        self.idle = nn.Parameter(torch.tensor([7.0]))
        self.also = nn.Parameter(torch.tensor(0.5))

    def loss(self) -> Tensor:
        return ((self.used**2).sum() + self.also * 3 - 1) ** 2

    def places(self) -> list[float]:
        return [round(place, 4) for parameter in self.parameters() for place in parameter.flatten().tolist()]


def _sgd_places(lr: float) -> list[list[float]]:
    """Return where the parameters are after each of three steps of PyTorch's own SGD."""
    model = _Model()
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    places = []
    for _ in range(3):
        optimiser.zero_grad()
        torch.autograd.backward(model.loss())
        optimiser.step()
        places.append(model.places())
    return places


def _method(optimiser: Any, name: str) -> None:
    """Call a method that returns nothing; raise `Hint` if it is missing or raises."""
    method = getattr(optimiser, name, None)
    if method is None:
        raise Hint(f"your class has no method `{name}`.")

    try:
        ask(method, returns=False)
    except Hint as hint:
        if "NoneType" in str(hint):
            raise Hint(
                f"{hint} A parameter that got no gradient has None in `.grad`: pass over it."
            ) from hint
        raise


def _step_hint(optimiser: object, model: _Model, before: list[float], lr: float) -> str:
    """Say why the parameters are not where PyTorch's SGD has them."""
    places = model.places()
    if places == before:
        if any(isinstance(value, GeneratorType) for value in getattr(optimiser, "__dict__", {}).values()):
            return (
                "no parameter has moved. `model.parameters()` is a generator, and going through it once "
                "uses it up. Keep a list."
            )
        return "no parameter has moved. Which tensor does `t = …` change, in a loop over the parameters?"
    grad = model.used.grad
    slope = 0.0 if grad is None else grad[0].item()
    moved = places[0] - before[0]
    if abs(moved - lr * slope) < abs(moved + lr * slope):
        return "the step goes uphill. Subtract."
    return "it should subtract `lr` times the gradient, and nothing else."


@check
def check_sgd(answer: Callable[..., Any]) -> None:
    """Check a class that does what `torch.optim.SGD` does.

    `answer(parameters, lr)` takes what `model.parameters()` gives. It has two methods, `step()` and
    `zero_grad()`.

    Examples:
        >>> class Lazy:
        ...     def __init__(self, parameters, lr): ...
        ...     def step(self): ...
        ...     def zero_grad(self): ...
        >>> check_sgd(Lazy)
        Not yet: after call 1 of `step()`: no parameter has moved. Which tensor does `t = …` change, in a \
loop over the parameters?
    """
    for lr in (0.01, 0.02):
        _judge_sgd(answer, lr)


def _slopes(parameters: list[nn.Parameter]) -> list[Any]:
    return [None if each.grad is None else each.grad.tolist() for each in parameters]


def _judge_sgd(answer: Callable[..., Any], lr: float) -> None:
    model = _Model()
    given = list(model.parameters())
    optimiser = ask(answer, model.parameters(), lr, shown=f"(model.parameters(), lr={lr})")
    for step, right in enumerate(_sgd_places(lr)):
        before = model.places()
        _method(optimiser, "zero_grad")
        if any(p.grad is not None and p.grad.any() for p in given):
            raise Hint("after `zero_grad()`, some parameter still has its old gradient.")
        torch.autograd.backward(model.loss())
        slopes = _slopes(given)
        with own_steps():
            _method(optimiser, "step")
        if model.places() != right:
            raise Hint(f"after call {step + 1} of `step()`: {_step_hint(optimiser, model, before, lr)}")
        if _slopes(given) != slopes:
            raise Hint(
                "`step()` has changed the gradients. It only reads them: to clear is for `zero_grad()`."
            )


SHORT = 40


def _three_arms(n: int) -> tuple[Tensor, Tensor]:
    """Return points and labels as `spirals(n, arms=3)` of the lesson makes them."""
    label = torch.arange(n) % 3
    way = torch.rand(n).sqrt()
    angle = 2 * math.pi * (1.25 * way + label / 3)
    x = 3 * way[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
    return x + 0.2 * torch.randn(n, 2), label


def _arms_hint(values: set[float], wanted: int) -> str:
    """Say what to do when labels of these values are right too rarely."""
    if len(values) == 1:
        return f", as by chance. Your function always says {min(values):g}."
    if never := {0, 1, 2} - values:
        return f". Your function never says {min(never)}: let the last layer give three scores."
    return f"; reach {wanted}. Train longer, on more points, with a larger layer or a smaller learning rate."


def _short(said: object) -> str:
    """Return the repr of an answer that is no tensor, or its type if that is long."""
    shown = repr(said)
    return shown if len(shown) < SHORT else f"a {type(said).__name__}"


@check
def check_arms(answer: Callable[[Tensor], Any]) -> None:
    """Check a function that says on which of three arms each point lies.

    `answer` takes new points, a tensor of shape (n, 2). It returns the label of each, 0, 1 or 2, in a tensor
    of shape (n,).

    Examples:
        >>> check_arms(lambda points: torch.zeros(len(points)))
        Not yet: 100 of 300 new points are right, as by chance. Your function always says 0.
    """
    torch.manual_seed(2026)
    points, labels = _three_arms(300)
    order = torch.randperm(300)
    labels = labels[order]
    said = ask(answer, points[order], shown="(points)")
    if isinstance(said, torch.Tensor) and said.shape == (300, 3):
        raise Hint(
            "these are three scores for each point. The label is the place of the largest: `argmax(1)`."
        )
    if not isinstance(said, torch.Tensor) or said.shape != (300,):
        shape = f"a tensor of shape {tuple(said.shape)}" if isinstance(said, torch.Tensor) else _short(said)
        raise Hint(f"for 300 points the answer must be a tensor of shape (300,), not {shape}.")
    values = set(said.tolist())
    if strange := values - {0, 1, 2}:
        raise Hint(f"each label must be 0, 1 or 2. One of yours is {min(strange):g}.")
    right, wanted = int((said == labels).sum()), 255
    if right < wanted:
        raise Hint(f"{right} of 300 new points are right{_arms_hint(values, wanted)}")
