"""Place each box and arrow of a picture with Graphviz.

Graphviz is slow for arrows that pass many rows of boxes, and the time grows faster than the number
of rows: the drawing of ten steps of an LSTM takes ten seconds. If each arrow is divided into
pieces, one for each row, it takes a quarter of a second. Undivided arrows look slightly better, so
arrows are divided only if that saves time.
"""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from lessons_src.graph.style import box_size, text_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lessons_src.graph.picture import Arrow, Picture

MAX_BOXES = 1_000
MAX_ROWS_PASSED = 4_000  # by all arrows; Graphviz finds a place for an arrow in each row
MAX_ROW = 10_000  # pixels: nobody reads a wider drawing
MAX_UNDIVIDED = 14_000  # the sum of the squares of the rows that the arrows pass: up to two seconds

_POINTS = 72  # in an inch, the unit of Graphviz's sizes
_GAP = 10.8  # pixels between the boxes of a row

# Left and right of a text together, in pixels. A short gradient between two arrows needs more.
_TEXT_MARGINS = {"output": 8, "gradient": 16}

# A table has a fixed size; the size of text would depend on the fonts of the machine.
_TEXT = '<<TABLE BORDER="0" FIXEDSIZE="TRUE" WIDTH="{:.0f}" HEIGHT="{:.0f}"><TR><TD></TD></TR></TABLE>>'

Point: TypeAlias = tuple[float, float]
Way: TypeAlias = list[str]  # the stops of an arrow: its tail, one in each row between, and its head


class Route(NamedTuple):
    """An arrow's place: points of Bézier curves, the tip of its head, and the middle of any text."""

    curve: list[Point]
    tip: Point
    text_at: Point | None


class Layout(NamedTuple):
    """A picture's size, and by id the centre of each box and the route of each arrow; y points down."""

    width: float
    height: float
    centres: dict[str, Point]
    routes: dict[str, Route]


class MissingPackageError(ImportError):
    """The package that lays pictures out cannot be imported."""


class TooLargeError(ValueError):
    """The picture would take more than a few seconds to lay out, or be too wide to read."""


def lay_out(picture: Picture) -> Layout:
    """Return the place of each box and arrow, as computed by ``dot`` from the top down.

    Raises `TooLargeError`, and `MissingPackageError` if pygraphviz cannot be imported.

    Source: https://graphviz.org/docs/layouts/dot/

    >>> from lessons_src.graph.picture import Arrow, Box, Line, Picture
    >>> boxes = [Box(id, "leaf", False, (Line(id, "label"),), "") for id in "ab"]
    >>> layout = lay_out(Picture("Two", "", tuple(boxes), (Arrow("a-b", "a", "b"),)))
    >>> layout.centres["a"][0] == layout.centres["b"][0], layout.centres["a"][1] < layout.centres["b"][1]
    (True, True)
    """
    check(picture)
    ways = divide(picture, rows_passed(picture))
    graph = import_module("pygraphviz").AGraph(string=plan(picture, ways))
    try:
        graph.layout(prog="dot")
        return _read(graph, picture, ways)
    finally:
        graph.close()


def check(picture: Picture) -> None:
    """Raise what `lay_out` raises, and lay nothing out.

    >>> from lessons_src.graph.picture import Picture
    >>> check(Picture("Nothing", "", (), ()))
    """
    check_boxes(len(picture.boxes))
    _check_size("rows that its arrows pass", sum(rows_passed(picture)), MAX_ROWS_PASSED)
    rows, widths, texts = _rows(picture), Counter[int](), Counter[int]()
    for box in picture.boxes:
        widths[rows[box.id]] += round(box_size(box)[0] + _GAP)
    for arrow in picture.arrows:  # a text is below the row of its arrow's tail
        texts[rows[arrow.tail]] += round(_text_place(arrow)[0])
    _check_size("pixels in a row", max([0, *widths.values(), *texts.values()]), MAX_ROW)
    try:
        import_module("pygraphviz")
    except ImportError as error:
        raise MissingPackageError(
            f"pygraphviz must be installed to draw a graph, but cannot be imported ({error}). Run "
            "`pip install pygraphviz`, which includes Graphviz, or install this package's extra `draw`; "
            "on Linux it needs the system's libexpat, glib, libX11, libXext and libXrender. "
            "Or use render() or to_dot(), which need no layout."
        ) from error


def obstacle(boxes: int, make: Callable[[], Picture]) -> str:
    """Return why the picture that `make` returns, of at least so many boxes, cannot be laid out, or nothing.

    >>> from lessons_src.graph.picture import Picture
    >>> obstacle(0, lambda: Picture("Nothing", "", (), ()))
    ''
    """
    try:
        check_boxes(boxes)  # a picture of a million boxes takes half a minute
        check(make())
    except (MissingPackageError, TooLargeError) as error:
        return str(error)
    return ""


def _text_place(arrow: Arrow) -> tuple[float, float]:
    """Return the width and height that an arrow's text takes, with the space beside it."""
    width, height = text_size(arrow.text, arrow.text_kind)
    return (width + _TEXT_MARGINS[arrow.text_kind] if arrow.text else 0), height


def check_boxes(number: int) -> None:
    """Raise `TooLargeError` if so many boxes are too many.

    >>> check_boxes(100)
    """
    _check_size("boxes", number, MAX_BOXES)


