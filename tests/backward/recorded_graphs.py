"""Losses of every kind that a recorded backward has to leave as backward alone does."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

Made = tuple[Tensor, list[Tensor]]
"""A loss, and the tensors whose gradients are compared."""


def leaf(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, requires_grad=True)


class Skewed(torch.autograd.Function):
    """Two outputs; the gradients are of another shape and dtype than the inputs, or missing."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float, y: Tensor) -> tuple[Tensor, Tensor]:
        return x * factor, y * factor

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return grads[0].float().expand(3, -1), None, None


def shared_nodes() -> Made:
    x = leaf(2)
    y = x * x
    return (y + y + x).sum(), [x]


def doublings() -> Made:
    x = y = leaf(2)
    for _ in range(60):
        y = y + y
    return y.sum(), [x]


def gradients_that_are_there_already() -> Made:
    x, y = leaf(3), leaf(3)
    x.grad = torch.ones_like(x)
    return (x * y * x).sum(), [x, y]


def intermediates_that_retain_theirs() -> Made:
    x = leaf(3)
    y = x.exp()
    z = y * y
    y.retain_grad()
    z.retain_grad()
    return (z + y).sum(), [x, y, z]


def hooks_that_change_gradients() -> Made:
    x = leaf(3)
    y = x.exp()
    z = y * y + y
    assert y.grad_fn is not None
    assert z.grad_fn is not None
    y.register_hook(lambda grad: 2 * grad)  # type: ignore[no-untyped-call]
    y.retain_grad()
    x.register_hook(lambda grad: grad + 1)  # type: ignore[no-untyped-call]
    z.grad_fn.register_hook(lambda inputs, _: tuple(3 * grad for grad in inputs))
    y.grad_fn.register_prehook(lambda grads: (grads[0] - 5,))
    return z.sum(), [x, y]


def a_hook_that_changes_the_gradient_in_place() -> Made:
    x = leaf(3)
    y = x.exp()
    y.register_hook(lambda grad: grad.mul_(2))  # type: ignore[no-untyped-call]
    return (y * y).sum(), [x]


def a_hook_that_clears_what_was_added() -> Made:
    x = leaf(3)

    def clear(parameter: Tensor) -> None:
        parameter.grad = None

    x.register_post_accumulate_grad_hook(clear)  # type: ignore[no-untyped-call]
    return x.sum(), [x]


def a_function_of_the_users() -> Made:
    x, y = leaf(3), leaf(3)
    first, _ = Skewed.apply(x, 2.0, y)  # type: ignore[no-untyped-call]
    return first.sum(), [x, y]


def some_outputs_of_several() -> Made:
    x = leaf(4, 2)
    first, _, third, _ = x.unbind()
    left, right = torch.split(first * third, 1)
    return (left * left + right + first.max(dim=0).values).sum(), [x]


def inputs_without_a_gradient() -> Made:
    x = leaf(3)
    return torch.where(torch.tensor([True, False, True]), torch.ones(3) * x, 2.0).sum(), [x]


def views_that_were_written_to() -> Made:
    x, y = leaf(3, 2), leaf(2)
    z = x * 1
    z[1] = y
    z[0].mul_(y)
    z.t().exp_()
    return z.sum(), [x, y]


def a_transposed_leaf() -> Made:
    x = torch.randn(3, 2).t().requires_grad_()
    y = torch.randn(3, 2).t()[:, ::2].requires_grad_()
    return (x @ x.t()).sum() + (y * y).sum(), [x, y]


def sparse_gradients() -> Made:
    x = leaf(10, 3)
    chosen = torch.tensor([1, 1, 2])
    first = nn.functional.embedding(chosen, x, sparse=True)
    second = nn.functional.embedding(chosen + 1, x, sparse=True)
    return (first * 2).sum() + (second * second).sum(), [x]


def sparse_and_dense_gradients() -> Made:
    x, y = leaf(4, 3), leaf(4, 3)
    chosen = torch.tensor([1, 1, 2])
    sparse = [nn.functional.embedding(chosen, each, sparse=True) for each in (x, y)]
    return (sparse[0] * 2).sum() + x.exp().sum() + y.exp().sum() + (sparse[1] * 3).sum(), [x, y]


def complex_numbers() -> Made:
    x, y = leaf(3, dtype=torch.complex64), leaf(3)
    return (x * x.conj() * y + x).abs().sum(), [x, y]


