"""The checks of lesson 7: what is recorded, what is held on to, and what is left as it was."""

from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING, Any
from weakref import ref

import torch

from lessons_src.exercises.checking import Hint, ask, check, cures, near, number, own_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor
    from torch.nn import Sequential

WORDS = ("learns", "RuntimeError", "TypeError", "neither")
DIAGNOSES = ("learns", "RuntimeError", "neither", "TypeError", "learns")
QUESTIONS = (
    "Loop 1: what is a tensor after `detach()` and `requires_grad_()`?",
    "Loop 2: which lines are inside its `no_grad`?",
    "Loop 3: what is in `.grad` when the update reads it?",
    "Loop 4: what is `b` after the first update? And which line of the second step needs more of it?",
    "Loop 5: where is its loss computed, inside the block or before it?",
)
FIVE_WORDS = 'give a list of five words, each of them "learns", "RuntimeError", "TypeError" or "neither".'

REPLACED = "the list holds other tensors than before. Change the tensors themselves, in place."
NO_FLAG = "a parameter no longer requires a gradient."
MOVED_NAME = "no parameter has moved. Which tensor does `p = …` change, in a loop over the list?"
CLEARED_FIRST = "no parameter has moved, and the gradients are cleared. In which order do these two come?"
UPHILL = "the parameters move with the gradient. Which sign has a step *against* it?"
NOT_EVERY = "one parameter moves as it should, and another stays. Does the loop go through the whole list?"
OTHER_STEP = "the parameters move, and not by `lr` times their gradient."
NOT_CLEARED = "the gradients are still there. What would the next `backward()` do to them?"

SUM = "that is the sum of the losses. Divide it by how many there are."
OTHER_MEAN = "that is not the mean of the losses, which are numbers from 1 to 10."
NOT_ALL = "it does not go through all the losses. Read them in a loop, to the end."
RETURNS_GRAPH = "what it returns has a `grad_fn`, and with it all the graphs."
KEEPS_GRAPHS = (
    "when it asks for the next loss, it still holds on to graphs of earlier ones. Keep numbers, not losses."
)

DROPOUT = "two calls give different losses: something is dropped at random. Which switch turns that off?"
OTHER_LOSS = "that is not the mean squared error of the model."
RECORDED = "the model's operations are recorded. Which switch turns that off?"
LEFT_IN_EVAL = "the model was training, and now it is not. Leave it in the mode in which it was."
LEFT_TRAINING = "the model was not training, and now it is. Leave it in the mode in which it was."
LEFT_INSIDE = "a layer inside the model is in another mode than before. Note the mode of each, and set it."
LEFT_FROZEN = "a parameter of the model no longer requires a gradient, so the model can learn no more."


@check
def check_diagnoses(answer: object) -> None:
    """Judge what you say of the five loops.

    `answer` is a list of five words, each of them "learns", "RuntimeError", "TypeError" or "neither".

    Examples:
        >>> from lessons_src.exercises import check_diagnoses
        >>> check_diagnoses("learns")
        Not yet: give a list of five words, each of them "learns", "RuntimeError", "TypeError" or "neither".
    """
    if isinstance(answer, list | tuple) and any(word is ... for word in answer):
        raise Hint("put your answer in place of each `...`, and run this block again.")
    if not isinstance(answer, list | tuple) or len(answer) != len(DIAGNOSES):
        raise Hint(FIVE_WORDS)
    if not all(word in WORDS for word in answer):
        raise Hint(FIVE_WORDS)
    right = [word == diagnosis for word, diagnosis in zip(answer, DIAGNOSES, strict=True)]
    if not all(right):
        raise Hint(f"{sum(right)} of 5 are right. {QUESTIONS[right.index(False)]}")


@check
def check_step(answer: Callable[..., Any]) -> None:
    """Judge one update of a list of parameters.

    `answer` is a function of `parameters`, a list of leaves with gradients, and `lr`. It returns nothing.

    Examples:
        >>> from lessons_src.exercises import check_step
        >>> check_step(lambda parameters, lr: None)
        Not yet: no parameter has moved. Which tensor does `p = …` change, in a loop over the list?
    """
    values, slopes = ([1.0], [2.0, -3.0], [[5.0]]), (4.0, -2.0, 1.0)
    for count in (2, 1, 3):
        _judge_step(answer, list(map(torch.tensor, values[:count])), slopes[:count])


def _judge_step(answer: Callable[..., Any], before: list[Tensor], values: tuple[float, ...]) -> None:
    lr = 0.5
    leaves = [value.clone().requires_grad_() for value in before]
    slopes = [torch.full_like(leaf, value) for leaf, value in zip(before, values, strict=True)]
    for leaf, slope in zip(leaves, slopes, strict=True):
        leaf.grad = slope.clone()
    given = [*leaves]
    with own_steps(), cures():
        ask(answer, given, lr, returns=False)
    if len(given) != len(leaves) or any(one is not other for one, other in zip(given, leaves, strict=True)):
        raise Hint(REPLACED)
    if not all(leaf.requires_grad for leaf in leaves):
        raise Hint(NO_FLAG)
    _judge_values(leaves, before, slopes, lr)
    if any(leaf.grad is not None and leaf.grad.any() for leaf in leaves):
        raise Hint(NOT_CLEARED)


