"""Judge the exercises of lesson 9: the sum inside one backward, and the sum across calls.

What is right is computed by PyTorch's own backward and its own optimiser each time.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lessons_src.exercises.checking import Hint, ask, check, near, number, own_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor

# Which sum is it?

WORDS = "engine", "grad", "none"
RIGHT = {"one": (7, "engine"), "two": (7, "grad"), "three": (3, "none")}
SQUARE = "`w` is in `w * w` twice. How many edges lead from the product to the leaf?"
SLIPS = {
    ("one", 3): "both terms of the sum send a gradient to `w`, not only the last.",
    ("one", 5): SQUARE,
    ("two", 3): "the second call does not overwrite what the first has left.",
    ("two", 5): SQUARE,
    ("three", 7): "look at what is between the two calls. What does the second call find in `.grad`?",
    ("three", 4): "that is what the first call left. What happens to it then?",
    ("one", "grad"): "there is one call, and `.grad` was None before it. Where do the 4 and the 3 meet?",
    ("one", "none"): "the 4 and the 3 are both in the result, so somebody has added them.",
    ("two", "engine"): "the 4 and the 3 come from two calls. Does the engine know of the other call?",
    ("two", "none"): "the 4 and the 3 are both in the result, so somebody has added them.",
    ("three", "engine"): "one edge leads to `w` in the second graph. What could the engine add there?",
    ("three", "grad"): "when the 3 arrives, `.grad` is None. What could it be added to?",
}
SLOPES = "the slope of `w * w` at 2 is 4, and that of `3 * w` is 3. Which of them are in `.grad` at the end?"


@check
def check_sums(one: object, two: object, three: object) -> None:
    """Check, for each of three functions, the number in `w.grad` and the sum that has joined 4 and 3.

    Args:
        one: A pair: the number in `w.grad` at the end, and `"engine"`, `"grad"` or `"none"`.
        two: The same for the second function.
        three: The same for the third.

    Examples:
        >>> from lessons_src.exercises import check_sums
        >>> check_sums((5, "grad"), (5, "grad"), (5, "grad"))
        Not yet: one: `w` is in `w * w` twice. How many edges lead from the product to the leaf?
    """
    answers = {"one": one, "two": two, "three": three}
    pairs = {name: _pair(name, answer) for name, answer in answers.items()}
    for place, usual in enumerate([SLOPES, ""]):  # all numbers first
        for name, pair in pairs.items():
            if pair[place] != RIGHT[name][place]:
                raise Hint(f"{name}: {SLIPS.get((name, pair[place]), usual)}")


def _pair(name: str, answer: object) -> tuple[float, str]:
    match answer:
        case (grad, str(word)) if word in WORDS:
            return number(grad), word
    raise Hint(
        f'{name}: give a pair, such as (5, "none"): the number in `w.grad`, and "engine", "grad" or "none".'
    )


# Repair the walk


class Graph(NamedTuple):
    """A loss, its leaves by name, and what to say of a wrong gradient, by its value or whatever it is."""

    formula: str
    loss: Tensor
    leaves: dict[str, Tensor]
    slips: Mapping[float, str]
    usual: str


WAIT = "Does each node wait until a contribution has come along every edge that leads to it?"
ALONE = "That is one contribution alone. What comes along the other edges must be added before a node runs."
EARLY = "The product ran too early, with 1 instead of the sum, and sent 3 to each factor."
LAST = "That is the last contribution alone. Add to what a leaf has got before."
SHAPES = "This is the first graph in which a node returns one tensor, not a tuple, and a child is None."


def _leaf(value: float) -> Tensor:
    return torch.tensor(value, requires_grad=True)


def _square() -> Graph:
    w = _leaf(3.0)
    return Graph("w * w", w * w, {"w": w}, {3: ALONE}, WAIT)


def _shared() -> Graph:
    w = _leaf(3.0)
    s = w * w
    slips: dict[float, str] = {3: ALONE, 7: EARLY, 1: LAST}
    return Graph("s + s + w with s = w * w", s + s + w, {"w": w}, slips, WAIT)


def _two_leaves() -> Graph:
    p, q = _leaf(3.0), _leaf(2.0)
    r = p * q
    return Graph("r * r + p + r with r = p * q", r * r + p + r, {"p": p, "q": q}, {}, WAIT)


def _line() -> Graph:
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])
    # As long as the data: broadcast gradients are summed by the engine, and by no node.
    a, b = torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    loss = ((a + b * x - y) ** 2).mean()
    return Graph("((a + b * x - y) ** 2).mean()", loss, {"a": a, "b": b}, {}, SHAPES)


class _Products(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts products while it is active: the node of `v * v` makes two each time that it runs."""

    number = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.number += function is torch.ops.aten.mul.Tensor
        return function(*args, **(kwargs or {}))


IN_A_ROW = 8


