"""What Graphviz is asked to lay out: boxes of known sizes, and arrows in pieces that it can lead in time.

It takes long to lead an arrow past many boxes, the more so the longer the arrow is: ten steps of an
LSTM take it ten seconds. In pieces, each from one row of boxes to the next, they take a quarter of
one. Where that is not needed it is not done: undivided arrows are led a little better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessons_src.drawing.sizes import box_size, text_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lessons_src.drawing.picture import Arrow, Picture

MAX_UNDIVIDED = 25_000  # the sum of the squares of the rows that the arrows pass: about 0.3 s

_POINTS = 72  # in an inch, in which Graphviz is told sizes

# A table, since a table's size can be said, and is not that of its text in whatever font there is.
_TEXT = '<<TABLE BORDER="0" FIXEDSIZE="TRUE" WIDTH="{:.0f}" HEIGHT="{:.0f}"><TR><TD></TD></TR></TABLE>>'


def rows_passed(picture: Picture) -> list[int]:
    """Return for each arrow how many rows down it leads, where each box is as far up as it can be.

    >>> from lessons_src.drawing.picture import Arrow, Box, Picture
    >>> boxes = [Box(id, "operation", False, (), "") for id in "abc"]
    >>> arrows = [Arrow(tail + head, tail, head) for tail, head in ("ab", "ac", "bc")]
    >>> rows_passed(Picture("", "", tuple(boxes), tuple(arrows)))
    [1, 2, 1]
    """
    rows = {box.id: 0 for box in picture.boxes}
    for arrow in picture.arrows:  # in the order of their tails, which is that of the graph
        rows[arrow.head] = max(rows[arrow.head], rows[arrow.tail] + 1)
    return [rows[arrow.head] - rows[arrow.tail] for arrow in picture.arrows]


def plan(picture: Picture, passed: list[int]) -> str:
    """Return a graph in DOT whose edges are the pieces of arrows, with ids such as ``edge-0-1/0``.

    >>> from lessons_src.drawing.picture import Picture
    >>> print(plan(Picture("", "", (), ()), []))
    digraph {
    graph [nodesep=0.15, ranksep=0.3];
    node [shape=box, fixedsize=true, label=""];
    edge [arrowsize=0.7];
    }
    """
    divided = sum(rows * rows for rows in passed) > MAX_UNDIVIDED
    hurry = ", nslimit=1, mclimit=0.1" if divided else ""
    lines = [f"graph [nodesep=0.15, ranksep=0.3{hurry}];"]
    lines += ['node [shape=box, fixedsize=true, label=""];', "edge [arrowsize=0.7];"]
    for box in picture.boxes:
        width, height = box_size(box)
        lines.append(f'"{box.id}" [width={width / _POINTS:.4f}, height={height / _POINTS:.4f}];')
    if divided:
        lines.append("node [width=0.01, height=0.01];")
    for arrow, rows in zip(picture.arrows, passed, strict=True):
        lines += _pieces(arrow, rows if divided else 1)
    return "\n".join(["digraph {", *lines, "}"])


def _pieces(arrow: Arrow, count: int) -> Iterator[str]:
    stops = [arrow.tail, *(f"{arrow.id}/{number}" for number in range(1, count)), arrow.head]
    for number in range(count):
        attributes = [f'id="{arrow.id}/{number}"']
        if number == 0 and arrow.text:
            width, height = text_size(arrow.text, "output")
            attributes.append(f"label={_TEXT.format(width + 8, height)}")
        if number > 0:
            attributes.append("tailport=s, tailclip=false")
        if number < count - 1:
            attributes.append("headport=n, headclip=false, dir=none")
        # The longer, the straighter, as Graphviz has it for undivided arrows.
        weight = 8 if 0 < number < count - 1 else 2 if arrow.is_main or count > 1 else 1
        yield f'"{stops[number]}" -> "{stops[number + 1]}" [weight={weight}, {", ".join(attributes)}];'
