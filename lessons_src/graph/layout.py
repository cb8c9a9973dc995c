"""Where Graphviz puts each box and arrow of a picture.

It takes long to lead an arrow past many boxes, the more so the longer the arrow is: ten steps of an
LSTM take it ten seconds. In pieces, each from one row of boxes to the next, they take a quarter of
one. Where that is not needed it is not done: undivided arrows are led a little better.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from lessons_src.graph.style import box_size, text_size

if TYPE_CHECKING:
    from lessons_src.graph.picture import Picture

MAX_UNDIVIDED = 25_000  # the sum of the squares of the rows that the arrows pass: about 0.3 s

_POINTS = 72  # in an inch, in which Graphviz is told sizes

# A table, since a table's size can be said, and is not that of its text in whatever font there is.
_TEXT = '<<TABLE BORDER="0" FIXEDSIZE="TRUE" WIDTH="{:.0f}" HEIGHT="{:.0f}"><TR><TD></TD></TR></TABLE>>'


class Piece(NamedTuple):
    """A part of an arrow: from one stop to the next, the first being a box and the last being one."""

    tail: str
    head: str
    key: str


def rows_passed(picture: Picture) -> list[int]:
    """Return for each arrow how many rows down it leads, where each box is as far up as it can be.

    >>> from lessons_src.graph.picture import Arrow, Box, Picture
    >>> boxes = [Box(id, "operation", False, (), "") for id in "abc"]
    >>> arrows = [Arrow(tail + head, tail, head) for tail, head in ("ab", "ac", "bc")]
    >>> rows_passed(Picture("", "", tuple(boxes), tuple(arrows)))
    [1, 2, 1]
    """
    rows = {box.id: 0 for box in picture.boxes}
    for arrow in picture.arrows:  # in the order of their tails, each after all arrows to it
        rows[arrow.head] = max(rows[arrow.head], rows[arrow.tail] + 1)
    return [rows[arrow.head] - rows[arrow.tail] for arrow in picture.arrows]


def divide(picture: Picture, passed: list[int]) -> list[list[Piece]]:
    """Return the pieces of each arrow: one for each row that it passes, or only one if that is no trouble.

    >>> from lessons_src.graph.picture import Arrow, Picture
    >>> divide(Picture("", "", (), (Arrow("a-b", "a", "b"),)), [200])[0][:2]
    [Piece(tail='a', head='a-b/1', key='a-b/0'), Piece(tail='a-b/1', head='a-b/2', key='a-b/1')]
    """
    if sum(rows * rows for rows in passed) <= MAX_UNDIVIDED:
        return [[Piece(arrow.tail, arrow.head, arrow.id)] for arrow in picture.arrows]
    ways = []
    for arrow, rows in zip(picture.arrows, passed, strict=True):
        keys = [f"{arrow.id}/{number}" for number in range(rows)]
        ways.append(list(map(Piece, [arrow.tail, *keys[1:]], [*keys[1:], arrow.head], keys)))
    return ways


def plan(picture: Picture, ways: list[list[Piece]]) -> str:
    """Return a graph in DOT whose edges are the pieces of arrows.

    >>> from lessons_src.graph.picture import Arrow, Picture
    >>> print(plan(Picture("", "", (), (Arrow("a-b", "a", "b"),)), [[Piece("a", "b", "a-b")]]))
    digraph {
    graph [nodesep=0.15, ranksep=0.3];
    node [shape=box, fixedsize=true, label=""];
    edge [arrowsize=0.7];
    "a" -> "b" [key="a-b", weight=1];
    }
    """
    is_divided = any(len(way) > 1 for way in ways)
    hurry = ", nslimit=1, mclimit=0.1" if is_divided else ""
    lines = [f"graph [nodesep=0.15, ranksep=0.3{hurry}];"]
    lines += ['node [shape=box, fixedsize=true, label=""];', "edge [arrowsize=0.7];"]
    for box in picture.boxes:
        width, height = box_size(box)
        lines.append(f'"{box.id}" [width={width / _POINTS:.4f}, height={height / _POINTS:.4f}];')
    if is_divided:
        lines.append("node [width=0.01, height=0.01];  // the stops between boxes")
    for arrow, way in zip(picture.arrows, ways, strict=True):
        attributes = ""
        if arrow.text:
            width, height = text_size(arrow.text, "output")
            attributes = f", label={_TEXT.format(width + 8, height)}"
        for number, piece in enumerate(way):
            is_first, is_last = number == 0, number == len(way) - 1
            # As Graphviz does it with undivided arrows: the longer, the straighter.
            weight = 1 + arrow.is_main if is_first and is_last else 2 if is_first or is_last else 8
            attributes += "" if is_first else ", tailport=s, tailclip=false"
            attributes += "" if is_last else ", headport=n, headclip=false, dir=none"
            lines.append(
                f'"{piece.tail}" -> "{piece.head}" [key="{piece.key}", weight={weight}{attributes}];'
            )
            attributes = ""
    return "\n".join(["digraph {", *lines, "}"])


Point: TypeAlias = tuple[float, float]

MAX_BOXES = 1_000
MAX_ROWS_PASSED = 4_000  # by all arrows: each row that an arrow passes is a place to be found


class Route(NamedTuple):
    """The way of an arrow: the points of Bézier curves, the tip, and where its text stands, if any."""

    curve: list[Point]
    tip: Point
    text_at: Point | None


class Layout(NamedTuple):
    """A picture's size, the centre of each box and the way of each arrow, by their ids; y goes down."""

    width: float
    height: float
    centres: dict[str, Point]
    routes: dict[str, Route]


