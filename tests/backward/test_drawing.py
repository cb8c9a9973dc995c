"""A record drawn: each edge once, with what was sent along it, and nothing that one cannot read."""

from __future__ import annotations

import sys
from itertools import combinations
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
import torch
from IPython.core.formatters import DisplayFormatter

from lessons_src import AutogradGraph, record_backward
from lessons_src.backward.drawing import backward_picture
from lessons_src.backward.hooks import BackwardRecord
from lessons_src.engine.figures import adapt, page_svg, problem
from lessons_src.graph.layout import lay_out
from lessons_src.graph.style import box_size, text_size
from lessons_src.palette import INK, VARIABLES

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from torch import Tensor

    from lessons_src.graph.layout import Point
    from lessons_src.graph.picture import Picture

SVG = "{http://www.w3.org/2000/svg}"
Place = tuple[float, float, float, float]


def leaf(*values: float) -> Tensor:
    return torch.tensor(values[0] if len(values) == 1 else values, requires_grad=True)


def shared(before: float | None = None) -> BackwardRecord:
    """Three contributions meet at `x`."""
    x = leaf(3.0)
    x.grad = None if before is None else torch.tensor(before)
    y = x * x
    z = y + y + x
    return record_backward(z, {"x": x, "y": y, "z": z})


def line_of_training() -> BackwardRecord:
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])
    a, b = leaf(0.0), leaf(0.0)
    prediction = a + b * x
    loss = ((prediction - y) ** 2).mean()
    return record_backward(loss, {"a": a, "b": b, "prediction": prediction, "loss": loss})


def rows() -> BackwardRecord:
    """A node with three outputs, one of which sends nothing back, and gradients of every length."""
    w, v = torch.ones(3, 2, requires_grad=True), torch.full((2, 2), 1 / 3, requires_grad=True)
    first, second, _ = w.unbind()
    return record_backward(((first * second) @ v).sum(), {"w": w, "v": v})


def sent(record: BackwardRecord) -> list[str]:
    return [arrow.text for arrow in backward_picture(record.steps).arrows]


def leaves(record: BackwardRecord) -> dict[str, list[str]]:
    boxes = backward_picture(record.steps).boxes
    return {box.data["label"]: [line.text for line in box.lines[2:]] for box in boxes if "label" in box.data}


def groups(svg: Element, of_class: str) -> list[Element]:
    return [group for group in svg.iter(f"{SVG}g") if of_class in group.get("class", "").split()]


# Nothing is missing


def test_each_edge_has_what_was_sent_and_each_leaf_its_grad() -> None:
    svg = ElementTree.fromstring(shared().to_svg())
    edges = [
        (edge.get("data-from"), edge.get("data-input"), edge.get("data-to"), edge.get("data-gradient"))
        for edge in groups(svg, "graph-edge")
    ]
    assert edges == [
        ("0", "0", "1", "1"),
        ("0", "1", "3", "1"),
        ("1", "0", "2", "1"),
        ("1", "1", "2", "1"),
        ("2", "0", "3", "6"),
        ("2", "1", "3", "6"),
    ]
    texts = [edge.findtext(f"{SVG}text") for edge in groups(svg, "graph-edge")]
    assert texts == [gradient for *_, gradient in edges]
    (x,) = groups(svg, "graph-leaf")
    assert [text.text for text in x.iter(f"{SVG}text")] == ["x", "AccumulateGrad", ".grad 13"]
    assert (x.get("data-grad"), x.findtext(f"{SVG}title")) == ("13", "AccumulateGrad: x () with .grad 13")
    y = groups(svg, "graph-node")[2]
    assert [text.text for text in y.iter(f"{SVG}text")] == ["y", "MulBackward0", "runs with 2"]
    assert (y.get("data-gradient"), y.findtext(f"{SVG}title")) == ("2", "MulBackward0: y () runs with 2")
    (root,) = groups(svg, "graph-root")
    assert (root.get("data-label"), root.get("data-root")) == ("z", "0")


def test_what_was_in_grad_before_stands_before_what_is_there_now() -> None:
    assert leaves(shared(13.0))["x"] == [".grad 13 → 26"]


def test_the_boxes_are_those_of_the_graph() -> None:
    x = leaf(3.0, 4.0)
    y = x.exp()
    z = (y * x).sum()
    graph = ElementTree.fromstring(AutogradGraph.from_output(z, {"x": x, "y": y}).to_svg())
    drawn = ElementTree.fromstring(record_backward(z, {"x": x, "y": y}).to_svg())
    for of_class in ("graph-node", "graph-edge"):
        for ours, other in zip(groups(drawn, of_class), groups(graph, of_class), strict=True):
            assert ours.attrib.items() >= other.attrib.items()


def test_an_output_of_several_is_named_beside_its_gradient() -> None:
    assert sent(rows()) == [
        "[1, 1]",
        "[[1, 1]]",
        "(1, 2) of norm 0.9428",
        "[[1, 1], [1, 1]]",
        "[0.6667, 0.6667]",
        "output 0: [0.6667, 0.6667]",
        "output 1: [0.6667, 0.6667]",
        "(3, 2) of norm 1.333",
    ]
    assert leaves(rows()) == {"w": [".grad (3, 2) of", "norm 1.333"], "v": [".grad [[1, 1],", "[1, 1]]"]}


