"""Answers that a learner may give and nobody expects: right in another way, or right by luck."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd.graph import Node

from lessons_src import exercises

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def table(function: Callable[[Tensor], Tensor], p: Tensor) -> Tensor:
    """In NumPy, and so in float64."""
    q = function(p)
    rows = np.zeros((len(q), len(p)))
    for row, each in enumerate(torch.eye(len(q))):
        p.grad = None
        q.backward(each, retain_graph=True)  # type: ignore[no-untyped-call]
        assert p.grad is not None
        rows[row] = p.grad.numpy()
    return torch.tensor(rows)


def kinds(root: Node) -> dict[str, int]:
    """By index, and by PyTorch's own class of nodes."""
    found: dict[str, int] = {}
    seen, stack = set(), [root]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        found[type(node).__name__] = found.get(type(node).__name__, 0) + 1
        for i in range(len(node.next_functions)):
            child = node.next_functions[i][0]
            if isinstance(child, Node):
                stack.append(child)
    return found


def lost(loss: Tensor, names: dict[str, Tensor]) -> list[str]:
    """By taking away what is not lost."""
    seen, stack = set(), [loss.grad_fn]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        stack += [child for child, _ in node.next_functions]
    reached = {id(node.variable) for node in seen if hasattr(node, "variable")}
    for name, tensor in list(names.items()):
        if not tensor.requires_grad or not tensor.is_leaf or id(tensor) in reached:
            del names[name]
    return list(names)


def updates_until(x: Tensor, y: Tensor, lr: float, small: float) -> int:
    """Point by point."""
    a = b = torch.tensor(0.0)
    for updates in range(100):
        grad_a = grad_b = torch.tensor(0.0)
        for p, q in zip(x, y, strict=True):
            r = a + b * p - q
            grad_a, grad_b = grad_a + 2 * r / len(x), grad_b + 2 * r * p / len(x)
        if abs(grad_a) < small and abs(grad_b) < small:
            return updates
        a, b = a - lr * grad_a, b - lr * grad_b
    return 100


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (exercises.check_table, table),
        (exercises.check_start, lambda n: (torch.randn(n).double() * 0.1).requires_grad_()),
        (exercises.check_kinds, kinds),
        (exercises.check_lost, lost),
        (exercises.check_updates_until, updates_until),
        (exercises.check_border, torch.tensor(0.12)),
        (exercises.check_count, lambda sizes: np.dot(sizes[:-1], sizes[1:]) + sum(sizes[1:])),
        (exercises.check_diverges, lambda x: not np.isfinite(x[-1]) or np.float64(x[-1]) > 10 * x[0]),
    ],
)
def test_it_is_right(
    capsys: pytest.CaptureFixture[str], check: Callable[[Any], None], answer: object
) -> None:
    check(answer)
    assert capsys.readouterr().out == "Right.\n"


def evaluate(model: Any, x: Tensor, y: Tensor) -> float:
    was = model.training
    model.eval()
    with torch.no_grad():
        loss = ((model.forward(x) - y) ** 2).mean().item()
    model.training = was
    return float(loss)


def frozen(model: Any, x: Tensor, y: Tensor) -> float:
    was = model.training
    for parameter in model.eval().parameters():
        parameter.requires_grad_(requires_grad=False)
    loss = ((model(x) - y) ** 2).mean().item()
    model.train(was)
    return float(loss)


def recorded(model: Any, x: Tensor, y: Tensor) -> float:
    was = model.training
    loss = ((model.eval().forward(x) - y) ** 2).mean().item()
    model.train(was)
    return float(loss)


class Breaks:
    """Goes no further than the first parameter that has no gradient."""

    def __init__(self, parameters: Any, lr: float) -> None:
        self.parameters, self.lr = list(parameters), lr

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        for parameter in self.parameters:
            if parameter.grad is None:
                break
            parameter.sub_(self.lr * parameter.grad)


class OwnRate(Breaks):
    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, 0.01)

    @torch.no_grad()
    def step(self) -> None:
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.sub_(self.lr * parameter.grad)