@check
def check_backward(backward: Callable[..., Any]) -> None:
    """Check a function that does by itself what `backward()` does.

    Args:
        backward: Takes the node of a loss of one element, and returns a dictionary with the gradient of each
            leaf. It is called under `no_grad`.

    Examples:
        >>> from lessons_src.exercises import check_backward
        >>> check_backward(lambda root: {})
        Not yet: for w * w, the dictionary has no gradient of w. A key is a leaf's tensor, `node.variable`.
    """
    for make in (_square, _shared, _two_leaves, _line):
        _judge_gradients(make(), backward)
    power = _leaf(1.0)
    for _ in range(IN_A_ROW):
        power = power * power
    with _Products() as products:  # type: ignore[no-untyped-call]
        _found(power, backward)
    if products.number > 4 * IN_A_ROW:  # two for each run, and what a backward may do besides
        raise Hint(
            f"every gradient is right. But {IN_A_ROW} products in a row made {products.number // 2} runs, "
            "one for each path. A node must run once, when its last contribution has arrived."
        )


def _judge_gradients(graph: Graph, backward: Callable[..., Any]) -> None:
    found = _found(graph.loss, backward)
    if any(leaf.grad is not None for leaf in graph.leaves.values()):
        raise Hint(
            "it writes to `.grad`, so it calls the node of a leaf. Keep what arrives there, and go on."
        )
    graph.loss.backward()  # type: ignore[no-untyped-call]
    for name, leaf in graph.leaves.items():
        if id(leaf) not in found:
            raise Hint(
                f"for {graph.formula}, the dictionary has no gradient of {name}. "
                "A key is a leaf's tensor, `node.variable`."
            )
        grad = found[id(leaf)]
        if not isinstance(grad, torch.Tensor):
            raise Hint(f"for {graph.formula}, the gradient of {name} must be a tensor, not {grad!r}.")
        assert leaf.grad is not None
        if grad.shape != leaf.grad.shape:
            shapes = f"{tuple(grad.shape)}, and {name} has {tuple(leaf.shape)}"
            why = f" {SHAPES}" if graph.usual is SHAPES else ""
            raise Hint(f"for {graph.formula}, the gradient of {name} has the shape {shapes}.{why}")
        if not near(grad, leaf.grad):
            slip = graph.slips.get(grad.item(), graph.usual) if grad.numel() == 1 else graph.usual
            raise Hint(f"for {graph.formula}, the gradient of {name} is not {grad.tolist()}. {slip}")


def _found(loss: Tensor, backward: Callable[..., Any]) -> dict[int, Any]:
    """Return what `backward` finds, by the leaves' ids: `==` of two tensors is a third one."""
    with torch.no_grad():
        try:
            found = ask(backward, loss.grad_fn)
        except Hint as hint:
            raise Hint(str(hint).replace(repr(loss.grad_fn), "root")) from hint
    if not isinstance(found, dict):
        raise Hint(f"return a dictionary of leaves and their gradients, not {found!r}.")
    return {id(leaf): grad for leaf, grad in found.items()}


# Pieces of different size

SIZES = [5, 5, 2], [1, 3], [4, 4, 4]


@check
def check_weights(weights: Callable[[list[int]], Any]) -> None:
    """Check the weights of pieces of a batch, with which their gradients add up to that of the whole.

    Args:
        weights: Takes the numbers of points in the pieces, a list, and returns a list of as many weights.
            Each piece's loss is a mean over its own points.

    Examples:
        >>> from lessons_src.exercises import check_weights
        >>> check_weights(lambda sizes: [1.0 for size in sizes])
        Not yet: for [5, 5, 2] the step is too long: the weights add up to 3.
    """
    for sizes in SIZES:
        answer = ask(weights, list(sizes))
        if isinstance(answer, torch.Tensor):
            answer = answer.tolist()
        if not isinstance(answer, list | tuple) or len(answer) != len(sizes):
            raise Hint(f"for {sizes} return a list of {len(sizes)} weights, not {answer!r}.")
        given = [number(weight) for weight in answer]
        gradient, whole = _pieces_gradient(sizes, given)
        if not torch.allclose(gradient, whole):
            raise Hint(f"for {sizes} {_weights_slip(sizes, given)}")


