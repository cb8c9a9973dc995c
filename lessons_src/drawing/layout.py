"""Where Graphviz puts each box and arrow of a picture."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from lessons_src.drawing.planning import plan, rows_passed

if TYPE_CHECKING:
    from lessons_src.drawing.picture import Picture

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
    """The package that lays pictures out is not installed."""


class TooLargeError(ValueError):
    """The picture is larger than can be laid out in a second or two."""


def lay_out(picture: Picture) -> Layout:
    """Return where ``dot`` puts each box, from the top down, and how it leads the arrows.

    Raises `TooLargeError`, and `MissingPackageError` where pygraphviz is not installed.

    Source: https://graphviz.org/docs/layouts/dot/

    >>> from lessons_src.drawing.picture import Arrow, Box, Line, Picture
    >>> boxes = [Box(id, "leaf", False, (Line(id, "label"),), "") for id in "ab"]
    >>> layout = lay_out(Picture("Two", "", tuple(boxes), (Arrow("a-b", "a", "b"),)))
    >>> layout.centres["a"][0] == layout.centres["b"][0], layout.centres["a"][1] < layout.centres["b"][1]
    (True, True)
    """
    passed = rows_passed(picture)
    _check_size("boxes", len(picture.boxes), MAX_BOXES)
    _check_size("rows for its arrows to pass", sum(passed), MAX_ROWS_PASSED)
    graph = _pygraphviz().AGraph(string=plan(picture, passed))
    try:
        graph.layout(prog="dot")
        drawn = json.loads(graph.draw(format="json0"))
    finally:
        graph.close()
    return _read(drawn)


def _check_size(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise TooLargeError(
            f"graph: at most {limit:,} {what} are laid out, and this graph has {size:,}. Read less of it, "
            "with from_output(..., max_nodes=...), or take render() or to_dot(), which have no limit."
        )


def _pygraphviz() -> Any:
    try:
        return import_module("pygraphviz")
    except ImportError as error:
        raise MissingPackageError(
            "graph: drawing needs pygraphviz, which brings Graphviz with it and is not installed. Run "
            "`pip install pygraphviz`, or install this package with its extra `draw`. "
            "render() and to_dot() need neither."
        ) from error


def _read(drawn: dict[str, Any]) -> Layout:
    _, _, width, height = map(float, drawn["bb"].split(","))

    def point(text: str) -> Point:
        x, y = text.split(",")
        return float(x), height - float(y)

    centres = {box["name"]: point(box["pos"]) for box in drawn.get("objects", [])}
    pieces = {edge["id"]: edge for edge in drawn.get("edges", [])}
    routes = {}
    for first in [piece for name, piece in pieces.items() if name.endswith("/0")]:
        ...
    return Layout(width, height, centres, routes)
