"""Find which parameters the graph does not reach, and a path to one that it reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import torch

from lessons_src.graph.drawing_text import listed
from lessons_src.graph.names import shown, unbatched

if TYPE_CHECKING:
    from lessons_src.graph.model import GraphData, GraphNode

Reason: TypeAlias = Literal["frozen", "detached or unused", "unknown"]

_HIDING = "CheckpointFunctionBackward"  # a reentrant checkpoint, which runs a backward of its own
_MEANINGS: dict[Reason, str] = {
    "frozen": "frozen (requires_grad is False)",
    "detached or unused": "detached or unused (no operation in the graph leads to it)",
    "unknown": "unknown (the graph was cut at max_nodes, or a reentrant checkpoint hides a part of it)",
}


class Unreached(dict[str, Reason]):
    """The reason for each parameter that gets no gradient, by name. ``str()`` has a line for each reason."""

    def __str__(self) -> str:
        names = {reason: [name for name, its in self.items() if its == reason] for reason in _MEANINGS}
        lines = [f"{_MEANINGS[reason]}: {listed(each)}" for reason, each in names.items() if each]
        return "\n".join(lines) or "every parameter is reached"


def find_unreached(graph: GraphData, module: torch.nn.Module) -> Unreached:
    """Return the parameters of `module` to which `graph` sends no gradient.

    >>> from lessons_src import AutogradGraph
    >>> layer = torch.nn.Linear(1, 1)
    >>> find_unreached(AutogradGraph.from_output(layer.weight * 2), layer)
    {'bias': 'detached or unused'}
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module must be a module, not {type(module).__name__}.")
    reached = {id(leaf.variable) for leaf in graph.leaves}
    absent = _absent(graph)
    found = Unreached()
    for name, parameter in module.named_parameters(remove_duplicate=False):
        if not parameter.requires_grad:
            found[name] = "frozen"
        elif id(parameter) not in reached:
            found[name] = absent
    return found


def _absent(graph: GraphData) -> Reason:
    is_whole = not graph.cut and all(node.name != _HIDING for node in graph.nodes)
    return "detached or unused" if is_whole else "unknown"


def find_path(graph: GraphData, to: torch.Tensor | str) -> list[GraphNode]:
    """Return a shortest path of nodes from an output of `graph` to a leaf or a named node.

    >>> from lessons_src import AutogradGraph
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> [node.name for node in find_path(AutogradGraph.from_output(w.exp().sin()), w)]
    ['SinBackward0', 'ExpBackward0', 'AccumulateGrad']
    """
    to = unbatched(to) if isinstance(to, torch.Tensor) else to
    ends = _ends(graph, to)
    used_by: dict[GraphNode, GraphNode | None] = dict.fromkeys(graph.roots)
    nodes = list(used_by)
    for node in nodes:  # the loop appends to it: the nearest to the outputs come first
        if node in ends:
            path = [node]
            while user := used_by[path[-1]]:
                path.append(user)
            return path[::-1]
        for child, _ in node.edges:
            if child is not None and child not in used_by:
                used_by[child] = node
                nodes.append(child)
    raise ValueError(f"to must be {_why_no_end(graph, to)}.")


def _ends(graph: GraphData, to: object) -> set[GraphNode]:
    match to:
        case torch.Tensor():
            return {node for node in graph.leaves if node.variable is to}
        case str():
            return {node for node in graph.nodes if shown(to) in node.names}
    raise TypeError(f"to must be a leaf's tensor or a name, not {type(to).__name__}.")


def _why_no_end(graph: GraphData, to: torch.Tensor | str) -> str:
    if isinstance(to, str):
        names = [name for node in graph.nodes for name in node.names]
        have = f"which has {listed(names)}" if names else "which has none: name tensors with names="
        return f"a name in the graph, {have}, not {to!r}"
    must = "a leaf that the graph reaches, not"
    if to.grad_fn is not None:
        return f"{must} the result of an operation. Name it with names=, and pass the name"
    return f"{must} one that is {_MEANINGS[_absent(graph) if to.requires_grad else 'frozen']}"
