"""Find which tensors have which names: from ``locals()``, or from a module."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.autograd.graph import Node

Names: TypeAlias = "Mapping[str, object] | torch.nn.Module | None"
Labels: TypeAlias = "dict[int, tuple[str, ...]]"

_IPYTHON_OUTPUT = re.compile("_+|_+[0-9]+")  # as in `_` and `_12`, which hold what was shown before


class NameFinder:
    """Finds the names of leaves, by the tensor's identity, and of results, by node and output.

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> y = w * w
    >>> finder = NameFinder({"w": w, "y": y, "loss": y, "steps": 100})
    >>> finder.of_leaf(w), finder.of_node(y.grad_fn)
    ({0: ('w',)}, {0: ('y', 'loss')})
    """

    def __init__(self, names: Names) -> None:
        # The tensors are kept too: no other tensor can get the id of one that lives.
        self._leaves: dict[int, tuple[torch.Tensor, Labels]] = {}
        self._nodes: dict[Node, Labels] = {}
        for name, tensor in _named_tensors(names):
            if tensor.requires_grad:
                self._add(name, tensor)

    def of_leaf(self, variable: torch.Tensor) -> Labels | None:
        """Return the names of a leaf, as those of its one output."""
        found = self._leaves.get(id(variable))
        return None if found is None else found[1]

    def of_node(self, grad_fn: Node) -> Labels | None:
        """Return the names of the results of an operation, by the number of the output."""
        return self._nodes.get(grad_fn)

    def _add(self, name: str, tensor: torch.Tensor) -> None:
        if tensor.grad_fn is None:
            labels = self._leaves.setdefault(id(tensor), (tensor, {}))[1]
        else:
            labels = self._nodes.setdefault(tensor.grad_fn, {})
        found = labels.get(tensor.output_nr, ())
        labels[tensor.output_nr] = (*found, name)


def _named_tensors(names: Names) -> Iterator[tuple[str, torch.Tensor]]:
    if names is None:
        return
    if isinstance(names, torch.nn.Module):
        yield from _tensors_of_module("", names)
        return
    _check_names(names)
    named = {name: value for name, value in names.items() if not _IPYTHON_OUTPUT.fullmatch(name)}
    tensors = {name: value for name, value in named.items() if isinstance(value, torch.Tensor)}
    yield from tensors.items()
    seen = {id(tensor) for tensor in tensors.values()}
    for name, value in named.items():
        if isinstance(value, torch.nn.Module):
            found = [pair for pair in _tensors_of_module(f"{name}.", value) if id(pair[1]) not in seen]
            yield from found
            seen |= {id(tensor) for _, tensor in found}


def _tensors_of_module(prefix: str, module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for name, parameter in module.named_parameters(remove_duplicate=False):
        yield prefix + name, parameter
    for name, buffer in module.named_buffers(remove_duplicate=False):
        yield prefix + name, buffer


def _check_names(names: object) -> None:
    if not isinstance(names, Mapping):
        raise TypeError(
            "names: a mapping of names to tensors is meant, such as locals(), or a module, "
            f"not {type(names).__name__}."
        )
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"names: each name is meant to be a string, not {type(name).__name__}.")