def _pieces_gradient(sizes: Sequence[int], weights: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Return the gradient of the weighted pieces and that of the whole, with a parameter for each piece."""
    w = torch.zeros(len(sizes), dtype=torch.float64, requires_grad=True)
    pieces = [
        (w[i] - torch.arange(1 + i, 1 + i + size, dtype=torch.float64)) ** 2 for i, size in enumerate(sizes)
    ]
    means = torch.stack([piece.mean() for piece in pieces])
    weighted = torch.tensor(weights, dtype=torch.float64) @ means
    (gradient,) = torch.autograd.grad(weighted, w, retain_graph=True)
    (whole,) = torch.autograd.grad(torch.cat(pieces).mean(), w)
    return gradient, whole


def _weights_slip(sizes: Sequence[int], given: Sequence[float]) -> str:
    small, large = min(sizes), max(sizes)
    if near(given, [1 / len(sizes)] * len(sizes)):
        times = f"{large / small:g} times"
        return f"a point in the piece of {small} counts {times} as much as one in a piece of {large}."
    if near(given, [1] * len(sizes)):
        return f"the step is too long: the weights add up to {len(sizes)}."
    if sum(given) and near([w / sum(given) for w in given], [size / sum(sizes) for size in sizes]):
        return "the pieces count as they should against each other, but the step has the wrong length."
    if given[sizes.index(small)] > given[sizes.index(large)]:
        return "the smallest piece has the largest weight. In the whole batch each point counts the same."
    return "the pieces do not add up to the gradient of the whole batch, in which each point counts the same."


# Momentum by hand

LR, STEPS = 0.1, 12


@check
def check_momentum(descend: Callable[[float, float, int], Any]) -> None:
    """Check a loop of one's own with momentum, on (w - 3)^2 from 0.

    Args:
        descend: Takes the learning rate, the momentum and the number of steps. It returns a list of the
            values of `w`: 0 and the one after each step.

    Examples:
        >>> from lessons_src.exercises import check_momentum
        >>> check_momentum(lambda lr, momentum, steps: [0.0])
        Not yet: after 12 steps the list must have 13 values, 0 and the one after each step, not 1.
    """
    for momentum in (0.9, 0.5, 0.0):
        with own_steps():
            path = ask(descend, LR, momentum, STEPS)
        if not isinstance(path, list | tuple):
            raise Hint(f"return a list of the values of `w`, not {path!r}.")
        if len(path) != STEPS + 1:
            raise Hint(
                f"after {STEPS} steps the list must have {STEPS + 1} values, 0 and the one after each step, "
                f"not {len(path)}."
            )
        given = [number(value) for value in path]
        if not near(given, _sgd_path(momentum)):
            raise Hint(f"with momentum={momentum} {_momentum_slip(given, momentum)}")


def _sgd_path(momentum: float) -> list[float]:
    w = torch.zeros((), dtype=torch.float64, requires_grad=True)
    sgd = torch.optim.SGD([w], lr=LR, momentum=momentum)
    path = [0.0]
    for _ in range(STEPS):
        sgd.zero_grad()
        ((w - 3) ** 2).backward()  # type: ignore[no-untyped-call]
        sgd.step()
        path.append(w.item())
    return path


def _momentum_slip(given: Sequence[float], momentum: float) -> str:
    if near(given, _sgd_path(1.0)):
        return "it does what momentum 1 does: nothing makes the sum in `.grad` smaller."
    if near(given, _sgd_path(0.0)):
        return "it does what momentum 0 does: the old sum is gone when the next gradient comes."
    if math.isclose(given[1], momentum * 0.6, rel_tol=1e-4):
        return (
            "the first step is too short: a new gradient counts in full. When is the sum made smaller, "
            "before it is used or after?"
        )
    if math.isclose(given[1], (1 - momentum) * 0.6, rel_tol=1e-4):
        return "the first step is too short: a new gradient counts in full, and not `1 - momentum` of it."
    if given[1] == 0:
        return "`w` is still 0 after the first step. Does `-=` change the tensor whose values you collect?"
    return f"`w` is {given[2]:.4g} after two steps, and SGD has {_sgd_path(momentum)[2]:.4g}."


# micrograd's Value against PyTorch


@check
def check_values(value: type[Any]) -> None:
    """Check a class of values with a `backward()`: each must have the `.grad` that PyTorch's tensors have.

    Args:
        value: A class that is made from a number, and has `+`, `*`, `.grad` and `.backward()`.

    Examples:
        >>> from lessons_src.exercises import check_values
        >>> check_values(float)
        Not yet: your class raises AttributeError: 'float' object has no attribute 'backward'.
    """
    if not isinstance(value, type):
        raise Hint(f"give the class itself, not {value!r}.")
    theirs = _nodes(_leaf(3.0))
    for node in theirs.values():
        node.retain_grad()
    with _class_of_the_learner():
        ours = _nodes(value(3.0))
    for call in (1, 2):
        theirs["z"].backward(retain_graph=True)
        with _class_of_the_learner():
            ours["z"].backward()
            grads = {name: number(node.grad) for name, node in ours.items()}
        for name, grad in grads.items():  # the leaf first: it is what one looks at
            if grad != theirs[name].grad.item():
                wrong = f"after call {call}, {name}.grad is {grad:g}, and not {theirs[name].grad.item():g}."
                raise Hint(f"{wrong} {_value_slip(call, name, grad)}")


@contextmanager
def _class_of_the_learner() -> Iterator[None]:
    """Turn what a class raises into a hint."""
    try:
        yield
    except Hint:
        raise
    except Exception as error:
        raise Hint(f"your class raises {type(error).__name__}: {str(error).rstrip('.')}.") from error


def _nodes(w: Any) -> dict[str, Any]:
    s = w * w
    t = s + s
    return {"w": w, "s": s, "t": t, "z": t + w}


def _value_slip(call: int, name: str, grad: float) -> str:
    if call == 1:
        return "That is the first sum: all contributions must have arrived before a value hands on."
    if name != "w":
        return "The leaf is right. A node that retains its gradient adds to it across calls as well."
    slips: dict[float, str] = {
        50: "The second call has sent on what the first had left in `s.grad`.",
        13: "The second call has thrown away what the first had left.",
    }
    return slips.get(grad, "The two sums are mixed: give each a place of its own.")
