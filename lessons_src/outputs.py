"""Find where in the graph an output stands, whatever it is given as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

import torch
from torch.autograd.graph import GradientEdge

if TYPE_CHECKING:
    from torch.autograd.graph import Node

OneOutput: TypeAlias = "torch.Tensor | Node | GradientEdge | None"
Output: TypeAlias = "OneOutput | Sequence[OneOutput]"
"""A tensor, a ``grad_fn``, a ``GradientEdge``, ``None`` for what has no graph, or a sequence of them."""

_ONE = (torch.Tensor, GradientEdge, str, bytes)  # never a sequence of outputs
_MEANT = "a tensor, a grad_fn, a GradientEdge or a sequence of them is meant"


def gradient_edges(output: Output) -> list[tuple[Node | None, int]]:
    """Return each output's node, ``None`` where it has none, and which of the node's outputs it is.

    >>> w = torch.ones(3, requires_grad=True)
    >>> [(type(node).__name__, number) for node, number in gradient_edges(w.unbind()[1:])]
    [('UnbindBackward0', 1), ('UnbindBackward0', 2)]
    """
    if isinstance(output, _ONE) or not isinstance(output, Sequence):
        return [_gradient_edge(output, "output")]
    if not output:
        raise ValueError(f"output: {_MEANT}, not a sequence of none.")
    return [_gradient_edge(each, f"output[{i}]") for i, each in enumerate(output)]


def _gradient_edge(output: object, place: str) -> tuple[Node | None, int]:
    match output:
        case None:
            return None, 0
        case torch.Tensor():
            return _node_of(output), output.output_nr
        case GradientEdge(node, output_nr):
            return node, output_nr
        case object(next_functions=tuple()):
            return cast("Node", output), 0
        case torch.nn.Module():
            raise TypeError(
                f"{place}: {_MEANT}, not a module: pass what the {type(output).__name__} returned."
            )
    raise TypeError(f"{place}: {_MEANT}, not {type(output).__name__}.")


def _node_of(tensor: torch.Tensor) -> Node | None:
    if tensor.grad_fn is not None or not tensor.requires_grad:
        return tensor.grad_fn
    with torch.inference_mode(mode=False), torch.enable_grad():  # a leaf's node is only seen from a view
        view = tensor.view_as(tensor)
    assert view.grad_fn is not None
    return view.grad_fn.next_functions[0][0]
