"""What a drawing says of itself, and text made fit for its boxes."""

from __future__ import annotations

import pytest
import torch
from expressions import cut_example, leaf, post_example, unbind_example

from lessons_src import AutogradGraph
from lessons_src.graph.drawing_text import CELLS, cells, description, title, wrap
from lessons_src.graph.names import shown


def test_the_example_is_described() -> None:
    graph = post_example()
    assert title(graph) == "Autograd graph of h"
    assert description(graph) == (
        "8 operations and 4 leaves, joined by 13 arrows, each from an operation to the node of an input. "
        "At the top: h. The leaves: a, b, c and d."
    )


def test_an_output_without_a_name_has_that_of_its_operation() -> None:
    assert title(unbind_example()) == "Autograd graph of MulBackward0 and UnbindBackward0"


def test_an_output_that_is_given_twice_is_named_once() -> None:
    w = leaf(2)
    graph = AutogradGraph.from_output([w, w], {"w": w})
    assert title(graph) == "Autograd graph of w"
    assert description(graph) == (
        "0 operations and 1 leaf, joined by 0 arrows, each from an operation to the node of an input. "
        "At the top: w. The leaf: w."
    )


def test_an_output_without_a_graph_is_spoken_of() -> None:
    graph = AutogradGraph.from_output([leaf(1).exp(), torch.ones(1)])
    assert title(graph) == "Autograd graph of ExpBackward0"
    assert "At the top: ExpBackward0 and an output without a graph." in description(graph)


def test_a_graph_without_nodes_is_described() -> None:
    graph = AutogradGraph.from_output(torch.ones(1))
    assert (title(graph), description(graph)) == (
        "An autograd graph without nodes",
        "No operation was recorded.",
    )


def test_leaves_without_names_are_counted() -> None:
    w = leaf(2)
    graph = AutogradGraph.from_output(w * leaf(2) * leaf(2), {"w": w})
    assert description(graph).endswith(" The leaves: w and 2 without a name.")


def test_many_leaves_are_not_all_listed() -> None:
    leaves = {f"w{number}": leaf(1) for number in range(14)}
    graph = AutogradGraph.from_output(torch.stack(list(leaves.values())), leaves)
    assert description(graph).endswith(
        " The leaves: w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11 and 2 more."
    )


def test_what_was_cut_is_counted() -> None:
    assert description(cut_example()).endswith(" 2 inputs not followed, at max_nodes=3.")
    assert "leaf:" not in description(cut_example())


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("w", ["w"]),
        ("AccumulateGrad", ["AccumulateGrad"]),
        ("ConvolutionBackward0", ["Convolution", "Backward0"]),
        ("ScaledDotProductAttentionForCpuBackward0", ["ScaledDotProduct", "AttentionForCpu", "Backward0"]),
        ("encoder.layers.10.self_attn.in_proj", ["encoder.layers.", "10.self_attn.in_", "proj"]),
        ("embedding.weight, decoder.weight", ["embedding.", "weight,", "decoder.weight"]),
        ("p, q, r", ["p, q, r"]),
        ("(no graph: no operation was recorded)", ["(no graph: no", "operation was", "recorded)"]),
        ("a_name_which_is_long", ["a_name_which_is_", "long"]),
        ("x" * 40, ["x" * 16, "x" * 16, "x" * 8]),
        ("損失" * 5, ["損失" * 4, "損失"]),
    ],
)
def test_a_line_ends_where_a_part_of_a_name_ends(text: str, lines: list[str]) -> None:
    assert wrap(text) == lines
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert max(map(cells, lines)) <= CELLS


def test_what_cannot_be_seen_is_escaped() -> None:
    assert shown("größe 損失 \u200b\ud800\uffff\x00\r\n") == r"größe 損失 \u200b\ud800\uffff\x00\r\n"
