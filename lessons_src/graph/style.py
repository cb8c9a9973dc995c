"""How the parts of a picture look: their classes and colours, and how large their text is.

Sizes are in pixels, and no font is asked for them. All text is set in a font whose characters are
all as wide, so that a drawing is the same everywhere, and fits whichever such font a reader has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from lessons_src.graph.words import cells
from lessons_src.palette import BLUE, GREEN, MUTED

if TYPE_CHECKING:
    from lessons_src.graph.picture import Box


def box_classes(box: Box) -> list[str]:
    """Return the classes of a box, the most special last.

    >>> from lessons_src.graph.picture import Box
    >>> box_classes(Box("node-0", "operation", is_root=True, lines=(), hint=""))
    ['graph-node', 'graph-operation', 'graph-root']
    """
    node = "graph-node" if box.kind in {"leaf", "operation"} else "graph-note"
    return [node, f"graph-{box.kind}", *(["graph-root"] if box.is_root else [])]


def box_colour(box: Box) -> str:
    """Return what a box is outlined in.

    >>> from lessons_src.graph.picture import Box
    >>> box_colour(Box("node-1", "leaf", is_root=False, lines=(), hint=""))
    '#2f7d4f'
    """
    if box.is_root:
        return BLUE
    return GREEN if box.kind == "leaf" else MUTED


FONT_SIZES: dict[TextKind, float] = {"label": 13, "name": 12, "detail": 11, "output": 11}
LINE_HEIGHT = 1.3  # of the font's size
PADDING_X, PADDING_Y = 8.0, 5.0
RING = 3.0  # between the two outlines of a root

TextKind: TypeAlias = Literal["label", "name", "detail", "output"]

_CELL = 0.605  # of the font's size: Menlo and DejaVu have 0.602, and no common font has more


def text_size(text: str, kind: TextKind) -> tuple[float, float]:
    """Return the width and height of a line of text.

    >>> text_size("w", "label")[1] > text_size("w", "detail")[1]
    True
    """
    size = FONT_SIZES[kind]
    return cells(text) * size * _CELL, size * LINE_HEIGHT


def box_size(box: Box) -> tuple[float, float]:
    """Return the width and height of a box, with its second outline if it has one.

    >>> from lessons_src.graph.picture import Box, Line
    >>> size = box_size(Box("a", "leaf", is_root=False, lines=(Line("a", "label"),), hint=""))
    >>> [round(length) for length in size]
    [27, 27]
    """
    widths, heights = zip(*(text_size(*line) for line in box.lines), strict=True)
    height = sum(heights) + 2 * PADDING_Y
    width = max(max(widths) + 2 * PADDING_X, height)
    ring = 2 * RING if box.is_root else 0
    return width + ring, height + ring
