"""What makes a deep graph safe to free leaves alone what others keep at its nodes."""

from pathlib import Path

import torch

from lessons_src import AutogradGraph, traverse_graph
from lessons_src.memory import SHALLOW


def test_what_a_user_keeps_in_the_metadata_of_a_node_is_still_there() -> None:
    y = torch.ones(1, requires_grad=True)
    nodes = []
    for number in range(2_400):
        y = y + 1
        assert y.grad_fn is not None
        y.grad_fn.metadata["inputs"] = number  # type: ignore[index]  # a method in the stub
        nodes.append(y.grad_fn)
    AutogradGraph.from_output(y)
    traverse_graph(y.grad_fn)
    assert [node.metadata["inputs"] for node in nodes] == list(range(2_400))  # type: ignore[index]


def test_the_reference_says_from_how_many_nodes_on_metadata_is_written() -> None:
    reference = Path(__file__).parents[1] / "docs/reference/graph.md"
    assert f"a graph of more than {SHALLOW:,}\nnodes" in reference.read_text(encoding="utf-8")
