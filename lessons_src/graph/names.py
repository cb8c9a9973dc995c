"""Find the names of tensors, in a mapping such as ``locals()`` or in a module."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch.autograd.graph import Node

Names: TypeAlias = "Mapping[str, object] | torch.nn.Module | None"
"""The names of tensors: a mapping of names to tensors, or a module.

A mapping may have values of other types, as ``locals()`` has; they are ignored. A module in it
names those of its parameters that have no other name, as in ``model.0.weight``.
"""
Labels: TypeAlias = "dict[int, tuple[str, ...]]"

_IPYTHON_OUTPUT = re.compile("_+|_+[0-9]+")  # such as `_` and `_12`, the outputs of earlier cells


class LabelsFound(NamedTuple):
    """The names of leaves, by the tensor's id, and of results, by the node.

    The names are grouped by the output's index, which is 0 for a leaf. `tensors` keeps the named
    tensors alive, so that no other tensor gets one of their ids.
    """

    leaves: dict[int, Labels]
    results: dict[Node, Labels]
    tensors: list[torch.Tensor]


def find_labels(names: Names) -> LabelsFound:
    """Return the names of the tensors that require a gradient: no others are in a graph.

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> y = w * w
    >>> found = find_labels({"w": w, "y": y, "loss": y, "steps": 100})
    >>> found.leaves[id(w)], found.results[y.grad_fn]
    ({0: ('w',)}, {0: ('y', 'loss')})
    """
    leaves: dict[int, Labels] = {}
    results: dict[Node, Labels] = {}
    tensors = []
    for name, tensor in _named_tensors(names):
        if tensor.requires_grad:
            grad_fn = tensor.grad_fn
            if grad_fn is None:
                labels, number = leaves.setdefault(id(tensor), {}), 0
            else:
                labels, number = results.setdefault(grad_fn, {}), tensor.output_nr
            labels[number] = (*labels[number], name) if number in labels else (name,)
            tensors.append(tensor)
    return LabelsFound(leaves, results, tensors)


def _named_tensors(names: Names) -> Iterable[tuple[str, torch.Tensor]]:
    if names is None:
        return ()
    if isinstance(names, torch.nn.Module):
        return names.named_parameters(remove_duplicate=False)
    _check_names(names)
    return _in_mapping(names)


def _in_mapping(names: Mapping[str, object]) -> Iterator[tuple[str, torch.Tensor]]:
    named = {name: value for name, value in names.items() if not _IPYTHON_OUTPUT.fullmatch(name)}
    tensors = {name: value for name, value in named.items() if isinstance(value, torch.Tensor)}
    yield from tensors.items()
    seen = {id(tensor) for tensor in tensors.values()}
    for name, value in named.items():
        if isinstance(value, torch.nn.Module):
            parameters = value.named_parameters(name, remove_duplicate=False)
            found = [pair for pair in parameters if id(pair[1]) not in seen]
            yield from found
            seen |= {id(parameter) for _, parameter in found}


def _check_names(names: object) -> None:
    if not isinstance(names, Mapping):
        raise TypeError(
            "names must be a mapping of names to tensors, such as locals(), or a module, "
            f"not {type(names).__name__}."
        )
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"names must have strings as keys, not {type(name).__name__}.")
