"""Where Graphviz puts each box and arrow of a picture."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from lessons_src.drawing.planning import divide, plan, rows_passed

if TYPE_CHECKING:
    from lessons_src.drawing.picture import Picture
    from lessons_src.drawing.planning import Piece

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

    >>> from lessons_src.drawing.picture import Arrow, Box, Line, Picture
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
