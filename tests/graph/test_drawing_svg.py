"""The drawing as SVG: all of the graph is in it, in words too, for every page, palette and script."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
import torch
from expressions import cut_example, leaf, post_example, recurrent_example, unbind_example
from IPython.core.formatters import DisplayFormatter
from networks import chain

from lessons_src import AutogradGraph
from lessons_src.engine.figures import adapt, page_svg, problem
from lessons_src.palette import BLUE, GREEN, INK, MUTED, PAPER, VARIABLES

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

COLOURS = INK, MUTED, PAPER, BLUE, GREEN
SVG = "{http://www.w3.org/2000/svg}"


def drawn(graph: AutogradGraph, **options: Any) -> Element:
    return ElementTree.fromstring(graph.to_svg(**options))


def groups(svg: Element, of_class: str) -> dict[str, Element]:
    found = [group for group in svg.iter(f"{SVG}g") if of_class in group.get("class", "").split()]
    return {group.attrib["id"]: group for group in found}


def data(group: Element) -> dict[str, str]:
    return {
        name.removeprefix("data-"): value for name, value in group.attrib.items() if name.startswith("data-")
    }


def texts(group: Element) -> list[str | None]:
    return [text.text for text in group.iter(f"{SVG}text")]


# Nothing is missing, and nothing there twice


@pytest.mark.parametrize("graph", [post_example(), unbind_example(), cut_example(), recurrent_example(30)])
def test_every_node_and_every_edge_is_drawn_once_with_its_data(graph: AutogradGraph) -> None:
    svg = drawn(graph)
    nodes = groups(svg, "graph-node")
    assert list(nodes) == [f"node-{node.index}" for node in graph.nodes]
    for node, group in zip(graph.nodes, nodes.values(), strict=True):
        assert data(group)["index"] == str(node.index)
        assert data(group)["name"] == node.name
        assert data(group).get("label") == node.label
    edges = [
        {"from": str(node.index), "input": str(number), "to": str(child.index), "output": str(output_nr)}
        for node in graph.nodes
        for number, (child, output_nr) in enumerate(node.edges)
        if child is not None
    ]
    assert [data(group) for group in groups(svg, "graph-edge").values() if "to" in data(group)] == edges
    ids = [element.attrib["id"] for element in svg.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))


def test_two_edges_between_the_same_nodes_have_ids_of_their_own() -> None:
    w = leaf(2)
    svg = drawn(AutogradGraph.from_output(w * w))
    assert list(groups(svg, "graph-edge")) == ["edge-0-1", "edge-0-1-2"]


def test_leaf_operation_and_root_differ_by_class_shape_and_outline() -> None:
    nodes = groups(drawn(post_example()), "graph-node")
    root, operation, a = nodes["node-0"], nodes["node-2"], nodes["node-4"]
    assert [group.get("class") for group in (root, operation, a)] == [
        "graph-node graph-operation graph-root",
        "graph-node graph-operation",
        "graph-node graph-leaf",
    ]
    corners = [
        [float(box.attrib["rx"]) for box in group.iter(f"{SVG}rect")] for group in (root, operation, a)
    ]
    assert corners == [[6, 3], [3], [14, 14]]
    widths = [float(box.attrib["width"]) for box in root.iter(f"{SVG}rect")]
    assert widths[0] == pytest.approx(widths[1] + 6)
    assert [texts(group) for group in (root, operation, a)] == [
        ["h", "AddBackward0"],
        ["AddBackward0"],
        ["a", "AccumulateGrad"],
    ]


def test_a_leaf_that_is_an_output_is_both() -> None:
    w = leaf(2)
    (group,) = groups(drawn(AutogradGraph.from_output(w, {"w": w})), "graph-node").values()
    assert group.get("class") == "graph-node graph-leaf graph-root"
    assert [box.get("rx") for box in group.iter(f"{SVG}rect")] == ["17", "14"]
    assert data(group)["root"] == "0"


def test_shapes_are_there_when_asked_for() -> None:
    svg = drawn(unbind_example(), shapes=True)
    assert {name: texts(group) for name, group in groups(svg, "graph-node").items()} == {
        "node-0": ["MulBackward0", "(2,)"],
        "node-1": ["output 0: p", "output 2", "UnbindBackward0"],
        "node-2": ["w", "AccumulateGrad", "(3, 2)"],
    }
    assert [texts(group) for group in groups(svg, "graph-edge").values()] == [
        ["output 0 (2,)"],
        ["output 1 (2,)"],
        [],
    ]


def test_inputs_without_a_gradient_are_drawn_when_asked_for() -> None:
    graph = AutogradGraph.from_output(leaf(2) * 2)
    assert not groups(drawn(graph), "graph-note")
    (note,) = groups(drawn(graph, show_none=True), "graph-none").values()
    assert (note.get("id"), texts(note)) == ("none-0-1", ["None"])


def test_what_was_cut_is_drawn_dashed_and_counted() -> None:
    svg = drawn(cut_example())
    (note,) = groups(svg, "graph-cut").values()
    assert (note.get("id"), texts(note)) == ("cut-1", ["… 2 inputs not", "followed"])
    edge = groups(svg, "graph-edge")["edge-1-cut-1"]
    for element in (note.find(f"{SVG}rect"), edge.find(f"{SVG}path")):
        assert element is not None
        assert element.get("stroke-dasharray") == "4 3"


def test_an_output_without_a_graph_is_said_to_have_none() -> None:
    svg = drawn(AutogradGraph.from_output(torch.ones(1)))
    assert texts(svg) == ["(no graph: no", "operation was", "recorded)"]


def test_names_are_text_whatever_they_hold() -> None:
    w = leaf(2)
    name = "</text><script>&\"'\n\0"
    svg = drawn(AutogradGraph.from_output(w, {name: w}))
    (group,) = groups(svg, "graph-leaf").values()
    shown = "</text><script>&\"'\\n\\x00"
    assert data(group)["label"] == shown
    assert "".join(text or "" for text in texts(group)) == shown + "AccumulateGrad"


# For every reader


def test_a_drawing_is_an_image_with_a_title_and_a_description() -> None:
    svg = drawn(post_example())
    title, description = svg[:2]
    assert svg.get("role") == "img"
    assert svg.attrib["aria-labelledby"].split() == [title.get("id"), description.get("id")]
    assert (title.tag, title.text) == (f"{SVG}title", "Autograd graph of h")
    assert description.tag == f"{SVG}desc"
    assert description.text
    assert description.text.endswith("At the top: h. The leaves: a, b, c and d.")


def test_each_node_says_in_words_what_it_is() -> None:
    nodes = groups(drawn(unbind_example()), "graph-node")
    assert [group.findtext(f"{SVG}title") for group in nodes.values()] == [
        "MulBackward0 (2,)",
        "UnbindBackward0: p (2,) (2,) (2,)",
        "AccumulateGrad: w (3, 2)",
    ]


@pytest.mark.slow
def test_a_drawing_is_the_same_text_each_time_and_in_each_process() -> None:
    code = """
