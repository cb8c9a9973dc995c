"""Find the names of tensors, in a mapping such as ``locals()`` or in a module."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from weakref import ProxyTypes

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch.autograd.graph import Node

Names: TypeAlias = "Mapping[str, object] | torch.nn.Module | None"
"""The names of tensors: a mapping of names to tensors, or a module.

A mapping may have values of other types, as ``locals()`` has; they are ignored. A module in it
names those of its parameters that have no other name, as in ``model.0.weight``, and then a list, tuple
or dict names those of its tensors, as in ``layers[0]``. A module also names the tensors that are its own
attributes or buffers. A character that is not printable is shown as an escape.
"""
Labels: TypeAlias = "dict[int, tuple[str, ...]]"

_IPYTHON_OUTPUT = re.compile("_+|_+[0-9]+|Out|_oh")  # such as `_` and `_12`, the outputs of earlier cells


class LabelsFound(NamedTuple):
    """The names of leaves, by the tensor's id, and of results, by the node.

    The names are grouped by the output's index, which is 0 for a leaf. `tensors` keeps the named
    tensors alive, so that no other tensor gets one of their ids.
    """

    leaves: dict[int, Labels]
    results: dict[Node, Labels]
    tensors: list[torch.Tensor]


def find_labels(names: Names) -> LabelsFound:
    """Return the names of tensors, by what finds them in a graph.

    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> y = w * w
    >>> found = find_labels({"w": w, "y": y, "loss": y, "steps": 100})
    >>> found.leaves[id(w)], found.results[y.grad_fn]
    ({0: ('w',)}, {0: ('y', 'loss')})
    """
    leaves: dict[int, Labels] = {}
    results: dict[Node, Labels] = {}
    tensors = []
    for name, given in _named_tensors(names):
        tensor = given if given.requires_grad else unbatched(given)
        try:
            grad_fn = tensor.grad_fn
        except (
            RuntimeError
        ):  # a view whose base was changed in place: PyTorch makes its node only now, or refuses
            continue
        labels = results.setdefault(grad_fn, {}) if grad_fn else leaves.setdefault(id(tensor), {})
        labels[tensor.output_nr] = (*labels.get(tensor.output_nr, ()), shown(name))
        tensors.append(tensor)
    return LabelsFound(leaves, results, tensors)


def unbatched(tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor that `tensor` is a part of inside ``torch.vmap``: it has the graph.

    >>> torch.vmap(lambda x: unbatched(x).sum())(torch.ones(2, 3))
    tensor([6., 6.])
    """
    functorch = torch._C._functorch  # noqa: SLF001
    while functorch.is_batchedtensor(tensor):
        tensor = functorch.get_unwrapped(tensor)
    return tensor


def shown(name: str) -> str:
    r"""Return a name that can be seen: with an escape for each character that is not printable.

    >>> print(shown("größe"), shown("a\nb"), shown(""))
    größe a\nb ''
    """
    if name.isprintable():
        return name or "''"
    return "".join([each if each.isprintable() else each.encode("unicode_escape").decode() for each in name])


def _named_tensors(names: Names) -> Iterable[tuple[str, torch.Tensor]]:
    if names is None:
        return ()
    if isinstance(names, torch.nn.Module):
        return _in_module(names)
    _check_names(names)
    return _in_mapping(names)


def _in_module(module: torch.nn.Module, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the parameters of a module and of its submodules, and its own other tensors."""
    yield from module.named_parameters(name, remove_duplicate=False)
    for attribute, value in (*vars(module).items(), *module.named_buffers(recurse=False)):
        if isinstance(value, torch.Tensor):
            yield f"{name}.{attribute}" if name else attribute, value


def _in_mapping(names: Mapping[str, object]) -> Iterator[tuple[str, torch.Tensor]]:
    has_cells = "_oh" in names
    named = [
        (name, value)
        for name, value in names.items()
        # A proxy whose object is gone raises when it is asked for its class.
        if not (has_cells and _IPYTHON_OUTPUT.fullmatch(name)) and not isinstance(value, ProxyTypes)
    ]
    tensors = [(name, value) for name, value in named if isinstance(value, torch.Tensor)]
    modules = [_in_module(value, name) for name, value in named if isinstance(value, torch.nn.Module)]
    others = [_in_container(value, name) for name, value in named if isinstance(value, list | tuple | dict)]
    seen: set[int] = set()
    for pairs in (tensors, *modules, *others):
        found = [pair for pair in pairs if id(pair[1]) not in seen]
        yield from found
        seen |= {id(tensor) for _, tensor in found}


def _in_container(values: Any, name: str) -> Iterator[tuple[str, torch.Tensor]]:
    for key, value in values.items() if isinstance(values, dict) else enumerate(values):
        if isinstance(value, torch.Tensor):
            yield f"{name}[{key!r}]", value
        elif isinstance(value, torch.nn.Module):
            yield from _in_module(value, f"{name}[{key!r}]")


def _check_names(names: object) -> None:
    if not isinstance(names, Mapping):
        raise TypeError(
            "names must be a mapping of names to tensors, such as locals(), or a module, "
            f"not {type(names).__name__}."
        )
    is_state_dict = hasattr(names, "_metadata")
    if is_state_dict and not any(getattr(value, "requires_grad", False) for value in names.values()):
        raise ValueError(
            "names must be a graph's tensors, not a state_dict's, which are detached. Pass the module."
        )
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"names must have strings as keys, not {type(name).__name__}.")
