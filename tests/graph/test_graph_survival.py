"""Graphs of every making, by the exact text that they print."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
import torch
from networks import leaf
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lessons_src import print_graph

if TYPE_CHECKING:
    from pathlib import Path


def check(capsys: pytest.CaptureFixture[str], output: Any, names: Any, expected: str, **options: Any) -> None:
    print_graph(output, names, **options)
    assert "\n" + capsys.readouterr().out == dedent(expected)


def test_a_leaf(capsys: pytest.CaptureFixture[str]) -> None:
    a = leaf(2)
    check(capsys, a, {"a": a}, "\n└── AccumulateGrad: a (2,)\n", shapes=True)


def test_no_gradient(capsys: pytest.CaptureFixture[str]) -> None:
    a = leaf(2)
    with torch.no_grad():
        y = a * a
    for output in (y, a.grad_fn, a.detach(), torch.ones(2)):
        check(capsys, output, {"a": a, "y": y}, "\n└── (no graph: no operation was recorded)\n")


def test_a_graph_that_backward_has_freed(capsys: pytest.CaptureFixture[str]) -> None:
    a = leaf(2)
    y = (Double.apply(a) * a).sum()  # type: ignore[no-untyped-call]
    y.backward()
    expected = """
        └── SumBackward0: y ()
            └── MulBackward0 (2,)
                ├── DoubleBackward (2,)
                │   └── AccumulateGrad: a (2,)
                └── AccumulateGrad: a (2,)
        """
    check(capsys, y, {"a": a, "y": y}, expected, shapes=True)


# Views and in-place operations


def test_a_copy_into_a_slice(capsys: pytest.CaptureFixture[str]) -> None:
    w = leaf(2, 3)
    h = w.clone()
    h[0] = h[1] * 2
    expected = """
        └── SumBackward0 ()
            └── CopySlices: h (2, 3)
                ├── CloneBackward0 [4] (2, 3)
                │   └── AccumulateGrad: w (2, 3)
                └── MulBackward0 (3,)
                    └── SelectBackward0 (3,)
                        └── → [4] (2, 3)
        """
    check(capsys, h.sum(), {"w": w, "h": h}, expected, shapes=True)


def test_a_view_of_what_changed_in_place(capsys: pytest.CaptureFixture[str]) -> None:
    w = leaf(2, 3)
    base = w.clone()
    view = base[0]
    base.mul_(2)
    expected = """
        └── AsStridedBackward0: view (3,)
            └── MulBackward0: base (2, 3)
                └── CloneBackward0 (2, 3)
                    └── AccumulateGrad: w (2, 3)
        """
    check(capsys, view, {"w": w, "base": base, "view": view}, expected, shapes=True)


def test_a_view_that_changed_in_place(capsys: pytest.CaptureFixture[str]) -> None:
    w = leaf(2, 3)
    base = w.clone()
    view = base.view(-1)
    view.mul_(2)
    expected = """
        └── AsStridedBackward0: view (6,)
            └── CopySlices: base (2, 3)
                └── CloneBackward0 (2, 3)
                    └── AccumulateGrad: w (2, 3)
        """
    check(capsys, view, {"w": w, "base": base, "view": view}, expected, shapes=True)


# Several outputs, no gradient, functions of one's own


def test_operations_of_several_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    w = leaf(2, 3)
    first, second = w.unbind()
    small, large = torch.split(first * second, [1, 2])
    expected = """
        └── AddBackward0 ()
            ├── SumBackward0 ()
            │   └── SplitWithSizesBackward0 [3] output 1: large (2,)
            │       └── MulBackward0 (3,)
            │           ├── UnbindBackward0 [5] output 0: first (3,)
            │           │   └── AccumulateGrad: w (2, 3)
            │           └── → [5] output 1: second (3,)
            └── SumBackward0 ()
                └── → [3] output 0: small (1,)
        """
    names = {"w": w, "first": first, "second": second, "small": small, "large": large}
    check(capsys, large.sum() + small.sum(), names, expected, shapes=True)


def test_inputs_without_a_gradient(capsys: pytest.CaptureFixture[str]) -> None:
    w = leaf(2, 3)
    expected = """
        └── MmBackward0
            ├── None
            └── TBackward0
                └── AccumulateGrad: w
        """
    check(capsys, nn.functional.linear(torch.ones(2, 3), w), {"w": w}, expected, show_none=True)


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return 2 * grads[0]


class Pair(torch.autograd.Function):
    """Has two outputs, an input that is no tensor, and an attribute like that of a leaf's node."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: int) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x)
        ctx.variable = x
        return factor * x, x.exp()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        raise NotImplementedError


