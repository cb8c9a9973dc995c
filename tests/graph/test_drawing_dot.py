"""DOT by whole expected texts, and as Graphviz reads it."""

# ruff: noqa: E501 -- a statement of DOT is a line

from __future__ import annotations

import sys
from importlib import import_module
from textwrap import dedent
from xml.etree import ElementTree

import pytest
import torch
from expressions import cut_example, leaf, post_example, unbind_example

from lessons_src import AutogradGraph

HEAD = """\
  graph [rankdir=TB, nodesep=0.2, ranksep=0.3, bgcolor=transparent];
  node [id="\\N", shape=box, margin="0.1,0.05", height=0.3, color="#616e7c"];
  node [fontname=monospace, fontsize=11, fontcolor="#1f2933"];
  edge [class="graph-edge", arrowsize=0.7, color="#616e7c"];
  edge [fontname=monospace, fontsize=10, fontcolor="#616e7c"];
"""

POST = f"""\
digraph "Autograd graph of h" {{
{HEAD}\
  "node-0" [label="h\\nAddBackward0", class="graph-node graph-operation graph-root", tooltip="AddBackward0: h (2, 2)", color="#2563a8", peripheries=2];
  "node-1" [label="g\\nAddBackward0", class="graph-node graph-operation", tooltip="AddBackward0: g (2, 2)"];
  "node-2" [label="AddBackward0", class="graph-node graph-operation", tooltip="AddBackward0 (2, 2)"];
  "node-3" [label="e\\nAddBackward0", class="graph-node graph-operation", tooltip="AddBackward0: e (2, 2)"];
  "node-4" [label="a\\nAccumulateGrad", class="graph-node graph-leaf", tooltip="AccumulateGrad: a (2, 2)", style=rounded, color="#2f7d4f"];
  "node-5" [label="MmBackward0", class="graph-node graph-operation", tooltip="MmBackward0 (2, 2)"];
  "node-6" [label="b\\nAccumulateGrad", class="graph-node graph-leaf", tooltip="AccumulateGrad: b (2, 2)", style=rounded, color="#2f7d4f"];
  "node-7" [label="MmBackward0", class="graph-node graph-operation", tooltip="MmBackward0 (2, 2)"];
  "node-8" [label="f\\nAddBackward0", class="graph-node graph-operation", tooltip="AddBackward0: f (2, 2)"];
  "node-9" [label="c\\nAccumulateGrad", class="graph-node graph-leaf", tooltip="AccumulateGrad: c (2, 2)", style=rounded, color="#2f7d4f"];
  "node-10" [label="MulBackward0", class="graph-node graph-operation", tooltip="MulBackward0 (2, 2)"];
  "node-11" [label="d\\nAccumulateGrad", class="graph-node graph-leaf", tooltip="AccumulateGrad: d (2, 2)", style=rounded, color="#2f7d4f"];
  "node-0" -> "node-4" [id="edge-0-4"];
  "node-0" -> "node-1" [id="edge-0-1", weight=2];
  "node-1" -> "node-2" [id="edge-1-2", weight=2];
  "node-1" -> "node-11" [id="edge-1-11"];
  "node-2" -> "node-3" [id="edge-2-3", weight=2];
  "node-2" -> "node-7" [id="edge-2-7", weight=2];
  "node-3" -> "node-4" [id="edge-3-4"];
  "node-3" -> "node-5" [id="edge-3-5", weight=2];
  "node-5" -> "node-6" [id="edge-5-6"];
  "node-7" -> "node-8" [id="edge-7-8", weight=2];
  "node-8" -> "node-9" [id="edge-8-9"];
  "node-8" -> "node-10" [id="edge-8-10", weight=2];
  "node-10" -> "node-11" [id="edge-10-11"];
}}
"""


def body(graph: AutogradGraph, *, shapes: bool = False, show_none: bool = False) -> str:
    """The statements after the head, each from the margin."""
    return dedent(graph.to_dot(shapes=shapes, show_none=show_none).partition(HEAD)[2].removesuffix("}\n"))


def test_the_example_is_drawn_with_its_names() -> None:
    assert post_example().to_dot() == POST


def test_the_same_graph_has_the_same_text() -> None:
    assert post_example().to_dot() == post_example().to_dot()


