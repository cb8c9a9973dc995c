"""Where boxes and arrows stand: nothing overlaps, arrows arrive, and no graph takes long."""

from __future__ import annotations

import sys
import threading
from math import hypot
from typing import TYPE_CHECKING

import pytest
import torch
from expressions import leaf, post_example, recurrent_example, unbind_example

from lessons_src import AutogradGraph
from lessons_src.graph import layout
from lessons_src.graph.layout import (
    MAX_BOXES,
    MissingPackageError,
    TooLargeError,
    divide,
    lay_out,
    rows_passed,
)
from lessons_src.graph.picture import Arrow, Picture, make_picture
from lessons_src.graph.style import box_size

if TYPE_CHECKING:
    from lessons_src.graph.layout import Layout, Point


@pytest.fixture(params=["undivided", "divided"])
def picture(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Picture:
    """A picture whose arrows are led in one piece, or in several."""
    if request.param == "divided":
        monkeypatch.setattr(layout, "MAX_UNDIVIDED", 0)
    return make_picture(post_example())


def edges_of(picture: Picture, layout: Layout) -> dict[str, tuple[float, float, float, float]]:
    """The left, top, right and bottom edge of each box."""
    found = {}
    for box in picture.boxes:
        (x, y), (width, height) = layout.centres[box.id], box_size(box)
        found[box.id] = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return found


def distance(point: Point, box: tuple[float, float, float, float]) -> float:
    (x, y), (left, top, right, bottom) = point, box
    outside = hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom))
    return outside or min(x - left, right - x, y - top, bottom - y)


def test_boxes_are_on_the_paper_and_do_not_overlap(picture: Picture) -> None:
    layout = lay_out(picture)
    boxes = list(edges_of(picture, layout).values())
    for number, (left, top, right, bottom) in enumerate(boxes):
        assert -1 < left < right < layout.width + 1
        assert -1 < top < bottom < layout.height + 1
        for other in boxes[:number]:
            assert right < other[0] or other[2] < left or bottom < other[1] or other[3] < top


def test_an_arrow_leads_from_its_tail_down_to_its_head(picture: Picture) -> None:
    layout = lay_out(picture)
    boxes = edges_of(picture, layout)
    assert list(layout.routes) == [arrow.id for arrow in picture.arrows]
    for arrow in picture.arrows:
        curve, tip, _ = layout.routes[arrow.id]
        assert distance(curve[0], boxes[arrow.tail]) < 1
        assert distance(tip, boxes[arrow.head]) < 1
        assert 6 < hypot(curve[-1][0] - tip[0], curve[-1][1] - tip[1]) < 10
        assert len(curve) % 3 == 1
        assert curve[0][1] < tip[1]


def test_a_layout_is_the_same_each_time(picture: Picture) -> None:
    assert lay_out(picture) == lay_out(picture)


def test_inputs_stand_below_what_uses_them() -> None:
    picture = make_picture(post_example())
    layout = lay_out(picture)
    for arrow in picture.arrows:
        assert layout.centres[arrow.tail][1] < layout.centres[arrow.head][1]


def test_the_way_from_operation_to_operation_is_straight() -> None:
    x = leaf(1)
    for _ in range(4):
        x = x * leaf(1)
    picture = make_picture(AutogradGraph.from_output(x))
    layout = lay_out(picture)
    columns = {layout.centres[box.id][0] for box in picture.boxes if box.kind == "operation"}
    assert len(columns) == 1


def test_text_stands_beside_its_arrow() -> None:
    picture = make_picture(unbind_example())
    layout = lay_out(picture)
    texts = [layout.routes[arrow.id].text_at is not None for arrow in picture.arrows]
    assert texts == [True, True, False]


def test_many_long_arrows_are_divided_and_led_all_the_same() -> None:
    picture = make_picture(recurrent_example(30))
    ways = divide(picture, rows_passed(picture))
    assert max(map(len, ways)) == 59 + 1
    routes = lay_out(picture).routes
    assert len(routes) == 89
    assert len(routes["edge-1-60"].curve) >= 3 * 59 + 1


def test_too_many_boxes_are_refused() -> None:
    w = leaf(1)
    for _ in range(MAX_BOXES):
        w = w.exp()
    with pytest.raises(TooLargeError) as error:
        lay_out(make_picture(AutogradGraph.from_output(w)))
    assert str(error.value) == (
        "graph must have at most 1,000 boxes, not 1,001, or its drawing takes too long or is too wide. Read "
        "less of it, with from_output(..., max_nodes=...), or use render() or to_dot(), which need no layout."
    )


def test_arrows_that_pass_too_much_are_refused() -> None:
    with pytest.raises(TooLargeError) as error:
        lay_out(make_picture(recurrent_example(100)))
    assert str(error.value).startswith(
        "graph must have at most 4,000 rows that its arrows pass, not 10,199, or its drawing takes too long"
    )


def test_a_row_that_is_too_wide_to_read_is_refused() -> None:
    widest = torch.stack([leaf(1) for _ in range(78)])
    assert lay_out(make_picture(AutogradGraph.from_output(widest))).width == pytest.approx(9_975, abs=100)
    with pytest.raises(
        TooLargeError, match="^graph must have at most 10,000 pixels in a row, not 38,400, or"
    ):
        lay_out(make_picture(AutogradGraph.from_output(torch.stack([leaf(1) for _ in range(300)]))))


def test_texts_of_arrows_that_are_too_wide_to_read_are_refused() -> None:
    parts = leaf(500).unbind()
    with pytest.raises(TooLargeError, match="^graph must have at most 10,000 pixels in a row, not 36,730,"):
        lay_out(make_picture(AutogradGraph.from_output(torch.stack(parts).sum())))


def test_arrows_that_are_slow_together_are_divided() -> None:
    arrows = tuple([Arrow(f"{tail}-b", tail, "b") for tail in "ac"])
    picture = Picture("", "", (), arrows)
    assert [len(way) for way in divide(picture, [100, 10])] == [2, 2]
    assert [len(way) for way in divide(picture, [100, 100])] == [101, 101]


def test_the_largest_chain_is_laid_out_in_a_thread_with_a_small_stack() -> None:
    w = leaf(1)
    for _ in range(MAX_BOXES - 1):
        w = w.exp()
    picture = make_picture(AutogradGraph.from_output(w))
    found: list[Layout] = []
    before = threading.stack_size(1024 * 1024)
    try:
        thread = threading.Thread(target=lambda: found.append(lay_out(picture)))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert len(found[0].centres) == MAX_BOXES


def test_where_the_package_is_missing_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(MissingPackageError) as error:
        lay_out(make_picture(post_example()))
    assert str(error.value) == (
        "pygraphviz must be installed to draw a graph, but cannot be imported (import of pygraphviz halted; "
        "None in sys.modules). Run `pip install pygraphviz`, which includes Graphviz, or install this "
        "package's extra `draw`; on Linux it needs the system's libexpat, glib, libX11, libXext and "
        "libXrender. Or use render() or to_dot(), which need no layout."
    )
    assert isinstance(error.value, ImportError)


def test_nothing_is_written_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    lay_out(make_picture(recurrent_example(30)))
    lay_out(make_picture(AutogradGraph.from_output(torch.ones(1)), shapes=True))
    assert capfd.readouterr() == ("", "")
