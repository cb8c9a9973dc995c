"""The classes, colours and sizes of the parts of a picture.

Sizes are in pixels and do not depend on the fonts of a machine: text is monospaced, and no common
monospaced font is wider than this file assumes. So a drawing is the same on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from lessons_src.graph.drawing_text import cells
from lessons_src.palette import BLUE, GREEN, MUTED

if TYPE_CHECKING:
    from lessons_src.graph.picture import Box

TextKind: TypeAlias = Literal["label", "name", "detail", "output", "gradient"]

FONT_SIZES: dict[TextKind, float] = {"label": 13, "name": 12, "detail": 11, "output": 11, "gradient": 12}
LINE_HEIGHT = 1.3  # of the font's size
PADDING_X, PADDING_Y = 8.0, 5.0
RING = 3.0  # between the two outlines of a root

_CELL = 0.605  # of the font's size; Menlo and DejaVu have 0.602


def box_class(box: Box) -> str:
    """Return the classes of a box, the most special last.

    >>> from lessons_src.graph.picture import Box
    >>> box_class(Box("node-0", "operation", is_root=True, lines=(), hint=""))
    'graph-node graph-operation graph-root'
    """
    base = "graph-node" if box.kind in {"leaf", "operation"} else "graph-note"
    return f"{base} graph-{box.kind}{' graph-root' if box.is_root else ''}"


def box_colour(box: Box) -> str:
    """Return the colour of a box's outline.

    >>> from lessons_src.graph.picture import Box
    >>> box_colour(Box("node-1", "leaf", is_root=False, lines=(), hint=""))
    '#2f7d4f'
    """
    if box.is_root:
        return BLUE
    return GREEN if box.kind == "leaf" else MUTED


def text_size(text: str, kind: TextKind) -> tuple[float, float]:
    """Return the width and height of a line of text.

    >>> text_size("w", "label")[1] > text_size("w", "detail")[1]
    True
    """
    size = FONT_SIZES[kind]
    return cells(text) * size * _CELL, size * LINE_HEIGHT


def box_size(box: Box) -> tuple[float, float]:
    """Return the width and height of a box, including the second outline of a root.

    >>> from lessons_src.graph.picture import Box, Line
    >>> size = box_size(Box("a", "leaf", is_root=False, lines=(Line("a", "label"),), hint=""))
    >>> [round(length) for length in size]
    [27, 27]
    """
    widths, heights = zip(*[text_size(*line) for line in box.lines], strict=True)
    height = sum(heights) + 2 * PADDING_Y
    width = max(max(widths) + 2 * PADDING_X, height)
    ring = 2 * RING if box.is_root else 0
    return width + ring, height + ring