class MissingPackageError(ImportError):
    """The package that lays pictures out is not there, or not all that it uses."""


class TooLargeError(ValueError):
    """The picture is larger than can be laid out in a second or two."""


def lay_out(picture: Picture) -> Layout:
    """Return where ``dot`` puts each box, from the top down, and how it leads the arrows.

    Raises `TooLargeError`, and `MissingPackageError` where pygraphviz cannot be imported.

    Source: https://graphviz.org/docs/layouts/dot/

    >>> from lessons_src.graph.picture import Arrow, Box, Line, Picture
    >>> boxes = [Box(id, "leaf", False, (Line(id, "label"),), "") for id in "ab"]
    >>> layout = lay_out(Picture("Two", "", tuple(boxes), (Arrow("a-b", "a", "b"),)))
    >>> layout.centres["a"][0] == layout.centres["b"][0], layout.centres["a"][1] < layout.centres["b"][1]
    (True, True)
    """
    passed = rows_passed(picture)
    _check_size("boxes", len(picture.boxes), MAX_BOXES)
    _check_size("rows that its arrows pass", sum(passed), MAX_ROWS_PASSED)
    ways = divide(picture, passed)
    graph = _pygraphviz().AGraph(string=plan(picture, ways))
    try:
        graph.layout(prog="dot")
        return _read(graph, picture, ways)
    finally:
        graph.close()


def _check_size(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise TooLargeError(
            f"graph: at most {limit:,} {what} are laid out, and this graph has {size:,}. Read less of it, "
            "with from_output(..., max_nodes=...), or take render() or to_dot(), which need no layout."
        )


def _pygraphviz() -> Any:
    try:
        return import_module("pygraphviz")
    except ImportError as error:
        raise MissingPackageError(
            f"graph: a drawing is laid out by pygraphviz, which cannot be imported ({error}). "
            "`pip install pygraphviz` brings it, with Graphviz, and so does this package's extra `draw`; "
            "on Linux it needs libexpat, glib, libX11, libXext and libXrender of the system. "
            "render() and to_dot() need none of it."
        ) from error


def _read(graph: Any, picture: Picture, ways: list[list[Piece]]) -> Layout:
    """Return what Graphviz has written into the attributes of `graph`."""
    _, _, width, height = map(float, graph.graph_attr["bb"].split(","))

    def points(text: str) -> list[Point]:
        pairs = [pair.split(",") for pair in text.removeprefix("e,").split()]
        return [(float(x), height - float(y)) for x, y in pairs]

    centres = {box.id: points(graph.get_node(box.id).attr["pos"])[0] for box in picture.boxes}
    routes = {}
    for arrow, way in zip(picture.arrows, ways, strict=True):
        edges = [graph.get_edge(*piece).attr for piece in way]
        *curves, (tip, *last) = [points(edge["pos"]) for edge in edges]  # with an arrowhead, the tip is first
        first, *others = [*curves, last]
        # Each piece begins where the one before it ends.
        curve = first + [point for other in others for point in other[1:]]
        text_at = points(edges[0]["lp"])[0] if arrow.text else None
        routes[arrow.id] = Route(curve, tip, text_at)
    return Layout(width, height, centres, routes)