import torch
from lessons_src import AutogradGraph
w = torch.ones(2, requires_grad=True)
print(AutogradGraph.from_output((w * w).sum(), {"w": w}).to_svg())"""
    other = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    w = leaf(2)
    for _ in range(2):
        assert other == AutogradGraph.from_output((w * w).sum(), {"w": w}).to_svg() + "\n"


def test_drawings_on_one_page_can_have_ids_of_their_own() -> None:
    svg = drawn(post_example(), id_prefix="first")
    ids = [element.attrib["id"] for element in svg.iter() if "id" in element.attrib]
    assert all(name.startswith("first-") for name in ids)
    assert {"first-node-3", "first-edge-0-1"} <= set(ids)
    assert set(svg.attrib["aria-labelledby"].split()) <= set(ids)


def test_without_a_prefix_other_words_have_other_ids() -> None:
    one, other = (drawn(graph).get("aria-labelledby") for graph in (post_example(), unbind_example()))
    assert one != other


@pytest.mark.parametrize(
    ("id_prefix", "error", "came"),
    [
        (3, TypeError, "int"),
        (None, TypeError, "NoneType"),
        ("1st", ValueError, "'1st'"),
        ("my graph", ValueError, "'my graph'"),
        ('"', ValueError, "'\"'"),
        ("a\n", ValueError, "'a\\n'"),
    ],
)
def test_an_id_prefix_that_begins_no_id_is_named(id_prefix: Any, error: type[Exception], came: str) -> None:
    with pytest.raises(error) as raised:
        post_example().to_svg(id_prefix=id_prefix)
    assert str(raised.value) == (
        f"id_prefix must be empty, or a letter and then letters, digits and any of `-_.`, not {came}."
    )


def test_an_option_that_is_no_flag_is_named() -> None:
    with pytest.raises(TypeError, match=r"^shapes must be True or False, not None\.$"):
        post_example().to_svg(shapes=None)  # type: ignore[arg-type]


# On a page and in a notebook


def test_colours_are_variables_and_have_a_default_for_what_knows_none() -> None:
    svg = drawn(unbind_example())
    style = svg.findtext(f"{SVG}style")
    assert style
    for colour in COLOURS:
        assert f"var({VARIABLES[colour]}, {colour})" in style
    plain = {
        element.attrib[name]
        for element in svg.iter()
        for name in ("color", "fill", "stroke")
        if name in element.attrib
    }
    assert plain <= {"none", "currentColor", *COLOURS}


def test_a_page_takes_a_drawing_as_it_is() -> None:
    svg = unbind_example().to_svg()
    assert problem(svg) is None
    page = page_svg(adapt(svg), "A graph.", "figure-7")
    assert page.count("var(var(") == page.count(", var(--lesson") == 0
    element = ElementTree.fromstring(page)
    before = drawn(unbind_example())
    assert element.get("aria-label") == "A graph."
    assert [each.text for each in element.iter()] == [each.text for each in before.iter()]
    ids = [each.attrib["id"] for each in element.iter() if "id" in each.attrib]
    assert ids == [f"figure-7-{each.attrib['id']}" for each in before.iter() if "id" in each.attrib]
    for colour in COLOURS:
        assert page.count(colour) == page.count(f"var({VARIABLES[colour]}, {colour})") > 0


def test_a_drawing_keeps_its_size_where_a_page_takes_its_width_away() -> None:
    svg = drawn(post_example())
    _, _, width, height = svg.attrib["viewBox"].split()
    assert (svg.get("width"), svg.get("height")) == (width, height)
    assert svg.get("style") == f"--graph-width: {width}px; max-width: min(100%, {width}px); height: auto"


def test_a_notebook_shows_the_drawing() -> None:
    graph = post_example()
    formats, _ = DisplayFormatter().format(graph)
    assert formats["image/svg+xml"] == graph.to_svg()
    assert formats["text/plain"] == repr(graph)


def test_a_notebook_shows_the_tree_and_why_where_no_drawing_can_be_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = recurrent_example(100)
    formats, _ = DisplayFormatter().format(large)
    assert set(formats) == {"text/plain"}
    assert formats["text/plain"].startswith(f"{large.render()}\ngraph must have at most 4,000 rows")
    huge = AutogradGraph.from_output(chain(1_000))
    formats, _ = DisplayFormatter().format(huge)
    assert formats["text/plain"].startswith(f"{huge}\ngraph must have at most 1,000 boxes, not 1,001")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    formats, _ = DisplayFormatter().format(post_example())
    assert set(formats) == {"text/plain"}
    assert formats["text/plain"].startswith(f"{post_example()}\npygraphviz must be installed")