def test_functions_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    a = leaf(2)
    p, q = Pair.apply(a, 3)  # type: ignore[no-untyped-call]
    expected = """
        └── MulBackward0 (2,)
            ├── DoubleBackward (2,)
            │   └── PairBackward [2] output 0: p (2,)
            │       └── AccumulateGrad: a (2,)
            └── → [2] output 1: q (2,)
        """
    output = Double.apply(p) * q  # type: ignore[no-untyped-call]
    check(capsys, output, {"a": a, "p": p, "q": q}, expected, shapes=True)


# Graphs that PyTorch builds in another way


def test_a_reentrant_checkpoint_hides_what_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    a, b = leaf(2), leaf(2)
    expected = """
        └── SumBackward0
            └── CheckpointFunctionBackward
                └── AccumulateGrad: b
        """
    y = checkpoint(lambda x: (x.sin() * a).cos(), b, use_reentrant=True).sum()
    check(capsys, y, {"a": a, "b": b}, expected)


def test_a_checkpoint_that_is_not_reentrant_shows_what_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    a, b = leaf(2), leaf(2)
    expected = """
        └── SumBackward0
            └── CosBackward0
                └── MulBackward0
                    ├── SinBackward0
                    │   └── AccumulateGrad: b
                    └── AccumulateGrad: a
        """
    y = checkpoint(lambda x: (x.sin() * a).cos(), b, use_reentrant=False).sum()
    check(capsys, y, {"a": a, "b": b}, expected)
    y.backward()
    check(capsys, y, {"a": a, "b": b}, expected)


def test_a_gradient_has_a_graph(capsys: pytest.CaptureFixture[str]) -> None:
    a = leaf(2)
    loss = (a**3).sum()
    (slope,) = torch.autograd.grad(loss, a, create_graph=True)
    expected = """
        └── SumBackward0 ()
            └── MulBackward0: slope (2,)
                └── MulBackward1 (2,)
                    └── PowBackward0 (2,)
                        └── AccumulateGrad: a (2,)
        """
    check(capsys, slope.sum(), {"a": a, "loss": loss, "slope": slope}, expected, shapes=True)


# PyTorch warns once a process.
@pytest.mark.filterwarnings("ignore:Using backward\\(\\) with create_graph=True")
def test_a_gradient_that_is_accumulated_with_its_graph(capsys: pytest.CaptureFixture[str]) -> None:
    a = leaf(2)
    (a * a).sum().backward(create_graph=True)  # type: ignore[no-untyped-call]
    assert a.grad is not None
    expected = """
        └── CopyBackwards: grad
            └── AddBackward0
                ├── MulBackward0
                │   └── AccumulateGrad: a
                └── MulBackward0
                    └── AccumulateGrad: a
        """
    check(capsys, a.grad, {"a": a, "grad": a.grad}, expected)
    a.grad = None  # which held the graph, which holds a


def test_complex_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    real, imaginary = leaf(2), leaf(2)
    z = torch.complex(real, imaginary)
    expected = """
        └── SumBackward0 ()
            └── SelectBackward0 (2,)
                └── ViewAsRealBackward0 (2, 2)
                    └── MulBackward0 (2,)
                        ├── ComplexBackward0 [5]: z (2,)
                        │   ├── AccumulateGrad: real (2,)
                        │   └── AccumulateGrad: imaginary (2,)
                        └── ConjBackward0 (2,)
                            └── → [5]: z (2,)
        """
    names = {"real": real, "imaginary": imaginary, "z": z}
    check(capsys, (z * z.conj()).real.sum(), names, expected, shapes=True)


# Modules


def test_hooks_on_a_module(capsys: pytest.CaptureFixture[str]) -> None:
    a, layer = leaf(1, 2), nn.Linear(2, 3)
    layer.register_full_backward_hook(lambda *_: None)
    layer.register_forward_hook(lambda *_: None)
    expected = """
        └── SumBackward0 ()
            └── BackwardHookFunctionBackward (1, 3)
                └── AddmmBackward0 (1, 3)
                    ├── AccumulateGrad: layer.bias (3,)
                    ├── BackwardHookFunctionBackward (1, 2)
                    │   └── AccumulateGrad: a (1, 2)
                    └── TBackward0 (2, 3)
                        └── AccumulateGrad: layer.weight (3, 2)
        """
    check(capsys, layer(a).sum(), {"a": a, "layer": layer}, expected, shapes=True)


