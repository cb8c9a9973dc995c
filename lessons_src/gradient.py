"""A gradient as plain data: what is left to show of it when the tensor is gone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch

if TYPE_CHECKING:
    from torch import Tensor

Number: TypeAlias = float | str
Values: TypeAlias = "Number | list[Values]"

SMALL = 6  # elements: with so few, a gradient keeps its numbers


@dataclass(frozen=True, slots=True)
class Gradient:
    """A tensor's shape, its dtype such as ``float32``, its Euclidean norm, and its numbers if they are few.

    A number that JSON cannot hold is the string that Python's ``float`` or ``complex`` reads: ``"nan"``,
    ``"-inf"``, ``"1-2j"``. A sparse tensor is described as the dense one that it stands for. A nested
    tensor has no numbers here, nor has one on the device ``meta``: `norm` and `values` are ``None``.

    Attributes:
        shape: The length of each dimension, or ``None`` for a nested tensor, which has no shape.
        dtype: The kind of the numbers, such as ``float32``.
        norm: The square root of the sum of the squares.
        values: The numbers, nested as ``tensor.tolist()`` is. It is ``None`` for a tensor of more
            than 6 elements.
    """

    shape: list[int] | None
    dtype: str
    norm: Number | None
    values: Values | None

    @classmethod
    def of(cls, tensor: Tensor) -> Gradient:
        """Return the summary of `tensor`, to which it keeps no reference.

        Examples:
            >>> Gradient.of(torch.tensor([3.0, 4.0]))
            Gradient(shape=[2], dtype='float32', norm=5.0, values=[3.0, 4.0])
            >>> Gradient.of(torch.ones(3, 3))
            Gradient(shape=[3, 3], dtype='float32', norm=3.0, values=None)
        """
        dtype = str(tensor.dtype).removeprefix("torch.")
        shape = None if tensor.is_nested else list(tensor.shape)
        if shape is None or tensor.is_meta:
            return cls(shape, dtype, None, None)
        values = _plain(tensor.to_dense().tolist()) if tensor.numel() <= SMALL else None
        return cls(shape, dtype, _norm(tensor), values)


def _norm(tensor: Tensor) -> Number:
    if tensor.layout == torch.sparse_coo:
        tensor = tensor.coalesce().values()
    elif tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.itemsize < torch.float32.itemsize:  # a sum of squares is soon too much for half precision
        tensor = tensor.float()
    norm: float = torch.linalg.vector_norm(tensor).item()
    return norm if math.isfinite(norm) else str(norm)


def _plain(value: object) -> Values:
    match value:
        case list():
            return [_plain(each) for each in value]
        case complex():
            return str(value).strip("()")
        case float() if math.isfinite(value):
            return value
    return str(value)
