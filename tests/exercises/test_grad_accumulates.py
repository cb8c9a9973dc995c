"""Lesson 9: the solution is right, and each common mistake gets the hint that fits it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lessons_src.exercises import (
    check_backward,
    check_momentum,
    check_sums,
    check_values,
    check_weights,
    checking,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def said(capsys: pytest.CaptureFixture[str], check: Callable[..., None], *answers: Any) -> str:
    check(*answers)
    return capsys.readouterr().out.removeprefix("Not yet: ").removesuffix("\n")


def gives(value: Any) -> Callable[..., Any]:
    """Return a function that gives the same answer to everything."""

    def answer(*arguments: Any) -> Any:
        return value

    return answer


# Which sum is it?

PAIR = 'give a pair, such as (5, "none"): the number in `w.grad`, and "engine", "grad" or "none".'
TWICE = "`w` is in `w * w` twice. How many edges lead from the product to the leaf?"
SLOPES = "the slope of `w * w` at 2 is 4, and that of `3 * w` is 3. Which of them are in `.grad` at the end?"
ADDED = "the 4 and the 3 are both in the result, so somebody has added them."


def test_the_two_sums_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_sums, (7, "engine"), (7, "grad"), (3, "none")) == "Right."
    assert said(capsys, check_sums, [torch.tensor(7.0), "engine"], (7.0, "grad"), (3, "none")) == "Right."


@pytest.mark.parametrize(
    ("place", "answer", "hint"),
    [
        (0, (3, "engine"), "one: both terms of the sum send a gradient to `w`, not only the last."),
        (0, (5, "engine"), f"one: {TWICE}"),
        (0, (10, "engine"), f"one: {SLOPES}"),
        (1, (3, "grad"), "two: the second call does not overwrite what the first has left."),
        (1, (5, "grad"), f"two: {TWICE}"),
        (
            2,
            (7, "none"),
            "three: look at what is between the two calls. What does the second call find in `.grad`?",
        ),
        (2, (4, "none"), "three: that is what the first call left. What happens to it then?"),
        (
            0,
            (7, "grad"),
            "one: there is one call, and `.grad` was None before it. Where do the 4 and the 3 meet?",
        ),
        (0, (7, "none"), f"one: {ADDED}"),
        (
            1,
            (7, "engine"),
            "two: the 4 and the 3 come from two calls. Does the engine know of the other call?",
        ),
        (1, (7, "none"), f"two: {ADDED}"),
        (
            2,
            (3, "engine"),
            "three: one edge leads to `w` in the second graph. What could the engine add there?",
        ),
        (2, (3, "grad"), "three: when the 3 arrives, `.grad` is None. What could it be added to?"),
        (0, 7, f"one: {PAIR}"),
        (1, (7,), f"two: {PAIR}"),
        (1, (7, "both"), f"two: {PAIR}"),
        (2, (3, None), f"three: {PAIR}"),
        (2, ("3", "none"), "the answer must be one number, not '3'."),
    ],
)
def test_a_wrong_number_or_sum_gets_its_hint(
    capsys: pytest.CaptureFixture[str], place: int, answer: Any, hint: str
) -> None:
    answers: list[Any] = [(7, "engine"), (7, "grad"), (3, "none")]
    answers[place] = answer
    assert said(capsys, check_sums, *answers) == hint


# Repair the walk


def outputs_of(node: Any, grad: Any) -> tuple[Any, ...]:
    grads = node(grad)
    return grads if isinstance(grads, tuple) else (grads,)


def waiting(
    root: Any,
    *,
    gather: Callable[[Any, Any], Any] = lambda old, new: new if old is None else old + new,
    keep: Callable[[Any], Any] = lambda node: node.variable,
) -> dict[Any, Any]:
    """The solution, or a part of it changed."""
    waits, nodes = Counter[Any](), [root]
    for node in nodes:
        for child, _ in node.next_functions:
            if child is not None and child not in waits:
                nodes.append(child)
            waits[child] += 1
    arrived, ready, result = {root: torch.tensor(1.0)}, [root], {}
    while ready:
        node = ready.pop()
        if hasattr(node, "variable"):
            result[keep(node)] = arrived[node]
            continue
        for (child, _), grad in zip(node.next_functions, outputs_of(node, arrived[node]), strict=True):
            if child is not None:
                arrived[child] = gather(arrived.get(child), grad)
                waits[child] -= 1
                if not waits[child]:
                    ready.append(child)
    return result


def visit_once(root: Any) -> dict[Any, Any]:
    """Each node runs with its first contribution."""
    seen: set[Any] = set()
    result: dict[Any, Any] = {}

    def visit(node: Any, grad: Any) -> None:
        if node is None or node in seen:
            return
        seen.add(node)
        if hasattr(node, "variable"):
            result[node.variable] = grad
            return
        for (child, _), g in zip(node.next_functions, outputs_of(node, grad), strict=True):
            visit(child, g)

    visit(root, torch.tensor(1.0))
    return result


def leaf_waits_alone(root: Any) -> dict[Any, Any]:
    """A leaf adds all that comes; other nodes run with their first contribution."""
    seen: set[Any] = set()
    result: dict[Any, Any] = {}

    def visit(node: Any, grad: Any) -> None:
        if hasattr(node, "variable"):
            result[node.variable] = result.get(node.variable, 0) + grad
        elif node is not None and node not in seen:
            seen.add(node)
            for (child, _), g in zip(node.next_functions, outputs_of(node, grad), strict=True):
                visit(child, g)

    visit(root, torch.tensor(1.0))
    return result


def by_paths(
    root: Any, gather: Callable[[Any, Any], Any] = lambda old, new: old + new, tuples: bool = True
) -> dict[Any, Any]:
    """Each node runs once for each path."""
    result: dict[Any, Any] = {}

    def visit(node: Any, grad: Any) -> None:
        if node is None:
            return
        if hasattr(node, "variable"):
            result[node.variable] = gather(result.get(node.variable, 0), grad)
            return
        grads = outputs_of(node, grad) if tuples else node(grad)
        for (child, _), g in zip(node.next_functions, grads, strict=False):
            visit(child, g)

    visit(root, torch.tensor(1.0))
    return result


def calls_leaves(root: Any) -> dict[Any, Any]:
    def visit(node: Any, grad: Any) -> None:
        for (child, _), g in zip(node.next_functions, outputs_of(node, grad), strict=False):
            visit(child, g)

    visit(root, torch.tensor(1.0))
    return {}


def no_none(root: Any) -> dict[Any, Any]:
    result: dict[Any, Any] = {}

    def visit(node: Any, grad: Any) -> None:
        if hasattr(node, "variable"):
            result[node.variable] = result.get(node.variable, 0) + grad
            return
        for (child, _), g in zip(node.next_functions, outputs_of(node, grad), strict=True):
            visit(child, g)

    visit(root, torch.tensor(1.0))
    return result


def test_a_walk_that_waits_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_backward, waiting) == "Right."


SHARED = "for s + s + w with s = w * w, the gradient of w is not"
KEY = "A key is a leaf's tensor, `node.variable`."
ALONE = "That is one contribution alone. What comes along the other edges must be added before a node runs."


def shared_only(wrong: Callable[[Any], dict[Any, Any]]) -> Callable[[Any], dict[Any, Any]]:
    """Answer the first graph, which is a square, right."""

    def answer(root: Any) -> dict[Any, Any]:
        return (waiting if root.name() == "MulBackward0" else wrong)(root)

    return answer


@pytest.mark.parametrize(
    ("walk", "hint"),
    [
        (visit_once, f"for w * w, the gradient of w is not 3.0. {ALONE}"),
        (shared_only(visit_once), f"{SHARED} 3.0. {ALONE}"),
        (
            lambda root: waiting(root, gather=lambda _, new: new),
            f"for w * w, the gradient of w is not 3.0. {ALONE}",
        ),
        (
            leaf_waits_alone,
            f"{SHARED} 7.0. The product ran too early, with 1 instead of the sum, and sent 3 to each factor.",
        ),
        (
            shared_only(lambda root: by_paths(root, lambda _, new: new)),
            f"{SHARED} 1.0. That is the last contribution alone. Add to what a leaf has got before.",
        ),
        (
            by_paths,
            (
                "every gradient is right. But 8 products in a row made 255 runs, one for each path. "
                "A node must run once, when its last contribution has arrived."
            ),
        ),
        (
            lambda root: by_paths(root, tuples=False),
            (
                "for ((a + b * x - y) ** 2).mean(), the gradient of a has the shape (), and a has (2,). "
                "This is the first graph in which a node returns one tensor, not a tuple, and a child is "
                "None."
            ),
        ),
        (
            no_none,
            "no_none(root) raises AttributeError: 'NoneType' object has no attribute 'next_functions'.",
        ),
        (
            calls_leaves,
            "it writes to `.grad`, so it calls the node of a leaf. Keep what arrives there, and go on.",
        ),
        (
            lambda root: waiting(root, keep=lambda node: node),
            f"for w * w, the dictionary has no gradient of w. {KEY}",
        ),
        (
            lambda root: {leaf: grad.tolist() for leaf, grad in waiting(root).items()},
            "for w * w, the gradient of w must be a tensor, not 6.0.",
        ),
        (
            lambda root: {leaf: 2 * grad for leaf, grad in waiting(root).items()},
            (
                "for w * w, the gradient of w is not 12.0. Does each node wait until a contribution "
                "has come along every edge that leads to it?"
            ),
        ),
        (
            lambda root: {leaf: grad.repeat(2) for leaf, grad in waiting(root).items()},
            "for w * w, the gradient of w has the shape (2,), and w has ().",
        ),
        (
            lambda root: [root.name()],
            "return a dictionary of leaves and their gradients, not ['MulBackward0'].",
        ),
        (gives(None), "answer(root) returns None; let it return your answer."),
        (13, "the answer must be a function, not 13. Give its name without brackets."),
    ],
)
def test_a_wrong_walk_gets_its_hint(capsys: pytest.CaptureFixture[str], walk: Any, hint: str) -> None:
    assert said(capsys, check_backward, walk) == hint


# Pieces of different size


def test_a_piece_counts_with_its_share(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_weights, lambda sizes: [size / sum(sizes) for size in sizes]) == "Right."
    assert said(capsys, check_weights, lambda sizes: torch.tensor(sizes) / sum(sizes)) == "Right."


@pytest.mark.parametrize(
    ("weights", "hint"),
    [
        (
            lambda sizes: [1 / len(sizes)] * len(sizes),
            "for [5, 5, 2] a point in the piece of 2 counts 2.5 times as much as one in a piece of 5.",
        ),
        (lambda sizes: [1] * len(sizes), "for [5, 5, 2] the step is too long: the weights add up to 3."),
        (
            lambda sizes: sizes,
            (
                "for [5, 5, 2] the pieces count as they should against each other, but the step has "
                "the wrong length."
            ),
        ),
        (
            lambda sizes: [1 / size for size in sizes],
            (
                "for [5, 5, 2] the smallest piece has the largest weight. In the whole batch each "
                "point counts the same."
            ),
        ),
        (
            lambda sizes: [5 / 12, 5 / 12, 2 / 12][: len(sizes)],
            (
                "for [1, 3] the pieces do not add up to the gradient of the whole batch, in which "
                "each point counts the same."
            ),
        ),
        (
            lambda sizes: [0.0] * len(sizes),
            (
                "for [5, 5, 2] the pieces do not add up to the gradient of the whole batch, in "
                "which each point counts the same."
            ),
        ),
        (gives(1 / 3), "for [5, 5, 2] return a list of 3 weights, not 0.3333333333333333."),
        (gives([1.0]), "for [5, 5, 2] return a list of 3 weights, not [1.0]."),
        (gives(["a"] * 3), "the answer must be one number, not 'a'."),
        (gives(None), "answer([5, 5, 2]) returns None; let it return your answer."),
    ],
)
def test_wrong_weights_get_their_hint(capsys: pytest.CaptureFixture[str], weights: Any, hint: str) -> None:
    assert said(capsys, check_weights, weights) == hint


# Momentum by hand


def descend(
    lr: float, momentum: float, steps: int, *, early: bool = False, rebind: bool = False, clear: bool = False
) -> list[float]:
    w = torch.zeros((), dtype=torch.float64, requires_grad=True)
    path = [w.item()]
    for _ in range(steps):
        ((w - 3) ** 2).backward()  # type: ignore[no-untyped-call]
        assert w.grad is not None
        with torch.no_grad():
            if early:
                w.grad *= momentum
            if rebind:
                _ = w - lr * w.grad
            else:
                w -= lr * w.grad
            if clear:
                w.grad.zero_()
            elif not early:
                w.grad *= momentum
        path.append(w.item())
    return path


def averages(lr: float, momentum: float, steps: int) -> list[float]:
    w, mean, path = 0.0, 0.0, [0.0]
    for _ in range(steps):
        mean = momentum * mean + (1 - momentum) * 2 * (w - 3)
        w -= lr * mean
        path.append(w)
    return path


def by_sgd(lr: float, momentum: float, steps: int) -> list[float]:
    w = torch.zeros((), dtype=torch.float64, requires_grad=True)
    sgd = torch.optim.SGD([w], lr=lr, momentum=momentum)
    path = [w.item()]
    for _ in range(steps):
        sgd.zero_grad()
        ((w - 3) ** 2).backward()  # type: ignore[no-untyped-call]
        sgd.step()
        path.append(w.item())
    return path


def test_momentum_by_hand_is_that_of_sgd(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_momentum, descend) == "Right."


@pytest.mark.parametrize(
    ("loop", "hint"),
    [
        (
            lambda lr, _, steps: descend(lr, 1.0, steps),
            "with momentum=0.9 it does what momentum 1 does: nothing makes the sum in `.grad` smaller.",
        ),
        (
            lambda lr, momentum, steps: descend(lr, momentum, steps, clear=True),
            (
                "with momentum=0.9 it does what momentum 0 does: the old sum is gone when the next "
                "gradient comes."
            ),
        ),
        (
            lambda lr, momentum, steps: descend(lr, momentum, steps, early=True),
            (
                "with momentum=0.9 the first step is too short: a new gradient counts in full. When "
                "is the sum made smaller, before it is used or after?"
            ),
        ),
        (
            averages,
            (
                "with momentum=0.9 the first step is too short: a new gradient counts in full, and not "
                "`1 - momentum` of it."
            ),
        ),
        (by_sgd, checking._OPTIMISER),
        (
            lambda lr, momentum, steps: descend(lr, momentum, steps, rebind=True),
            (
                "with momentum=0.9 `w` is still 0 after the first step. Does `-=` change the tensor "
                "whose values you collect?"
            ),
        ),
        (
            lambda lr, _, steps: descend(lr, 0.9, steps),
            "with momentum=0.5 `w` is 1.62 after two steps, and SGD has 1.38.",
        ),
        (
            lambda lr, momentum, steps: descend(lr, momentum, steps)[1:],
            "after 12 steps the list must have 13 values, 0 and the one after each step, not 12.",
        ),
        (gives(3.0), "return a list of the values of `w`, not 3.0."),
        (gives([None] * 13), "the answer must be one number, not None."),
        (gives(None), "answer(0.1, 0.9, 12) returns None; let it return your answer."),
    ],
)
def test_a_wrong_loop_gets_its_hint(capsys: pytest.CaptureFixture[str], loop: Any, hint: str) -> None:
    assert said(capsys, check_momentum, loop) == hint


# micrograd's Value against PyTorch


class Value:
    """The lesson's: one place for both sums."""

    def __init__(self, data: float, inputs: Any = ()) -> None:
        self.data, self.grad, self.inputs = data, 0.0, inputs

    def __add__(self, other: Value) -> Value:
        return type(self)(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other: Value) -> Value:
        return type(self)(self.data * other.data, ((self, other.data), (other, self.data)))

    def order(self) -> list[Value]:
        found: list[Value] = []
        seen = set()

        def visit(value: Value) -> None:
            if value not in seen:
                seen.add(value)
                for below, _ in value.inputs:
                    visit(below)
                found.append(value)

        visit(self)
        return found

    def backward(self) -> None:
        self.grad = 1.0
        for value in reversed(self.order()):
            for below, slope in value.inputs:
                below.grad += slope * value.grad