class Tied(nn.Module):
    """One weight, which looks words up and scores them."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Embedding(3, 2)
        self.decoder = nn.Linear(2, 3, bias=False)
        self.decoder.weight = self.encoder.weight

    def forward(self, words: Tensor) -> Any:
        return self.decoder(self.encoder(words))


def test_tied_weights(capsys: pytest.CaptureFixture[str]) -> None:
    model = Tied()
    expected = """
        └── MmBackward0 (2, 3)
            ├── EmbeddingBackward0 (2, 2)
            │   └── AccumulateGrad: encoder.weight, decoder.weight (3, 2)
            └── TBackward0 (2, 3)
                └── AccumulateGrad: encoder.weight, decoder.weight (3, 2)
        """
    check(capsys, model(torch.tensor([1, 2])), model, expected, shapes=True)


def test_an_lstm(capsys: pytest.CaptureFixture[str]) -> None:
    lstm = nn.LSTM(2, 3).double()  # in 32 bits, what runs depends on the machine
    output, (_, cell) = lstm(torch.ones(1, 1, 2, dtype=torch.float64))
    expected = """
        ├── StackBackward0 (1, 1, 3)
        │   └── MulBackward0 (1, 3)
        │       ├── SigmoidBackward0 (1, 3)
        │       │   └── UnsafeSplitBackward0 [11] output 3 (1, 3)
        │       │       └── AddBackward0 (1, 12)
        │       │           ├── AddmmBackward0 (1, 12)
        │       │           │   ├── AccumulateGrad: bias_hh_l0 (12,)
        │       │           │   └── TBackward0 (3, 12)
        │       │           │       └── AccumulateGrad: weight_hh_l0 (12, 3)
        │       │           └── UnbindBackward0 (1, 12)
        │       │               └── ViewBackward0 (1, 1, 12)
        │       │                   └── AddmmBackward0 (1, 12)
        │       │                       ├── AccumulateGrad: bias_ih_l0 (12,)
        │       │                       └── TBackward0 (2, 12)
        │       │                           └── AccumulateGrad: weight_ih_l0 (12, 2)
        │       └── TanhBackward0 (1, 3)
        │           └── AddBackward0 [5] (1, 3)
        │               ├── MulBackward0 (1, 3)
        │               │   └── SigmoidBackward0 (1, 3)
        │               │       └── → [11] output 1 (1, 3)
        │               └── MulBackward0 (1, 3)
        │                   ├── SigmoidBackward0 (1, 3)
        │                   │   └── → [11] output 0 (1, 3)
        │                   └── TanhBackward0 (1, 3)
        │                       └── → [11] output 2 (1, 3)
        └── StackBackward0 (1, 1, 3)
            └── → [5] (1, 3)
        """
    check(capsys, [output, cell], lstm, expected, shapes=True)


@pytest.fixture
def one_process(tmp_path: Path) -> Any:
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("one_process")
def test_distributed_data_parallel(capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.parallel.DistributedDataParallel(nn.Linear(2, 1))
    expected = """
        └── SumBackward0: loss ()
            └── AddmmBackward0 (1, 1)
                ├── AccumulateGrad: module.bias (1,)
                └── TBackward0 (2, 1)
                    └── AccumulateGrad: module.weight (1, 2)
        """
    loss = model(torch.ones(1, 2)).sum()
    names = dict(model.named_parameters()) | {"loss": loss}
    check(capsys, loss, names, expected, shapes=True)
    loss.backward()
    check(capsys, loss, names, expected, shapes=True)


@pytest.mark.slow
def test_a_compiled_function(capsys: pytest.CaptureFixture[str]) -> None:
    a, b = leaf(2), leaf(2)

    @torch.compile(backend="aot_eager")
    def product(x: Tensor, y: Tensor) -> Tensor:
        return (x * y).sin().sum()

    expected = """
        └── MulBackward0 ()
            └── CompiledFunctionBackward ()
                ├── AccumulateGrad: a (2,)
                └── AccumulateGrad: b (2,)
        """
    loss = product(a, b) * 2
    check(capsys, loss, {"a": a, "b": b}, expected, shapes=True)
    loss.backward()  # type: ignore[no-untyped-call]
    check(capsys, loss, {"a": a, "b": b}, expected, shapes=True)