def test_a_loss_that_is_one_output_of_several_is_the_root() -> None:
    x = leaf(1.0, 2.0, 3.0)
    (root, _) = backward_picture(record_backward(x.unbind()[1]).steps).boxes
    assert root.data["root"] == "1"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([1 / 3], "[0.3333]"),
        ([1234.56, -2.0], "[1235, -2]"),
        ([1.5e-7, 2e9], "[1.5e-07, 2e+09]"),
        ([1.11111, 2.22222, 3.33333], "(3,) of norm 4.157"),
        ([float("nan"), float("inf")], "[nan, inf]"),
        ([1.0] * 7, "(7,) of norm 2.646"),
    ],
)
def test_few_short_numbers_are_shown_and_else_shape_and_norm(values: list[float], shown: str) -> None:
    w = torch.zeros(len(values), requires_grad=True)
    assert sent(record_backward(w * 1, gradient=torch.tensor(values))) == [shown]


def test_an_edge_without_a_gradient_and_a_leaf_that_got_none_say_so() -> None:
    class Nothing(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> None:
            return None

    x = leaf(3.0)
    record = record_backward(Nothing.apply(x), {"x": x})  # type: ignore[no-untyped-call]
    assert sent(record) == ["nothing"]
    assert leaves(record) == {"x": [".grad None"]}


def test_a_node_that_did_not_run_has_a_box_that_says_so() -> None:
    x = leaf(3.0)
    square = x * x
    torch.autograd.grad(square, x)
    with pytest.raises(RuntimeError) as caught:
        record_backward(torch.tensor(2.0) * square.exp(), {"x": x})
    picture = backward_picture(caught.value.record.steps)  # type: ignore[attr-defined]
    assert [[line.text for line in box.lines] for box in picture.boxes] == [
        ["MulBackward0"],
        ["ExpBackward0"],
        ["did not run"],
    ]
    assert [arrow.data["input"] for arrow in picture.arrows] == ["1", "0"]  # the 2 is no node
    assert picture.description.endswith("is the gradient that was sent along it.")


# For every reader


def test_a_drawing_has_a_title_and_a_description() -> None:
    x, y = leaf(3.0), leaf(2.0)
    picture = backward_picture(record_backward(x * y, {"x": x}).steps)
    assert picture.title == "Backward of MulBackward0"
    assert picture.description == (
        "1 operation and 2 leaves, joined by 2 arrows, each from an operation to the node of an input. At "
        "the top: MulBackward0. The leaves: x and 1 without a name. Beside each arrow is the gradient that "
        "was sent along it. In .grad: x 2 and a leaf without a name 3."
    )


def test_a_page_takes_a_drawing_with_gradients_in_the_colour_of_text() -> None:
    svg = shared().to_svg()
    assert problem(svg) is None
    page = page_svg(adapt(svg), "A backward.", "figure-7")
    texts = [each for each in ElementTree.fromstring(page).iter() if each.get("class") == "graph-gradient"]
    assert {each.get("fill") for each in texts} == {f"var({VARIABLES[INK]}, {INK})"}
    assert ".graph-gradient) { fill: var(" in svg


def corners(at: Point, size: tuple[float, float]) -> Place:
    (x, y), (width, height) = at, size
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def overlap(one: Place, other: Place) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def points(curve: list[Point]) -> list[Point]:
    """Points on a curve, a pixel or two apart."""
    found = []
    for start in range(0, len(curve) - 1, 3):
        a, b, c, d = curve[start : start + 4]
        for part in range(101):
            t = part / 100
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            x, y = (sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) for axis in (0, 1))
            found.append((x, y))
    return found


def chain_of_products() -> BackwardRecord:
    """Three leaves, each of which is used twice, and numbers of four digits."""
    parts = [leaf(1 + each / 7) for each in range(4)]
    total = parts[0]
    for part in parts[1:]:
        total = total * part + part
    return record_backward(total, {f"w{number}": part for number, part in enumerate(parts)})


@pytest.mark.parametrize("make", [shared, line_of_training, rows, chain_of_products])
def test_no_gradient_touches_another_a_box_or_an_arrow(make: Any) -> None:
    picture: Picture = backward_picture(make().steps)
    layout = lay_out(picture)
    places = {}
    for arrow in picture.arrows:
        at = layout.routes[arrow.id].text_at
        assert at is not None
        places[arrow.id] = corners(at, text_size(arrow.text, "gradient"))
    for one, other in combinations(places.values(), 2):
        assert not overlap(one, other)
    boxes = [corners(layout.centres[box.id], box_size(box)) for box in picture.boxes]
    lines = [point for route in layout.routes.values() for point in points(route.curve)]
    for left, top, right, bottom in places.values():
        assert not any(overlap((left, top, right, bottom), box) for box in boxes)
        assert not any(left < x < right and top < y < bottom for x, y in lines)
        assert -1 < left < right < layout.width + 1


# In a notebook


def test_a_notebook_shows_the_drawing() -> None:
    record = shared()
    formats, _ = DisplayFormatter().format(record)
    assert formats["image/svg+xml"] == record.to_svg()
    assert formats["text/plain"] == repr(record)
    assert 'id="mine-edge-0-1"' in record.to_svg(id_prefix="mine")


def test_a_notebook_shows_the_steps_and_why_where_no_drawing_can_be_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    y = leaf(1.0)
    for _ in range(1_000):
        y = y * 1
    huge = record_backward(y)
    formats, _ = DisplayFormatter().format(huge)
    assert set(formats) == {"text/plain"}
    assert formats["text/plain"].startswith(f"{huge}\ngraph must have at most 1,000 boxes, not 1,001")
    with pytest.raises(ValueError, match=r"^graph must have at most 1,000 boxes, not 1,001"):
        huge.to_svg()
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    formats, _ = DisplayFormatter().format(shared())
    assert set(formats) == {"text/plain"}
    assert formats["text/plain"].startswith(f"{shared()}\npygraphviz must be installed")


def test_a_record_without_steps_is_not_drawn() -> None:
    formats, _ = DisplayFormatter().format(BackwardRecord([]))
    assert formats == {"text/plain": "<BackwardRecord of 0 steps>"}