class Repaired(Value):
    def backward(self) -> None:
        arrived = dict.fromkeys(self.order(), 0.0)
        arrived[self] = 1.0
        for value in reversed(self.order()):
            value.grad += arrived[value]
            for below, slope in value.inputs:
                arrived[below] += slope * arrived[value]


class ClearsAll(Value):
    def backward(self) -> None:
        for value in self.order():
            value.grad = 0.0
        super().backward()


class ClearsAllButLeaves(Value):
    def backward(self) -> None:
        for value in self.order():
            if value.inputs:
                value.grad = 0.0
        super().backward()


class Overwrites(Value):
    def backward(self) -> None:
        self.grad = 1.0
        for value in reversed(self.order()):
            for below, slope in value.inputs:
                below.grad = slope * value.grad


class NoGrad(Value):
    def backward(self) -> None:
        self.grad = None  # type: ignore[assignment]


class AddsTen(ClearsAll):
    """Right in the first call; the second adds something else."""

    calls = 0

    def backward(self) -> None:
        super().backward()
        for value in self.order():
            value.grad += 10 * self.calls
        self.calls += 1


class NoSum(Value):
    __add__ = None  # type: ignore[assignment]


def test_two_sums_in_two_places_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, check_values, Repaired) == "Right."


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (
            Value,
            (
                "after call 2, w.grad is 50, and not 26. The second call has sent on what the first "
                "had left in `s.grad`."
            ),
        ),
        (
            ClearsAll,
            (
                "after call 2, w.grad is 13, and not 26. The second call has thrown away what the "
                "first had left."
            ),
        ),
        (
            ClearsAllButLeaves,
            (
                "after call 2, s.grad is 2, and not 4. The leaf is right. A node that retains its "
                "gradient adds to it across calls as well."
            ),
        ),
        (
            Overwrites,
            (
                "after call 1, w.grad is 3, and not 13. That is the first sum: all contributions "
                "must have arrived before a value hands on."
            ),
        ),
        (
            AddsTen,
            ("after call 2, w.grad is 23, and not 26. The two sums are mixed: give each a place of its own."),
        ),
        (NoSum, "your class raises TypeError: 'NoneType' object is not callable."),
        (NoGrad, "the answer must be one number, not None."),
        (type("Empty", (), {}), "your class raises TypeError: Empty() takes no arguments."),
        (float, "your class raises AttributeError: 'float' object has no attribute 'backward'."),
        (Value(3.0).backward, "give the class itself, not"),
        (None, "give the class itself, not None."),
    ],
)
def test_a_wrong_value_gets_its_hint(capsys: pytest.CaptureFixture[str], value: Any, hint: str) -> None:
    assert said(capsys, check_values, value).startswith(hint)