class HalfCut(nn.Module):
    """Has a gradient of zero from the start where none ever comes."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.out = nn.Linear(2, 16), nn.Linear(16, 16), nn.Linear(16, 1)
        for parameter in self.parameters():
            parameter.grad = torch.zeros_like(parameter)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = torch.tanh(self.two(torch.tanh(self.one(x))))
        out: Tensor = self.out(x)
        return out[:, 0]


def gives_up_loudly(x: Tensor, y: Tensor, lr: float, small: float) -> int:
    if lr == 0:
        raise RuntimeError("it does not converge")
    return updates_until(x, y, lr, small)


def one_epoch_by_two(p: Any, x: Tensor, y: Tensor, *more: Any) -> list[float]:
    lr, order, _ = more
    losses = []
    for part in order.split(2):
        loss = ((p[0] + p[1] * x[part] - y[part]) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            p -= lr * p.grad
        p.grad = None
        losses.append(loss.item())
    return losses


def nudged_three(f: Callable[[Tensor], Tensor], w: Tensor, step: float) -> Tensor:
    return torch.tensor([6.0, 3.0, 1.0], dtype=torch.float64)


def moves_the_first(parameters: list[Tensor], lr: float) -> None:
    with torch.no_grad():
        for parameter in parameters:
            assert parameter.grad is not None
            parameter.sub_(lr * parameter.grad)
            parameter.grad = None
            return


def safe_root(w: Tensor) -> Tensor:
    root = w.sqrt()
    root[w <= 0] = 0
    return root


def grows_in_paths(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    r = a @ x
    for _ in range(30):
        r = r * (r + b)
    return r


def forgets_the_flag(loss_of: Callable[[Tensor], Tensor], w: float) -> Tensor:
    place = torch.tensor(w)
    (slope,) = torch.autograd.grad(loss_of(place), place, create_graph=True)
    (bend,) = torch.autograd.grad(slope, place)
    return place - slope / bend


@pytest.mark.parametrize(
    ("check", "answer", "hint"),
    [
        (exercises.check_arms, lambda points: torch.arange(len(points)) % 3, ""),
        (exercises.check_evaluate, evaluate, "a layer inside the model is in another mode than before."),
        (exercises.check_evaluate, frozen, "a parameter of the model no longer requires a gradient,"),
        (exercises.check_evaluate, recorded, "the model's operations are recorded."),
        (exercises.check_sgd, Breaks, "after call 1 of `step()`: it should subtract"),
        (exercises.check_sgd, OwnRate, "after call 1 of `step()`: it should subtract"),
        (
            exercises.check_all_learn,
            HalfCut,
            "no gradient comes to one.weight, one.bias, two.weight,",
        ),
        (exercises.check_all_learn, HalfCut(), "give the name of your class, without brackets:"),
        (exercises.check_all_learn, lambda: nn.Linear(2, 1), "for points of shape (3, 2), the scores have"),
        (
            exercises.check_one_epoch,
            one_epoch_by_two,
            "after one epoch of 5 points in parts of 3, p is",
        ),
        (exercises.check_nudged, nudged_three, "return a tensor of shape (2,), not (3,)."),
        (
            exercises.check_mean_loss,
            lambda losses: sum(loss.item() for loss in losses) / 4,
            "that is not the",
        ),
        (exercises.check_updates_until, gives_up_loudly, "with `lr` = 0 the gradients never become small."),
        (exercises.check_weighted_fit, lambda *_: (0.0, 0.0), "`a` or `b` is still 0."),
        (exercises.check_my_fit, lambda *_: (math.nan, 1.0), "it arrives at inf or nan: its steps grow."),
        (exercises.check_diverges, lambda x: not math.isfinite(x[-1]) or x[-1] > 20, "for [90000.0"),
        (
            exercises.check_diverges,
            lambda x: not math.isfinite(x[-1]) or max(x) > 2 * x[0],
            "for [3.0, 90.0,",
        ),
        (exercises.check_step, moves_the_first, "one parameter moves as it should, and another stays."),
        (exercises.check_safe_root, safe_root, "your answer changes, in place, what `backward()` needs."),
        (exercises.check_formula, grows_in_paths, "your graph has 63 nodes, and the exercise's has 5."),
        (exercises.check_land, forgets_the_flag, "the tensor that you give to the loss does not require"),
        (exercises.check_border, 1e-6, "with 1e-06, w does not run away: after 1000 steps it is 1.0040."),
        (
            exercises.check_descend,
            lambda *_: [],
            "a step from w = 1 down (w - 3)**2 never asks for the",
        ),
    ],
)
def test_it_is_not_right_yet(
    capsys: pytest.CaptureFixture[str], check: Callable[[Any], None], answer: object, hint: str
) -> None:
    check(answer)
    assert capsys.readouterr().out.startswith(f"Not yet: {hint}")


def test_a_module_of_the_learners_keeps_its_gradients(capsys: pytest.CaptureFixture[str]) -> None:
    model = HalfCut()
    exercises.check_all_learn(lambda: model)
    assert model.out.weight.grad is not None
    assert not model.out.weight.grad.any()
