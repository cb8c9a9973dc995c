"""The autograd graph as data: its nodes, and what leads into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

Edge: TypeAlias = "tuple[GraphNode | None, int]"
Shape: TypeAlias = tuple[int, ...]


@dataclass(slots=True, eq=False)
class GraphNode:
    """A node of an `AutogradGraph`: one operation that was recorded, or one leaf.

    Attributes:
        index: The node's place in the graph's `nodes`.
        name: That of the node's class, such as ``MulBackward0``.
        edges: A pair for each input of the operation: the node that made it, and which of that
            node's outputs it is. It is ``(None, 0)`` for an input that needs no gradient.
        shapes: The shape of each output, or ``None`` where PyTorch does not tell.
        labels: The names of each output that has any, by the output's number.
        variable: The leaf's tensor, or ``None`` for an operation.
        uses: How many edges lead to the node.
        cut: How many inputs were not followed because the graph was as large as allowed. `edges`
            is empty then.
    """

    index: int
    name: str
    edges: tuple[Edge, ...] = field(repr=False)
    shapes: tuple[Shape | None, ...]
    labels: Mapping[int, tuple[str, ...]]
    variable: torch.Tensor | None
    uses: int
    cut: int = 0

    @property
    def label(self) -> str | None:
        """The names of the node's outputs, with commas between, or ``None`` where it has no name."""
        names = [name for output_nr in sorted(self.labels) for name in self.labels[output_nr]]
        return ", ".join(names) if names else None


MAX_NODES = 1_000_000
"""How many nodes are read unless you ask for another number."""


@dataclass(eq=False, repr=False)
class GraphData:
    """A graph from `outputs` down to the leaves, as all that shows it takes it.

    Attributes:
        nodes: Each node once and before its inputs, which is an order that backward can take.
        outputs: For each given output its node, or ``None`` where no operation was recorded, and
            which of that node's outputs it is.
        max_nodes: How many nodes there may be.
    """

    nodes: list[GraphNode]
    outputs: tuple[Edge, ...]
    max_nodes: int = MAX_NODES

    @property
    def roots(self) -> list[GraphNode]:
        """The nodes of the outputs, each once."""
        return list(dict.fromkeys(node for node, _ in self.outputs if node is not None))

    @property
    def leaves(self) -> list[GraphNode]:
        """The nodes of the leaves, the tensors that backward gives a gradient to."""
        return [node for node in self.nodes if node.variable is not None]

    @property
    def cut(self) -> int:
        """How many inputs were not followed because the graph has more than `max_nodes` nodes."""
        return sum([node.cut for node in self.nodes])
