"""`fit_line` against independent oracles: least squares, PyTorch's optimiser, a finite difference."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from lessons_src import DivergenceError, LineFit, fit_line

NAN, INF = math.nan, math.inf


def noisy_line(n: int = 100, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(n, generator=generator, dtype=dtype)
    return x, 1.5 - 0.7 * x + 0.3 * torch.randn(n, generator=generator, dtype=dtype)


def least_squares(x: Tensor, y: Tensor) -> tuple[float, float]:
    columns = torch.stack([torch.ones_like(x), x], dim=1)
    a, b = torch.linalg.lstsq(columns, y[:, None]).solution.flatten().tolist()
    return a, b


def mean_squared_error(x: Tensor, y: Tensor, a: float, b: float) -> float:
    residuals = [a + b * x_i - y_i for x_i, y_i in zip(x.tolist(), y.tolist(), strict=True)]
    return math.fsum(r * r for r in residuals) / len(residuals)


# What the fit finds


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_a_long_fit_ends_at_the_least_squares_line(dtype: torch.dtype, tolerance: float) -> None:
    x, y = noisy_line(dtype=dtype)
    fit = fit_line(x, y, lr=0.2, steps=300)
    assert (fit.a, fit.b) == pytest.approx(least_squares(x, y), abs=tolerance)


def test_every_step_is_a_step_of_sgd() -> None:
    x, y = noisy_line()
    a, b = (torch.tensor([start], dtype=torch.float64, requires_grad=True) for start in (0.3, -2.0))
    optimizer = torch.optim.SGD([a, b], lr=0.05)
    losses: list[float] = []
    for steps in range(30):
        fit = fit_line(x, y, lr=0.05, steps=steps, a=0.3, b=-2.0)
        assert (fit.a, fit.b) == pytest.approx((a.item(), b.item()), abs=1e-12)
        assert fit.losses == pytest.approx(losses, abs=1e-12)
        loss = torch.nn.functional.mse_loss(a + b * x, y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def test_a_step_goes_down_the_slope_that_a_finite_difference_measures() -> None:
    x, y = noisy_line()
    a, b, lr, h = 0.4, 0.9, 0.01, 1e-5
    fit = fit_line(x, y, lr=lr, steps=1, a=a, b=b)
    slope_a = (mean_squared_error(x, y, a + h, b) - mean_squared_error(x, y, a - h, b)) / (2 * h)
    slope_b = (mean_squared_error(x, y, a, b + h) - mean_squared_error(x, y, a, b - h)) / (2 * h)
    assert (a - fit.a) / lr == pytest.approx(slope_a, abs=1e-8)
    assert (b - fit.b) / lr == pytest.approx(slope_b, abs=1e-8)


def test_a_loss_is_the_mean_squared_error_before_its_step() -> None:
    x, y = noisy_line()
    before = fit_line(x, y, steps=12, a=0, b=0)
    fit = fit_line(x, y, steps=13, a=0, b=0)
    assert len(fit.losses) == 13
    assert fit.losses[:12] == before.losses
    assert fit.losses[12] == pytest.approx(mean_squared_error(x, y, before.a, before.b))


def test_the_path_is_the_line_after_each_step() -> None:
    x, y = noisy_line()
    fit = fit_line(x, y, steps=13, a=0, b=0)
    shorter = [fit_line(x, y, steps=steps, a=0, b=0) for steps in range(1, 14)]
    assert fit.path == [(each.a, each.b) for each in shorter]


def test_a_column_is_fitted_as_the_same_numbers_in_a_row() -> None:
    x, y = noisy_line(20)
    row, column = fit_line(x, y, a=0, b=0), fit_line(x[:, None], y[:, None], a=0, b=0)
    assert (column.a, column.b) == pytest.approx((row.a, row.b), abs=1e-12)


def test_no_steps_return_the_starting_values() -> None:
    assert fit_line(*noisy_line(), steps=0, a=2, b=-3) == LineFit(2.0, -3.0, [], [])


# Where it starts


def test_missing_starting_values_are_drawn_as_the_lessons_draw_them() -> None:
    torch.manual_seed(5)
    a, b = torch.randn(1).item(), torch.randn(1).item()
    torch.manual_seed(5)
    fit = fit_line(*noisy_line(), steps=0)
    assert (fit.a, fit.b) == (a, b)


def test_a_given_starting_value_draws_nothing() -> None:
    torch.manual_seed(5)
    b = torch.randn(1).item()
    torch.manual_seed(5)
    assert fit_line(*noisy_line(), steps=0, a=1.0).b == b


@pytest.mark.parametrize(
    "start",
    [2, 2.0, torch.tensor(2), torch.tensor([2.0]), torch.tensor([[2.0]], requires_grad=True)],
    ids=["int", "float", "integer tensor", "tensor", "leaf"],
)
def test_a_start_may_be_a_number_or_a_tensor_of_one_element(start: float | Tensor) -> None:
    assert fit_line(*noisy_line(), steps=0, a=start, b=start).b == 2.0


# What it leaves alone


def test_the_callers_tensors_are_not_modified() -> None:
    x, y = (data.requires_grad_() for data in noisy_line(10))
    a, b = torch.tensor([1.0]).double().requires_grad_(), torch.tensor([2.0]).double()
    before = [tensor.detach().clone() for tensor in (x, y, a, b)]
    fit_line(x, y, a=a, b=b)
    for tensor, old in zip((x, y, a, b), before, strict=True):
        assert torch.equal(tensor, old)
        assert tensor.grad is None
        assert tensor._version == 0


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_fit_is_the_same_in_a_caller_that_records_nothing(mode: Any) -> None:
    expected = fit_line(*noisy_line(), a=0, b=0)
    with mode():
        assert fit_line(*noisy_line(), a=torch.zeros(1), b=torch.zeros(1)) == expected
        assert not torch.is_grad_enabled()


# Progress


def test_progress_lines_are_those_of_the_raw_loop(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = noisy_line(dtype=torch.float32)
    torch.manual_seed(1)
    raw_loop(x, y, steps=35)
    torch.manual_seed(1)
    assert fit_line(x, y, steps=35).progress_lines() == capsys.readouterr().out.splitlines()


def raw_loop(x: Tensor, y: Tensor, steps: int) -> None:
    """The loop of the course's source, letter by letter."""
    a: Any = torch.randn(1, requires_grad=True)
    b: Any = torch.randn(1, requires_grad=True)
    lr = 0.01
    for step in range(steps):
        y_pred = a + b * x
        loss = ((y_pred - y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            a -= lr * a.grad
            b -= lr * b.grad
            a.grad.zero_()
            b.grad.zero_()
        if step % 10 == 0:
            print(f"Step {step}: Loss={loss.item():.4f}, a={a.item():.4f}, b={b.item():.4f}")


@pytest.mark.parametrize(("steps", "lines"), [(0, 0), (1, 1), (10, 1), (11, 2), (100, 10)])
def test_there_is_a_progress_line_for_every_tenth_step(steps: int, lines: int) -> None:
    assert len(fit_line(*noisy_line(), steps=steps).progress_lines()) == lines


def test_a_fit_shows_its_line_and_not_its_thousand_losses() -> None:
    assert repr(fit_line(*noisy_line(), steps=0, a=1, b=2)) == "LineFit(a=1.0, b=2.0)"


# Divergence


def test_divergence_names_the_step_and_the_learning_rate_and_keeps_the_record() -> None:
    x = torch.tensor([0.0, 10.0])
    with pytest.raises(DivergenceError) as caught:
        fit_line(x, 2 * x, lr=5.0, steps=100, a=0, b=0)
    fit = caught.value.fit
    step = len(fit.losses)
    assert str(caught.value) == (
        f"the loss is inf at step {step} with lr=5.0. Try a smaller lr, or x and y of a smaller scale."
    )
    assert 0 < step < 100
    assert all(math.isfinite(loss) for loss in fit.losses)
    assert fit.losses == sorted(fit.losses)  # it went the wrong way from the first step on
    assert fit.path[-1] == (fit.a, fit.b)
    assert len(fit.progress_lines()) == math.ceil(step / 10)


def test_divergence_in_the_last_update_does_not_pass_for_a_fit() -> None:
    x = torch.tensor([0.0, 1e38])
    with pytest.raises(DivergenceError, match=r"^a=1024.0, b=-inf after step 0 with lr=1e-09\.") as caught:
        fit_line(x, torch.zeros(2), lr=1e-9, steps=1, a=1024, b=0)
    assert len(caught.value.fit.losses) == 1


def test_a_divergence_error_survives_the_way_to_another_process() -> None:
    error = DivergenceError("too fast", LineFit(1.0, 2.0, [3.0], [(1.0, 2.0)]))
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.fit) == ("too fast", error.fit)
    assert isinstance(copy, ArithmeticError)


# Bad input: whole messages, for a learner reads them

X = torch.arange(4.0)
DENSE = "must be a dense tensor with numbers, not one"


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        ([0.0], X, TypeError, "x must be a tensor, not list. Try torch.tensor."),
        (X, None, TypeError, "y must be a tensor, not NoneType. Try torch.tensor."),
        (X.long(), X, TypeError, "x must be float32 or float64, not torch.int64. Try x.float()."),
        (
            X,
            X.half(),
            TypeError,
            "y must be float32 or float64, not torch.float16. Try y.float().",
        ),
        (
            X.to(torch.complex64),
            X,
            TypeError,
            "x must be float32 or float64, not torch.complex64. Try x.real.float().",
        ),
        (
            X,
            X.double(),
            TypeError,
            "x is torch.float32 on cpu and y is torch.float64 on cpu: they must be equal. Try y.to(x).",
        ),
        (X.to_sparse(), X, TypeError, f"x {DENSE} of layout torch.sparse_coo. Try x.to_dense()."),
        (X, X.to_mkldnn(), TypeError, f"y {DENSE} of layout torch._mkldnn. Try y.to_dense()."),
        (X.to("meta"), X, TypeError, f"x {DENSE} on the meta device. Make it on another device."),
        (X[:0], X[:0], ValueError, "x must have at least one element, not shape (0,)."),
        (X, X / X, ValueError, "y must be finite, not NaN or infinity in 1 of 4 places. Remove them."),
        (1 / X, X, ValueError, "x must be finite, not NaN or infinity in 1 of 4 places. Remove them."),
        (
            X,
            X[:3],
            ValueError,
            "x has shape (4,) and y has shape (3,): they must be equal, one y for each x.",
        ),
        (
            X[:, None],
            X,
            ValueError,
            (
                "x has shape (4, 1) and y has shape (4,): they must be equal, "
                "or broadcasting compares every x with every y. Try y.reshape(x.shape)."
            ),
        ),
    ],
)
def test_bad_data_is_refused_with_what_is_wrong_and_what_to_do(
    x: Any, y: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        fit_line(x, y)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"lr": 0}, ValueError, "lr must be positive and finite, such as 0.01, not 0."),
        ({"lr": -0.1}, ValueError, "lr must be positive and finite, such as 0.01, not -0.1."),
        ({"lr": NAN}, ValueError, "lr must be positive and finite, such as 0.01, not nan."),
        ({"lr": INF}, ValueError, "lr must be positive and finite, such as 0.01, not inf."),
        ({"lr": "0.1"}, TypeError, "lr must be a number, such as 0.01, not str."),
        ({"lr": True}, TypeError, "lr must be a number, such as 0.01, not bool."),
        ({"steps": -1}, ValueError, "steps must be 0 or more, not -1."),
        ({"steps": 10.0}, TypeError, "steps must be an int, such as 100, not float."),
        ({"steps": True}, TypeError, "steps must be an int, such as 100, not bool."),
        ({"a": "1"}, TypeError, "a must be a number or a tensor, not str."),
        ({"b": True}, TypeError, "b must be a number or a tensor, not bool."),
        ({"a": torch.zeros(2)}, ValueError, "a must be one real number, not 2 of torch.float32."),
        ({"b": torch.zeros(1) * 1j}, ValueError, "b must be one real number, not 1 of torch.complex64."),
        ({"a": NAN}, ValueError, "a must be finite, not nan as torch.float32."),
        ({"a": 10**400}, ValueError, "a must be finite, not inf as torch.float32."),
        ({"b": -(10**400)}, ValueError, "b must be finite, not -inf as torch.float32."),
        ({"lr": 10**5000}, ValueError, "lr must be positive and finite, such as 0.01, not inf."),
        ({"a": X[:1].to("meta")}, TypeError, f"a {DENSE} on the meta device. Make it on another device."),
        ({"b": X[:1].to_sparse()}, TypeError, f"b {DENSE} of layout torch.sparse_coo. Try b.to_dense()."),
        ({"b": 1e300}, ValueError, "b must be finite, not inf as torch.float32."),
    ],
)
def test_bad_settings_are_refused_with_what_is_wrong_and_what_to_do(
    settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        fit_line(X, X, **settings)
    assert str(caught.value) == message


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_nested_tensor_is_refused_with_a_cure_that_works() -> None:
    x = torch.nested.nested_tensor([X, X[:2]])
    with pytest.raises(TypeError) as caught:
        fit_line(x, x)
    assert str(caught.value) == f"x {DENSE} that is nested. Try torch.cat(x.unbind())."
    assert len(fit_line(torch.cat(x.unbind()), torch.cat(x.unbind()), steps=3).losses) == 3


def test_inside_a_function_transform_it_is_said_to_fit_outside() -> None:
    message = f"{DENSE} inside torch.vmap or torch.func. Call fit_line outside of it.$"
    with pytest.raises(TypeError, match=f"^x {message}"):
        torch.vmap(lambda x: fit_line(x, x))(X.expand(2, 4))
    with pytest.raises(TypeError, match=f"^y {message}"):
        torch.func.grad(lambda y: fit_line(X, y))(X)
    with pytest.raises(TypeError, match=f"^a {message}"):
        torch.vmap(lambda a: fit_line(X, X, a=a))(X)
