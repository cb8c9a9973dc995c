"""What happened in one ``backward()``, as plain data: what is left when the tensors are gone."""

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


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a node sent along one of its edges: a part of what another node waits for.

    When `arrived` and `awaited` are equal, the receiver is ready.

    Attributes:
        edge: The edge's place in the sender's `edges`.
        node: The receiver's place in the graph's `nodes`.
        output_nr: The receiver's output that this is a gradient of.
        gradient: What was sent. It is ``None`` where the sender had none to send; the receiver
            waits for that too.
        arrived: Which of the receiver's contributions this is, counted from 1.
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
    """What ``AccumulateGrad`` did to a leaf's ``.grad``; ``None`` stands for no gradient.

    Attributes:
        before: What ``.grad`` was.
        added: What was added to it.
        after: What was left when the leaf's own hooks, which see the sum, had run too.
    """

    before: Gradient | None
    added: Gradient | None
    after: Gradient | None


@dataclass(frozen=True, slots=True)
class Step:
    """One node that ran, with what came in and what it sent on.

    A gradient is ``None`` where none came.

    Attributes:
        node: The node's place in the `nodes` of [`AutogradGraph.from_output`][].
        name: That of the node's class.
        labels: The names of each of the node's outputs.
        came: For each output, the sum of the contributions.
        ran_with: For each output, what hooks made of that; the same where there is none.
        waits_for: How many contributions the node waits for.
        ready_after: The step, counted from 0, after which they were complete. It is ``None`` for
            the loss's node, which waits for nothing.
        sent: What went along each edge that leads to a node.
        accumulation: What was added to ``.grad``; for leaves only.
    """

    node: int
    name: str
    labels: list[str | None]
    came: list[Gradient | None]
    ran_with: list[Gradient | None]
    waits_for: int
    ready_after: int | None
    sent: list[Contribution]
    accumulation: Accumulation | None
