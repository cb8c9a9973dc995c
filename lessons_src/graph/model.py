"""The autograd graph as data: its nodes, edges and outputs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

Edge: TypeAlias = "tuple[GraphNode | None, int]"
Shape: TypeAlias = tuple[int, ...]


@dataclass(slots=True, eq=False)
class GraphNode:
    """A node of an `AutogradGraph`: one recorded operation, or one leaf.

    A deep copy or pickle of a single node has all nodes below it, and ends in RecursionError below some
    70 levels. Copy an `AutogradGraph`, which has no such limit, and take the node at the same index.

    Attributes:
        index: The node's place in the graph's `nodes`.
        name: The name of the node's class, such as ``MulBackward0``.
        edges: The node's ``next_functions``: a pair for each input that could require a gradient, of
            the node that computed it and its index among that node's outputs, or ``(None, 0)`` if it
            requires none. An input that never requires one, such as an index, has no pair.
        shapes: The shape of each output, or ``None`` if PyTorch does not know it.
        labels: The names of each output that has any, by the output's index; to read, not to change.
        variable: The leaf's tensor, or ``None`` for an operation.
        uses: How many edges lead to the node.
        cut: How many inputs were not followed because of `max_nodes`. If there are any, `edges` is
            empty.
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
    def names(self) -> list[str]:
        """The names of the node's outputs."""
        return [name for output_nr in sorted(self.labels) for name in self.labels[output_nr]]

    @property
    def label(self) -> str | None:
        """The names of the node's outputs, joined by commas, or ``None`` if there are none."""
        return ", ".join(self.names) or None


MAX_NODES = 1_000_000
"""How many nodes are read by default."""


@dataclass(eq=False, repr=False)
class GraphData:
    """A graph from `outputs` down to the leaves: the data that every renderer takes.

    Attributes:
        nodes: Each node once, before its inputs: an order in which backward can run.
        outputs: For each given output its node, or ``None`` if no operation was recorded, and its
            index among that node's outputs.
        max_nodes: How many nodes are read at most.
        detached: For each output without a node its name, which may be empty.
    """

    nodes: list[GraphNode]
    outputs: tuple[Edge, ...]
    max_nodes: int = MAX_NODES
    detached: tuple[str, ...] = ()

    @property
    def roots(self) -> list[GraphNode]:
        """The nodes of the outputs, each once."""
        return list(dict.fromkeys(node for node, _ in self.outputs if node is not None))

    @property
    def leaves(self) -> list[GraphNode]:
        """The nodes of the leaves, the tensors whose ``.grad`` backward adds to."""
        return [node for node in self.nodes if node.variable is not None]

    @property
    def cut(self) -> int:
        """How many inputs were not followed because of `max_nodes`."""
        return sum([node.cut for node in self.nodes])

    def __getstate__(self) -> dict[str, Any]:
        # Edges refer to indexes: nodes that refer to nodes would be copied and pickled by recursion.
        def unlinked(edges: Any) -> Any:
            return tuple([(node and node.index, output_nr) for node, output_nr in edges])

        nodes = [replace(node, edges=unlinked(node.edges)) for node in self.nodes]
        return self.__dict__ | {"nodes": nodes, "outputs": unlinked(self.outputs)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state

        def linked(edges: Any) -> tuple[Edge, ...]:
            return tuple([(None if i is None else self.nodes[i], output_nr) for i, output_nr in edges])

        for node in self.nodes:
            node.edges = linked(node.edges)
        self.outputs = linked(self.outputs)
