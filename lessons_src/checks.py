"""Check the arguments of `fit_line`; an error names the cure."""

from __future__ import annotations

import math
from numbers import Integral, Real

import torch
from torch import Tensor


def check_data(x: Tensor, y: Tensor) -> None:
    _check_values("x", x)
    _check_values("y", y)
    if x.shape != y.shape:
        cure = "one y for each x."
        if x.numel() == y.numel():
            cure = "or broadcasting compares every x with every y. Try y.reshape(x.shape)."
        shapes = f"x has shape {tuple(x.shape)} and y has shape {tuple(y.shape)}"
        raise ValueError(f"{shapes}: they must be equal, {cure}")
    if (x.dtype, x.device) != (y.dtype, y.device):
        kinds = f"x is {x.dtype} on {x.device} and y is {y.dtype} on {y.device}"
        raise TypeError(f"{kinds}: they must be equal. Try y.to(x).")


def _check_values(name: str, values: Tensor) -> None:
    if not isinstance(values, Tensor):
        raise TypeError(f"{name} must be a tensor, not {type(values).__name__}. Try torch.tensor.")
    if values.dtype not in {torch.float32, torch.float64}:
        real = f"{name}.real" if values.is_complex() else name
        raise TypeError(f"{name} must be float32 or float64, not {values.dtype}. Try {real}.float().")
    _check_dense(name, values)
    if values.numel() == 0:
        raise ValueError(f"{name} must have at least one element, not shape {tuple(values.shape)}.")
    if not values.isfinite().all():  # one is enough to make every loss NaN
        bad = values.numel() - int(values.isfinite().sum())
        raise ValueError(
            f"{name} must be finite, not NaN or infinity in {bad} of {values.numel()} places. Remove them."
        )


def _check_dense(name: str, values: Tensor) -> None:
    must = f"{name} must be a dense tensor with numbers, not one"
    if torch._C._functorch.is_functorch_wrapped_tensor(values):  # noqa: SLF001
        raise TypeError(f"{must} inside torch.vmap or torch.func. Call fit_line outside of it.")
    if values.is_meta:
        raise TypeError(f"{must} on the meta device. Make it on another device.")
    if values.is_nested:
        raise TypeError(f"{must} that is nested. Try torch.cat({name}.unbind()).")
    if values.layout != torch.strided:
        raise TypeError(f"{must} of layout {values.layout}. Try {name}.to_dense().")


def check_settings(lr: float, steps: int) -> None:
    if isinstance(lr, bool) or not isinstance(lr, Real):
        raise TypeError(f"lr must be a number, such as 0.01, not {type(lr).__name__}.")
    if not (lr > 0 and math.isfinite(_as_float(lr))):
        raise ValueError(f"lr must be positive and finite, such as 0.01, not {_as_float(lr):g}.")
    if isinstance(steps, bool) or not isinstance(steps, Integral):
        raise TypeError(f"steps must be an int, such as 100, not {type(steps).__name__}.")
    if steps < 0:
        raise ValueError(f"steps must be 0 or more, not {steps}.")


def check_start(name: str, value: float | Tensor | None, dtype: torch.dtype) -> None:
    if value is None:  # `fit_line` draws it
        return
    if isinstance(value, bool) or not isinstance(value, Real | Tensor):
        raise TypeError(f"{name} must be a number or a tensor, not {type(value).__name__}.")
    if isinstance(value, Tensor):
        _check_dense(name, value)
        if value.numel() != 1 or value.is_complex():
            raise ValueError(f"{name} must be one real number, not {value.numel()} of {value.dtype}.")
    else:
        value = _as_float(value)
    start = torch.as_tensor(value, dtype=dtype)
    if not start.isfinite():
        raise ValueError(f"{name} must be finite, not {start.item()} as {dtype}.")


def _as_float(number: float) -> float:
    """Return infinity for an int that is too large for a float."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