def test_an_operation_with_several_outputs_says_which_leads_where() -> None:
    assert (
        body(unbind_example(), shapes=True)
        == """\
"node-0" [label="MulBackward0\\n(2,)", class="graph-node graph-operation graph-root", tooltip="MulBackward0 (2,)", color="#2563a8", peripheries=2];
"node-1" [label="output 0: p\\noutput 2\\nUnbindBackward0", class="graph-node graph-operation graph-root", tooltip="UnbindBackward0: p (2,) (2,) (2,)", color="#2563a8", peripheries=2];
"node-2" [label="w\\nAccumulateGrad\\n(3, 2)", class="graph-node graph-leaf", tooltip="AccumulateGrad: w (3, 2)", style=rounded, color="#2f7d4f"];
"node-0" -> "node-1" [id="edge-0-1", label="output 0 (2,)", weight=2];
"node-0" -> "node-1" [id="edge-0-1-2", label="output 1 (2,)", weight=2];
"node-1" -> "node-2" [id="edge-1-2"];
"""
    )


def test_inputs_without_a_gradient_are_drawn_when_asked_for() -> None:
    assert (
        body(AutogradGraph.from_output(leaf(2) * 2), show_none=True)
        == """\
"node-0" [label="MulBackward0", class="graph-node graph-operation graph-root", tooltip="MulBackward0 (2,)", color="#2563a8", peripheries=2];
"none-0-1" [label="None", class="graph-note graph-none", tooltip="None", style=dotted];
"node-1" [label="AccumulateGrad\\n(2,)", class="graph-node graph-leaf", tooltip="AccumulateGrad (2,)", style=rounded, color="#2f7d4f"];
"node-0" -> "node-1" [id="edge-0-1"];
"node-0" -> "none-0-1" [id="edge-0-none-0-1", style=dashed];
"""
    )


def test_what_was_cut_is_drawn_and_counted() -> None:
    assert (
        body(cut_example())
        == """\
"node-0" [label="MulBackward0", class="graph-node graph-operation graph-root", tooltip="MulBackward0 (2,)", color="#2563a8", peripheries=2];
"node-1" [label="MulBackward0", class="graph-node graph-operation", tooltip="MulBackward0 (2,)"];
"cut-1" [label="… 2 inputs not\\nfollowed", class="graph-note graph-cut", tooltip="2 inputs not followed", style=dashed];
"node-0" -> "node-1" [id="edge-0-1", weight=2];
"node-1" -> "cut-1" [id="edge-1-cut-1", style=dashed];
"""
    )


def test_an_output_without_a_graph_is_said_to_have_none() -> None:
    graph = AutogradGraph.from_output([torch.ones(1), torch.ones(1)])
    assert graph.to_dot().startswith('digraph "An autograd graph without nodes" {')
    assert (
        body(graph)
        == """\
"no-graph" [label="(no graph: no\\noperation was\\nrecorded)", class="graph-note graph-none", tooltip="(no graph: no operation was recorded)", style=dotted];
"""
    )


def test_a_leaf_that_is_an_output_is_both() -> None:
    w = leaf(2)
    assert (
        body(AutogradGraph.from_output([w, w], {"w": w}))
        == """\
"node-0" [label="w\\nAccumulateGrad", class="graph-node graph-leaf graph-root", tooltip="AccumulateGrad: w (2,)", style=rounded, color="#2563a8", peripheries=2];
"""
    )


def drawn_by_graphviz(graph: AutogradGraph) -> str:
    drawing = import_module("pygraphviz").AGraph(string=graph.to_dot())  # it has no types
    try:
        return str(drawing.draw(format="svg", prog="dot"), "utf-8")
    finally:
        drawing.close()


NASTY = ['say "hi"', "back\\slash\\", "\\N\\G", "a&amp;b", "<b>bold</b>", "{x|y}", "größe 損失", "-> n; }"]


@pytest.mark.parametrize("name", NASTY)
def test_graphviz_reads_a_name_as_it_stands(name: str) -> None:
    w = leaf(2)
    svg = ElementTree.fromstring(drawn_by_graphviz(AutogradGraph.from_output(w, {name: w})))
    assert [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")] == [name, "AccumulateGrad"]


def test_graphviz_draws_every_node_and_edge_under_its_id() -> None:
    svg = drawn_by_graphviz(post_example())
    ids = [group.get("id") for group in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}g")]
    for name in [*(f"node-{index}" for index in range(12)), "edge-0-1", "edge-10-11"]:
        assert ids.count(name) == 1


def test_dot_needs_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert "node-0" in post_example().to_dot()


def test_an_option_that_is_no_flag_is_named() -> None:
    with pytest.raises(TypeError, match=r"^shapes must be True or False, not 1\.$"):
        post_example().to_dot(shapes=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^show_none must be True or False, not 'no'\.$"):
        post_example().to_dot(show_none="no")  # type: ignore[arg-type]