def rows_passed(picture: Picture) -> list[int]:
    """Return how many rows each arrow leads down, with each box in the highest row possible.

    >>> from lessons_src.graph.picture import Arrow, Box, Picture
    >>> boxes = [Box(id, "operation", False, (), "") for id in "abc"]
    >>> arrows = [Arrow(tail + head, tail, head) for tail, head in ("ab", "ac", "bc")]
    >>> rows_passed(Picture("", "", tuple(boxes), tuple(arrows)))
    [1, 2, 1]
    """
    rows = _rows(picture)
    return [rows[arrow.head] - rows[arrow.tail] for arrow in picture.arrows]


def _rows(picture: Picture) -> dict[str, int]:
    rows = dict.fromkeys([box.id for box in picture.boxes], 0)
    for arrow in picture.arrows:  # all arrows to a box come before those from it
        rows[arrow.head] = max(rows[arrow.head], rows[arrow.tail] + 1)
    return rows


def divide(picture: Picture, passed: Sequence[int]) -> list[Way]:
    """Return the stops of each arrow: one in every row that it passes, if undivided arrows are slow.

    >>> from lessons_src.graph.picture import Arrow, Picture
    >>> two = Picture("", "", (), (Arrow("a-b", "a", "b"),))
    >>> divide(two, [3]), divide(two, [200])[0][:3]
    ([['a', 'b']], ['a', 'a-b/1', 'a-b/2'])
    """
    is_slow = sum([rows * rows for rows in passed]) > MAX_UNDIVIDED
    return [
        [arrow.tail, *[f"{arrow.id}/{row}" for row in range(1, rows if is_slow else 1)], arrow.head]
        for arrow, rows in zip(picture.arrows, passed, strict=True)
    ]


def plan(picture: Picture, ways: Sequence[Way]) -> str:
    """Return a graph in DOT whose edges are the pieces of arrows.

    >>> from lessons_src.graph.picture import Arrow, Picture
    >>> print(plan(Picture("", "", (), (Arrow("a-b", "a", "b"),)), [["a", "b"]]))
    digraph {
    graph [nodesep=0.15, ranksep=0.3];
    node [shape=box, fixedsize=true, label=""];
    edge [arrowsize=0.7];
    "a" -> "b" [key="a-b/0", weight=1];
    }
    """
    is_divided = any(way[1:-1] for way in ways)
    # Ten times fewer attempts at a narrow drawing: it is as narrow, and made seven times faster.
    hurry = ", nslimit=0.1, mclimit=0.1" if is_divided else ""
    lines = ["digraph {", f"graph [nodesep={_GAP / _POINTS:.2f}, ranksep=0.3{hurry}];"]
    lines += ['node [shape=box, fixedsize=true, label=""];', "edge [arrowsize=0.7];"]
    for box in picture.boxes:
        width, height = box_size(box)
        lines.append(f'"{box.id}" [width={width / _POINTS:.4f}, height={height / _POINTS:.4f}];')
    if is_divided:
        lines.append("node [width=0.01, height=0.01];  // the stops between boxes")
    for arrow, way in zip(picture.arrows, ways, strict=True):
        lines += _piece_statements(arrow, way)
    return "\n".join([*lines, "}"])


def _pieces(arrow: Arrow, way: Way) -> list[tuple[str, str, str]]:
    """Return the tail, head and key of each piece."""
    return [(tail, head, f"{arrow.id}/{number}") for number, (tail, head) in enumerate(pairwise(way))]


def _piece_statements(arrow: Arrow, way: Way) -> Iterator[str]:
    for tail, head, key in _pieces(arrow, way):
        is_first, is_last = tail == arrow.tail, head == arrow.head
        # The inner pieces are the straightest, like the middle of an undivided arrow.
        weight = (8, 2, 1 + arrow.is_main)[is_first + is_last]
        attributes = f'key="{key}", weight={weight}'
        if arrow.text and is_first:
            attributes += f", label={_TEXT.format(*_text_place(arrow))}"
        if not is_first:
            attributes += ", tailport=s, tailclip=false"
        if not is_last:
            attributes += ", headport=n, headclip=false, dir=none"
        yield f'"{tail}" -> "{head}" [{attributes}];'


def _check_size(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise TooLargeError(
            f"graph must have at most {limit:,} {what}, not {size:,}, or its drawing takes too long "
            "or is too wide. Read less of it, with from_output(..., max_nodes=...), or use render() or "
            "to_dot(), which need no layout."
        )


def _read(graph: Any, picture: Picture, ways: Sequence[Way]) -> Layout:
    """Return the layout that Graphviz has written into the attributes of `graph`."""
    _, _, width, height = map(float, graph.graph_attr["bb"].split(","))

    def points(text: str) -> list[Point]:
        pairs = [pair.split(",") for pair in text.removeprefix("e,").split()]
        return [(float(x), height - float(y)) for x, y in pairs]

    centres = {box.id: points(graph.get_node(box.id).attr["pos"])[0] for box in picture.boxes}
    routes = {}
    for arrow, way in zip(picture.arrows, ways, strict=True):
        edges = [graph.get_edge(*piece).attr for piece in _pieces(arrow, way)]
        *curves, (tip, *last) = [points(edge["pos"]) for edge in edges]  # with an arrowhead, the tip is first
        curves.append(last)
        # Each piece begins where the one before it ends.
        curve = curves[0][:1] + [point for piece in curves for point in piece[1:]]
        text_at = points(edges[0]["lp"])[0] if arrow.text else None
        routes[arrow.id] = Route(curve, tip, text_at)
    return Layout(width, height, centres, routes)