def half_precision() -> Made:
    x = leaf(5, 5, dtype=torch.bfloat16)
    return (x @ x).float().softmax(0).square().sum() + x.sum(), [x]


def a_leaf() -> Made:
    x = leaf()
    return x, [x]


def one_output_of_several() -> Made:
    x = leaf(3)
    return x.unbind()[1], [x]


def a_graph_of_gradients() -> Made:
    x = leaf(3)
    (slope,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    return (slope * slope).sum(), [x]


def a_checkpoint_that_runs_another_backward() -> Made:
    x, w = leaf(3), leaf(3)
    hidden = checkpoint(lambda x: (x * w).sin(), x, use_reentrant=True)
    return (hidden * w).sum(), [x, w]


def a_checkpoint_that_does_not() -> Made:
    x, w = leaf(3), leaf(3)
    hidden = checkpoint(lambda x: (x * w).sin(), x, use_reentrant=False)
    return (hidden * w).sum(), [x, w]


def a_hook_that_runs_a_part_of_the_graph() -> Made:
    x, w = leaf(3), leaf(3)
    y = (x * w).exp()
    z = y * y + w
    z.register_hook(lambda grad: grad + torch.autograd.grad(y, w, grad, retain_graph=True)[0])  # type: ignore[no-untyped-call]
    return z.sum(), [x, w]


def tied_weights() -> Made:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    return second(first(torch.randn(2, 4)).relu()).square().mean(), list(first.parameters())


def convolutions() -> Made:
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    return net(torch.randn(2, 1, 8, 8)).square().mean(), list(net.parameters())


def recurrence() -> Made:
    lstm = nn.LSTM(3, 4, num_layers=2)
    output, (hidden, _) = lstm(torch.randn(5, 2, 3))
    return output.square().mean() + hidden.sum(), list(lstm.parameters())


def attention() -> Made:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1)
    return layer(torch.randn(3, 2, 8)).square().mean(), list(layer.parameters())


def hooks_on_a_module() -> Made:
    def double(module: nn.Module, inputs: Any, outputs: Any) -> Any:
        return (2 * inputs[0],)

    x, net = leaf(2, 3, dtype=torch.float32), nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    net[0].register_full_backward_hook(lambda *_: None)
    net[2].register_full_backward_hook(double)
    return net(x).sum(), [x, *net.parameters()]


def a_compiled_function() -> Made:
    torch.compiler.reset()
    x, w = leaf(3), leaf(3)
    compiled = torch.compile(lambda x: (x * w).sin() + w, backend="aot_eager")
    return compiled(x).sum() + x.sum(), [x, w]


BUILDERS: list[Callable[[], Made]] = [
    shared_nodes,
    doublings,
    gradients_that_are_there_already,
    intermediates_that_retain_theirs,
    hooks_that_change_gradients,
    a_hook_that_changes_the_gradient_in_place,
    a_hook_that_clears_what_was_added,
    a_function_of_the_users,
    some_outputs_of_several,
    inputs_without_a_gradient,
    views_that_were_written_to,
    a_transposed_leaf,
    sparse_gradients,
    sparse_and_dense_gradients,
    complex_numbers,
    half_precision,
    a_leaf,
    one_output_of_several,
    a_graph_of_gradients,
    a_checkpoint_that_runs_another_backward,
    a_checkpoint_that_does_not,
    a_hook_that_runs_a_part_of_the_graph,
    tied_weights,
    convolutions,
    recurrence,
    attention,
    hooks_on_a_module,
]


def random_expression(seed: int) -> Made:
    choose = random.Random(seed)
    torch.manual_seed(seed)
    leaves = [leaf(2) for _ in range(choose.randint(1, 4))]
    results: list[Tensor] = [*leaves, torch.ones(2, dtype=torch.float64)]
    for _ in range(choose.randint(1, 40)):
        x, y = choose.choices(results[-8:], k=2)
        first, *_, last = torch.stack([x, y, x - 1]).unbind()
        made = [
            x + y,
            x * y,
            x.sin(),
            x - y,
            x.cumsum(0),
            first * last,
            (x @ y) * x,
            x.detach() * y,
            x.flip(0) / 3,
        ]
        results.append(choose.choice(made))
    return torch.stack([*results[-2:], leaves[0]]).sum(), leaves
