"""The steps of one ``backward()`` as plain data, which keeps no tensor alive."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch

if TYPE_CHECKING:
    from torch import Tensor

Number: TypeAlias = float | str
Values: TypeAlias = "Number | list[Values]"

SMALL = 6  # elements: a larger gradient is recorded without its numbers


@dataclass(frozen=True, slots=True)
class Gradient:
    """A summary of a tensor: its shape, dtype and norm, and the numbers of a small one.

    A number that JSON cannot hold is a string that Python's ``float`` or ``complex`` reads: ``"nan"``,
    ``"-inf"``, ``"1-2j"``. A sparse tensor has the summary of its dense form. `norm` and
    `values` are ``None`` for a nested tensor, for a tensor on the ``meta`` device, and for one of a
    class with a ``__torch_dispatch__`` of its own, such as ``DTensor`` and ``FakeTensor``.

    Attributes:
        shape: The length of each dimension, or ``None`` for a nested tensor, which has no shape.
        dtype: The type of the numbers, such as ``float32``.
        norm: The Euclidean norm: the square root of the sum of the squares.
        values: The numbers, nested as in ``tensor.tolist()``, or ``None`` for a tensor of more
            than 6 elements.
    """

    shape: list[int] | None
    dtype: str
    norm: Number | None
    values: Values | None

    @classmethod
    def of(cls, tensor: Tensor) -> Gradient:
        """Return the summary of `tensor`, without a reference to it.

        Examples:
            >>> from lessons_src.backward.record import Gradient
            >>> Gradient.of(torch.tensor([3.0, 4.0]))
            Gradient(shape=[2], dtype='float32', norm=5.0, values=[3.0, 4.0])
            >>> Gradient.of(torch.ones(3, 3))
            Gradient(shape=[3, 3], dtype='float32', norm=3.0, values=None)
        """
        dtype = str(tensor.dtype).removeprefix("torch.")
        shape = None if tensor.is_nested else list(tensor.shape)
        dispatch = type(tensor).__torch_dispatch__
        if shape is None or tensor.is_meta or dispatch is not torch.Tensor.__torch_dispatch__:
            return cls(shape, dtype, None, None)
        if tensor._is_zerotensor():  # noqa: SLF001  # zeros without memory, as torch.func makes them
            tensor = torch.zeros_like(tensor)
        values = _plain(tensor.to_dense().tolist()) if tensor.numel() <= SMALL else None
        return cls(shape, dtype, _norm(tensor), values)


def _norm(tensor: Tensor) -> Number:
    if tensor.layout == torch.sparse_coo:
        tensor = tensor.coalesce().values()
    elif tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    # In fewer digits, squares of what is small vanish, and sums of what is large overflow. Some devices have
    # no float64.
    kind = torch.complex128 if tensor.is_complex() else torch.float64
    norm: float = torch.linalg.vector_norm(tensor.cpu(), dtype=kind).item()
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


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a node sent along one of its edges.

    The receiver waits for a contribution from each edge that leads to it. It is ready when
    `arrived` equals `awaited`.

    Attributes:
        edge: The index of the edge in the sender's `edges`.
        node: The index of the receiver in the graph's `nodes`.
        output_nr: Which of the receiver's outputs it is a gradient of.
        gradient: The gradient, or ``None`` if the sender has none. The receiver waits for that
            contribution too.
        arrived: How many contributions the receiver now has.
        awaited: How many contributions the receiver waits for.
    """

    edge: int
    node: int
    output_nr: int
    gradient: Gradient | None
    arrived: int
    awaited: int


@dataclass(frozen=True, slots=True)
class Accumulation:
    """What ``AccumulateGrad`` did to a leaf's ``.grad``. An attribute is ``None`` if there is no gradient.

    Attributes:
        before: The ``.grad`` before.
        added: The gradient that was added to it.
        after: The ``.grad`` after, as the leaf's post-accumulate hooks left it.
    """

    before: Gradient | None
    added: Gradient | None
    after: Gradient | None


@dataclass(frozen=True, slots=True)
class Step:
    """One node that ran: the gradients that it received, and those that it sent.

    Attributes:
        node: The index of the node in the `nodes` of [`AutogradGraph.from_output`][].
        name: The name of the node's class.
        labels: For each output its names, joined by commas, or ``None``.
        came: For each output the sum of the contributions, or ``None`` if there were none.
        ran_with: For each output the gradient that the node ran with.
        changed: For each output whether a hook changed the gradient in between.
        waits_for: How many contributions the node waits for.
        ready_after: The index of the step that sent the last of them, or ``None`` for the node of
            the loss, which waits for none.
        sent: The contribution along each edge that leads to a node.
        accumulation: What the node of a leaf did to ``.grad``, or ``None`` for another node.
    """

    node: int
    name: str
    labels: list[str | None]
    came: list[Gradient | None]
    ran_with: list[Gradient | None]
    changed: list[bool]
    waits_for: int
    ready_after: int | None
    sent: list[Contribution]
    accumulation: Accumulation | None