def _judge_values(leaves: list[Tensor], before: list[Tensor], slopes: list[Tensor], lr: float) -> None:
    def are(factor: float) -> bool:
        return all(at(factor))

    def at(factor: float) -> list[bool]:
        return [
            near(leaf, value + factor * lr * slope)
            for leaf, value, slope in zip(leaves, before, slopes, strict=True)
        ]

    if are(0):
        cleared = all(leaf.grad is None or not leaf.grad.any() for leaf in leaves)
        changed = any(leaf._version for leaf in leaves)  # noqa: SLF001  # in place, by nothing
        raise Hint(CLEARED_FIRST if cleared and changed else MOVED_NAME)
    if are(1):
        raise Hint(UPHILL)
    if not are(-1):
        raise Hint(NOT_EVERY if any(at(-1)) and any(at(0)) else OTHER_STEP)


class _Saved:
    """What a node keeps in place of a tensor: it can be asked whether it still exists."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


class Losses:
    """An iterator over losses, which a hint shows by its name in the exercise."""

    def __init__(self, losses: Iterator[Tensor]) -> None:
        self.losses = losses

    def __iter__(self) -> Iterator[Tensor]:
        return self.losses

    def __next__(self) -> Tensor:
        return next(self.losses)

    def __repr__(self) -> str:
        return "losses"


@check
def check_mean_loss(answer: Callable[..., Any]) -> None:
    """Judge a mean of losses that holds on to no graph.

    `answer` is a function of an iterator over losses, each a tensor with a graph. It returns their mean.

    Examples:
        >>> from lessons_src.exercises import check_mean_loss
        >>> check_mean_loss(lambda losses: sum(loss.item() for loss in losses))
        Not yet: that is the sum of the losses. Divide it by how many there are.
    """
    for values in ([2.0, 9.0, 4.0, 1.0], [10.0, 3.0]):
        _judge_mean(answer, values)


def _judge_mean(answer: Callable[..., Any], values: list[float]) -> None:
    graphs: list[list[ref[_Saved]]] = []
    alive: list[int] = []  # how many earlier graphs there are when the next loss is asked for

    def losses() -> Iterator[Tensor]:
        for value in values:
            # A loop still has the loss before in its variable.
            alive.append(sum(any(saved() for saved in graph) for graph in graphs[:-1]))
            graphs.append([])
            yield _loss(value, graphs[-1])

    result = ask(answer, Losses(losses()))
    mean = number(result)
    if len(alive) < len(values):
        raise Hint(NOT_ALL)
    if isclose(mean, sum(values), abs_tol=1e-4):
        raise Hint(SUM)
    if not isclose(mean, sum(values) / len(values), abs_tol=1e-4):
        raise Hint(OTHER_MEAN)
    if isinstance(result, torch.Tensor) and result.requires_grad:
        raise Hint(RETURNS_GRAPH)
    if any(alive):
        raise Hint(KEEPS_GRAPHS)


def _loss(value: float, kept: list[ref[_Saved]]) -> Tensor:
    """Return a loss of this value, and note in `kept` what its graph saves."""

    def save(tensor: Tensor) -> _Saved:
        saved = _Saved(tensor)
        kept.append(ref(saved))
        return saved

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(save, lambda saved: saved.tensor):
        w = torch.tensor([value], requires_grad=True)
        return (w * w / value).sum()


@check
def check_evaluate(answer: Callable[..., Any]) -> None:
    """Judge the evaluation of a model that has dropout.

    `answer` is a function of `model`, `x` of shape (6, 2) and `y` of shape (6, 1). It returns one number.

    Examples:
        >>> from lessons_src.exercises import check_evaluate
        >>> check_evaluate(lambda model, x, y: 0.0)
        Not yet: that is not the mean squared error of the model.
    """
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Dropout(0.5), torch.nn.Linear(16, 1))
    x, y = torch.randn(6, 2), torch.randn(6, 1)
    with torch.no_grad():
        right = ((model.eval()(x) - y) ** 2).mean().item()
    for modes in ([True] * 4, [False] * 4, [True, True, False, True]):
        _set_modes(model, modes)
        _judge_evaluation(answer, model, x, y, right)
        if model.training != modes[0]:
            raise Hint(LEFT_IN_EVAL if modes[0] else LEFT_TRAINING)
        if [module.training for module in model.modules()] != modes:
            raise Hint(LEFT_INSIDE)
        if not all(parameter.requires_grad for parameter in model.parameters()):
            raise Hint(LEFT_FROZEN)


def _set_modes(model: Sequential, modes: list[bool]) -> None:
    """Set whether the model itself and each of its layers is in training mode."""
    for module, mode in zip(model.modules(), modes, strict=True):
        module.training = mode


def _judge_evaluation(
    answer: Callable[..., Any], model: Sequential, x: Tensor, y: Tensor, right: float
) -> None:
    modes, recorded = [module.training for module in model.modules()], []
    # Of the last layer, for `model.forward` calls no hook of the model.
    hook = model[-1].register_forward_hook(lambda _, __, out: recorded.append(out.requires_grad))
    try:
        losses = []
        for _ in range(2):
            _set_modes(model, modes)
            losses.append(number(ask(answer, model, x, y, shown="(model, x, y)")))
    finally:
        hook.remove()
    if not isclose(*losses, abs_tol=1e-6):
        raise Hint(DROPOUT)
    if not isclose(losses[0], right, abs_tol=1e-4):
        raise Hint(OTHER_LOSS)
    if any(recorded):
        raise Hint(RECORDED)
