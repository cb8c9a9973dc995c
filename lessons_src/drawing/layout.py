"""Where Graphviz puts each box and arrow of a picture."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from lessons_src.drawing.sizes import box_size, text_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lessons_src.drawing.picture import Picture

Point: TypeAlias = tuple[float, float]

MAX_BOXES = 1000

_POINTS = 72  # in an inch, in which Graphviz is told sizes

# A table, since a table's size can be said, and is not that of its text in whatever font there is.
_TEXT = '<<TABLE BORDER="0" FIXEDSIZE="TRUE" WIDTH="{:.0f}" HEIGHT="{:.0f}"><TR><TD></TD></TR></TABLE>>'


class Route(NamedTuple):
    """The way of an arrow: the points of a Bézier curve, the tip, and where its text stands, if any."""

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
    """The package that draws is not installed."""


class TooLargeError(ValueError):
    """The picture has more boxes than can be laid out in a time that a reader waits."""


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
    if len(picture.boxes) > MAX_BOXES:
        raise TooLargeError(
            f"graph: at most {MAX_BOXES:,} boxes are laid out, and this one has {len(picture.boxes):,}. "
            f"Read less of it, with from_output(…, max_nodes=…), or take to_dot(), which has no limit."
        )
    try:
        pygraphviz = import_module("pygraphviz")
    except ImportError as error:
        raise MissingPackageError(
            "A drawing is laid out by pygraphviz, which is not installed. "
            'Install it with `pip install pygraphviz`, or as the extra "draw" of this package. '
            "Without it there is to_dot(), and render() for text."
        ) from error
    graph = pygraphviz.AGraph(string="\n".join(["digraph {", *_statements(picture), "}"]))
    try:
        return _read(json.loads(graph.draw(format="json0", prog="dot")))
    finally:
        graph.close()


def _statements(picture: Picture) -> Iterator[str]:
    yield 'graph [nodesep=0.15, ranksep=0.3]; node [shape=box, fixedsize=true, label=""]; edge [arrowsize=0.7];'
    for box in picture.boxes:
        width, height = box_size(box)
        yield f'"{box.id}" [width={width / _POINTS:.4f}, height={height / _POINTS:.4f}];'
    import os
    W=int(os.environ.get("W","1"))
    kinds={b.id:b.kind for b in picture.boxes}
    for arrow in picture.arrows:
        text = f", weight={W}" if kinds[arrow.head]=="operation" else ""
        if arrow.text:
            width, height = text_size(arrow.text, "edge")
            text += f", label={_TEXT.format(width + 8, height)}"
        yield f'"{arrow.tail}" -> "{arrow.head}" [id="{arrow.id}"{text}];'


def _read(drawn: dict[str, Any]) -> Layout:
    _, _, width, height = (float(number) for number in drawn["bb"].split(","))

    def point(text: str) -> Point:
        x, y = text.split(",")
        return float(x), height - float(y)

    centres = {box["name"]: point(box["pos"]) for box in drawn.get("objects", [])}
    routes = {}
    for edge in drawn.get("edges", []):
        tip, *curve = edge["pos"].removeprefix("e,").split(" ")
        text_at = point(edge["lp"]) if "lp" in edge else None
        routes[edge["id"]] = Route([point(each) for each in curve], point(tip), text_at)
    return Layout(width, height, centres, routes)
