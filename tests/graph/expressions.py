"""What the tests of drawings draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lessons_src import AutogradGraph

if TYPE_CHECKING:
    from torch import Tensor


def leaf(*shape: int) -> Tensor:
    return torch.ones(*shape, requires_grad=True)


def post_example() -> AutogradGraph:
    """The expression of the course's source, with its names."""
    x = torch.ones(2, 2)
    a, b, c, d = leaf(2, 2), leaf(2, 2), leaf(2, 2), leaf(2, 2)
    e = a + b @ x
    f = c + d * x
    g = e + f @ x + d
    h = a + g
    return AutogradGraph.from_output(h, {"a": a, "b": b, "c": c, "d": d, "e": e, "f": f, "g": g, "h": h})


def unbind_example() -> AutogradGraph:
    """An operation with three outputs, of which two are factors and one is an output itself."""
    w = leaf(3, 2)
    p, q, r = w.unbind()
    return AutogradGraph.from_output([p * q, r], {"w": w, "p": p})


def cut_example() -> AutogradGraph:
    w = leaf(2)
    return AutogradGraph.from_output(w.exp() * w.sin() * 2, max_nodes=3)


def recurrent_example(steps: int) -> AutogradGraph:
    """A leaf that every step uses, so that its arrows are long."""
    w, h = leaf(2, 2), torch.ones(2)
    for _ in range(steps):
        h = torch.tanh(w @ h)
    return AutogradGraph.from_output(h, {"w": w})
